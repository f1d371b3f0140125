import { createHash, createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { mistake, otherType, settingsOf, typeName } from '../settings.js';

/**
 * A hash function for API keys. The same key always has the same digest, and all digests have the
 * same length. Salted hashes such as bcrypt or argon2 cannot be looked up: re-issue keys that are
 * stored that way.
 */
export interface KeyHash {
  /** The name to show in error messages. */
  readonly name: string;
  /** Returns the digest of a key, synchronously. */
  digest(value: string): string;
}

/** SHA-256 in lowercase hex: sufficient for randomly generated keys, which cannot be guessed. */
export const sha256: KeyHash = Object.freeze({
  name: 'sha256',
  digest: (value: string) => createHash('sha256').update(value).digest('hex'),
});

/**
 * Returns HMAC-SHA-256 in lowercase hex as a hash. Keep the pepper outside the store: without it,
 * nobody can test guessed keys against a stolen store.
 * @throws ConfigError if the pepper has fewer than 16 bytes
 */
export function hmacSha256(pepper: string | Uint8Array): KeyHash {
  if (typeof pepper !== 'string' && !(pepper instanceof Uint8Array)) {
    const found = typeName(pepper);
    throw mistake('hmacSha256', `needs a pepper, as a string or bytes; got ${found}: ${openssl}`);
  }
  const bytes = Buffer.from(pepper as string);
  if (bytes.length < 16) {
    const found = `${bytes.length} bytes`;
    throw mistake('hmacSha256', `needs a pepper of at least 16 bytes; got ${found}: ${openssl}`);
  }
  // A KeyObject does not show its bytes when it is printed.
  const key = createSecretKey(bytes);
  return Object.freeze({
    name: 'hmac-sha256',
    digest: (value: string) => createHmac('sha256', key).update(value).digest('hex'),
  });
}

const openssl = 'create one with openssl rand -hex 32';

const algorithms = ['md5', 'sha1', 'sha256', 'sha384', 'sha512', 'sha512-256'] as const;
const encodings = ['hex', 'base64', 'base64url'] as const;

/** How an existing store computes its digests. */
export interface LegacyHashOptions {
  /** The string before every key, such as a salt that is the same for all. @default '' */
  readonly prefix?: string;
  /** The string after every key. @default '' */
  readonly suffix?: string;
  /** @default 'hex', in lowercase */
  readonly encoding?: (typeof encodings)[number];
}

/**
 * Returns the hash of an existing store, which is unsalted or has one salt for all keys.
 * @throws ConfigError if the algorithm or the encoding is not supported
 */
export function legacyHash(
  algorithm: (typeof algorithms)[number],
  options: LegacyHashOptions = {},
): KeyHash {
  if (!algorithms.includes(algorithm)) {
    const wanted = `needs one of the algorithms ${algorithms.join(', ')}`;
    const advice =
      'keys that are stored with bcrypt, argon2 or another salted hash must be re-issued';
    throw mistake('legacyHash', `${wanted}; got ${otherType(algorithm)}: ${advice}`);
  }
  const own = settingsOf('legacyHash', options, ['prefix', 'suffix', 'encoding']);
  const { prefix = '', suffix = '', encoding = 'hex' } = own;
  if (typeof prefix !== 'string') {
    throw mistake('legacyHash.prefix', `must be a string; got ${typeName(prefix)}`);
  }
  if (typeof suffix !== 'string') {
    throw mistake('legacyHash.suffix', `must be a string; got ${typeName(suffix)}`);
  }
  if (!encodings.includes(encoding)) {
    const wanted = `must be one of ${encodings.join(', ')}`;
    throw mistake('legacyHash.encoding', `${wanted}; got ${otherType(encoding)}`);
  }
  return Object.freeze({
    name: algorithm,
    digest: (value: string) =>
      createHash(algorithm).update(`${prefix}${value}${suffix}`).digest(encoding),
  });
}

/** Which hashes a store accepts. */
export interface HashOptions {
  /**
   * One to eight hashes, the current one first. A valid key that is found by an older hash is
   * rehashed with the first. @default [sha256]
   */
  readonly hashes?: readonly KeyHash[];
}

/** Returns a copy of one to eight hashes. @throws ConfigError if there are others, or one is invalid */
export function checkHashes(where: string, hashes: readonly KeyHash[] = [sha256]) {
  if (!Array.isArray(hashes)) {
    throw mistake(where, `must be an array such as [sha256]; got ${typeName(hashes)}`);
  }
  if (hashes.length < 1 || hashes.length > 8) {
    const wanted = 'must have one to eight hashes, the current one first';
    throw mistake(where, `${wanted}; got ${hashes.length}`);
  }
  return [...hashes].map((hash, i) => checkHash(`${where}[${i}]`, hash)) as [KeyHash, ...KeyHash[]];
}

const probes = ['a key', 'another key, and longer'] as const;

/**
 * Returns a hash after trying it with two strings.
 * @throws ConfigError if it is not synchronous, not deterministic, or does not hash
 */
export function checkHash(where: string, hash: KeyHash): KeyHash {
  if (typeof hash?.name !== 'string' || typeof hash.digest !== 'function') {
    throw mistake(where, `must be a hash with name and digest(value); got ${otherType(hash)}`);
  }
  const [short, long] = probes.map((probe) => hash.digest(probe));
  if (typeof short !== 'string' || typeof long !== 'string') {
    const found = typeName(short);
    throw mistake(where, `must return the digest as a string; digest(value) returned ${found}`);
  }
  if (short !== hash.digest(probes[0])) {
    const found = 'it returned two: salted keys cannot be looked up and must be re-issued';
    throw mistake(where, `must return the same digest each time it is called with a key; ${found}`);
  }
  if (short === long || short.length !== long.length || short.includes(probes[0])) {
    const found = 'it returned the same digest twice, different lengths, or the key itself';
    throw mistake(where, `must return different digests of one length for two keys; ${found}`);
  }
  return hash;
}

/** Returns whether a hash could have made a digest, judging by length and alphabet. */
export function couldMake(hash: KeyHash, digest: string): boolean {
  const own = hash.digest(probes[0]);
  const isHex = /^[0-9a-f]*$/;
  return own.length === digest.length && (!isHex.test(own) || isHex.test(digest));
}

/** Returns whether two strings of any length are equal, in time that does not depend on where they differ. */
export function sameDigest(a: string, b: string): boolean {
  const hashed = (value: string) => createHash('sha256').update(value, 'utf16le').digest();
  return timingSafeEqual(hashed(a), hashed(b));
}
