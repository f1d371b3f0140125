import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { TestKey } from '../../src/testing/token.js';
import { judge } from './ask.js';
import { allAlgorithms, guardFor, keyFor, mint, named, rsaAlgorithms } from './mint.js';

const testKey = (privateKey: KeyObject, publicKey: KeyObject, algorithm: TestKey['algorithm']) => {
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: algorithm };
  return { kid: algorithm, algorithm, privateKey, jwk } satisfies TestKey;
};
const rsaKey = (modulusLength: number, publicExponent = 65_537) => {
  const pair = generateKeyPairSync('rsa', { modulusLength, publicExponent });
  return testKey(pair.privateKey, pair.publicKey, 'RS256');
};

/** A good key that stands beside, so that the set is one that can be used. */
const beside = named(await keyFor('Ed25519', 'other'), 'beside').jwk;

/** The token with its signature turned into something else. */
function withSignature(token: string, turn: (signature: Buffer) => Uint8Array): string {
  const [head, body, signature = ''] = token.split('.');
  const turned = Buffer.from(turn(Buffer.from(signature, 'base64url')));
  return `${head}.${body}.${turned.toString('base64url')}`;
}

describe.each(allAlgorithms)('RFC 7518 §3.1, %s', (algorithm) => {
  test(`RFC 7518 §3.1 [J06]: ${algorithm} is accepted`, async () => {
    const key = await keyFor(algorithm);
    expect(await judge(guardFor([key.jwk]), mint(key))).toBe('allowed');
    const { alg, ...either } = key.jwk;
    expect(await judge(guardFor([either]), mint(key))).toBe('allowed');
  });

  test(`RFC 7518 §3.1 [J07]: ${algorithm} MUST NOT be served by a key of another kind`, async () => {
    const { jwk } = await keyFor(algorithm);
    const { alg, ...either } = jwk;
    const sameKey = (one: string) =>
      (rsaAlgorithms as readonly string[]).includes(one) ? 'RSA' : one.replace('EdDSA', 'Ed25519');
    for (const asked of allAlgorithms) {
      if (sameKey(asked) === sameKey(algorithm)) continue;
      const token = mint(named(await keyFor(asked), algorithm));
      expect([asked, await judge(guardFor([either]), token)]).toEqual([
        asked,
        'ERR_TOKEN_KEY_MISMATCH',
      ]);
    }
  });

  test(`RFC 7515 §5.2: a signature of ${algorithm} by another key MUST be refused`, async () => {
    const { jwk } = await keyFor(algorithm);
    const stranger = await keyFor(algorithm, 'stranger');
    expect(await judge(guardFor([jwk]), mint(stranger))).toBe('ERR_TOKEN_SIGNATURE');
  });

  test.each([
    ['a byte more', (signature: Buffer) => Buffer.concat([signature, Buffer.from([0])])],
    ['a byte more in front', (signature: Buffer) => Buffer.concat([Buffer.from([0]), signature])],
    ['a byte less', (signature: Buffer) => signature.subarray(0, -1)],
    ['a byte less in front', (signature: Buffer) => signature.subarray(1)],
    ['all of it twice', (signature: Buffer) => Buffer.concat([signature, signature])],
    ['one byte', () => Buffer.from([1])],
    ['zeros', (signature: Buffer) => Buffer.alloc(signature.length)],
    ['ones', (signature: Buffer) => Buffer.alloc(signature.length, 0xff)],
    ['its halves exchanged', (signature: Buffer) => signature.reverse()],
  ])(`RFC 7518 §3.3 to §3.5 [J16]: ${algorithm} with %s MUST be refused`, async (_, turn) => {
    const key = await keyFor(algorithm);
    const token = withSignature(mint(key), turn);
    expect(await judge(guardFor([key.jwk]), token)).toBe('ERR_TOKEN_SIGNATURE');
  });
});

describe('RFC 7518 §3.1, one hash or padding for another', () => {
  const pairs = rsaAlgorithms.flatMap((signed) =>
    rsaAlgorithms.filter((told) => told !== signed).map((told) => [signed, told] as const),
  );
  test.each(pairs)(
    'RFC 7518 §3.1 [J07]: %s under the name %s MUST be refused',
    async (signed, told) => {
      const key = await keyFor(signed);
      const { alg, ...either } = key.jwk;
      const token = mint(key, { header: { alg: told } });
      expect(await judge(guardFor([either]), token)).toBe('ERR_TOKEN_SIGNATURE');
    },
  );
});

describe('RFC 7518 §3.3, strong keys', () => {
  test.each([512, 1024, 2047])(
    'RFC 7518 §3.3 [J14]: an RSA key of %i bits MUST NOT be used',
    async (bits) => {
      const key = rsaKey(bits);
      // 512 bits are too few for SHA-256 and its padding, but enough to be a key.
      const signer = bits < 1024 ? named(await keyFor('RS256'), key.kid) : key;
      expect(await judge(guardFor([key.jwk, beside]), mint(signer))).toBe('ERR_TOKEN_KEY_UNKNOWN');
    },
  );

  test.each([
    [2048, 3],
    [2056, 65_537],
  ])(
    'RFC 7518 §3.3 [J14] [J15]: an RSA key of %i bits and exponent %i is used',
    async (bits, e) => {
      const key = rsaKey(bits, e);
      expect(await judge(guardFor([key.jwk]), mint(key))).toBe('allowed');
    },
  );

  test.each([
    ['0', 'AA'],
    ['1', 'AQ'],
    ['2', 'Ag'],
    ['an even one', 'AQAA'],
    ['nothing', ''],
  ])('RFC 8017 §3.1 [J15]: an RSA key with exponent %s MUST NOT be used', async (_, e) => {
    const key = await keyFor('RS256');
    const guard = guardFor([{ ...key.jwk, e }, beside]);
    expect(await judge(guard, mint(key))).toBe('ERR_TOKEN_KEY_UNKNOWN');
  });
});

describe('RFC 7518 §3.4, ECDSA', () => {
  test.each([
    ['P-384', 'ES384'],
    ['P-521', 'ES512'],
  ] as const)(
    'RFC 7518 §3.4 [J07] [J16]: ES256 with a key of %s MUST be refused',
    async (_, own) => {
      const other = await keyFor(own);
      const { alg, ...either } = other.jwk;
      const token = mint(named(await keyFor('ES256'), other.kid));
      expect(await judge(guardFor([either, beside]), token)).toBe('ERR_TOKEN_KEY_MISMATCH');
      // Signed by that very key, SHA-256 and all: still no ES256.
      const forged = mint({ ...other, algorithm: 'ES256' });
      expect(await judge(guardFor([either, beside]), forged)).toBe('ERR_TOKEN_KEY_MISMATCH');
      expect(await judge(guardFor([{ ...either, alg: 'ES256' }, beside]), forged)).toBe(
        'ERR_TOKEN_KEY_MISMATCH',
      );
    },
  );

  test('RFC 8812 §3.2 [J06] [J07]: a key of secp256k1 MUST NOT serve ES256, and ES256K nothing', async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    const key = testKey(pair.privateKey, pair.publicKey, 'ES256');
    expect(await judge(guardFor([key.jwk, beside]), mint(key))).toBe('ERR_TOKEN_KEY_MISMATCH');
    const token = mint(key, { header: { alg: 'ES256K' } });
    expect(await judge(guardFor([key.jwk]), token)).toBe('ERR_TOKEN_ALGORITHM');
  });
});
