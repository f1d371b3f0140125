import { expect, onTestFinished, test } from 'vitest';
import { createGuard, type Decision, type MigrationPlan } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { bearing, requestOf } from '../rfc/ask.js';
import { createClock } from '../token/jwks-server.js';

// One guard from the first day to the last: the plan is changed as a team would change it, and the
// clock only ever goes on.

const guide = 'https://docs.test/oauth';
const policy = { Link: `<${guide}>; rel="deprecation"` };
const bothLinks = `${policy.Link}, <${guide}>; rel="sunset"`;
const announced = {
  Deprecation: '@1898553600',
  Sunset: 'Mon, 01 Jul 2030 00:00:00 GMT',
  Link: bothLinks,
};
const extended = { ...announced, Sunset: 'Tue, 01 Oct 2030 00:00:00 GMT' };
const refused = (reason: string, more: object = {}) => ({
  status: 401,
  reason,
  code: 'ERR_API_KEY_RETIRED',
  guide,
  link: bothLinks,
  ...more,
});
const inBrownout = (retryAfter: number) =>
  refused('ERR_API_KEY_BROWNOUT', { retryAfter: String(retryAfter), brownout: true });
const sunset = refused('ERR_API_KEY_RETIRED');
const migrated = refused('ERR_API_KEY_MIGRATED');

/** What is announced to a client, or everything it can tell one refusal from another by. */
function toldBy(decision: Decision): object {
  if (decision.allowed) return decision.headers;
  const { status, headers, body } = decision.denial;
  const told = {
    status,
    reason: decision.error.code,
    code: body.code,
    guide: body.guide,
    link: headers.Link,
    retryAfter: headers['Retry-After'],
    brownout: body.brownout,
    deprecation: headers.Deprecation,
    sunset: headers.Sunset,
  };
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
}

/** A guard whose plan can be changed; the key of a client is its name. */
async function begin() {
  const clock = createClock();
  const issuer = await createTestIssuer({ now: clock.now });
  let plan: MigrationPlan = {};
  let changed = () => {};
  const guard = createGuard({
    ...issuer.options,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async ({ value }) => ({ id: `key_${value}`, clientId: value }),
      plan: { load: async () => plan, pollInterval: 0.005 },
      onMigration: (event) => {
        if (event.kind === 'plan' && event.changed.length > 0) changed();
      },
    },
  });
  onTestFinished(() => guard.close());
  await guard.ready();

  const key = async (client: string) => toldBy(await guard(requestOf({ 'x-api-key': client })));
  return {
    key,
    async publish(next: MigrationPlan) {
      const inForce = new Promise<void>((done) => {
        changed = done;
      });
      plan = next;
      await inForce;
    },
    /** What each client's key gets at a time; and that its token passes, and nothing is announced to it. */
    async at(time: string, expected: Record<string, object>) {
      clock.time = Date.parse(time);
      for (const [client, answer] of Object.entries(expected)) {
        const told = await key(client);
        expect({ time, client, told }).toEqual({ time, client, told: answer });
        const token = await issuer.token({ clientId: client });
        const decision = await guard(bearing(token));
        expect(decision).toMatchObject({ allowed: true, principal: { clientId: client } });
        expect(toldBy(decision)).toEqual({});
      }
    },
  };
}

test('a migration, from the first day to the last', async () => {
  const { at, publish } = await begin();

  // No plan yet: keys as ever.
  await at('2030-01-01T00:00:00Z', { acme: {}, globex: {}, hooli: {} });

  let plan: MigrationPlan = {
    guide,
    deprecatedAt: '2030-03-01T00:00:00Z',
    sunsetAt: '2030-07-01T00:00:00Z',
  };
  await publish(plan);
  await at('2030-01-10T00:00:00Z', { acme: policy, globex: policy });

  // Two clients go ahead: one is told early, one has not been asked yet.
  plan = { ...plan, clients: { acme: 'deprecated', initech: 'key-only' } };
  await publish(plan);
  await at('2030-02-28T23:59:59.999Z', { acme: announced, globex: policy, initech: {} });
  await at('2030-03-01T00:00:00Z', { acme: announced, globex: announced, initech: {} });

  // Rehearsals: on Tuesdays and Thursdays, longer from the second week on.
  const daily = {
    at: ['08:00', '16:00'],
    minutes: [15, 60],
    days: ['tue', 'thu'],
  } as const;
  plan = {
    ...plan,
    brownouts: [
      { start: '2030-05-06T00:00:00Z', end: '2030-06-03T00:00:00Z', daily, exempt: ['hooli'] },
    ],
  };
  await publish(plan);
  const open = { acme: announced, globex: announced, hooli: announced, initech: {} };
  const shut = (seconds: number) => ({
    acme: inBrownout(seconds),
    globex: inBrownout(seconds),
    hooli: announced,
    initech: inBrownout(seconds),
  });
  await at('2030-05-06T08:00:00Z', open);
  await at('2030-05-07T07:59:59.999Z', open);
  await at('2030-05-07T08:00:00Z', shut(900));
  await at('2030-05-07T08:00:00.001Z', shut(900));
  await at('2030-05-07T08:14:59.999Z', shut(1));
  await at('2030-05-07T08:15:00Z', open);
  await at('2030-05-07T16:05:00Z', shut(600));
  await at('2030-05-08T08:05:00Z', open);
  await at('2030-05-09T08:05:00Z', shut(600));
  await at('2030-05-14T08:30:00Z', shut(1800));
  await at('2030-05-30T16:59:59Z', shut(1));
  await at('2030-06-04T08:05:00Z', open);

  // A client needs longer, others have moved.
  plan = {
    ...plan,
    clients: {
      ...plan.clients,
      globex: { mode: 'extension', until: '2030-10-01T00:00:00Z' },
      acme: 'token-only',
    },
  };
  await publish(plan);
  await at('2030-06-20T00:00:00Z', { acme: migrated, globex: extended, hooli: announced });

  await at('2030-06-30T23:59:59.999Z', { globex: extended, hooli: announced, initech: {} });
  const late = { acme: migrated, hooli: sunset, initech: sunset };
  await at('2030-07-01T00:00:00Z', { globex: extended, ...late });
  await at('2030-09-30T23:59:59.999Z', { globex: extended, ...late });
  await at('2030-10-01T00:00:00Z', { globex: sunset, ...late });

  // What is left is short, and stays.
  await publish({ mode: 'token-only', guide });
  await at('2031-01-01T00:00:00Z', { globex: migrated, hooli: migrated, initech: migrated });
});

test('a deprecation that has no sunset yet is announced from its date on', async () => {
  const { at, publish } = await begin();
  await publish({ guide, deprecatedAt: '2030-03-01T00:00:00Z', clients: { acme: 'deprecated' } });
  const { Deprecation } = announced;
  const deprecated = { Deprecation, ...policy };
  await at('2030-02-28T23:59:59.999Z', { acme: deprecated, globex: policy });
  await at('2030-03-01T00:00:00Z', { acme: deprecated, globex: deprecated });
  await publish({ deprecatedAt: '2030-03-01T00:00:00Z' });
  await at('2030-03-02T00:00:00Z', { acme: { Deprecation }, globex: { Deprecation } });
});

test('a cohort goes ahead by a percentage, and who is in stays in', async () => {
  const { at, key, publish } = await begin();
  const clients = Array.from({ length: 200 }, (_, number) => `client_${number}`);
  const moved = async () => {
    const told = await Promise.all(clients.map(async (client) => [client, await key(client)]));
    return told.filter(([, answer]) => 'reason' in Object(answer)).map(([client]) => client);
  };
  const by = (percent: number): MigrationPlan => ({
    guide,
    cohort: 'all',
    cohorts: { all: { mode: 'token-only', percent } },
  });

  let before: unknown[] = [];
  for (const percent of [0, 1, 10, 35.5, 80, 100]) {
    await publish(by(percent));
    const now = await moved();
    expect(now).toEqual(expect.arrayContaining(before));
    expect(now.length / 2).toBeGreaterThanOrEqual(percent - 10);
    expect(now.length / 2).toBeLessThanOrEqual(percent + 10);
    expect(await moved()).toEqual(now);
    before = now;
  }
  expect(before).toEqual(clients);

  // Back again: a rollout that goes wrong can be undone.
  await publish(by(0));
  expect(await moved()).toEqual([]);
  await at('2030-01-01T00:00:00Z', { client_1: policy });
});

test('a cohort has a sunset of its own, and brownouts of its own', async () => {
  const { at, publish } = await begin();
  await publish({
    guide,
    deprecatedAt: '2030-03-01T00:00:00Z',
    sunsetAt: '2030-07-01T00:00:00Z',
    clients: { acme: { cohort: 'small' }, globex: { cohort: 'large' } },
    cohorts: { small: { sunsetAt: '2030-05-01T00:00:00Z' }, large: {} },
    brownouts: [
      { start: '2030-04-01T00:00:00Z', end: '2030-04-01T01:00:00Z', cohorts: ['small'] },
      { start: '2030-04-01T01:00:00Z', end: '2030-04-01T02:00:00Z', cohorts: ['large'] },
    ],
  });
  const early = { ...announced, Sunset: 'Wed, 01 May 2030 00:00:00 GMT' };
  await at('2030-04-01T00:59:59Z', {
    acme: inBrownout(1),
    globex: announced,
    hooli: announced,
  });
  await at('2030-04-01T01:00:00Z', {
    acme: early,
    globex: inBrownout(3600),
    hooli: announced,
  });
  await at('2030-05-01T00:00:00Z', { acme: sunset, globex: announced, hooli: announced });
  await at('2030-07-01T00:00:00Z', { acme: sunset, globex: sunset, hooli: sunset });
});
