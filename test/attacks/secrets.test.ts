import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { AuthError, type DecisionEvent } from '../../src/index.js';
import { bearing, requestOf, sending } from '../rfc/ask.js';
import { guardFor, keyFor, mint } from '../rfc/mint.js';
import { refusals } from '../rfc/refusals.js';

const key = await keyFor('ES256');
const stranger = await keyFor('ES256', 'stranger');

/** Everything that a log could hold of a value. */
const logged = (value: unknown): string =>
  [
    JSON.stringify(value),
    inspect(value, { depth: Number.POSITIVE_INFINITY, showHidden: true, maxStringLength: null }),
    String(value),
    value instanceof Error ? `${value.stack}${value.message}` : '',
  ].join('\n');

function expectSilent(value: unknown, token: string): void {
  const text = logged(value);
  const [head, payload, signature] = token.split('.');
  for (const secret of [token, payload, signature, `${head}.`, `${payload?.slice(0, 40)}`]) {
    if (secret) expect(text).not.toContain(secret);
  }
}

const detailsIn = (events: readonly DecisionEvent[]) =>
  events.flatMap(({ detail }) => (detail === undefined ? [] : [detail]));

describe.each(refusals)('$code', (refusal) => {
  test('says nothing of the token, in decision, denial, error or event', async () => {
    const token = refusal.token?.(key, stranger) ?? mint(key);
    const events: DecisionEvent[] = [];
    const listening = { onDecision: (event: DecisionEvent) => events.push(event) };
    const guard = refusal.guard?.(key, listening) ?? guardFor([key.jwk], listening);
    const decision = await guard(refusal.request(token), refusal.requirements);
    if (decision.allowed) throw new Error('the guard let it through');
    expect(decision.error.code).toBe(refusal.code);
    const { error, denial } = decision;
    const detail = error instanceof AuthError ? error.detail : undefined;
    for (const one of [decision, denial, error, error.cause, events, detail]) {
      expectSilent(one, token);
    }
    // The operator's sentence is in no enumerable member, and nothing of it or of a claim is sent.
    expect(logged(error)).not.toContain(detail ?? 'no detail');
    const sent = JSON.stringify(denial);
    for (const secret of [detail, ...detailsIn(events), 'user_1', 'evil.test', 'other.test']) {
      if (secret !== undefined) expect(sent).not.toContain(secret);
    }
    for (const one of detailsIn(events)) expect(one).toMatch(/^[ -~]{1,700}$/);
    expect(events.map(({ reason }) => reason)).toEqual([refusal.code]);
  });
});

describe('outages', () => {
  const failing: Record<string, typeof globalThis.fetch> = {
    ERR_JWKS_UNREACHABLE: () => Promise.reject(new TypeError('fetch failed')),
    ERR_JWKS_RESPONSE: async () => new Response('<html>', { status: 502 }),
    ERR_JWKS_TIMEOUT: () => new Promise(() => {}),
  };

  test.each(Object.entries(failing))('%s says nothing of the token either', async (code, fetch) => {
    const token = mint(key);
    const events: DecisionEvent[] = [];
    const onDecision = (event: DecisionEvent) => events.push(event);
    const guard = guardFor([], { fetch, onDecision, jwks: { timeout: 0.001 } });
    const decision = await guard(bearing(token));
    expect(decision).toMatchObject({ allowed: false, error: { code } });
    expect(events).toMatchObject([
      { outcome: 'error', status: 503, reason: code, method: 'token' },
    ]);
    expectSilent([decision, events], token);
    if (!decision.allowed) expectSilent(decision.error.cause, token);
    await expect(guard.ready()).rejects.toMatchObject({ code });
  });
});

describe('what is allowed', () => {
  test('a decision and its event hold claims, and not the token', async () => {
    const token = mint(key, { claims: { scope: 'a', org_id: 'org_1' } });
    const events: DecisionEvent[] = [];
    const guard = guardFor([key.jwk], { onDecision: (event) => events.push(event) });
    const decision = await guard(bearing(token));
    expect(decision.allowed).toBe(true);
    expect(events).toHaveLength(1);
    expectSilent(decision, token);
    expectSilent(events, token);
    expect(logged(events)).not.toContain('claims');
  });
});

describe('what is thrown', () => {
  const broken = new Error('the application broke');
  const throwing = () => {
    throw broken;
  };

  test.each([
    ['a check that throws', { check: throwing }],
    ['a check that rejects', { check: () => Promise.reject(broken) }],
    ['an organization that throws', { orgId: throwing }],
  ])('by %s is the application’s own error, untouched', async (_, requirements) => {
    const token = mint(key);
    const events: DecisionEvent[] = [];
    const guard = guardFor([key.jwk], { onDecision: (event) => events.push(event) });
    await expect(guard(bearing(token), requirements)).rejects.toBe(broken);
    expectSilent(broken, token);
    expect(Object.keys(broken)).toEqual([]);
    expect(events).toEqual([]);
  });

  test('by a clock or a request that is broken has no token in it', async () => {
    const token = mint(key);
    const request = { ...bearing(token), header: throwing };
    await expect(guardFor([key.jwk])(request)).rejects.toBe(broken);
    await expect(guardFor([key.jwk], { now: throwing })(bearing(token))).rejects.toBe(broken);
    expectSilent(broken, token);
  });

  test('for requirements that cannot be meant has no token in it', async () => {
    const token = mint(key);
    const wrong = { scopes: 'a b' } as never;
    const error = await guardFor([key.jwk])(bearing(token), wrong).catch((one: unknown) => one);
    expect(error).toMatchObject({ code: 'ERR_CONFIG' });
    expectSilent(error, token);
  });
});

describe('identity in an event', () => {
  async function eventOf(request: Parameters<ReturnType<typeof guardFor>>[0], requirements = {}) {
    const events: DecisionEvent[] = [];
    const onDecision = (event: DecisionEvent) => events.push(event);
    await guardFor([key.jwk], { onDecision })(request, requirements);
    expect(events).toHaveLength(1);
    return events[0];
  }
  const identity = ['subject', 'clientId', 'orgId', 'issuer', 'tokenId', 'keyId', 'scopes'];
  const identified = (event: DecisionEvent | undefined) =>
    Object.keys(event ?? {}).filter((name) => identity.includes(name));

  test.each(refusals.filter(({ guard, code }) => !guard && /^ERR_(TOKEN|HEADER|CRED)/.test(code)))(
    'is never there before the token is verified: $code',
    async (refusal) => {
      const token = refusal.token?.(key, stranger) ?? mint(key);
      const event = await eventOf(refusal.request(token));
      expect(identified(event)).toEqual([]);
      for (const value of Object.values(event?.claimed ?? {}))
        expect(value).toMatch(/^[ -~]{1,128}$/);
    },
  );

  test('is there once it is verified, though the request is refused', async () => {
    const token = mint(key, { claims: { scope: 'a', org_id: 'org_1' } });
    const event = await eventOf(bearing(token), { scopes: ['b'] });
    expect(identified(event).sort()).toEqual(
      ['clientId', 'issuer', 'orgId', 'scopes', 'subject', 'tokenId'].sort(),
    );
    expect(event?.claimed).toBeUndefined();
  });

  test('is not there where nobody said anything', async () => {
    for (const request of [requestOf({}), sending('Basic abc'), sending('Bearer abc')]) {
      const event = await eventOf(request);
      expect([identified(event), event?.claimed]).toEqual([[], undefined]);
    }
  });
});

describe('the detail of an event', () => {
  const ofToken = refusals.filter(({ code, guard }) => !guard && code.startsWith('ERR_TOKEN_'));

  test.each(ofToken.filter(({ code }) => !/_IN_/.test(code)))(
    'is there: $code',
    async (refusal) => {
      const events: DecisionEvent[] = [];
      const guard = guardFor([key.jwk], { onDecision: (event) => events.push(event) });
      await guard(refusal.request(refusal.token?.(key, stranger) ?? mint(key)));
      const keyCodes = ['ERR_TOKEN_KEY_UNKNOWN', 'ERR_TOKEN_KEY_MISMATCH'];
      if (!keyCodes.includes(refusal.code)) expect(detailsIn(events)).toHaveLength(1);
    },
  );

  test.each(['iss', 'aud', 'kid', 'alg', 'typ'])(
    'has at most 128 printable characters of a long %s, and no control characters',
    async (name) => {
      const long = `\r\n\u001b[31m\u202e${'y'.repeat(5_000)}`;
      const events: DecisionEvent[] = [];
      const guard = guardFor([key.jwk], { onDecision: (event) => events.push(event) });
      const parts = ['iss', 'aud'].includes(name)
        ? { claims: { [name]: long } }
        : { header: { [name]: long } };
      await guard(bearing(mint(key, parts)));
      for (const detail of detailsIn(events)) {
        expect(detail).toMatch(/^[ -~]+$/);
        expect(detail).not.toMatch(/y{129}/);
      }
      expect(events).toHaveLength(1);
    },
  );

  test('is left out if a stranger wrote the credential itself into a claim', async () => {
    const events: DecisionEvent[] = [];
    const apiKey = 'sk_live_0123456789abcdef';
    const guard = guardFor([key.jwk], {
      onDecision: (event) => events.push(event),
      apiKeys: {
        from: [{ header: 'x-api-key' }],
        lookup: async () => ({ id: 'key_1' }),
        both: 'same-client',
      },
    });
    const token = mint(key, { claims: { aud: apiKey } });
    await guard(requestOf({ authorization: `Bearer ${token}`, 'x-api-key': apiKey }));
    expect(events).toMatchObject([{ reason: 'ERR_TOKEN_AUDIENCE' }]);
    expect(logged(events)).not.toContain(apiKey);
  });

  test('is written only if somebody reads it', () => {
    let written = 0;
    const write = () => {
      written += 1;
      return 'why';
    };
    const error = new AuthError('ERR_TOKEN_EXPIRED', { detail: write });
    expect([logged(error).includes('why'), written]).toEqual([false, 0]);
    expect([error.detail, error.detail, written]).toEqual(['why', 'why', 1]);
    expect(Object.keys(error)).not.toContain('detail');
    expect(new AuthError('ERR_TOKEN_EXPIRED').detail).toBeUndefined();
  });
});
