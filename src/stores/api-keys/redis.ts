import type { ApiKeyLookup, ApiKeyRecord } from '../../index.js';
import { broken } from '../broken.js';
import { type RedisClient, senderOf } from '../redis-client.js';
import { flag, mistake, settingsOf, someText } from '../settings.js';
import { checkHashes, type HashOptions } from './hash.js';
import { recordGiven } from './record.js';
import { entryAt, placeOf, pointerTo } from './redis-record.js';
import { createRehash, isGood } from './rehash.js';

const keyPrefix = 'sallyport:key:';

/** Where the keys are, and how they are digested. */
export interface RedisApiKeysOptions extends HashOptions {
  /**
   * What stands before each digest.
   * @default 'sallyport:key:'
   */
  readonly prefix?: string;
  /**
   * Whether a key that is not stored by the first hash is found by it once it was used. The record
   * stays where it is, and changes and ends there; under the digest of the first hash it is said where
   * that is.
   * @default true
   */
  readonly rehash?: boolean;
}

/**
 * Looks keys up in Redis, by one GET for each hash: the JSON of an {@link ApiKeyRecord} under prefix
 * and digest. What cannot be told, by an error of Redis, another value or two for one key, is thrown.
 * @throws ConfigError for options that cannot be meant
 */
export function redisApiKeys(client: RedisClient, options: RedisApiKeysOptions = {}): ApiKeyLookup {
  const where = 'redisApiKeys';
  const send = senderOf(where, client);
  const given = settingsOf(where, options, ['prefix', 'hashes', 'rehash']);
  const { prefix = keyPrefix, rehash = true } = given;
  const hashes = checkHashes(`${where}.hashes`, given.hashes);
  const rehashes = flag(`${where}.rehash`, rehash);
  const start = someText(`${where}.prefix`, prefix);
  const behind = createRehash();
  const entryOf = (digest: string) => entryAt(where, send, start + digest);

  /** The one record of these digests, and the digest under which it stands. */
  async function find(digests: readonly string[]) {
    // Not by MGET, which takes a value of another type for none.
    const entries = await Promise.all(digests.map(entryOf));
    const records = new Map<string, ApiKeyRecord>();
    const pointed = new Set<string>();
    for (const [i, entry] of entries.entries()) {
      if (entry && 'record' in entry) records.set(digests[i] as string, entry.record);
      else if (entry && !digests.includes(entry.sameAs)) pointed.add(entry.sameAs);
    }
    // Where a hash led that is no longer among them.
    for (const digest of pointed) {
      const entry = await entryOf(digest);
      if (entry && 'sameAs' in entry) {
        throw broken('ERR_RECORD_JSON', `${where}: a key points to one that points to another`);
      }
      if (entry) records.set(digest, entry.record);
    }
    if (records.size > 1) {
      throw broken('ERR_KEY_TWICE', `${where}: the same key is stored ${records.size} times`);
    }
    const [found] = records;
    return { found, byToday: entries[0] !== undefined };
  }

  return async ({ value }) => {
    const digests = [...new Set(hashes.map((hash) => hash.digest(value)))];
    const { found, byToday } = await find(digests);
    if (!found) return undefined;
    const [digest, record] = found;
    if (rehashes && !byToday && isGood(record)) {
      // Never over what stands there: somebody may have stored the key under today's digest.
      behind(digest, () => send('SET', `${start}${digests[0]}`, pointerTo(digest), 'NX'));
    }
    return record;
  };
}

/** How a key is stored. */
export interface StoreRedisApiKeyOptions {
  /** @default 'sallyport:key:' */
  readonly prefix?: string;
  /** Seconds until Redis drops the key; `false`: never. @default what is stored stays */
  readonly ttl?: number | false;
}

/**
 * Stores a key, or another record for one that is stored, where {@link redisApiKeys} finds it; by any
 * digest by which it is found. A guard that remembers it is told by `invalidateApiKey`.
 * @throws ConfigError for what is not a record, and without a digest
 */
export async function storeRedisApiKey(
  client: RedisClient,
  key: ApiKeyRecord & { readonly digest: string },
  options: StoreRedisApiKeyOptions = {},
): Promise<void> {
  const where = 'storeRedisApiKey';
  const { prefix = keyPrefix, ttl } = settingsOf(where, options, ['prefix', 'ttl']);
  const send = senderOf(where, client);
  someText(`${where}.prefix`, prefix);
  const { digest, id }: { readonly digest: unknown; readonly id: unknown } = Object(key);
  if (id === undefined) throw mistake(`${where}.id`, 'is no text');
  const record = recordGiven(where, key);
  const lives = lifetime(`${where}.ttl`, ttl);
  const name = await placeOf(where, send, {
    prefix,
    digest: someText(`${where}.digest`, digest),
  });
  await send('SET', name, JSON.stringify(record), ...lives);
}

function lifetime(where: string, ttl: number | false | undefined): readonly string[] {
  if (ttl === undefined) return ['KEEPTTL'];
  if (ttl === false) return [];
  if (typeof ttl !== 'number' || !(ttl > 0) || ttl > 1e10) {
    throw mistake(where, 'must be a number of seconds above 0, or false');
  }
  return ['PX', String(Math.ceil(ttl * 1000))];
}

/**
 * Deletes a key by any digest by which it is found; answers whether there was one. A guard that
 * remembers it is told by `invalidateApiKey`.
 * @throws ConfigError for options that cannot be meant, and without a digest
 */
export async function deleteRedisApiKey(
  client: RedisClient,
  digest: string,
  options: Pick<RedisApiKeysOptions, 'prefix'> = {},
): Promise<boolean> {
  const where = 'deleteRedisApiKey';
  const { prefix = keyPrefix } = settingsOf(where, options, ['prefix']);
  const send = senderOf(where, client);
  const name = someText(`${where}.prefix`, prefix) + someText(`${where}.digest`, digest);
  const place = await placeOf(where, send, { prefix, digest });
  // The record first: without it, what points to it means nothing.
  const deleted = await send('DEL', place);
  if (place !== name) await send('DEL', name);
  return Number(deleted) > 0;
}
