import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterEach, describe, expect, test } from 'vitest';
import { ConfigError, createGuard } from '../../src/index.js';
import {
  createTestIssuer,
  type TestIssuer,
  testPrincipal,
  trustTestIssuers,
} from '../../src/testing.js';
import { inFull } from '../runs.js';

const start = Date.UTC(2030, 0, 1);
const opened: TestIssuer[] = [];
afterEach(async () => {
  for (const issuer of opened.splice(0)) await issuer.close();
});
const listening = async (options: Parameters<typeof createTestIssuer>[0] = {}) => {
  const issuer = await (await createTestIssuer(options)).listen();
  opened.push(issuer);
  return issuer;
};
const request = (token: string) => ({
  method: 'GET',
  url: '/',
  header: (name: string) => (name === 'authorization' ? `Bearer ${token}` : undefined),
});

describe('a token', () => {
  test('is good by default, with all claims of RFC 9068', async () => {
    const issuer = await createTestIssuer({ now: () => start });
    const token = await issuer.token();
    expect(decodeProtectedHeader(token)).toEqual({
      alg: 'ES256',
      typ: 'at+jwt',
      kid: expect.any(String),
    });
    expect(decodeJwt(token)).toEqual({
      iss: 'https://issuer.test',
      aud: 'https://api.test',
      sub: 'user_1',
      client_id: 'client_1',
      iat: start / 1000,
      exp: start / 1000 + 300,
      jti: expect.any(String),
    });
    const guard = createGuard({ ...issuer.options, typ: ['at+jwt'] });
    expect(await guard(request(token))).toMatchObject({ allowed: true });
  });

  test('is bent in every part', async () => {
    const issuer = await createTestIssuer({ now: () => start });
    const token = await issuer.token({
      scopes: ['a', 'b'],
      orgId: 'org_1',
      subject: 'user_2',
      clientId: 'client_2',
      audience: ['x', 'y'],
      expiresIn: -10,
      claims: { jti: undefined, extra: [1] },
      header: { kid: undefined, typ: 'JWT', extra: true },
    });
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'JWT', extra: true });
    expect(decodeJwt(token)).toEqual({
      iss: 'https://issuer.test',
      aud: ['x', 'y'],
      sub: 'user_2',
      client_id: 'client_2',
      iat: start / 1000,
      exp: start / 1000 - 10,
      scope: 'a b',
      org_id: 'org_1',
      extra: [1],
    });
  });

  test.each(['exp', 'nbf', 'iat'])(
    'with %s in milliseconds is not built unless asked for',
    async (name) => {
      const issuer = await createTestIssuer();
      const claims = { [name]: start };
      await expect(issuer.token({ claims })).rejects.toThrow(
        /must be in seconds \(RFC 7519 §2\); got milliseconds/,
      );
      expect(decodeJwt(await issuer.token({ claims, allowMilliseconds: true }))[name]).toBe(start);
    },
  );

  test('with a part that is not known is not built', async () => {
    const issuer = await createTestIssuer();
    const parts = { scope: 'a' } as object;
    await expect(issuer.token(parts)).rejects.toThrow(ConfigError);
    await expect(issuer.token(parts)).rejects.toThrow(
      /token\.scope is not a known option: use scopes/,
    );
  });

  test.each([
    ...['RS256', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
    // An RSA key takes its time to make.
    ...(inFull ? (['RS384', 'RS512', 'PS256', 'PS384'] as const) : []),
  ] as const)('is signed with %s, as jose agrees', async (algorithm) => {
    const issuer = await listening({ algorithm });
    const keys = createRemoteJWKSet(new URL(`${issuer.issuer}/jwks`));
    const token = await issuer.token();
    const { payload } = await jwtVerify(token, keys, { issuer: issuer.issuer });
    expect(payload.sub).toBe('user_1');
    await expect(jwtVerify(await issuer.token({ wrongKey: true }), keys)).rejects.toThrow(
      /signature verification failed/,
    );
    expect(await createGuard(issuer.options)(request(token))).toMatchObject({ allowed: true });
  });
});

describe('its fetch', () => {
  test('serves metadata in both well-known forms, where RFC 8414 and OpenID Connect put them', async () => {
    const issuer = await createTestIssuer({ issuer: 'https://login.test/tenant' });
    for (const path of [
      '/.well-known/oauth-authorization-server/tenant',
      '/tenant/.well-known/openid-configuration',
    ]) {
      const answer = await issuer.fetch(`https://login.test${path}`);
      expect(await answer.json()).toMatchObject({
        issuer: 'https://login.test/tenant',
        jwks_uri: 'https://login.test/tenant/jwks',
      });
    }
    expect(issuer.requests).toEqual({ discovery: 2, jwks: 0, token: 0 });
  });

  test('serves the keys, and 404 for what it does not have', async () => {
    const issuer = await createTestIssuer();
    const answer = await issuer.fetch('https://issuer.test/jwks');
    expect(await answer.json()).toEqual(issuer.jwks);
    expect(JSON.stringify(issuer.jwks)).not.toContain('"d"');
    expect((await issuer.fetch('https://issuer.test/other')).status).toBe(404);
  });

  test('knows no other host', async () => {
    const issuer = await createTestIssuer();
    await expect(issuer.fetch('https://elsewhere.test/jwks')).rejects.toThrow(TypeError);
  });

  test('is down, hangs and comes back', async () => {
    const issuer = await createTestIssuer();
    issuer.goDown();
    await expect(issuer.fetch('https://issuer.test/jwks')).rejects.toThrow(/down/);
    issuer.hang();
    const controller = new AbortController();
    const hanging = issuer.fetch('https://issuer.test/jwks', { signal: controller.signal });
    controller.abort();
    await expect(hanging).rejects.toThrow(/abort/);
    issuer.comeBack();
    expect((await issuer.fetch('https://issuer.test/jwks')).status).toBe(200);
    expect(issuer.requests.jwks).toBe(3);
  });
});

describe('keys', () => {
  test('rotate, with the old one published still', async () => {
    const issuer = await createTestIssuer();
    const old = await issuer.token();
    const guard = createGuard(issuer.options);
    await guard.ready();
    await issuer.rotateKeys();
    expect(issuer.jwks.keys).toHaveLength(2);
    expect(await guard(request(await issuer.token()))).toMatchObject({ allowed: true });
    expect(await guard(request(old))).toMatchObject({ allowed: true });
  });

  test('rotate, with the old one withdrawn', async () => {
    const issuer = await createTestIssuer();
    const old = await issuer.token();
    await issuer.rotateKeys({ withdraw: true });
    expect(issuer.jwks.keys).toHaveLength(1);
    const decision = await createGuard(issuer.options)(request(old));
    expect(decision).toMatchObject({ error: { code: 'ERR_TOKEN_KEY_UNKNOWN' } });
  });
});

describe('client credentials', () => {
  const ask = (issuer: TestIssuer, form: Record<string, string>, ask = fetch) =>
    ask(issuer.tokenEndpoint, { method: 'POST', body: new URLSearchParams(form) });
  const good = { grant_type: 'client_credentials', client_id: 'orders', client_secret: 'secret' };

  test.each([
    ['without a socket', async () => createTestIssuer()],
    ['over a socket', async () => listening()],
  ])('give a token that a guard accepts, %s', async (_, make) => {
    const issuer = await make();
    const answer = await ask(
      issuer,
      { ...good, scope: 'a b', org_id: 'org_1' },
      issuer.options.fetch ?? fetch,
    );
    expect(answer.status).toBe(200);
    const body = (await answer.json()) as { access_token: string };
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: 'a b' });
    const decision = await createGuard(issuer.options)(request(body.access_token), {
      scopes: ['a', 'b'],
      orgId: 'org_1',
    });
    expect(decision).toMatchObject({ principal: { clientId: 'orders', subject: 'orders' } });
    expect(issuer.requests.token).toBe(1);
  });

  test.each([
    ['another grant', { ...good, grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ['no secret', { ...good, client_secret: '' }, 401, 'invalid_client'],
    ['no client', { ...good, client_id: '' }, 401, 'invalid_client'],
  ])('%s is refused', async (_, form, status, error) => {
    const issuer = await createTestIssuer();
    const answer = await ask(issuer, form, issuer.fetch);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({ error });
  });
});

describe('listening', () => {
  test('makes it the issuer of its address', async () => {
    const issuer = await listening();
    expect(issuer.issuer).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(issuer.options).toEqual({ issuer: issuer.issuer, audience: 'https://api.test' });
    const decision = await createGuard(issuer.options)(request(await issuer.token()));
    expect(decision).toMatchObject({ principal: { issuer: issuer.issuer } });
    expect(issuer.requests).toEqual({ discovery: 1, jwks: 1, token: 0 });
  });

  test('leaves a name of its own as it is, and says where its keys are', async () => {
    const issuer = await listening({ issuer: 'https://login.test' });
    expect(issuer.options).toMatchObject({
      issuer: 'https://login.test',
      jwksUri: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/jwks$/),
    });
    const decision = await createGuard(issuer.options)(request(await issuer.token()));
    expect(decision).toMatchObject({ principal: { issuer: 'https://login.test' } });
  });

  test('can be down and hang, too', async () => {
    const issuer = await listening();
    issuer.goDown();
    await expect(fetch(`${issuer.issuer}/jwks`)).rejects.toThrow();
    issuer.hang();
    const controller = new AbortController();
    const hanging = fetch(`${issuer.issuer}/jwks`, { signal: controller.signal });
    while (issuer.requests.jwks < 2) await new Promise(setImmediate);
    controller.abort();
    await expect(hanging).rejects.toThrow();
    issuer.comeBack();
    expect((await fetch(`${issuer.issuer}/jwks`)).status).toBe(200);
  });

  test('ends with close', async () => {
    const issuer = await listening();
    const { issuer: address } = issuer;
    await issuer.close();
    await expect(fetch(`${address}/jwks`)).rejects.toThrow();
  });
});

test('several can be trusted at once, with one fetch and one clock', async () => {
  const [a, b] = await Promise.all([
    createTestIssuer({ issuer: 'https://a.test', now: () => start }),
    createTestIssuer({ issuer: 'https://b.test/tenant', audience: 'b', now: () => start }),
  ]);
  const guard = createGuard(trustTestIssuers(a, b));
  for (const issuer of [a, b]) {
    const decision = await guard(request(await issuer.token()));
    expect(decision).toMatchObject({ principal: { issuer: issuer.issuer } });
    expect(issuer.requests).toEqual({ discovery: 1, jwks: 1, token: 0 });
  }
});

test('several can be trusted over sockets and without, side by side', async () => {
  const [a, b] = [await listening(), await createTestIssuer()];
  const guard = createGuard(trustTestIssuers(a, b));
  for (const issuer of [a, b]) {
    expect(await guard(request(await issuer.token()))).toMatchObject({ allowed: true });
  }
});

test('a test principal is complete by default, and takes scopes as a list', () => {
  expect(testPrincipal()).toEqual({
    kind: 'token',
    subject: 'user_1',
    clientId: 'client_1',
    scopes: new Set(),
  });
  expect(testPrincipal({ scopes: ['a'], orgId: 'org_1' })).toMatchObject({
    orgId: 'org_1',
    scopes: new Set(['a']),
  });
});

describe('a mistake in a test helper is a ConfigError', () => {
  test.each([
    ['a time in words', { expiresIn: '1h' }, /expiresIn must be a number of seconds; got "1h"/],
    ['no number', { expiresIn: Number.NaN }, /expiresIn must be/],
    ['one text of scopes', { scopes: 'a' }, /scopes must be an array of strings; got "a"/],
    ['a list of other things', { scopes: [1] }, /scopes must be an array of strings/],
    ['an empty organization', { orgId: '' }, /orgId must be a non-empty string/],
    [
      'a variable that is not set',
      { orgId: undefined },
      /orgId must be a non-empty string.*got undefined/,
    ],
    ['a list of claims', { claims: [] }, /claims must be an object/],
    ['a word for a flag', { wrongKey: 'yes' }, /wrongKey must be true or false/],
    ['a part that is not known', { roles: ['a'] }, /\.roles is not a known option/],
    ['no parts', 'user_1', /must be called with an object; got "user_1"/],
  ])('in a token: %s', async (_, parts, told) => {
    const issuer = await createTestIssuer();
    const minted = issuer.token(parts as never);
    await expect(minted).rejects.toThrow(ConfigError);
    await expect(minted).rejects.toThrow(told);
  });

  test.each([
    ['an audience that is no text', { audience: 1 }],
    ['a symmetric algorithm', { algorithm: 'HS256' }],
    ['a time for a clock', { now: 0 }],
    ['an option that is not known', { expiresIn: 1 }],
  ])('in an issuer: %s', async (_, options) => {
    await expect(createTestIssuer(options as never)).rejects.toThrow(ConfigError);
  });

  test('in a rotation', async () => {
    const issuer = await createTestIssuer();
    await expect(issuer.rotateKeys({ withdrawn: true } as never)).rejects.toThrow(ConfigError);
  });

  test.each([[{ scopes: 'a' }], [{ sub: 'user_1' }], [{ kind: 'jwt' }], [{ expiresAt: '1h' }]])(
    'in a principal: %o',
    (parts) => {
      expect(() => testPrincipal(parts as never)).toThrow(ConfigError);
    },
  );
});

test('a part of a test principal that is undefined is left out', () => {
  expect(Object.keys(testPrincipal({ clientId: undefined }))).toEqual([
    'kind',
    'subject',
    'scopes',
  ]);
});
