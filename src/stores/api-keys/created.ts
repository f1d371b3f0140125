import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { mistake, settingsOf } from '../settings.js';
import { checkHash, type KeyHash, sha256 } from './hash.js';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** What a new key is to look like. */
export interface CreateApiKeyOptions {
  /** Such as `acme_live`; 3 to 32 letters and digits, in words joined by `_`. */
  readonly prefix: string;
  /** @default sha256 */
  readonly hash?: KeyHash;
}

/** A key that nobody has seen yet. */
export interface CreatedApiKey {
  /** To be shown to its owner, once, and kept nowhere. */
  readonly key: string;
  /** To be stored. */
  readonly digest: string;
}

/**
 * Makes a key: the prefix, `_`, 30 random characters (178 bits) and 6 of checksum, by which a
 * scanner tells a leaked key from any other text.
 * @throws ConfigError for a prefix or a hash that cannot be meant
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
 * Answers a test for `apiKeys.wellFormed`: `false` only for a text that begins like a key of one of
 * these prefixes and was never made by {@link createApiKey}, so that it costs no look-up.
 * @throws ConfigError for a prefix that cannot be meant, and for none
 */
export function checksummed(...prefixes: readonly string[]): (value: string) => boolean {
  if (prefixes.length === 0) throw mistake('checksummed', 'has no prefix: name one');
  const begins = prefixes.map((prefix, i) => `${checkPrefix(`checksummed[${i}]`, prefix)}_`);
  return (value) => {
    const fitting = begins.filter((begin) => value.startsWith(begin));
    return fitting.length === 0 || fitting.some((begin) => isCreated(value, begin));
  };
}

function isCreated(value: string, begin: string): boolean {
  if (!/^[0-9A-Za-z]{36}$/.test(value.slice(begin.length))) return false;
  return value.slice(-6) === checksum(value.slice(0, -6));
}

function checksum(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let i = 0; i < 6; i += 1) {
    text = `${alphabet[rest % 62]}${text}`;
    rest = Math.floor(rest / 62);
  }
  return text;
}

function checkPrefix(where: string, prefix: unknown): string {
  const fits = typeof prefix === 'string' && /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/i.test(prefix);
  if (!fits || prefix.length < 3 || prefix.length > 32) {
    const meant = 'write 3 to 32 letters and digits, in words joined by _, such as acme_live';
    throw mistake(where, `is no prefix: ${meant}`);
  }
  return prefix;
}
