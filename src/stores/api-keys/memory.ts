import type { ApiKeyLookup, ApiKeyRecord } from '../../index.js';
import { broken } from '../broken.js';
import { mistake, settingsOf, typeName } from '../settings.js';
import { checkHashes, couldMake, type HashOptions, type KeyHash, sameDigest } from './hash.js';
import { recordGiven } from './record.js';
import { isValid } from './rehash.js';

/** A stored key: its record and its digest. */
export type InMemoryApiKey = ApiKeyRecord & { readonly digest: string };

interface StoredKey {
  /** Where it is in the list, for error messages. */
  readonly at: string;
  readonly digest: string;
  readonly record: ApiKeyRecord;
  /** Whether a lookup has shown that no other hash finds the same key. */
  unique: boolean;
}

/**
 * Returns a lookup in an array of keys, which is copied. If a key is listed twice, with digests of two
 * hashes, its lookup rejects.
 * @throws ConfigError if an entry has no id or digest, or shares it with another entry; if none of the
 * hashes could have made its digest; or if it has another invalid or unknown member
 */
export function inMemoryApiKeys(
  list: readonly InMemoryApiKey[],
  options: HashOptions = {},
): ApiKeyLookup {
  const given = settingsOf('inMemoryApiKeys', options, ['hashes']);
  const hashes = checkHashes('inMemoryApiKeys.hashes', given.hashes);
  const [first] = hashes;
  const keys = indexByDigest(list, hashes);

  function find(hash: KeyHash, value: string): StoredKey | undefined {
    const digest = hash.digest(value);
    const found = keys.get(digest);
    // The time that the map takes may depend on the digest, so the result does not rely on it alone.
    return found && sameDigest(found.digest, digest) ? found : undefined;
  }

  return async ({ value }) => {
    const newest = find(first, value);
    if (newest?.unique) return newest.record;
    const older = hashes.slice(1).map((hash) => find(hash, value));
    const found = new Set([newest, ...older].filter((one) => one !== undefined));
    if (found.size > 1) {
      const places = [...found].map(({ at }) => at).join(' and ');
      const advice = 'list each key once';
      throw broken(
        'ERR_KEY_TWICE',
        `inMemoryApiKeys: the same key is listed at ${places}: ${advice}`,
      );
    }
    const [one] = found;
    if (!one) return undefined;
    one.unique = true;
    if (one !== newest && isValid(one.record)) {
      const digest = first.digest(value);
      keys.delete(one.digest);
      keys.set(digest, { ...one, digest });
    }
    return one.record;
  };
}

function indexByDigest(
  list: readonly InMemoryApiKey[],
  hashes: readonly KeyHash[],
): Map<string, StoredKey> {
  if (!Array.isArray(list)) {
    throw mistake('inMemoryApiKeys', `requires an array of keys; got ${typeName(list)}`);
  }
  const byId = new Map<string, StoredKey>();
  const byDigest = new Map<string, StoredKey>();
  for (const [i, entry] of [...(list as readonly InMemoryApiKey[])].entries()) {
    const key = copy(`inMemoryApiKeys[${i}]`, entry);
    const { at, digest, record } = key;
    if (!hashes.some((hash) => couldMake(hash, digest))) {
      const names = hashes.map(({ name }) => name).join(', ');
      const found = 'another string: store hash.digest(key), not the key itself';
      throw mistake(at, `must have a digest made by ${names}; got ${found}`);
    }
    const same = byId.get(record.id);
    if (same) throw mistake(at, `has the same id as ${same.at}: list each key once`);
    const other = byDigest.get(digest);
    if (other) throw mistake(at, `has the same digest as ${other.at}: list each key once`);
    byId.set(record.id, key);
    byDigest.set(digest, key);
  }
  return byDigest;
}

function copy(where: string, entry: InMemoryApiKey): StoredKey {
  if (typeof entry !== 'object' || entry === null) {
    throw mistake(where, `must be an object; got ${typeName(entry)}`);
  }
  const { id, digest }: { readonly id: unknown; readonly digest: unknown } = entry;
  if (id === undefined || id === null || id === '') {
    throw mistake(where, `must have an id; got ${typeName(id)}`);
  }
  const at = `${where} ("${String(id).slice(0, 80)}")`;
  if (typeof digest !== 'string' || digest === '') {
    throw mistake(at, `must have a digest; got ${typeName(digest)}`);
  }
  return { at, digest, record: recordGiven(at, entry), unique: false };
}
