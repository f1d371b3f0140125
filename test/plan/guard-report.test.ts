import { describe, expect, test } from 'vitest';
import {
  type ApiKeyRecord,
  type Check,
  ConfigError,
  checkPlan,
  type DecisionEvent,
  type GuardOptions,
  type MigrationPlan,
  type PlanSource,
  type Requirements,
} from '../../src/index.js';
import { signCompact } from '../../src/testing/token.js';
import { bearing, requestOf, verdict } from '../rfc/ask.js';
import { claimsOf, guardFor, headerOf, keyFor, mint, seconds } from '../rfc/mint.js';

const key = await keyFor('ES256');
const stranger = await keyFor('ES256', 'stranger');

type Bent = { readonly header?: object; readonly claims?: object };

/** For each check a token, or a route, that does not pass it. */
const faults: readonly [Check, string, Bent, Requirements?][] = [
  ['audience', 'ERR_TOKEN_AUDIENCE', { claims: { aud: 'https://other.test' } }],
  ['type', 'ERR_TOKEN_TYPE', { header: { typ: 'other+jwt' } }],
  ['lifetime', 'ERR_TOKEN_LIFETIME', { claims: { exp: seconds + 601 } }],
  ['scopes', 'ERR_SCOPE_MISSING', {}, { scopes: ['a'] }],
  ['organization', 'ERR_ORG_MISSING', {}, { orgId: 'org_1' }],
];
const checks = faults.map(([check]) => check);
const beforeSignature = faults.slice(0, 3);
const keyChecks = { scopes: 'report', organization: 'report' } as const;
const allReported = Object.fromEntries(checks.map((check) => [check, 'report']));

/** A guard by this plan; each token is judged together with what would have refused it. */
function open(plan?: MigrationPlan | PlanSource, more: Partial<GuardOptions> = {}) {
  const events: DecisionEvent[] = [];
  const records: Record<string, ApiKeyRecord> = {
    acme: { id: 'key_1', clientId: 'acme' },
    globex: { id: 'key_2', clientId: 'globex' },
    solo: { id: 'key_3' },
  };
  const guard = guardFor([key.jwk], {
    maxTokenLifetime: 600,
    onDecision: (event) => events.push(event),
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async ({ value }) => records[value],
      onMigration: () => {},
      ...(plan && { plan }),
    },
    ...(more as object),
  });
  const judged = async (decision: ReturnType<typeof guard>) => {
    const said = verdict(await decision);
    const { wouldDeny } = events.at(-1) ?? {};
    return wouldDeny ? [said, ...wouldDeny] : said;
  };
  return {
    guard,
    events,
    judge: (token: string, requirements?: Requirements) =>
      judged(guard(bearing(token), requirements)),
    judgeKey: (value: string, requirements?: Requirements) =>
      judged(guard(requestOf({ 'x-api-key': value }), requirements)),
  };
}

const of = (client: string, { header = {}, claims = {} }: Bent = {}) =>
  mint(key, { header, claims: { client_id: client, ...claims } });
const forged = (client: string, { header, claims }: Bent = {}) =>
  signCompact(headerOf(key, header), claimsOf({ client_id: client, ...claims }), stranger);

describe.each(faults)('%s', (check, code, bent, route) => {
  const report = { tokenChecks: { [check]: 'report' } };
  const enforce = { tokenChecks: { [check]: 'enforce' } };

  test.each<[string, MigrationPlan | undefined]>([
    ['no plan', undefined],
    ['a plan that does not say', {}],
    ['a plan that says so', enforce],
    ['a plan that reports all else', { tokenChecks: { ...allReported, [check]: 'enforce' } }],
  ])('is enforced by %s', async (_, plan) => {
    const { judge } = open(plan);
    expect(await judge(of('acme', bent), route)).toBe(code);
    expect(await judge(of('acme'))).toBe('allowed');
  });

  test('is only reported where the plan wants that', async () => {
    const { judge, guard } = open(report);
    expect(await judge(of('acme', bent), route)).toEqual(['allowed', code]);
    expect(await judge(of('acme'))).toBe('allowed');
    expect(guard.counts()).toEqual({ refused: {}, wouldDeny: { [code]: 1 } });
  });

  test('is reported for one client, and enforced for another', async () => {
    const { judge } = open({ clients: { acme: report, hooli: { mode: 'token-only' } } });
    expect(await judge(of('acme', bent), route)).toEqual(['allowed', code]);
    for (const other of ['globex', 'hooli', 'ACME', 'acme ', 'constructor', '__proto__']) {
      expect(await judge(of(other, bent), route)).toBe(code);
    }
  });

  test('is enforced for one client, and reported for another', async () => {
    const { judge } = open({ ...report, clients: { acme: enforce, hooli: 'dual' } });
    expect(await judge(of('acme', bent), route)).toBe(code);
    expect(await judge(of('globex', bent), route)).toEqual(['allowed', code]);
    expect(await judge(of('hooli', bent), route)).toEqual(['allowed', code]);
  });

  test('of a token without a client goes by the plan', async () => {
    for (const client_id of [undefined, '', null]) {
      const nameless = mint(key, { ...bent, claims: { ...bent.claims, client_id } });
      expect(await open({ ...report, clients: { acme: enforce } }).judge(nameless, route)).toEqual([
        'allowed',
        code,
      ]);
      expect(await open({ clients: { acme: report } }).judge(nameless, route)).toBe(code);
    }
  });

  test('of a token whose client is no string is not reached: such a token is never let in', async () => {
    for (const client_id of [5, ['acme']]) {
      const nameless = mint(key, { ...bent, claims: { ...bent.claims, client_id } });
      expect(await open(report).judge(nameless, route)).toBe('ERR_TOKEN_CLAIMS');
    }
  });

  test('is neither enforced nor reported while no plan has been loaded: 503', async () => {
    let arrive = (_: MigrationPlan) => {};
    const load = () =>
      new Promise<MigrationPlan>((done) => {
        arrive = done;
      });
    const { judge, guard } = open({ load });
    expect(await judge(of('acme', bent), route)).toBe('ERR_PLAN_UNAVAILABLE');
    expect(await judge(of('acme', bent), { ...route, enforce: true })).toBe(code);
    expect(await judge(forged('acme', bent), route)).toBe('ERR_TOKEN_SIGNATURE');
    expect(await judge(of('acme'))).toBe('allowed');
    arrive(report);
    await guard.ready();
    expect(await judge(of('acme', bent), route)).toEqual(['allowed', code]);
    await guard.close();
  });

  test('says nothing of a token that is refused for its signature', async () => {
    for (const plan of [
      report,
      { clients: { acme: report } },
      { ...report, clients: { acme: enforce } },
    ]) {
      expect(await open(plan).judge(forged('acme', bent), route)).toBe('ERR_TOKEN_SIGNATURE');
    }
  });
});

describe('the client that picks the rule', () => {
  test.each(beforeSignature)('of %s is never one that is only claimed', async (...fault) => {
    const [check, code, bent] = fault;
    const { judge, guard, events } = open({
      clients: { acme: { tokenChecks: { [check]: 'report' } } },
    });
    expect(await judge(forged('acme', bent))).toBe('ERR_TOKEN_SIGNATURE');
    expect(await judge(forged('globex', bent))).toBe('ERR_TOKEN_SIGNATURE');
    expect(await judge(of('globex', bent))).toBe(code);
    expect(events.map(({ clientId }) => clientId)).toEqual([undefined, undefined, undefined]);
    expect(guard.counts().wouldDeny).toEqual({});
  });

  test.each(beforeSignature)(
    'is not waited for where %s has one rule for all',
    async (...fault) => {
      const [, code, bent] = fault;
      for (const plan of [undefined, {}, { clients: { acme: 'dual' } } as const]) {
        expect(await open(plan).judge(forged('acme', bent))).toBe(code);
      }
    },
  );

  test('is where the issuer keeps it', async () => {
    const plan: MigrationPlan = { clients: { acme: { tokenChecks: { audience: 'report' } } } };
    const { judge } = open(plan, { claims: { clientId: ['app', 'id'] } });
    const token = (claims: object) =>
      mint(key, { claims: { aud: 'https://other.test', ...claims } });
    expect(await judge(token({ app: { id: 'acme' }, client_id: 'globex' }))).toEqual([
      'allowed',
      'ERR_TOKEN_AUDIENCE',
    ]);
    expect(await judge(token({ client_id: 'acme' }))).toBe('ERR_TOKEN_AUDIENCE');
    expect(await judge(token({ 'app.id': 'acme' }))).toBe('ERR_TOKEN_AUDIENCE');
  });

  test('is not asked for its mode', async () => {
    const plan: MigrationPlan = {
      mode: 'token-only',
      clients: { acme: { mode: 'key-only', tokenChecks: { audience: 'report' } } },
    };
    const bent = { claims: { aud: 'https://other.test' } };
    expect(await open(plan).judge(of('acme', bent))).toEqual(['allowed', 'ERR_TOKEN_AUDIENCE']);
    expect(await open(plan).judge(of('globex', bent))).toBe('ERR_TOKEN_AUDIENCE');
  });
});

describe('what is reported', () => {
  const everything: Bent = {
    header: { typ: 'other+jwt' },
    claims: { aud: 'https://other.test', exp: seconds + 601, org_id: 'org_2' },
  };
  const route: Requirements = { scopes: ['a', 'b'], anyScope: ['c', 'd'], orgId: 'org_1' };
  const codes = [
    ...['ERR_TOKEN_AUDIENCE', 'ERR_TOKEN_TYPE', 'ERR_TOKEN_LIFETIME'],
    ...['ERR_SCOPE_MISSING', 'ERR_ORG_MISMATCH'],
  ];

  test('is all of it, each once', async () => {
    const { judge, guard, events } = open({ tokenChecks: allReported });
    const [said, ...wouldDeny] = await judge(of('acme', everything), route);
    expect(said).toBe('allowed');
    expect(wouldDeny.sort()).toEqual([...codes].sort());
    expect(guard.counts()).toEqual({
      refused: {},
      wouldDeny: Object.fromEntries(codes.map((code) => [code, 1])),
    });
    expect(events).toMatchObject([{ outcome: 'allow', status: 200, clientId: 'acme' }]);
    expect(events[0]).not.toHaveProperty('reason');
    expect(events[0]).not.toHaveProperty('missingScopes');
  });

  test('is still told of a request that something else refuses', async () => {
    const { judge, guard } = open({ tokenChecks: { audience: 'report', scopes: 'report' } });
    const token = of('acme', { claims: { aud: 'https://other.test' } });
    expect(await judge(token, { scopes: ['a'], orgId: 'org_1' })).toEqual([
      'ERR_ORG_MISSING',
      'ERR_TOKEN_AUDIENCE',
    ]);
    expect(guard.counts()).toEqual({
      refused: { ERR_ORG_MISSING: 1 },
      wouldDeny: { ERR_TOKEN_AUDIENCE: 1 },
    });
  });

  test('is a principal like any other to the handler', async () => {
    const decision = await open({ tokenChecks: allReported }).guard(
      bearing(of('acme', everything)),
    );
    expect(decision).toMatchObject({
      allowed: true,
      headers: {},
      principal: { kind: 'token', clientId: 'acme', orgId: 'org_2', subject: 'user_1' },
    });
  });

  test.each([
    ['ERR_ORG_UNRESOLVED', () => undefined],
    ['ERR_ORG_MISSING', () => 'org_1'],
  ])('is %s too', async (code, orgId) => {
    const { judge } = open({ tokenChecks: { organization: 'report' } });
    expect(await judge(of('acme'), { orgId })).toEqual(['allowed', code]);
  });

  test('is told to no client', async () => {
    const { guard } = open({ tokenChecks: allReported });
    const decision = await guard(bearing(of('acme', everything)), { ...route, check: () => false });
    expect(decision).toMatchObject({
      allowed: false,
      denial: { body: { code: 'ERR_CHECK_FAILED' } },
    });
    expect(JSON.stringify(decision)).not.toMatch(/AUDIENCE|SCOPE|ORG|wouldDeny/);
  });
});

describe('a token that comes again', () => {
  const route: Requirements = { scopes: ['a'] };
  const good = of('acme');
  const bad = of('acme', { header: { typ: 'other+jwt' }, claims: { aud: 'https://other.test' } });
  const all = ['allowed', 'ERR_TOKEN_AUDIENCE', 'ERR_TOKEN_TYPE', 'ERR_SCOPE_MISSING'];

  test('is reported again', async () => {
    const { judge, guard } = open({ tokenChecks: allReported });
    for (let times = 1; times <= 3; times += 1) {
      expect(await judge(bad, route)).toEqual(all);
      expect(await judge(good)).toBe('allowed');
      expect(guard.counts().wouldDeny).toMatchObject({ ERR_TOKEN_AUDIENCE: times });
    }
  });

  test('is judged by the plan of its day, whatever was remembered of it', async () => {
    let plan: MigrationPlan = {};
    let changed = () => {};
    const { judge, guard } = open(undefined, {
      apiKeys: {
        from: [{ header: 'x-api-key' }],
        lookup: async () => undefined,
        plan: { load: async () => plan, pollInterval: 0.001 },
        onMigration: (event) => event.kind === 'plan' && changed(),
      },
    });
    await guard.ready();
    const publish = async (checks: MigrationPlan['tokenChecks'] & object) => {
      const inForce = new Promise<void>((done) => {
        changed = done;
      });
      plan = { clients: { acme: { tokenChecks: checks } } };
      await inForce;
    };
    for (const round of ['first', 'second']) {
      expect({ round, said: await judge(bad) }).toEqual({ round, said: 'ERR_TOKEN_TYPE' });
      expect(await judge(good, route)).toBe('ERR_SCOPE_MISSING');
      await publish(allReported);
      expect(await judge(bad, route)).toEqual(all);
      expect(await judge(good, route)).toEqual(['allowed', 'ERR_SCOPE_MISSING']);
      await publish({ type: 'report' });
      expect(await judge(bad)).toBe('ERR_TOKEN_AUDIENCE');
      expect(await judge(good)).toBe('allowed');
      await publish({});
    }
    await guard.close();
  });

  test('many times at once is judged each time by itself', async () => {
    const { guard } = open({ tokenChecks: allReported });
    const decisions = await Promise.all(
      Array.from({ length: 20 }, () => guard(bearing(bad), { check: () => true })),
    );
    expect(decisions.every(({ allowed }) => allowed)).toBe(true);
    expect(guard.counts().wouldDeny).toEqual({ ERR_TOKEN_AUDIENCE: 20, ERR_TOKEN_TYPE: 20 });
  });
});

describe('never only reported', () => {
  const bad = { aud: 'https://other.test' };
  test.each<[string, string]>([
    ['ERR_TOKEN_SIGNATURE', forged('acme', { claims: bad })],
    ['ERR_TOKEN_EXPIRED', of('acme', { claims: { ...bad, exp: seconds - 6 } })],
    ['ERR_TOKEN_NOT_YET_VALID', of('acme', { claims: { ...bad, nbf: seconds + 6 } })],
    ['ERR_TOKEN_IAT_IN_FUTURE', of('acme', { claims: { ...bad, iat: seconds + 61 } })],
    ['ERR_TOKEN_TIME', of('acme', { claims: { ...bad, exp: 'soon' } })],
    ['ERR_TOKEN_ISSUER', of('acme', { claims: { ...bad, iss: 'https://evil.test' } })],
    ['ERR_TOKEN_ALGORITHM', of('acme', { header: { alg: 'none' }, claims: bad })],
    ['ERR_TOKEN_ALGORITHM', of('acme', { header: { alg: 'HS256' }, claims: bad })],
    ['ERR_TOKEN_CRITICAL', of('acme', { header: { crit: ['exp'] }, claims: bad })],
    ['ERR_TOKEN_NOT_ACCESS_TOKEN', of('acme', { claims: { ...bad, at_hash: 'a' } })],
    ['ERR_TOKEN_NOT_ACCESS_TOKEN', of('acme', { claims: { ...bad, token_use: 'id' } })],
    ['ERR_TOKEN_BOUND', of('acme', { claims: { ...bad, cnf: { jkt: 'a' } } })],
    ['ERR_TOKEN_KEY_UNKNOWN', of('acme', { header: { kid: 'another' }, claims: bad })],
    ['ERR_TOKEN_MALFORMED', of('acme', { header: { kid: 5 }, claims: bad })],
  ])('is %s', async (code, token) => {
    for (const plan of [
      { tokenChecks: allReported },
      { clients: { acme: { tokenChecks: allReported } } },
    ]) {
      expect(await open(plan).judge(token)).toBe(code);
    }
  });

  test('is what RFC 9068 requires, nor the application’s own check', async () => {
    const plan = { tokenChecks: allReported };
    const profile = open(plan, { typ: ['at+jwt'] });
    expect(await profile.judge(of('acme', { claims: { jti: undefined } }))).toBe(
      'ERR_TOKEN_CLAIMS',
    );
    expect(await open(plan).judge(of('acme'), { check: () => false })).toBe('ERR_CHECK_FAILED');
  });

  test.each(['signature', 'algorithm', 'alg', 'issuer', 'iss', 'expiry', 'exp', 'kind', 'check'])(
    'is %s: a plan that asks for it is a ConfigError',
    (name) => {
      const wanted = { [name]: 'report' } as MigrationPlan['tokenChecks'] & object;
      for (const plan of [{ checks: wanted }, { clients: { acme: { checks: wanted } } }]) {
        expect(() => checkPlan(plan)).toThrow(ConfigError);
        expect(() => open(plan)).toThrow(`checks.${name}`);
      }
    },
  );
});

describe('an API key', () => {
  const route: Requirements = { scopes: ['a'], orgId: 'org_1' };

  test('is held against scopes and organization, and these can be reported', async () => {
    const { judgeKey } = open({ checks: keyChecks });
    const reported = ['allowed', 'ERR_ORG_MISSING', 'ERR_SCOPE_MISSING'];
    expect(await judgeKey('acme', route)).toEqual(reported);
    expect(await open({}).judgeKey('acme', route)).toBe('ERR_ORG_MISSING');
  });

  test('has the rules of its client, and without one of its id', async () => {
    const rules = { checks: keyChecks };
    const { judgeKey } = open({ clients: { acme: rules, key_2: rules, key_3: rules } });
    const reported = ['allowed', 'ERR_ORG_MISSING', 'ERR_SCOPE_MISSING'];
    expect(await judgeKey('acme', route)).toEqual(reported);
    expect(await judgeKey('solo', route)).toEqual(reported);
    expect(await judgeKey('globex', route)).toBe('ERR_ORG_MISSING');
  });

  test('that the plan refuses is refused, whatever is reported', async () => {
    const { judgeKey } = open({ mode: 'token-only', tokenChecks: allReported });
    expect(await judgeKey('acme', route)).toBe('ERR_API_KEY_MIGRATED');
    expect(await judgeKey('nobody', route)).toBe('ERR_API_KEY_UNKNOWN');
  });

  test('in the dry run of a brownout passes, with what is announced', async () => {
    const { judgeKey, guard } = open({
      sunsetAt: '2030-06-01T00:00:00Z',
      brownouts: [{ start: '2029-12-31T23:00:00Z', end: '2030-01-01T01:00:00Z', dryRun: true }],
    });
    expect(await judgeKey('acme')).toEqual(['allowed', 'ERR_API_KEY_BROWNOUT']);
    expect(await judgeKey('acme', { scopes: ['a'] })).toEqual([
      'ERR_SCOPE_MISSING',
      'ERR_API_KEY_BROWNOUT',
    ]);
    const decision = await guard(requestOf({ 'x-api-key': 'acme' }));
    expect(decision).toMatchObject({ allowed: true, headers: { Sunset: expect.any(String) } });
  });

  test.each<[string, MigrationPlan, string]>([
    [
      'a real one beside it',
      { brownouts: [{ ...opened(), dryRun: false }, dry()] },
      'ERR_API_KEY_BROWNOUT',
    ],
    ['the sunset', { sunsetAt: '2029-12-31T00:00:00Z', brownouts: [dry()] }, 'ERR_API_KEY_RETIRED'],
    ['a move', { mode: 'token-only', brownouts: [dry()] }, 'ERR_API_KEY_MIGRATED'],
  ])('is not told of a dry run that %s makes pointless', async (_, plan, code) => {
    expect(await open(plan).judgeKey('acme')).toBe(code);
  });

  test.each<[string, MigrationPlan]>([
    ['paused', { brownouts: [{ ...dry(), paused: true }] }],
    ['paused with all', { brownouts: [dry()], pauseBrownouts: true }],
    ['exempt', { brownouts: [{ ...dry(), exempt: ['acme'] }] }],
    ['of another cohort', { cohorts: { a: {} }, brownouts: [{ ...dry(), cohorts: ['a'] }] }],
    ['over', { brownouts: [{ ...dry(), end: '2030-01-01T00:00:00Z' }] }],
    [
      'nothing to an extension',
      {
        brownouts: [dry()],
        clients: { acme: { mode: 'extension', until: '2030-06-01T00:00:00Z' } },
      },
    ],
  ])('is not told of a dry run that is %s', async (_, plan) => {
    expect(await open(plan).judgeKey('acme')).toBe('allowed');
  });

  test('has no part in what a token would be told', async () => {
    expect(await open({ brownouts: [dry()] }).judge(of('acme'))).toBe('allowed');
  });
});

function opened() {
  return { start: '2029-12-31T23:00:00Z', end: '2030-01-01T01:00:00Z' };
}
function dry() {
  return { ...opened(), dryRun: true };
}
