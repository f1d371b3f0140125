import type { ApiKeyRecord, KeyLookup, PlanSource } from '../index.js';
import { broken } from './broken.js';
import { checkHashes, type HashOptions } from './hash.js';
import { type RedisClient, senderOf } from './redis-client.js';
import { createRehash, isGood } from './rehash.js';
import { flag, settingsOf, someText } from './settings.js';

const keyPrefix = 'sallyport:key:';

/** Where the keys are, and how they are digested. */
export interface RedisKeysOptions extends HashOptions {
  /**
   * What stands before each digest. In a cluster, give it a hash tag: `{sallyport}:key:`.
   * @default 'sallyport:key:'
   */
  readonly prefix?: string;
  /**
   * Whether a key that is not stored by the first hash is renamed to it when used. From then on it
   * is not found by its old digest: not by whoever wants to disable or delete it either.
   * @default true
   */
  readonly rehash?: boolean;
}

/**
 * Looks keys up in Redis, by one MGET each: the JSON of an {@link ApiKeyRecord} under prefix and
 * digest. What cannot be told, by an error of Redis, another value or two for one key, is thrown.
 * @throws ConfigError for options that cannot be meant
 */
export function redisKeys(client: RedisClient, options: RedisKeysOptions = {}): KeyLookup {
  const where = 'redisKeys';
  const send = senderOf(where, client);
  const given = settingsOf(where, options, ['prefix', 'hashes', 'rehash']);
  const { prefix = keyPrefix, rehash = true } = given;
  const hashes = checkHashes(`${where}.hashes`, given.hashes);
  const rehashes = flag(`${where}.rehash`, rehash);
  const start = someText(`${where}.prefix`, prefix);
  const behind = createRehash();

  return async ({ value }) => {
    const names = [...new Set(hashes.map((hash) => start + hash.digest(value)))];
    const [today = '', ...others] = names;
    const values = await send('MGET', today, ...others);
    if (!Array.isArray(values)) throw broken('ERR_MGET', `${where}: MGET was answered by no list`);
    const found = names.flatMap((name, i) => {
      const stored: unknown = values[i];
      return stored === null || stored === undefined ? [] : [{ name, record: recordIn(stored) }];
    });
    if (found.length > 1) {
      throw broken('ERR_KEY_TWICE', `${where}: the same key is stored ${found.length} times`);
    }
    const [one] = found;
    if (one && rehashes && one.name !== today && isGood(one.record)) {
      // RENAMENX keeps the time to live, and never overwrites.
      behind(() => send('RENAMENX', one.name, today));
    }
    return one?.record;
  };
}

function recordIn(stored: unknown): ApiKeyRecord {
  let record: unknown;
  try {
    record = JSON.parse(String(stored));
  } catch {
    // The error of JSON.parse shows what it could not read.
    throw broken('ERR_RECORD_JSON', 'redisKeys: what is stored for a key is no JSON');
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    throw broken('ERR_RECORD_JSON', 'redisKeys: what is stored for a key is no JSON object');
  }
  return record as ApiKeyRecord;
}

/**
 * Stores a key, or another record for one that is stored, where {@link redisKeys} finds it.
 * @throws ConfigError for a record without an id, and without a digest
 */
export async function storeRedisKey(
  client: RedisClient,
  { digest, ...record }: ApiKeyRecord & { readonly digest: string },
  options: Pick<RedisKeysOptions, 'prefix'> = {},
): Promise<void> {
  const where = 'storeRedisKey';
  const { prefix = keyPrefix } = settingsOf(where, options, ['prefix']);
  const send = senderOf(where, client);
  someText(`${where}.id`, record.id);
  const name = someText(`${where}.prefix`, prefix) + someText(`${where}.digest`, digest);
  await send('SET', name, JSON.stringify(record));
}

/** Where the plan is, and how often it is looked for. */
export interface RedisPlanOptions {
  /** @default 'sallyport:plan' */
  readonly key?: string;
  /** Seconds. */
  readonly every?: number;
}

/**
 * A plan that is kept in Redis as JSON, for all processes to go by.
 * @throws ConfigError for options that cannot be meant
 */
export function redisPlan(client: RedisClient, options: RedisPlanOptions = {}): PlanSource {
  const where = 'redisPlan';
  const send = senderOf(where, client);
  const { key = 'sallyport:plan', ...others } = settingsOf(where, options, ['key', 'every']);
  someText(`${where}.key`, key);
  return {
    ...others,
    async load() {
      const plan = await send('GET', key);
      if (plan === null || plan === undefined) throw new Error(`${where}: nothing is at "${key}"`);
      return String(plan);
    },
  };
}
