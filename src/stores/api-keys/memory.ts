import type { ApiKeyLookup, ApiKeyRecord } from '../../index.js';
import { broken } from '../broken.js';
import { mistake, settingsOf } from '../settings.js';
import { checkHashes, couldMake, type HashOptions, type KeyHash, sameDigest } from './hash.js';
import { recordGiven } from './record.js';
import { isGood } from './rehash.js';

/** A key as it is stored: what is known of it, and its digest. */
export type InMemoryApiKey = ApiKeyRecord & { readonly digest: string };

interface Held {
  /** For error messages. */
  readonly at: string;
  readonly digest: string;
  readonly record: ApiKeyRecord;
  /** Whether it is known that no other hash finds the same key. */
  alone: boolean;
}

/**
 * Looks keys up in a list that is copied once. A key that is listed twice, under two hashes, is an
 * error when it is looked up.
 * @throws ConfigError for an entry without an id or a digest, with another's, with a digest that none
 * of the hashes makes, or with what is not a member of a record
 */
export function inMemoryApiKeys(
  list: readonly InMemoryApiKey[],
  options: HashOptions = {},
): ApiKeyLookup {
  const given = settingsOf('inMemoryApiKeys', options, ['hashes']);
  const hashes = checkHashes('inMemoryApiKeys.hashes', given.hashes);
  const [first] = hashes;
  const held = hold(list, hashes);

  function find(hash: KeyHash, value: string): Held | undefined {
    const digest = hash.digest(value);
    const found = held.get(digest);
    // The map is as quick as it can be. That must not be what tells digests apart.
    return found && sameDigest(found.digest, digest) ? found : undefined;
  }

  return async ({ value }) => {
    const newest = find(first, value);
    if (newest?.alone) return newest.record;
    const older = hashes.slice(1).map((hash) => find(hash, value));
    const found = new Set([newest, ...older].filter((one) => one !== undefined));
    if (found.size > 1) {
      const places = [...found].map(({ at }) => at).join(' and ');
      throw broken('ERR_KEY_TWICE', `inMemoryApiKeys: the same key is listed at ${places}`);
    }
    const [one] = found;
    if (!one) return undefined;
    one.alone = true;
    if (one !== newest && isGood(one.record)) {
      const digest = first.digest(value);
      held.delete(one.digest);
      held.set(digest, { ...one, digest });
    }
    return one.record;
  };
}

function hold(list: readonly InMemoryApiKey[], hashes: readonly KeyHash[]): Map<string, Held> {
  if (!Array.isArray(list)) throw mistake('inMemoryApiKeys', 'is given no list of keys');
  const byId = new Map<string, Held>();
  const byDigest = new Map<string, Held>();
  for (const [i, entry] of [...(list as readonly InMemoryApiKey[])].entries()) {
    const key = copy(`inMemoryApiKeys[${i}]`, entry);
    const { at, digest, record } = key;
    if (!hashes.some((hash) => couldMake(hash, digest))) {
      const names = hashes.map(({ name }) => name).join(', ');
      throw mistake(at, `has a digest that is not made by ${names}: is it the key itself?`);
    }
    const same = byId.get(record.id);
    if (same) throw mistake(at, `has the id of ${same.at}: list each key once`);
    const other = byDigest.get(digest);
    if (other) throw mistake(at, `has the digest of ${other.at}: list each key once`);
    byId.set(record.id, key);
    byDigest.set(digest, key);
  }
  return byDigest;
}

function copy(where: string, entry: InMemoryApiKey): Held {
  if (typeof entry !== 'object' || entry === null) throw mistake(where, 'is no object');
  const { id, digest }: { readonly id: unknown; readonly digest: unknown } = entry;
  if (id === undefined || id === null || id === '') throw mistake(where, 'has no id');
  const at = `${where} ("${String(id).slice(0, 80)}")`;
  if (typeof digest !== 'string' || digest === '') throw mistake(at, 'has no digest');
  return { at, digest, record: recordGiven(at, entry), alone: false };
}
