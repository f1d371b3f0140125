import { beforeEach, describe, expect, test } from 'vitest';
import { createGuard, type DecisionEvent, type GuardOptions } from '../../src/index.js';
import { createTestIssuer, type TestIssuer } from '../../src/testing.js';

const start = Date.UTC(2030, 0, 1);
let time = start;
let issuer: TestIssuer;
let events: DecisionEvent[];

beforeEach(async () => {
  time = start;
  issuer = await createTestIssuer({ now: () => time });
  events = [];
});

const guardOf = (options: Partial<GuardOptions> = {}) =>
  createGuard({
    ...issuer.options,
    onDecision: (event) => void events.push(event),
    ...options,
  } as GuardOptions);

const request = (token?: string) => ({
  method: 'PUT',
  url: '/',
  header: (name: string) => (name === 'authorization' && token ? `Bearer ${token}` : undefined),
});

test('an allowed token: who, and what it may', async () => {
  const guard = guardOf();
  await guard(
    request(await issuer.token({ scopes: ['a', 'b'], orgId: 'org_1', claims: { jti: 'token_1' } })),
  );
  expect(events).toStrictEqual([
    {
      time: start,
      outcome: 'allow',
      status: 200,
      method: 'token',
      subject: 'user_1',
      clientId: 'client_1',
      orgId: 'org_1',
      issuer: 'https://issuer.test',
      tokenId: 'token_1',
      scopes: ['a', 'b'],
      durationMs: 0,
      httpMethod: 'PUT',
    },
  ]);
});

test('a verified token that may not: who, and which scopes it lacks', async () => {
  await guardOf()(request(await issuer.token({ scopes: ['a'] })), {
    scopes: ['a', 'b'],
    anyScope: ['c', 'd'],
  });
  expect(events).toMatchObject([
    {
      outcome: 'deny',
      status: 403,
      reason: 'ERR_SCOPE_MISSING',
      subject: 'user_1',
      scopes: ['a'],
      missingScopes: ['b', 'c', 'd'],
    },
  ]);
});

test('a refused token: only what it claimed, and apart', async () => {
  await guardOf()(request(await issuer.token({ wrongKey: true, scopes: ['a'], orgId: 'org_1' })));
  expect(events).toStrictEqual([
    {
      time: start,
      outcome: 'deny',
      status: 401,
      reason: 'ERR_TOKEN_SIGNATURE',
      detail: expect.stringMatching(
        /^the key "[\w-]+" of "https:\/\/issuer.test" did not sign it$/,
      ),
      method: 'token',
      claimed: { issuer: 'https://issuer.test', clientId: 'client_1' },
      durationMs: 0,
      httpMethod: 'PUT',
    },
  ]);
});

test('what a token does not say is left out, in the event and in the principal', async () => {
  const claims = { sub: undefined, client_id: undefined, jti: undefined };
  const decision = await guardOf()(request(await issuer.token({ claims })));
  const [event] = events;
  expect(Object.keys(event ?? {}).sort()).toEqual([
    'durationMs',
    'httpMethod',
    'issuer',
    'method',
    'outcome',
    'scopes',
    'status',
    'time',
  ]);
  expect(Object.keys((decision.allowed && decision.principal) || {}).sort()).toEqual([
    'claims',
    'expiresAt',
    'issuer',
    'kind',
    'scopes',
  ]);
});

test.each([
  [{ iss: 1, client_id: 'client_1' }, { clientId: 'client_1' }],
  [{ iss: 'https://evil.test', client_id: 1 }, { issuer: 'https://evil.test' }],
])('of %j only what is a text is claimed', async (claims, claimed) => {
  await guardOf()(request(await issuer.token({ claims })));
  expect(events[0]?.claimed).toStrictEqual(claimed);
});

test('what was claimed is found where its issuer keeps it', async () => {
  const claims = { azp: 'client_2' };
  await guardOf({ claims: { clientId: 'azp' } })(
    request(await issuer.token({ wrongKey: true, claims })),
  );
  expect(events).toMatchObject([{ claimed: { clientId: 'client_2' } }]);
});

test('what was claimed is printable and short', async () => {
  const claims = {
    iss: `https://evil.test/\r\n\u0000é${'a'.repeat(500)}`,
    client_id: { not: 'a text' },
  };
  await guardOf()(request(await issuer.token({ claims })));
  expect(events[0]?.claimed).toStrictEqual({ issuer: `https://evil.test/${'a'.repeat(110)}` });
});

test('a token that claims nothing readable has nothing claimed', async () => {
  await guardOf()(request('opaque'));
  expect(events).toStrictEqual([
    {
      time: start,
      outcome: 'deny',
      status: 401,
      reason: 'ERR_TOKEN_NOT_JWT',
      detail: expect.stringContaining('a JWT has three segments; got 1'),
      method: 'token',
      durationMs: 0,
      httpMethod: 'PUT',
    },
  ]);
});

test('no credential', async () => {
  await guardOf()(request());
  expect(events).toMatchObject([
    { outcome: 'deny', status: 401, reason: 'ERR_CREDENTIAL_MISSING', method: 'none' },
  ]);
});

test('no credential where none is needed', async () => {
  await guardOf()(request(), { optional: true });
  expect(events).toStrictEqual([
    {
      time: start,
      outcome: 'allow',
      status: 200,
      method: 'none',
      durationMs: 0,
      httpMethod: 'PUT',
    },
  ]);
});

test('an outage is no refusal, and says more than the client is told', async () => {
  issuer.goDown();
  const decision = await guardOf()(request(await issuer.token()));
  expect(events).toMatchObject([
    {
      outcome: 'error',
      status: 503,
      reason: 'ERR_JWKS_UNREACHABLE',
      detail: expect.stringMatching(
        /^https:\/\/issuer\.test\/\.well-known\/oauth-authorization-server could not be reached/,
      ),
    },
  ]);
  expect(decision).toMatchObject({ denial: { body: { code: 'ERR_TEMPORARILY_UNAVAILABLE' } } });
});

test('a duration is never negative, though the clock is set back', async () => {
  const clock = [start, start, start, start - 5000];
  await guardOf({ now: () => clock.shift() ?? start - 5000 })(request());
  expect(events).toMatchObject([{ durationMs: 0 }]);
});

test('a duration is what the clock says', async () => {
  const guard = guardOf({
    fetch: async (...args) => {
      time += 40;
      return issuer.fetch(...args);
    },
  });
  await guard(request(await issuer.token()));
  expect(events).toMatchObject([{ durationMs: 80, time: start + 80 }]);
});

test('a guard that runs twice tells twice', async () => {
  const guard = guardOf();
  const asked = request(await issuer.token());
  await guard(asked);
  await guard(asked);
  expect(events).toHaveLength(2);
});

describe('a listener changes nothing', () => {
  const listeners: Readonly<Record<string, (event: DecisionEvent) => unknown>> = {
    'that throws': () => {
      throw new Error('a listener');
    },
    'that rejects': async () => {
      throw new Error('a listener');
    },
    'that answers a broken thenable': () => ({
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tried
      get then() {
        throw new Error('a listener');
      },
    }),
    'that changes its event': (event) => {
      (event.scopes as string[]).push('admin');
      Object.assign(event, { outcome: 'deny' });
    },
  };

  test.each(Object.entries(listeners))('%s', async (_, listener) => {
    const onDecision = listener as (event: DecisionEvent) => void;
    const guard = guardOf({ onDecision });
    const decision = await guard(request(await issuer.token({ scopes: ['a'] })));
    expect(decision).toMatchObject({ allowed: true });
    expect(decision.allowed && [...(decision.principal?.scopes ?? [])]).toEqual(['a']);
  });
});

test('a bug is no decision, and not told as one', async () => {
  const guard = guardOf();
  const check = () => {
    throw new TypeError('a bug');
  };
  await expect(guard(request(await issuer.token()), { check })).rejects.toThrow(TypeError);
  expect(events).toEqual([]);
});
