import { describe, expect, onTestFinished, test } from 'vitest';
import {
  createGuard,
  type MigrationEvent,
  type MigrationPlan,
  type Requirements,
} from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { bearing, requestOf, verdict } from '../rfc/ask.js';
import { inFull } from '../runs.js';
import { createClock } from '../token/jwks-server.js';

const settle = () => new Promise((done) => setImmediate(done));

/**
 * A guard whose plan can be changed, and what its operators hear. A key is a client and, after a
 * dot, what tells two keys of one client apart; "nobody" is no good.
 */
async function open(first?: MigrationPlan | string, hear?: (event: MigrationEvent) => unknown) {
  const clock = createClock();
  const issuer = await createTestIssuer({ now: clock.now });
  const events: MigrationEvent[] = [];
  let plan = first;
  const loaded: (() => void)[] = [];
  const guard = createGuard({
    ...issuer.options,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async ({ value }) =>
        value === 'nobody'
          ? undefined
          : { id: `key_${value}`, clientId: value.split('.')[0] ?? '' },
      cache: { max: 1, negativeMax: 1 },
      ...(first !== undefined && {
        plan: {
          pollInterval: 0.001,
          load: async () => {
            // What was loaded is in force one turn later.
            const waiting = loaded.splice(0);
            setImmediate(() => {
              for (const wake of waiting) wake();
            });
            return plan as MigrationPlan | string;
          },
        },
      }),
      onMigration: (event) => {
        events.push(event);
        return hear?.(event);
      },
    },
  });
  onTestFinished(() => guard.close());
  await guard.ready();
  await settle();
  return {
    clock,
    guard,
    issuer,
    /** What was heard since this was asked last. */
    /** What was emitted; a plan that changes many clients is told in slices. */
    heard: async (least = 0) => {
      await settle();
      while (events.length < least) await new Promise(setImmediate);
      return events.splice(0);
    },
    ask: async (key: string, requirements?: Requirements) =>
      verdict(await guard(requestOf({ 'x-api-key': key }), requirements)),
    /** Another plan, from when it is in force. */
    async publish(next: MigrationPlan | string) {
      plan = next;
      await new Promise<void>((done) => loaded.push(done));
    },
  };
}

const time = Date.UTC(2030, 0, 1);
const planned = (...changed: string[]) => ({ time, kind: 'plan', changed });
const mode = (clientId: string, from: string, to: string) => ({
  time,
  kind: 'mode',
  clientId,
  from,
  to,
});
const far = '2031-01-01T00:00:00Z';

describe('a plan', () => {
  test('is told with its members when it is the first', async () => {
    const plan = { sunsetAt: far, mode: 'dual', clients: {} } as const;
    expect(await (await open(plan)).heard()).toEqual([planned('clients', 'mode', 'sunsetAt')]);
    expect(await (await open(JSON.stringify(plan))).heard()).toEqual([
      planned('clients', 'mode', 'sunsetAt'),
    ]);
    expect(await (await open({})).heard()).toEqual([planned()]);
  });

  test('is told where it is given at once, and where there is none, nothing is', async () => {
    const events: MigrationEvent[] = [];
    const issuer = await createTestIssuer({ now: () => time });
    const from = [{ header: 'x-api-key' }];
    const onMigration = (event: MigrationEvent) => void events.push(event);
    const lookup = async () => ({ id: 'acme' });
    const keys = { from, lookup, onMigration };
    const silent = createGuard({ ...issuer.options, apiKeys: keys });
    await silent(requestOf({ 'x-api-key': 'acme' }));
    await settle();
    expect(events).toEqual([]);
    createGuard({ ...issuer.options, apiKeys: { ...keys, plan: { mode: 'dual' } } });
    // Nobody is told in the middle of something else.
    expect(events).toEqual([]);
    await settle();
    expect(events).toEqual([planned('mode')]);
  });

  test('is told with what was added, altered and taken away', async () => {
    const { heard, publish } = await open({ mode: 'dual', cohorts: { a: {} }, sunsetAt: far });
    await heard();
    await publish({ mode: 'dual', cohorts: { a: {} } });
    expect(await heard()).toEqual([planned('sunsetAt')]);
    await publish({ mode: 'key-only', cohorts: { a: {} }, guide: 'https://docs.test/' });
    expect(await heard()).toEqual([planned('guide', 'mode')]);
    await publish({
      mode: 'key-only',
      cohorts: { a: { mode: 'dual', percent: 5 } },
      guide: 'https://docs.test/',
    });
    expect(await heard()).toEqual([planned('cohorts')]);
    await publish({});
    expect(await heard()).toEqual([planned('cohorts', 'guide', 'mode')]);
  });

  test('is not told again while it says the same, in whatever form', async () => {
    const plan = { mode: 'dual', clients: { acme: 'key-only' } } as const;
    const { heard, publish } = await open(plan);
    await heard();
    for (const same of [{ ...plan }, JSON.stringify(plan), JSON.stringify(plan, undefined, 2)]) {
      await publish(same);
      await publish(same);
    }
    await publish({ clients: { acme: 'key-only' }, mode: 'dual' });
    expect(await heard()).toEqual([]);
  });

  test('is in force when it is told', async () => {
    const verdicts: string[] = [];
    let listen = async () => {};
    const { ask, heard, publish } = await open({}, () => listen());
    listen = async () => void verdicts.push(await ask('acme'));
    await publish({ mode: 'token-only' });
    await heard();
    expect(verdicts).toEqual(['ERR_API_KEY_MIGRATED']);
  });
});

describe('a mode', () => {
  test('is not told of a client that is seen for the first time', async () => {
    const { ask, heard } = await open({ clients: { acme: 'token-only' } });
    await heard();
    for (const client of ['acme', 'globex', 'acme', 'globex']) await ask(client);
    expect(await heard()).toEqual([]);
  });

  test('is told when a new plan changes it, for who was seen and who is named', async () => {
    const { ask, heard, publish } = await open({
      clients: { acme: 'dual', named: 'dual', same: 'deprecated' },
    });
    await ask('acme');
    await ask('globex');
    await heard();
    await publish({
      mode: 'token-only',
      clients: { acme: 'deprecated', hooli: 'token-only', same: 'deprecated' },
    });
    expect(await heard()).toEqual([
      planned('clients', 'mode'),
      mode('acme', 'dual', 'deprecated'),
      mode('globex', 'dual', 'token-only'),
      mode('named', 'dual', 'token-only'),
      mode('hooli', 'dual', 'token-only'),
    ]);
    // Once it is told, coming is no news.
    for (const client of ['acme', 'globex', 'named', 'hooli', 'same', 'new']) await ask(client);
    await publish({ clients: { same: 'deprecated' }, mode: 'token-only' });
    expect(await heard()).toEqual([planned('clients'), mode('acme', 'deprecated', 'token-only')]);
  });

  test('is told when a cohort changes it', async () => {
    const { heard, publish } = await open({
      cohorts: { first: {}, second: {} },
      clients: { acme: { cohort: 'first' }, globex: { cohort: 'second' } },
    });
    await heard();
    await publish({
      cohorts: { first: { mode: 'token-only' }, second: {} },
      clients: { acme: { cohort: 'first' }, globex: { cohort: 'second' } },
    });
    expect(await heard()).toEqual([planned('cohorts'), mode('acme', 'dual', 'token-only')]);
  });

  test('is told once to everybody whom a growing percentage reaches', async () => {
    const by = (percent: number): MigrationPlan => ({
      cohort: 'all',
      cohorts: { all: { mode: 'token-only', percent } },
    });
    const clients = Array.from({ length: 100 }, (_, number) => `client_${number}`);
    const { ask, heard, publish } = await open(by(0));
    for (const client of clients) await ask(client);
    await heard();
    const told: string[] = [];
    for (const percent of [20, 50, 50.5, 100]) {
      await publish(by(percent));
      for (const client of clients) await ask(client);
      const [plan, ...modes] = await heard();
      expect(plan).toEqual(planned('cohorts'));
      for (const event of modes) {
        expect(event).toMatchObject({ kind: 'mode', from: 'dual', to: 'token-only' });
        told.push((event as { clientId: string }).clientId);
      }
    }
    expect(told.sort()).toEqual([...clients].sort());
  });

  test('is told when a date has changed it, once the client comes', async () => {
    const { ask, clock, heard } = await open({
      sunsetAt: '2030-06-01T00:00:00Z',
      deprecatedAt: '2030-02-01T00:00:00Z',
      clients: { globex: { mode: 'extension', until: '2030-09-01T00:00:00Z' } },
    });
    const all = async () => {
      for (const client of ['acme', 'globex', 'acme', 'globex']) await ask(client);
      return heard();
    };
    await all();
    // A date of announcement is no mode.
    clock.time = Date.parse('2030-03-01T00:00:00Z');
    expect(await all()).toEqual([]);
    clock.time = Date.parse('2030-06-01T00:00:00Z');
    expect(await heard()).toEqual([]);
    expect(await all()).toEqual([{ ...mode('acme', 'dual', 'sunset'), time: clock.time }]);
    expect(await all()).toEqual([]);
    clock.time = Date.parse('2030-09-01T00:00:00Z');
    expect(await all()).toEqual([{ ...mode('globex', 'extension', 'sunset'), time: clock.time }]);
    expect(await all()).toEqual([]);
  });

  test('that a date has changed is told by the next plan, if that comes first', async () => {
    const sunsetAt = '2030-06-01T00:00:00Z';
    const { ask, clock, heard, publish } = await open({ sunsetAt });
    await ask('acme');
    await heard();
    clock.time = Date.parse(sunsetAt);
    await publish({ sunsetAt, guide: 'https://docs.test/' });
    const told = (await heard()).filter(({ kind }) => kind === 'mode');
    expect(told).toEqual([{ ...mode('acme', 'dual', 'sunset'), time: clock.time }]);
    await ask('acme');
    expect(await heard()).toEqual([]);
  });

  test('that a date has changed is not told of a client that never came', async () => {
    const plan: MigrationPlan = { sunsetAt: '2030-06-01T00:00:00Z', clients: { acme: 'dual' } };
    const { ask, clock, heard, publish } = await open(plan);
    await publish({ ...plan, guide: 'https://docs.test/' });
    await heard();
    clock.time = Date.parse('2030-06-01T00:00:00Z');
    expect(await ask('acme')).toBe('ERR_API_KEY_RETIRED');
    expect(await heard()).toEqual([]);
  });

  test('is what the plan says, whatever a route asks or a brownout does', async () => {
    const { ask, clock, heard } = await open({
      mode: 'key-only',
      brownouts: [{ start: '2030-01-02T00:00:00Z', end: '2030-01-03T00:00:00Z' }],
    });
    await ask('acme');
    await heard();
    expect(await ask('acme', { mode: 'token-only' })).toBe('ERR_API_KEY_MIGRATED');
    expect(await ask('acme', { mode: 'deprecated' })).toBe('allowed');
    expect(await ask('new', { mode: 'token-only' })).toBe('ERR_API_KEY_MIGRATED');
    expect(await ask('new')).toBe('allowed');
    clock.time = Date.parse('2030-01-02T12:00:00Z');
    expect(await ask('acme')).toBe('ERR_API_KEY_BROWNOUT');
    clock.time = Date.parse('2030-01-04T00:00:00Z');
    expect(await ask('acme')).toBe('allowed');
    expect(await heard()).toEqual([]);
  });

  test('is of a client, not of a key; and neither a token nor a bad key is seen', async () => {
    const { ask, guard, heard, issuer, publish } = await open({});
    await ask('acme.1');
    await ask('acme.2');
    await ask('nobody');
    await guard(bearing(await issuer.token({ clientId: 'globex' })));
    await heard();
    await publish({ mode: 'token-only' });
    expect(await heard()).toEqual([planned('mode'), mode('acme', 'dual', 'token-only')]);
  });

  test('of a name that is inherited is like any other', async () => {
    const { ask, heard, publish } = await open({});
    for (const name of ['__proto__', 'constructor', 'toString']) await ask(name);
    expect(await heard()).toEqual([planned()]);
    await publish({ mode: 'key-only' });
    expect(await heard()).toEqual([
      planned('mode'),
      mode('__proto__', 'dual', 'key-only'),
      mode('constructor', 'dual', 'key-only'),
      mode('toString', 'dual', 'key-only'),
    ]);
  });
});

test.runIf(inFull)(
  '50 000 clients are remembered as 10 000, those that changed last',
  {
    timeout: 30_000,
  },
  async () => {
    const sunsetAt = '2030-06-01T00:00:00Z';
    const { ask, clock, heard, publish } = await open({ sunsetAt });
    await ask('first');
    await heard();
    for (let wave = 0; wave < 50; wave += 1) {
      await Promise.all(Array.from({ length: 1_000 }, (_, n) => ask(`client_${wave * 1_000 + n}`)));
    }
    expect(await heard()).toEqual([]);
    // The one that would be next to go changes, and so the next is another.
    clock.time = Date.parse(sunsetAt);
    await ask('client_40000');
    await ask('last');
    expect(await heard()).toMatchObject([{ clientId: 'client_40000', to: 'sunset' }]);
    await publish({ mode: 'token-only' });
    const [plan, ...modes] = await heard(10_001);
    expect(plan).toMatchObject({ kind: 'plan', changed: ['mode', 'sunsetAt'] });
    expect(modes).toHaveLength(10_000);
    const told = (event: MigrationEvent | undefined) =>
      event?.kind === 'mode' ? `${event.clientId} ${event.from} ${event.to}` : undefined;
    expect([modes[0], modes[9_997], modes[9_998], modes[9_999]].map(told)).toEqual([
      'client_40002 dual token-only',
      'client_49999 dual token-only',
      'client_40000 sunset token-only',
      'last sunset token-only',
    ]);
    // Who was forgotten is new again.
    await ask('first');
    expect(await heard()).toEqual([]);
  },
);

describe('a listener', () => {
  test.each<[string, (event: MigrationEvent) => unknown]>([
    [
      'throws',
      () => {
        throw new Error('the listener is broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('the listener is broken'))],
    ['never answers', () => new Promise(() => {})],
    [
      'changes what it was told',
      (event) => {
        if ('changed' in event) (event.changed as string[]).length = 0;
        Object.assign(event, { kind: 'warning', to: 'dual', clientId: 'globex' });
      },
    ],
  ])('that %s changes nothing', async (_, hear) => {
    const rejected: unknown[] = [];
    const onRejection = (reason: unknown) => rejected.push(reason);
    process.on('unhandledRejection', onRejection);
    onTestFinished(() => void process.off('unhandledRejection', onRejection));
    const { ask, heard, publish } = await open({ mode: 'dual' }, hear);
    expect(await ask('acme')).toBe('allowed');
    await publish({ mode: 'token-only' });
    expect(await ask('acme')).toBe('ERR_API_KEY_MIGRATED');
    await publish({ mode: 'dual' });
    expect(await ask('acme')).toBe('allowed');
    expect(await heard()).toHaveLength(5);
    await settle();
    expect(rejected).toEqual([]);
  });

  test('learns no key', async () => {
    const { ask, heard, publish } = await open({});
    await ask('acme.sk_live_1');
    await publish({ mode: 'token-only', sunsetAt: '2030-01-02T00:00:00Z' });
    const events = await heard();
    expect(events.map(({ kind }) => kind)).toEqual(['plan', 'plan', 'warning', 'mode']);
    expect(JSON.stringify(events)).not.toContain('sk_live_1');
  });
});
