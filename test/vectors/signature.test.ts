import { constants, type KeyObject, sign, verify as verifyByNode } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importKey, type VerificationKey } from '../../src/core/token/jwk.js';
import { verifySignature } from '../../src/core/token/signature.js';
import { encode, keyFor } from '../rfc/mint.js';
import { runs } from '../runs.js';

// What OpenSSL is given is r and s in DER; node:crypto can also be told that they stand side by side.
const sizes = { ES256: 32, ES384: 48, ES512: 66 } as const;

describe.each(Object.entries(sizes))('a signature of %s, two numbers of %d bytes', (...curve) => {
  const [name, size] = curve;
  const algorithm = name as keyof typeof sizes;
  const hash = `sha${algorithm.slice(2)}`;
  const header = encode(JSON.stringify({ alg: algorithm }));

  async function open() {
    const { jwk, privateKey } = await keyFor(algorithm);
    const key = importKey(jwk) as VerificationKey;
    const sideBySide = (key: KeyObject) => ({ key, dsaEncoding: 'ieee-p1363' }) as const;
    const judge = async (input: string, signature: Uint8Array) => {
      const text = `${input}.${encode(signature)}`;
      const jws = { header: {}, payload: new Uint8Array(), signature, text };
      const ours = await verifySignature(jws, key, algorithm);
      const data = Buffer.from(input);
      return { ours, theirs: verifyByNode(hash, data, sideBySide(key.publicKey), signature) };
    };
    const signed = (input: string) => sign(hash, Buffer.from(input), sideBySide(privateKey));
    return { judge, signed };
  }

  test('is good or not exactly as node:crypto says, for every one that is good', {
    timeout: 30_000,
  }, async () => {
    const { judge, signed } = await open();
    // In P-521 the first byte has one bit. Of the others, one in 256 begins with a zero.
    const wanted = size === 66 ? ['a zero', 'neither'] : ['a high bit', 'a zero', 'neither'];
    const first = new Set<string>();
    for (let i = 0; i < 100 || (first.size < wanted.length && i < 5_000); i += 1) {
      const input = `${header}.${encode(`${i}`)}`;
      const signature = signed(input);
      expect({ i, ...(await judge(input, signature)) }).toEqual({ i, ours: true, theirs: true });
      for (const start of [0, size]) {
        const byte = signature.readUInt8(start);
        if (byte === 0) first.add('a zero');
        else first.add(byte >= 0x80 ? 'a high bit' : 'neither');
      }
    }
    expect([...first].sort()).toEqual(wanted);
  });

  const number = fc.oneof(
    fc.uint8Array({ minLength: size, maxLength: size }),
    // Small, in as many bytes: what has zeros in front.
    fc
      .tuple(fc.nat(size), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff))
      .map(([zeros, fill]) => new Uint8Array(size).fill(fill, zeros)),
  );

  test('is good or not exactly as node:crypto says, whatever the numbers', {
    timeout: 30_000,
  }, async () => {
    const { judge, signed } = await open();
    const input = `${header}.e30`;
    const good = signed(input);
    const half = fc.constantFrom(good.subarray(0, size), good.subarray(size));
    await fc.assert(
      fc.asyncProperty(fc.oneof(number, half), fc.oneof(number, half), async (r, s) => {
        const { ours, theirs } = await judge(input, Buffer.concat([r, s]));
        expect(ours).toBe(theirs);
      }),
      { numRuns: runs(300, 10) },
    );
  });

  test('is good or not exactly as node:crypto says, whatever its length', {
    timeout: 30_000,
  }, async () => {
    const { judge, signed } = await open();
    const input = `${header}.e30`;
    const good = signed(input);
    for (let length = 0; length <= 2 * size + 20; length += runs(1, 7)) {
      for (const fill of [0, 1, 0x80, 0xff]) {
        const bare = Buffer.alloc(length, fill);
        // The good one, cut off or with something behind it or before it.
        const behind = Buffer.concat([good, bare]).subarray(0, length);
        const before = Buffer.concat([bare, good]).subarray(good.length);
        for (const signature of [bare, behind, before]) {
          const { ours, theirs } = await judge(input, signature);
          expect([length, fill, ours]).toEqual([length, fill, theirs]);
          expect(ours).toBe(signature.equals(good));
        }
      }
    }
  });

  test('is good or not exactly as node:crypto says, with a bit or a half that is another', {
    timeout: 30_000,
  }, async () => {
    const { judge, signed } = await open();
    const input = `${header}.e30`;
    const good = signed(input);
    const [r, s] = [good.subarray(0, size), good.subarray(size)];
    // P-521 is slow, and its bytes are no other than theirs.
    for (let bit = 0; bit < good.length * 8; bit += runs(size === 66 ? 5 : 1, 37)) {
      const bent = Buffer.from(good);
      bent.writeUInt8(bent.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect({ bit, ...(await judge(input, bent)) }).toEqual({ bit, ours: false, theirs: false });
    }
    for (const halves of [
      [s, r],
      [r, r],
      [s, s],
    ] as const) {
      const { ours, theirs } = await judge(input, Buffer.concat(halves));
      expect([ours, theirs]).toEqual([false, false]);
    }
  });
});

describe('a key', () => {
  const input = `${encode('{"alg":"PS256"}')}.e30`;
  const jwsOf = (signature: Uint8Array) => ({
    header: {},
    payload: new Uint8Array(),
    signature,
    text: `${input}.${encode(signature)}`,
  });

  test('is not tried for an algorithm that it does not say, though it could be', async () => {
    const { jwk, privateKey } = await keyFor('RS256');
    const padded = { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    const jws = jwsOf(sign('sha256', Buffer.from(input), padded));
    const { alg, ...free } = jwk;
    for (const [published, good] of [
      [free, true],
      [{ ...free, alg: 'PS256' }, true],
      [{ ...free, alg: 'RS256' }, false],
      [{ ...free, alg: 'PS384' }, false],
    ] as const) {
      const key = importKey(published) as VerificationKey;
      expect(await verifySignature(jws, key, 'PS256')).toBe(good);
    }
  });

  test('of another curve or kind is not tried at all', async () => {
    const named = ['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256'] as const;
    for (const own of named) {
      const { alg, ...jwk } = (await keyFor(own)).jwk;
      const key = importKey(jwk) as VerificationKey;
      for (const other of named.filter((name) => name !== own)) {
        for (const length of [64, 96, 132, 256]) {
          expect(await verifySignature(jwsOf(new Uint8Array(length)), key, other)).toBe(false);
        }
      }
    }
  });
});
