import type { ApiKeyLookup, ApiKeyRecord } from '../../index.js';
import { broken } from '../broken.js';
import { type RedisClient, senderOf } from '../redis-client.js';
import { flag, mistake, otherType, settingsOf, someText } from '../settings.js';
import { checkHashes, type HashOptions } from './hash.js';
import { recordGiven } from './record.js';
import { entryAt, placeOf, pointerTo } from './redis-record.js';
import { createRehash, isValid } from './rehash.js';

const keyPrefix = 'sallyport:key:';

/** Options of {@link redisApiKeys}: where the keys are stored, and their hashes. */
export interface RedisApiKeysOptions extends HashOptions {
  /**
   * The prefix of every Redis key, followed by the digest.
   * @default 'sallyport:key:'
   */
  readonly prefix?: string;
  /**
   * Whether a key that is found by an older hash is stored under the first one too. The record itself
   * is not moved or copied: a reference to it is stored under the digest of the first hash.
   * @default true
   */
  readonly rehash?: boolean;
}

/**
 * Returns a lookup in Redis, with one GET per hash: an {@link ApiKeyRecord} as JSON, under prefix and
 * digest. It rejects with the errors of the client, and with a `TypeError` if a value is invalid or a
 * key is stored twice.
 * @throws ConfigError if an option is invalid
 */
export function redisApiKeys(client: RedisClient, options: RedisApiKeysOptions = {}): ApiKeyLookup {
  const where = 'redisApiKeys';
  const send = senderOf(where, client);
  const given = settingsOf(where, options, ['prefix', 'hashes', 'rehash']);
  const { prefix = keyPrefix, rehash = true } = given;
  const hashes = checkHashes(`${where}.hashes`, given.hashes);
  const rehashes = flag(`${where}.rehash`, rehash);
  const start = someText(`${where}.prefix`, prefix);
  const rehashLater = createRehash();
  const entryOf = (digest: string) => entryAt(where, send, start + digest);

  /** Returns the record of these digests, and the digest under which it is stored. */
  async function find(digests: readonly string[]) {
    // Not MGET, which returns nil for a value that is not a string.
    const entries = await Promise.all(digests.map(entryOf));
    const records = new Map<string, ApiKeyRecord>();
    const references = new Set<string>();
    for (const [i, entry] of entries.entries()) {
      if (entry && 'record' in entry) records.set(digests[i] as string, entry.record);
      else if (entry && !digests.includes(entry.sameAs)) references.add(entry.sameAs);
    }
    // References to digests of a hash that was removed from the options.
    for (const digest of references) {
      const entry = await entryOf(digest);
      if (entry && 'sameAs' in entry) {
        throw broken('ERR_RECORD_JSON', `${where}: a stored reference refers to another reference`);
      }
      if (entry) records.set(digest, entry.record);
    }
    if (records.size > 1) {
      const problem = `the same key is stored ${records.size} times, under different digests`;
      throw broken('ERR_KEY_TWICE', `${where}: ${problem}: delete all but one`);
    }
    const [found] = records;
    return { found, byCurrent: entries[0] !== undefined };
  }

  return async ({ value }) => {
    const digests = [...new Set(hashes.map((hash) => hash.digest(value)))];
    const { found, byCurrent } = await find(digests);
    if (!found) return undefined;
    const [digest, record] = found;
    if (rehashes && !byCurrent && isValid(record)) {
      // NX, because the key may have been stored under this digest in the meantime.
      rehashLater(digest, () => send('SET', `${start}${digests[0]}`, pointerTo(digest), 'NX'));
    }
    return record;
  };
}

/** Options of {@link storeRedisApiKey}. */
export interface StoreRedisApiKeyOptions {
  /** @default 'sallyport:key:' */
  readonly prefix?: string;
  /** Seconds until Redis deletes the key, or `false` for never. @default unchanged */
  readonly ttl?: number | false;
}

/**
 * Stores a key, or replaces the record of a stored one, for {@link redisApiKeys}. Any digest by which
 * the key is found can be used. Guards that have cached the key need `invalidateApiKey`.
 * @throws ConfigError if the record, its digest or an option is invalid
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
  if (id === undefined) throw mistake(`${where}.id`, 'must be a non-empty string; got undefined');
  const record = recordGiven(where, key);
  const expiry = expiryOf(`${where}.ttl`, ttl);
  const name = await placeOf(where, send, {
    prefix,
    digest: someText(`${where}.digest`, digest),
  });
  await send('SET', name, JSON.stringify(record), ...expiry);
}

function expiryOf(where: string, ttl: number | false | undefined): readonly string[] {
  if (ttl === undefined) return ['KEEPTTL'];
  if (ttl === false) return [];
  if (typeof ttl !== 'number' || !(ttl > 0) || ttl > 1e10) {
    const wanted = 'must be a number of seconds above 0 and up to 1e10, or false';
    throw mistake(where, `${wanted}; got ${otherType(ttl)}`);
  }
  return ['PX', String(Math.ceil(ttl * 1000))];
}

/**
 * Deletes a key by any digest by which it is found, and resolves to whether it existed. Guards that
 * have cached the key need `invalidateApiKey`.
 * @throws ConfigError if the digest or an option is invalid
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
  // The record first: a reference to a record that does not exist counts as an unknown key.
  const deleted = await send('DEL', place);
  if (place !== name) await send('DEL', name);
  return Number(deleted) > 0;
}
