import { createHmac, createPublicKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { judge } from '../rfc/ask.js';
import { claimsOf, encode, guardFor, headerOf, issuer, keyFor, mint } from '../rfc/mint.js';

const kinds = ['RS256', 'PS512', 'ES256', 'ES512', 'Ed25519'] as const;
const attacker = await keyFor('ES256', 'attacker');

describe.each(kinds)('a public key of %s as a secret', async (algorithm) => {
  const key = await keyFor(algorithm);
  const { x = '', y = '', n = '', ...jwk } = key.jwk as Record<string, string>;
  const publicKey = createPublicKey({ format: 'jwk', key: key.jwk as never });
  const spki = String(publicKey.export({ format: 'pem', type: 'spki' }));
  const secrets: Record<string, string | Buffer> = {
    PEM: spki,
    'PEM without its last newline': spki.trimEnd(),
    'PEM with CR LF': spki.replaceAll('\n', '\r\n'),
    'PEM with white space in front': ` ${spki}`,
    'PEM on one line': spki.replaceAll('\n', ''),
    'the inside of PEM': spki.replace(/-----.*-----|\n/g, ''),
    DER: publicKey.export({ format: 'der', type: 'spki' }),
    'JWK text': JSON.stringify(key.jwk),
    'JWK text of Node': JSON.stringify(publicKey.export({ format: 'jwk' })),
    'JWK text, indented': JSON.stringify(key.jwk, null, 2),
    'JWK set text': JSON.stringify({ keys: [key.jwk] }),
    'what the JWK says': n + x + y,
    'the bytes of what it says': Buffer.from(n + x, 'base64url'),
    kid: String(jwk.kid),
    nothing: '',
    zeros: Buffer.alloc(32),
  };
  const tokenOf = (alg: string, secret: string | Buffer, hash: string) => {
    const input = `${encode(JSON.stringify(headerOf(key, { alg })))}.${encode(JSON.stringify(claimsOf()))}`;
    return `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`;
  };
  const guard = guardFor([key.jwk]);

  test.each(Object.entries(secrets))('never verifies an HMAC with %s', async (_, secret) => {
    for (const size of [256, 384, 512]) {
      const token = tokenOf(`HS${size}`, secret, `sha${size}`);
      expect(await judge(guard, token)).toBe('ERR_TOKEN_ALGORITHM');
      // The same under the name of the real algorithm.
      const renamed = tokenOf(algorithm, secret, `sha${size}`);
      expect(await judge(guard, renamed)).toBe('ERR_TOKEN_SIGNATURE');
    }
  });

  test('never becomes a secret because the key set says so', async () => {
    const k = encode(spki);
    const oct = { kty: 'oct', kid: key.kid, alg: 'HS256', use: 'sig', k };
    const token = tokenOf('HS256', spki, 'sha256');
    for (const keys of [
      [oct],
      [oct, key.jwk],
      [{ ...key.jwk, k }],
      [{ ...key.jwk, alg: 'HS256' }],
    ]) {
      expect(await judge(guardFor(keys), token)).toBe('ERR_TOKEN_ALGORITHM');
    }
    expect(await judge(guardFor([oct]), mint(key))).toBe('ERR_JWKS_RESPONSE');
    const beside = { ...attacker.jwk, kid: 'beside' };
    expect(await judge(guardFor([oct, beside]), mint(key))).toBe('ERR_TOKEN_KEY_UNKNOWN');
  });
});

describe('no algorithm at all', () => {
  const names = [
    'none',
    'None',
    'NONE',
    'nOnE',
    'none ',
    ' none',
    'none\0',
    'no\u006ee',
    'null',
    '',
  ];

  test.each([...names, null, false, 0, [], {}, undefined])('alg %j', async (alg) => {
    const key = await keyFor('ES256');
    const guard = guardFor([key.jwk]);
    const input = `${encode(JSON.stringify(headerOf(key, { alg })))}.${encode(JSON.stringify(claimsOf()))}`;
    expect(await judge(guard, `${input}.`)).toBe('ERR_TOKEN_MALFORMED');
    expect(await judge(guard, input)).toBe('ERR_TOKEN_NOT_JWT');
    for (const signature of ['AA', mint(key).split('.')[2]]) {
      expect(await judge(guard, `${input}.${signature}`)).toBe('ERR_TOKEN_ALGORITHM');
    }
  });

  test.each([
    ['ES256', 'none'],
    ['none', 'ES256'],
  ])('alg %s and %s in one header', async (first, second) => {
    const key = await keyFor('ES256');
    const header = `{"alg":"${first}","alg":"${second}","kid":"${key.kid}"}`;
    const token = `${encode(header)}.${mint(key).split('.')[1]}.AA`;
    expect(await judge(guardFor([key.jwk]), token)).toBe('ERR_TOKEN_MALFORMED');
  });

  test.each([['ES256'], ['ES256', 'none'], [['ES256']]])('a list as alg: %j', async (...alg) => {
    const key = await keyFor('ES256');
    const token = mint(key, { header: { alg } });
    expect(await judge(guardFor([key.jwk]), token)).toBe('ERR_TOKEN_ALGORITHM');
  });
});

describe('a key that the token brings along', async () => {
  const key = await keyFor('ES256');
  const spki = createPublicKey({ format: 'jwk', key: attacker.jwk as never });
  const x5c = [spki.export({ format: 'der', type: 'spki' }).toString('base64')];
  const places = {
    jwk: attacker.jwk,
    jku: 'https://evil.test/jwks',
    x5u: 'https://evil.test/cert.pem',
    x5c,
    'x5t#S256': 'AAAA',
    keys: [attacker.jwk],
    jwks: { keys: [attacker.jwk] },
    jwks_uri: 'https://evil.test/jwks',
    issuer: 'https://evil.test',
  };

  test.each([
    ['the issuer’s kid', { kid: key.kid }, 'ERR_TOKEN_SIGNATURE'],
    ['no kid', { kid: undefined }, 'ERR_TOKEN_SIGNATURE'],
    ['a kid of its own', { kid: 'attacker' }, 'ERR_TOKEN_KEY_UNKNOWN'],
    ['an address as its kid', { kid: 'https://evil.test/jwks' }, 'ERR_TOKEN_KEY_UNKNOWN'],
  ])('is never used, with %s', async (_, kid, code) => {
    const fetched: string[] = [];
    const fetch: typeof globalThis.fetch = async (url) => {
      fetched.push(String(url));
      return Response.json({ keys: [key.jwk] });
    };
    for (const [name, value] of [...Object.entries(places), ['all', undefined]] as const) {
      const header = name === 'all' ? { ...places, ...kid } : { [name]: value, ...kid };
      const guard = guardFor([], { fetch });
      expect([name, await judge(guard, mint(attacker, { header }))]).toEqual([name, code]);
    }
    expect(new Set(fetched)).toEqual(new Set([`${issuer}/jwks`]));
  });

  test('is not used from the payload either', async () => {
    const claims = { jwk: attacker.jwk, jwks_uri: 'https://evil.test', sub_jwk: attacker.jwk };
    const token = mint(attacker, { header: { kid: key.kid }, claims });
    expect(await judge(guardFor([key.jwk]), token)).toBe('ERR_TOKEN_SIGNATURE');
  });
});
