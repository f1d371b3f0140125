import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checksummed, createApiKey, hmacSha256, sha256 } from '../../src/api-keys.js';
import { ConfigError } from '../../src/index.js';

const prefix = fc
  .stringMatching(/^[a-zA-Z][a-zA-Z0-9]{0,9}(_[a-zA-Z0-9]{1,9}){0,2}$/)
  .filter(({ length }) => length >= 3 && length <= 32);

describe('a created key', () => {
  test('has its prefix, 36 letters and digits, and passes the test of its prefix', () => {
    fc.assert(
      fc.property(prefix, (prefix) => {
        const { key } = createApiKey({ prefix });
        expect(key.slice(0, prefix.length + 1)).toBe(`${prefix}_`);
        expect(key.slice(prefix.length + 1)).toMatch(/^[0-9A-Za-z]{36}$/);
        expect(checksummed(prefix)(key)).toBe(true);
      }),
    );
  });

  test('with one character changed, left out or put in is not well formed', () => {
    const { key } = createApiKey({ prefix: 'acme' });
    const isWellFormed = checksummed('acme');
    const position = fc.integer({ min: 'acme_'.length, max: key.length - 1 });
    fc.assert(
      fc.property(position, fc.string({ minLength: 1, maxLength: 1 }), (at, other) => {
        const [before, after] = [key.slice(0, at), key.slice(at + 1)];
        expect(isWellFormed(before + other + after)).toBe(other === key[at]);
        expect(isWellFormed(before + after)).toBe(false);
        expect(isWellFormed(before + other + key.slice(at))).toBe(false);
      }),
    );
  });

  test('has the checksum of everything before it: CRC-32 in base62', () => {
    // By zlib: 860151217, and 208732, which is short.
    expect(checksummed('acme')(`acme_${'0'.repeat(30)}0wD6cj`)).toBe(true);
    expect(checksummed('acme')(`acme_${'0'.repeat(30)}000000`)).toBe(false);
    expect(checksummed('acme')(`acme_000000000000000000000000030605000sIe`)).toBe(true);
  });

  test('is never the same twice, and uses every character in every place', () => {
    const keys = Array.from({ length: 2_000 }, () => createApiKey({ prefix: 'acme' }).key);
    expect(new Set(keys).size).toBe(keys.length);
    for (let at = 'acme_'.length; at < 'acme_'.length + 30; at += 1) {
      expect(new Set(keys.map((key) => key[at])).size).toBe(62);
    }
  });

  test('comes with its digest, by SHA-256 or by the hash it is given', () => {
    const plain = createApiKey({ prefix: 'acme' });
    expect(plain.digest).toBe(sha256.digest(plain.key));
    const hash = hmacSha256('0123456789abcdef');
    const peppered = createApiKey({ prefix: 'acme', hash });
    expect(peppered.digest).toBe(hash.digest(peppered.key));
    expect(peppered.digest).not.toBe(sha256.digest(peppered.key));
  });
});

describe('the test for created keys', () => {
  test('passes every text that begins with none of its prefixes', () => {
    const isWellFormed = checksummed('acme_live', 'acme_test');
    fc.assert(fc.property(fc.string(), (value) => isWellFormed(value)));
    for (const legacy of [
      'acme',
      'acme_',
      'acme_live',
      'acme-live_x',
      'ACME_LIVE_x',
      ' acme_live_x',
    ]) {
      expect(isWellFormed(legacy)).toBe(true);
    }
    for (const made of ['acme_live_', 'acme_live_x', 'acme_test_x']) {
      expect(isWellFormed(made)).toBe(false);
    }
  });

  test.each([[['acme', 'acme_live']], [['acme_live', 'acme']]])(
    'knows keys of prefixes that begin alike: %j',
    (prefixes) => {
      const isWellFormed = checksummed(...prefixes);
      for (const prefix of prefixes) {
        const { key } = createApiKey({ prefix });
        expect(isWellFormed(key)).toBe(true);
        expect(isWellFormed(`${key}0`)).toBe(false);
      }
    },
  );

  test('refuses the keys of a longer prefix that it was not told of', () => {
    expect(checksummed('acme')(createApiKey({ prefix: 'acme_live' }).key)).toBe(false);
  });

  test('is quick with a text that is long', () => {
    expect(checksummed('acme')(`acme_${'0'.repeat(1e6)}`)).toBe(false);
  });
});

describe('a prefix is refused', () => {
  const wrong = [
    '',
    'ab',
    'a'.repeat(33),
    '1ab',
    '_acme',
    'acme_',
    'acme__live',
    'acme-live',
    'äcme',
    'acme\n',
    undefined,
    3,
  ];

  test.each(wrong)('%j', (prefix) => {
    expect(() => createApiKey({ prefix: prefix as string })).toThrow(ConfigError);
    expect(() => checksummed('acme', prefix as string)).toThrow(ConfigError);
  });

  test('with a sentence', () => {
    expect(() => checksummed('acme', 'acme-live')).toThrow(
      /checksummed\[1\] must be 3 to 32 letters and digits, .*; got another string/,
    );
    expect(() => checksummed()).toThrow(/checksummed requires at least one prefix/);
    expect(() => createApiKey({ prefix: 'acme', hash: 'md5' as never })).toThrow(
      /must be a hash with name and digest/,
    );
    expect(() => createApiKey({ prefx: 'acme' } as never)).toThrow(/use prefix, hash/);
  });
});
