import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { mistake, otherType, settingsOf } from '../settings.js';
import { checkHash, type KeyHash, sha256 } from './hash.js';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Options of {@link createApiKey}. */
export interface CreateApiKeyOptions {
  /** 3 to 32 letters and digits, in words joined by `_`, such as `acme_live`. */
  readonly prefix: string;
  /** @default sha256 */
  readonly hash?: KeyHash;
}

/** A new API key and its digest. */
export interface CreatedApiKey {
  /** Show it to its owner once. Do not store or log it. */
  readonly key: string;
  /** Store this in place of the key. */
  readonly digest: string;
}

/**
 * Creates an API key: the prefix, `_`, 30 random characters (178 bits), and a checksum of 6
 * characters, by which a secret scanner recognizes a leaked key.
 * @throws ConfigError if the prefix or the hash is invalid
 */
export function createApiKey(options: CreateApiKeyOptions): CreatedApiKey {
  const { prefix, hash = sha256 } = settingsOf('createApiKey', options, ['prefix', 'hash']);
  checkPrefix('createApiKey.prefix', prefix);
  checkHash('createApiKey.hash', hash);
  const random = Array.from({ length: 30 }, () => alphabet[randomInt(alphabet.length)]);
  const body = `${prefix}_${random.join('')}`;
  const key = body + checksum(body);
  return { key, digest: hash.digest(key) };
}

/**
 * Returns a function for `apiKeys.wellFormed`. It returns `false` only for a string that begins with
 * one of these prefixes and has a wrong checksum, so that a mistyped key is rejected without a lookup.
 * @throws ConfigError if a prefix is invalid, or there is none
 */
export function checksummed(...prefixes: readonly string[]): (value: string) => boolean {
  if (prefixes.length === 0) {
    throw mistake('checksummed', 'requires at least one prefix, such as "acme_live"; got none');
  }
  const begins = prefixes.map((prefix, i) => `${checkPrefix(`checksummed[${i}]`, prefix)}_`);
  return (value) => {
    const matching = begins.filter((begin) => value.startsWith(begin));
    return matching.length === 0 || matching.some((begin) => isCreated(value, begin));
  };
}

function isCreated(value: string, begin: string): boolean {
  if (!/^[0-9A-Za-z]{36}$/.test(value.slice(begin.length))) return false;
  return value.slice(-6) === checksum(value.slice(0, -6));
}

function checksum(body: string): string {
  let rest = crc32(body);
  let digits = '';
  for (let i = 0; i < 6; i += 1) {
    digits = `${alphabet[rest % 62]}${digits}`;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

function checkPrefix(where: string, prefix: unknown): string {
  const fits = typeof prefix === 'string' && /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/i.test(prefix);
  if (!fits || prefix.length < 3 || prefix.length > 32) {
    const wanted = 'must be 3 to 32 letters and digits, in words joined by _, such as acme_live';
    throw mistake(where, `${wanted}; got ${otherType(prefix)}`);
  }
  return prefix;
}
