import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  hmacSha256,
  inMemoryApiKeys,
  type KeyHash,
  legacyHash,
  sha256,
} from '../../src/api-keys.js';
import { ConfigError } from '../../src/index.js';
import { sameDigest } from '../../src/stores/api-keys/hash.js';

const message = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
};

describe('known values', () => {
  test('SHA-256: FIPS 180-4, "abc"', () => {
    expect(sha256.digest('abc')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  test('HMAC-SHA-256: RFC 4231 §4.2 and §4.4, with a text and with bytes', () => {
    expect(hmacSha256(Buffer.alloc(20, 0x0b)).digest('Hi There')).toBe(
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    );
    expect(hmacSha256('\x0b'.repeat(20)).digest('Hi There')).toBe(
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    );
  });

  test.each([
    ['md5', '900150983cd24fb0d6963f7d28e17f72'],
    ['sha1', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
    ['sha256', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'sha384',
      'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
    ],
    [
      'sha512',
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    ],
    ['sha512-256', '53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23'],
  ] as const)('%s of "abc": RFC 1321, FIPS 180-4', (algorithm, digest) => {
    expect(legacyHash(algorithm).digest('abc')).toBe(digest);
    expect(legacyHash(algorithm, { prefix: 'a', suffix: 'c' }).digest('b')).toBe(digest);
    const bytes = Buffer.from(digest, 'hex');
    for (const encoding of ['base64', 'base64url'] as const) {
      expect(legacyHash(algorithm, { encoding }).digest('abc')).toBe(bytes.toString(encoding));
    }
  });

  test('a key beyond ASCII is digested as UTF-8', () => {
    expect(sha256.digest('ключ')).toBe(
      '1de36a32af798da0c1ac9297603a320ed8fe567cf21c9177112a4ce914ebb8be',
    );
    expect(legacyHash('md5').digest('é')).toBe('66ddcd97cfdeabb2f6fb8a999b4bc76f');
  });
});

describe('a pepper', () => {
  test('changes every digest', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const [one, other] = ['0123456789abcdef', '0123456789abcdeF'].map(hmacSha256);
        expect(one?.digest(value)).not.toBe(other?.digest(value));
        expect(one?.digest(value)).not.toBe(sha256.digest(value));
      }),
    );
  });

  test('of under 16 bytes is refused, and so is what is none', () => {
    expect(message(() => hmacSha256('short-of-sixteen'.slice(1)))).toContain(
      'at least 16 bytes; got 15 bytes',
    );
    expect(message(() => hmacSha256(new Uint8Array(15)))).toContain(
      'at least 16 bytes; got 15 bytes',
    );
    expect(message(() => hmacSha256(undefined as never))).toContain(
      'needs a pepper, as a string or bytes; got',
    );
    expect(message(() => hmacSha256(12 as never))).toContain(
      'needs a pepper, as a string or bytes; got',
    );
    expect(hmacSha256('é'.repeat(8)).name).toBe('hmac-sha256');
  });

  test('is shown by no message and by no print', () => {
    const pepper = 'a-pepper-nobody-may-see';
    expect(message(() => hmacSha256(pepper.slice(0, 15)))).not.toContain('a-pepper');
    const print = inspect(hmacSha256(pepper), { depth: null, showHidden: true });
    expect(print).not.toContain('pepper');
    expect(print).not.toContain(Buffer.from(pepper).toString('hex'));
  });

  test('is copied: what happens to its bytes later changes nothing', () => {
    const bytes = new Uint8Array(16).fill(7);
    const hash = hmacSha256(bytes);
    const before = hash.digest('a');
    bytes.fill(0);
    expect(hash.digest('a')).toBe(before);
  });
});

describe('a legacy hash is refused', () => {
  test.each([
    ['bcrypt', {}, /needs one of the algorithms md5, .*; got another string: .*re-issue/],
    [undefined, {}, /needs one of the algorithms .*; got undefined/],
    ['md5', { salt: 'x' }, /legacyHash\.salt is not a known setting: use prefix, suffix, encoding/],
    ['md5', { encoding: 'latin1' }, /encoding must be one of hex, base64, base64url/],
    ['md5', { prefix: 1 }, /prefix must be a string; got a number/],
    ['md5', { suffix: Buffer.from('x') }, /suffix must be a string; got an object/],
    ['md5', { suffix: undefined }, /suffix must not be undefined: set/],
    ['md5', 'salt', /must be an object/],
  ])('%s, %j', (algorithm, options, expected) => {
    expect(message(() => legacyHash(algorithm as never, options as never))).toMatch(expected);
  });
});

describe('the hashes of a store', () => {
  const refused = (hashes: unknown) =>
    message(() => inMemoryApiKeys([], { hashes: hashes as never }));
  let salt = 0;
  const own = (digest: (value: string) => unknown) => [{ name: 'own', digest }];

  test.each<[string, unknown, RegExp]>([
    ['one hash', sha256, /must be an array such as \[sha256\]; got/],
    ['null', null, /must be an array such as \[sha256\]; got/],
    ['none', [], /must have one to eight hashes, .* got 0/],
    ['nine', Array(9).fill(sha256), /must have one to eight hashes, .* got 9/],
    ['a name', ['sha256'], /hashes\[0\] must be a hash with name and digest/],
    ['a hole', [sha256, undefined], /hashes\[1\] must be a hash with name and digest/],
    ['no name', [{ digest: sha256.digest }], /must be a hash with name and digest/],
    [
      'a promise',
      own(async (value) => sha256.digest(value)),
      /must return the digest as a string; .* returned an object/,
    ],
    [
      'bytes',
      own((value) => Buffer.from(sha256.digest(value))),
      /must return the digest as a string; .* returned an object/,
    ],
    ['a new salt each time', own((value) => sha256.digest(`${salt++}${value}`)), /re-issue/],
    [
      'one digest for all',
      own(() => sha256.digest('')),
      /must return different digests of one length/,
    ],
    [
      'the key itself',
      own((value) => value.padEnd(64)),
      /must return different digests of one length/,
    ],
    [
      'an encoding',
      own((value) => Buffer.from(value).toString('base64')),
      /must return different digests of one length/,
    ],
  ])('are refused: %s', (_, hashes, expected) => {
    expect(refused(hashes)).toMatch(expected);
  });

  test('may be eight, and of any make', () => {
    const custom: KeyHash = {
      name: 'vault',
      digest: (value) => `v1:${sha256.digest(`tenant\0${value}`).toUpperCase()}`,
    };
    const hashes = [sha256, custom, ...Array(6).fill(legacyHash('md5'))];
    const lookup = inMemoryApiKeys([{ id: 'key_1', digest: custom.digest('secret') }], { hashes });
    return expect(lookup({ value: 'secret', sha256: '' })).resolves.toEqual({ id: 'key_1' });
  });

  test('are called as methods of their own', () => {
    class Salted implements KeyHash {
      readonly name = 'salted';
      readonly #salt = 'salt';
      digest(value: string) {
        return sha256.digest(this.#salt + value);
      }
    }
    const hash = new Salted();
    const lookup = inMemoryApiKeys([{ id: 'key_1', digest: hash.digest('a') }], { hashes: [hash] });
    return expect(lookup({ value: 'a', sha256: '' })).resolves.toEqual({ id: 'key_1' });
  });
});

test('two digests are the same exactly if they are the same text', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(sameDigest(a, b)).toBe(a === b);
      expect(sameDigest(a, a)).toBe(true);
      expect(sameDigest(a, `${a} `)).toBe(false);
    }),
  );
  expect(sameDigest('\ud800', '\ufffd')).toBe(false);
});
