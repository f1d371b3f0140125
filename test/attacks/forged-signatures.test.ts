import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { TestKey } from '../../src/testing/token.js';
import { judge } from '../rfc/ask.js';
import {
  allAlgorithms,
  claimsOf,
  encode,
  guardFor,
  headerOf,
  keyFor,
  mint,
  named,
} from '../rfc/mint.js';

/** A good key that stands beside, so that the set is one that can be used. */
const beside = named(await keyFor('Ed25519'), 'beside').jwk;

const inputOf = (key: TestKey) =>
  `${encode(JSON.stringify(headerOf(key)))}.${encode(JSON.stringify(claimsOf()))}`;

// The order of each curve: SEC 2 §2.4.2, §2.5.1 and §2.6.1.
const orders = {
  ES256: 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
  ES384:
    'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
  ES512: `01ff${'f'.repeat(62)}fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`,
} as const;

describe.each(Object.entries(orders))('psychic signatures of %s (CVE-2022-21449)', (name, hex) => {
  const algorithm = name as keyof typeof orders;
  const size = hex.length / 2;
  const number = (value: bigint) => Buffer.from(value.toString(16).padStart(size * 2, '0'), 'hex');
  const n = BigInt(`0x${hex}`);
  const values = { 0: 0n, 1: 1n, 'n - 1': n - 1n, n: n, 'n + 1': n + 1n };

  test('no r and s at an edge are a signature', async () => {
    const key = await keyFor(algorithm);
    const guard = guardFor([key.jwk]);
    for (const [r, first] of Object.entries(values)) {
      for (const [s, second] of Object.entries(values)) {
        const signature = Buffer.concat([number(first), number(second)]).toString('base64url');
        const code = await judge(guard, `${inputOf(key)}.${signature}`);
        expect([r, s, code]).toEqual([r, s, 'ERR_TOKEN_SIGNATURE']);
      }
    }
  });

  test('r + n and s + n are not taken for r and s', async () => {
    const key = await keyFor(algorithm);
    const guard = guardFor([key.jwk]);
    const good = Buffer.from(mint(key).split('.')[2] ?? '', 'base64url');
    const whole = (part: Buffer) => BigInt(`0x${part.toString('hex')}`);
    const [r, s] = [whole(good.subarray(0, size)), whole(good.subarray(size))];
    for (const [first, second] of [
      [r + n, s],
      [r, s + n],
    ] as const) {
      // P-521 has room for it in as many bytes; the others need one more.
      const fits = [first, second].every((value) => value < 1n << BigInt(size * 8));
      const width = size * 2 + (fits ? 0 : 2);
      const bytes = [first, second].map((value) => value.toString(16).padStart(width, '0'));
      const signature = Buffer.from(bytes.join(''), 'hex').toString('base64url');
      expect(await judge(guard, `${inputOf(key)}.${signature}`)).toBe('ERR_TOKEN_SIGNATURE');
    }
  });

  test('a good signature in DER is none', async () => {
    const key = await keyFor(algorithm);
    const input = inputOf(key);
    const der = sign(`sha${algorithm.slice(2)}`, Buffer.from(input), key.privateKey);
    const token = `${input}.${der.toString('base64url')}`;
    expect(await judge(guardFor([key.jwk]), token)).toBe('ERR_TOKEN_SIGNATURE');
  });
});

describe.each(allAlgorithms)('signatures of a wrong length, %s', (algorithm) => {
  test('every length but one is refused', async () => {
    const key = await keyFor(algorithm);
    const guard = guardFor([key.jwk]);
    const input = inputOf(key);
    for (const length of [
      1, 2, 31, 32, 63, 64, 65, 95, 96, 97, 131, 132, 133, 255, 256, 257, 8192,
    ]) {
      for (const fill of [0, 1, 0xff]) {
        const signature = Buffer.alloc(length, fill).toString('base64url');
        const code = await judge(guard, `${input}.${signature}`);
        expect([length, fill, code]).toEqual([length, fill, 'ERR_TOKEN_SIGNATURE']);
      }
    }
  });
});

describe('weak RSA keys in the key set', () => {
  // RFC 8017 §9.2: with an exponent of 1 this is its own signature.
  function paddedDigest(input: string, size: number): Buffer {
    const prefix = Buffer.from('3031300d060960864801650304020105000420', 'hex');
    const digest = Buffer.concat([prefix, createHash('sha256').update(input).digest()]);
    const padding = Buffer.alloc(size - digest.length - 3, 0xff);
    return Buffer.concat([Buffer.from([0, 1]), padding, Buffer.from([0]), digest]);
  }

  test.each(['AQ', 'AAE', 'AAAB'])(
    'a forgery for exponent 1, written %s, is refused',
    async (e) => {
      const key = await keyFor('RS256');
      const input = inputOf(key);
      const token = `${input}.${paddedDigest(input, 256).toString('base64url')}`;
      expect(await judge(guardFor([{ ...key.jwk, e }, beside]), token)).toBe(
        'ERR_TOKEN_KEY_UNKNOWN',
      );
      expect(await judge(guardFor([key.jwk]), token)).toBe('ERR_TOKEN_SIGNATURE');
    },
  );

  test.each([512, 768, 1024, 1536])('a good signature of %i bits is refused', async (bits) => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits });
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'weak', alg: 'RS256' };
    const token = mint({ kid: 'weak', algorithm: 'RS256', privateKey, jwk });
    expect(await judge(guardFor([jwk, beside]), token)).toBe('ERR_TOKEN_KEY_UNKNOWN');
  });

  test('leading zeros do not make a weak key long', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const { n = '', ...jwk } = publicKey.export({ format: 'jwk' });
    const long = Buffer.concat([Buffer.alloc(128), Buffer.from(n, 'base64url')]);
    const padded = { ...jwk, n: long.toString('base64url'), kid: 'weak' };
    const token = mint({ kid: 'weak', algorithm: 'RS256', privateKey, jwk: padded });
    expect(await judge(guardFor([padded, beside]), token)).toBe('ERR_TOKEN_KEY_UNKNOWN');
  });
});
