import { describe, expect, test } from 'vitest';
import type { DecisionEvent, MigrationPlan, Principal, Requirements } from '../../src/index.js';
import { bearing } from '../rfc/ask.js';
import { keepBack, openScene, type SceneOptions, settle } from './scene.js';

/** A scene in which a token of one scope and one organization is remembered. */
async function openWarm(options: SceneOptions = {}) {
  const scene = await openScene(options);
  const good = scene.token({ scope: 'a b', org_id: 'org_1' });
  const first = await scene.principal(good);
  const judge = (requirements: Requirements) => scene.verdict(good, requirements);
  return { ...scene, good, first, judge };
}

describe('on every request with a remembered token', () => {
  test('scopes are checked', async () => {
    const { judge, principal, good, first } = await openWarm({ impliedScopes: { b: ['c'] } });
    for (let i = 0; i < 3; i += 1) {
      expect(await judge({ scopes: ['a', 'b'] })).toBe('allowed');
      expect(await judge({ scopes: ['a', 'd'] })).toBe('ERR_SCOPE_MISSING');
      expect(await judge({ anyScope: ['d', 'c'] })).toBe('allowed');
      expect(await judge({ anyScope: ['d', 'e'] })).toBe('ERR_SCOPE_MISSING');
    }
    // What one route asks for in vain does not end it.
    expect(await principal(good)).toBe(first);
  });

  test('the organization is checked', async () => {
    const { judge, guard, good, principal, first } = await openWarm();
    for (const [orgId, code] of [
      ['org_1', 'allowed'],
      ['org_2', 'ERR_ORG_MISMATCH'],
      [() => undefined, 'ERR_ORG_UNRESOLVED'],
      ['org_1', 'allowed'],
    ] as const) {
      expect(await judge({ orgId })).toBe(code);
    }
    const ofPath: Requirements = { orgId: ({ params }) => params?.org };
    for (const org of ['org_1', 'org_2', 'org_1']) {
      const { allowed } = await guard(bearing(good, { params: { org } }), ofPath);
      expect(allowed).toBe(org === 'org_1');
    }
    expect(await principal(good)).toBe(first);
  });

  test('the application’s own check is asked, of the same principal', async () => {
    const { judge, principal, good, first } = await openWarm();
    const asked: Principal[] = [];
    let answer = true;
    const check = (one: Principal) => {
      asked.push(one);
      return answer;
    };
    for (const next of [true, false, false, true]) {
      answer = next;
      expect(await judge({ check })).toBe(next ? 'allowed' : 'ERR_CHECK_FAILED');
    }
    expect(asked).toHaveLength(4);
    for (const one of asked) expect(one).toBe(first);
    expect(await principal(good)).toBe(first);
  });

  test('the rest of the request is read: nothing is excused', async () => {
    const { guard, good } = await openWarm();
    for (const [more, code] of [
      [{ url: '/?access_token=a' }, 'ERR_TOKEN_IN_QUERY'],
      [{ formToken: true }, 'ERR_TOKEN_IN_FORM'],
      [{ header: () => `Bearer ${good}, Bearer ${good}` }, 'ERR_HEADER_REPEATED'],
      [{ header: () => `Basic ${good}` }, 'ERR_CREDENTIAL_MISSING'],
    ] as const) {
      const decision = await guard(bearing(good, more));
      expect(decision).toMatchObject({ allowed: false, error: { code } });
    }
  });

  test('is told who it was, whatever becomes of it', async () => {
    const events: DecisionEvent[] = [];
    const { judge } = await openWarm({ onDecision: (event) => void events.push(event) });
    await judge({ scopes: ['a'] });
    await judge({ scopes: ['d'] });
    const who = { subject: 'user_1', clientId: 'client_1', orgId: 'org_1', tokenId: 'token_1' };
    const seen = { ...who, issuer: 'https://issuer.test', scopes: ['a', 'b'], method: 'token' };
    expect(events).toMatchObject([
      { ...seen, outcome: 'allow' },
      { ...seen, outcome: 'allow' },
      { ...seen, outcome: 'deny', reason: 'ERR_SCOPE_MISSING', missingScopes: ['d'] },
    ]);
    // A listener has its own copy: what it does to one event, no other one shows.
    const [first] = events as [DecisionEvent];
    (first.scopes as string[]).push('admin');
    await judge({ scopes: ['a'] });
    expect(events[3]?.scopes).toEqual(['a', 'b']);
  });
});

/** A guard under a plan that can be replaced while it runs. */
async function openPlanned(plan: MigrationPlan) {
  let current = plan;
  let changed = () => {};
  const events: DecisionEvent[] = [];
  const scene = await openScene({
    onDecision: (event) => void events.push(event),
    maxTokenLifetime: 600,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async () => undefined,
      plan: { load: async () => current, pollInterval: 0.001, initial: plan },
      onMigration: (event) => event.kind === 'plan' && changed(),
    },
  });
  await settle();
  return {
    ...scene,
    events,
    /** Settles once the plan is in force. */
    publish(next: MigrationPlan) {
      const inForce = new Promise<void>((done) => {
        changed = done;
      });
      current = next;
      return inForce;
    },
    token: (claims: object = {}) => scene.token({ exp: scene.clock.time / 1000 + 300, ...claims }),
  };
}

const report: MigrationPlan = {
  tokenChecks: { audience: 'report', type: 'report', lifetime: 'report' },
};
const faults = [
  ['ERR_TOKEN_AUDIENCE', { aud: 'https://other.test' }],
  ['ERR_TOKEN_LIFETIME', { exp: Date.UTC(2030, 0, 2) / 1000 }],
] as const;

describe('under a plan that only reports', () => {
  test.each(faults)('a token with %s is not remembered', async (code, bent) => {
    const { principal, token, events } = await openPlanned(report);
    const faulty = token(bent);
    const seen = [await principal(faulty), await principal(faulty), await principal(faulty)];
    expect(new Set(seen).size).toBe(3);
    expect(events.map(({ wouldDeny }) => wouldDeny)).toEqual([[code], [code], [code]]);
  });

  test.each(faults)('a token with %s evicts none', async (_, bent) => {
    const { principal, token, network } = await openPlanned(report);
    const good = Array.from({ length: 5 }, (_, i) => token({ jti: `${i}` }));
    const first = await Promise.all(good.map((one) => principal(one)));
    for (let i = 0; i < 20; i += 1) await principal(token({ ...bent, jti: `bad ${i}` }));
    for (const [i, one] of good.entries()) expect(await principal(one)).toBe(first[i]);
    expect(network.asked).toBe(1);
  });

  test.each(faults)('a token with %s is refused once the plan enforces', async (code, bent) => {
    const { verdict, token, publish } = await openPlanned(report);
    const faulty = token(bent);
    for (let round = 0; round < 2; round += 1) {
      expect(await verdict(faulty)).toBe('allowed');
      await publish({});
      expect(await verdict(faulty)).toBe(code);
      await publish(report);
    }
    // For its own client, it is a report still.
    await publish({ clients: { client_1: report } });
    expect(await verdict(faulty)).toBe('allowed');
    expect(await verdict(token({ ...bent, client_id: 'client_2' }))).toBe(code);
  });

  test('a token without fault is remembered, and across plans', async () => {
    const { principal, token, publish } = await openPlanned(report);
    const first = await principal(token());
    expect(await principal(token())).toBe(first);
    await publish({});
    expect(await principal(token())).toBe(first);
    await publish(report);
    expect(await principal(token())).toBe(first);
  });

  test('a token whose keys are waited for while the plan changes is judged as it came', async () => {
    const { guard, verdict, token, publish, network, events } = await openPlanned(report);
    const faulty = token({ aud: 'https://other.test' });
    const release = keepBack(network);
    const waiting = guard(bearing(faulty));
    await publish({});
    // It has a flight to share, and is refused all the same.
    expect(await verdict(faulty)).toBe('ERR_TOKEN_AUDIENCE');
    release();
    expect((await waiting).allowed).toBe(true);
    expect(events.map(({ reason, wouldDeny }) => reason ?? wouldDeny)).toEqual([
      'ERR_TOKEN_AUDIENCE',
      ['ERR_TOKEN_AUDIENCE'],
    ]);
    expect(await verdict(faulty)).toBe('ERR_TOKEN_AUDIENCE');
    expect(network.asked).toBe(1);
  });

  test('a token that joins one of before the plan is one with it', async () => {
    const { principal, token, publish, network } = await openPlanned({});
    const release = keepBack(network);
    const waiting = principal(token());
    await publish(report);
    const joined = principal(token());
    release();
    expect(await joined).toBe(await waiting);
    expect(await principal(token())).toBe(await waiting);
  });
});
