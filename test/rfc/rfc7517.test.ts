import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { bearing, judge, refuse } from './ask.js';
import { guardFor, keyFor, mint, named } from './mint.js';

const key = await keyFor('ES256');
const token = mint(key);
const { alg, use, ...bare } = key.jwk as Record<string, unknown>;
const other = named(await keyFor('ES256', 'other'), 'other');

describe('RFC 7517 §4, what a key says of itself', () => {
  test('RFC 7517 §4: a key that says only what it is serves', async () => {
    expect(await judge(guardFor([bare]), token)).toBe('allowed');
  });

  test.each([
    { use: 'enc' },
    { use: 'SIG' },
    { use: ['sig'] },
    { key_ops: ['sign'] },
    { key_ops: ['encrypt', 'wrapKey'] },
    { key_ops: ['Verify'] },
    { key_ops: 'verify' },
    { key_ops: { verify: true } },
    { use: 'sig', key_ops: ['deriveKey'] },
    { use: 'enc', key_ops: ['verify'] },
  ])('RFC 7517 §4.2, §4.3 [J13]: a key with %j MUST NOT be used', async (members) => {
    const one = { ...bare, ...members };
    expect(await judge(guardFor([one, other.jwk]), token)).toBe('ERR_TOKEN_KEY_UNKNOWN');
    expect(await judge(guardFor([one]), token)).toBe('ERR_JWKS_RESPONSE');
  });

  test.each([
    { use: 'sig' },
    { key_ops: ['verify'] },
    { key_ops: ['sign', 'verify'] },
    { use: 'sig', key_ops: ['verify'] },
    ...[null, '', []].flatMap((none) =>
      ['use', 'key_ops', 'alg', 'd', 'issuer', 'x5c', 'x5t', 'x5t#S256', 'x5u'].map((name) => ({
        [name]: none,
      })),
    ),
  ])('RFC 7517 §4.2, §4.3 [J13]: a key with %j is for signatures', async (members) => {
    expect(await judge(guardFor([{ ...bare, ...members }]), token)).toBe('allowed');
  });

  test.each(['ES384', 'RS256', 'es256', 'ES256 ', 'HS256', 'none', 'ECDH-ES', 'EdDSA'])(
    'RFC 7517 §4.4 [J07]: a key for "%s" MUST NOT serve another algorithm',
    async (alg) => {
      const guard = guardFor([{ ...bare, alg }, other.jwk]);
      expect(await judge(guard, token)).toBe('ERR_TOKEN_KEY_MISMATCH');
    },
  );

  test.each([1, ['ES256'], {}, true])(
    'RFC 7517 §4.4 [J07]: a key whose alg is %j MUST NOT be used',
    async (alg) => {
      const guard = guardFor([{ ...bare, alg }, other.jwk]);
      expect(await judge(guard, token)).toBe('ERR_TOKEN_KEY_UNKNOWN');
    },
  );

  test.each([1, ['ES256'], {}, true])(
    'RFC 7517 §4.5 [J11]: a key whose kid is %j MUST NOT be used',
    async (kid) => {
      const nameless = mint(key, { header: { kid: undefined } });
      const guard = guardFor([{ ...bare, kid }, (await keyFor('ES384')).jwk]);
      expect(await judge(guard, token)).toBe('ERR_TOKEN_KEY_UNKNOWN');
      expect(await judge(guard, nameless)).toBe('ERR_TOKEN_KEY_MISMATCH');
    },
  );

  test.each([{ kid: null }, { kid: '' }, { kid: [] }])(
    'RFC 7517 §4.5: a key with %j has none',
    async ({ kid }) => {
      const guard = guardFor([{ ...bare, kid }]);
      expect(await judge(guard, token)).toBe('ERR_TOKEN_KEY_UNKNOWN');
      expect(await judge(guard, mint(key, { header: { kid: undefined } }))).toBe('allowed');
      expect(await judge(guard, mint(key, { header: { kid: '' } }))).toBe('allowed');
    },
  );

  test('RFC 7517 §4.5 [J11]: a key without a kid is none that a token names', async () => {
    const { kid, ...nameless } = bare;
    const guard = guardFor([nameless]);
    expect(await judge(guard, token)).toBe('ERR_TOKEN_KEY_UNKNOWN');
    expect(await judge(guard, mint(key, { header: { kid: undefined } }))).toBe('allowed');
  });

  test('RFC 7517 §4: members that are not known MUST be ignored', async () => {
    const members = { x5c: ['a'], x5u: 'https://evil.test', x5t: 1, iat: 0, constructor: 1 };
    expect(await judge(guardFor([{ ...bare, ...members }]), token)).toBe('allowed');
  });

  test('RFC 7517 §9.2: a key that is published with its private half MUST NOT be used', async () => {
    const secret = { ...bare, ...key.privateKey.export({ format: 'jwk' }) };
    expect(await judge(guardFor([secret, other.jwk]), token)).toBe('ERR_TOKEN_KEY_UNKNOWN');
    for (const part of ['p', 'q', 'dp', 'dq', 'qi', 'oth']) {
      const leaked = { ...bare, [part]: 'AQAB' };
      expect(await judge(guardFor([leaked, other.jwk]), token)).toBe('ERR_TOKEN_KEY_UNKNOWN');
    }
  });
});

describe('RFC 7517 §5, what stands beside it', () => {
  const junk = [
    ...[null, true, 1, 'key', [], [bare], {}],
    ...[{ kty: null }, { kty: 'FOO' }, { kty: 'constructor' }, { kty: '__proto__' }],
    ...[{ kty: 'RSA' }, { kty: 'EC' }, { kty: 'OKP' }, { kty: 'EC', crv: 'P-256' }],
    ...[
      { ...bare, kty: 'RSA' },
      { ...bare, kty: 'ec' },
      { ...bare, kty: ['EC'] },
    ],
    ...[
      { ...bare, crv: 'P-384' },
      { ...bare, crv: 'p-256' },
      { ...bare, crv: null },
    ],
    ...[
      { ...bare, x: '' },
      { ...bare, x: 1 },
      { ...bare, y: undefined },
      { ...bare, x: bare.y },
    ],
    { kty: 'AKP', alg: 'ML-DSA-44', kid: key.kid, pub: 'AAAA' },
    { kty: 'oct', kid: key.kid, alg: 'ES256', k: 'c2VjcmV0' },
  ];

  test('RFC 7517 §5 [J18]: a key SHOULD serve whatever stands beside it', async () => {
    expect(await judge(guardFor([...junk, key.jwk, ...junk]), token)).toBe('allowed');
  });

  test.each(junk)('RFC 7517 §5 [J18]: %j MUST NOT serve', async (one) => {
    expect(await judge(guardFor([one, other.jwk]), token)).toBe('ERR_TOKEN_KEY_UNKNOWN');
    expect(await judge(guardFor([one]), token)).toBe('ERR_JWKS_RESPONSE');
  });

  test.each([
    ['alone', [], 'ERR_JWKS_RESPONSE'],
    ['beside a good key', [other.jwk], 'ERR_TOKEN_KEY_UNKNOWN'],
  ])('RFC 8725 §3.1 [J17]: an oct key %s MUST NOT be used', async (_, beside, code) => {
    const oct = { kty: 'oct', kid: 'shared', k: 'c2VjcmV0', alg: 'HS256' };
    const guard = guardFor([oct, ...beside]);
    expect(await judge(guard, mint(key, { header: { kid: 'shared' } }))).toBe(code);
    expect(await judge(guard, mint(key, { header: { kid: 'shared', alg: 'HS256' } }))).toBe(
      'ERR_TOKEN_ALGORITHM',
    );
  });

  test('RFC 7517 §4.5: of two keys of one kid, the only one that fits the algorithm serves', async () => {
    const ed25519 = named(await keyFor('Ed25519'), key.kid);
    const guard = guardFor([ed25519.jwk, key.jwk]);
    expect(await judge(guard, token)).toBe('allowed');
    expect(await judge(guard, mint(ed25519))).toBe('allowed');
  });

  test('RFC 7517 §4.5: two keys of one kid that fit the algorithm MUST NOT be tried in turn', async () => {
    const guard = guardFor([key.jwk, named(other, key.kid).jwk]);
    expect(await judge(guard, token)).toBe('ERR_TOKEN_KEY_UNKNOWN');
  });

  test.each([null, {}, 'keys', 1, [], true, undefined])(
    'RFC 7517 §5.1: a set whose keys are %j',
    async (keys) => {
      const denial = await refuse(guardFor(keys), bearing(token));
      expect(denial.status).toBe(503);
    },
  );

  test('RFC 7517 §5.1 [J05]: what is no set MUST be 503, never 401', async () => {
    for (const text of ['', 'null', '[]', '{"keys":[', '<html>', '\ufeff{"keys":[]}x']) {
      const guard = guardFor([], { fetch: async () => new Response(text) });
      expect([text, await judge(guard, token)]).toEqual([text, 'ERR_JWKS_RESPONSE']);
    }
  });
});

describe('RFC 8037 §3.1, curves', () => {
  test.each(['ed448', 'x25519', 'x448'] as const)(
    'RFC 8037 §3.1 [J24]: a key of %s MUST NOT serve EdDSA',
    async (curve) => {
      const { publicKey } = generateKeyPairSync(curve as 'ed448');
      const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'EdDSA' };
      const signed = mint(await keyFor('EdDSA'));
      expect(await judge(guardFor([jwk, other.jwk]), signed)).toBe('ERR_TOKEN_KEY_MISMATCH');
    },
  );

  test.each([
    ['EdDSA', 'Ed25519'],
    ['Ed25519', 'EdDSA'],
  ] as const)('RFC 9864 §2.2 [J07] [J24]: a key for %s MUST NOT serve %s', async (own, asked) => {
    const { jwk } = await keyFor(own);
    const signed = mint(named(await keyFor(own), own, asked));
    expect(await judge(guardFor([jwk]), signed)).toBe('ERR_TOKEN_KEY_MISMATCH');
    const { alg, ...either } = jwk;
    expect(await judge(guardFor([either]), signed)).toBe('allowed');
  });
});
