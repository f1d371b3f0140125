import { createHash, createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { mistake, settingsOf } from '../settings.js';

/**
 * How a key is digested before it is stored. The same key always gives the same digest, and every
 * digest has the same length: what is salted anew each time, as by bcrypt or argon2, cannot be
 * looked up. Keys that are stored so are passwords: re-issue them.
 */
export interface KeyHash {
  /** For error messages. */
  readonly name: string;
  digest(value: string): string;
}

/** SHA-256 in lower-case hex: enough for keys that a machine made, which nobody can guess. */
export const sha256: KeyHash = Object.freeze({
  name: 'sha256',
  digest: (value: string) => createHash('sha256').update(value).digest('hex'),
});

/**
 * HMAC-SHA-256 in lower-case hex. Without the pepper, kept anywhere but in the store, nobody can
 * even try keys against a stolen store.
 * @throws ConfigError for a pepper under 16 bytes
 */
export function hmacSha256(pepper: string | Uint8Array): KeyHash {
  if (typeof pepper !== 'string' && !(pepper instanceof Uint8Array)) {
    throw mistake('hmacSha256', 'has no pepper: give a text or bytes');
  }
  const bytes = Buffer.from(pepper as string);
  if (bytes.length < 16) {
    throw mistake('hmacSha256', 'has a pepper under 16 bytes: make one by openssl rand -hex 32');
  }
  // Unlike bytes, a KeyObject shows nothing of itself to whoever prints it.
  const key = createSecretKey(bytes);
  return Object.freeze({
    name: 'hmac-sha256',
    digest: (value: string) => createHmac('sha256', key).update(value).digest('hex'),
  });
}

const algorithms = ['md5', 'sha1', 'sha256', 'sha384', 'sha512', 'sha512-256'] as const;
const encodings = ['hex', 'base64', 'base64url'] as const;

/** How an old store digested its keys. */
export interface LegacyHashOptions {
  /** What stood before every key; a salt that is the same for all. @default '' */
  readonly prefix?: string;
  /** What stood behind every key. @default '' */
  readonly suffix?: string;
  /** @default 'hex', in lower case */
  readonly encoding?: (typeof encodings)[number];
}

/**
 * An old scheme, unsalted or with one salt for all, for keys that are still stored by it.
 * @throws ConfigError for an algorithm or an encoding that is not listed
 */
export function legacyHash(
  algorithm: (typeof algorithms)[number],
  options: LegacyHashOptions = {},
): KeyHash {
  if (!algorithms.includes(algorithm)) {
    const salted = 'bcrypt, argon2 and their like cannot be looked up: re-issue such keys';
    throw mistake(
      'legacyHash',
      `does not know this algorithm: use ${algorithms.join(', ')}; ${salted}`,
    );
  }
  const own = settingsOf('legacyHash', options, ['prefix', 'suffix', 'encoding']);
  const { prefix = '', suffix = '', encoding = 'hex' } = own;
  if (typeof prefix !== 'string') throw mistake('legacyHash.prefix', 'is no text');
  if (typeof suffix !== 'string') throw mistake('legacyHash.suffix', 'is no text');
  if (!encodings.includes(encoding)) {
    throw mistake('legacyHash.encoding', `is not known: use ${encodings.join(', ')}`);
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
   * The first is today's. A key that is found by another, at most seven, is stored by the first
   * once it was looked up and is good. @default [sha256]
   */
  readonly hashes?: readonly KeyHash[];
}

/** A list of one to eight hashes, each of which works. */
export function checkHashes(where: string, hashes: readonly KeyHash[] = [sha256]) {
  if (!Array.isArray(hashes)) throw mistake(where, 'is no list: write [sha256]');
  if (hashes.length < 1 || hashes.length > 8) {
    throw mistake(where, `has ${hashes.length} entries: give one to eight, today's first`);
  }
  return [...hashes].map((hash, i) => checkHash(`${where}[${i}]`, hash)) as [KeyHash, ...KeyHash[]];
}

const probes = ['a key', 'another key, and longer'] as const;

/** A hash that digests at once, the same each time, and differently for two keys. */
export function checkHash(where: string, hash: KeyHash): KeyHash {
  if (typeof hash?.name !== 'string' || typeof hash.digest !== 'function') {
    throw mistake(where, 'is no hash: it needs a name and digest(value)');
  }
  const [short, long] = probes.map((probe) => hash.digest(probe));
  if (typeof short !== 'string' || typeof long !== 'string') {
    throw mistake(where, 'answers no text: a digest is a text, and is made at once');
  }
  if (short !== hash.digest(probes[0])) {
    throw mistake(where, 'salts anew each time, so no key can be looked up: re-issue such keys');
  }
  if (short === long || short.length !== long.length || short.includes(probes[0])) {
    throw mistake(where, 'does not digest: keys have to get different texts of the same length');
  }
  return hash;
}

/** Whether a hash could have made a digest, by length and alphabet. */
export function couldMake(hash: KeyHash, digest: string): boolean {
  const own = hash.digest(probes[0]);
  const isHex = /^[0-9a-f]*$/;
  return own.length === digest.length && (!isHex.test(own) || isHex.test(digest));
}

/** Whether two texts, of any lengths, are the same; how alike they are takes no time to show. */
export function sameDigest(a: string, b: string): boolean {
  const [one, other] = [a, b].map((text) => createHash('sha256').update(text, 'utf16le').digest());
  return timingSafeEqual(one as Buffer, other as Buffer);
}
