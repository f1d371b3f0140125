import type { ApiKeyRecord, KeyLookup } from '../index.js';
import { checkHashes, couldMake, type HashOptions, type KeyHash, sameDigest } from './hash.js';
import { isGood } from './rehash.js';
import { mistake, settingsOf } from './settings.js';

/** A key as it is stored: what is known of it, and its digest. */
export type HashedKey = ApiKeyRecord & { readonly digest: string };

interface Held {
  /** For error messages. */
  readonly at: string;
  readonly digest: string;
  readonly record: ApiKeyRecord;
}

/**
 * Looks keys up in a list that is copied once; by each hash in turn, until one finds the key.
 * @throws ConfigError for an entry without an id or a digest, with another's, or with a digest that
 * none of the hashes makes
 */
export function hashedKeys(list: readonly HashedKey[], options: HashOptions = {}): KeyLookup {
  const given = settingsOf('hashedKeys', options, ['hashes']);
  const hashes = checkHashes('hashedKeys.hashes', given.hashes);
  const [first] = hashes;
  const held = hold(list, hashes);

  return async ({ value }) => {
    for (const hash of hashes) {
      const digest = hash.digest(value);
      const found = held.get(digest);
      // The map is as quick as it can be. That must not be what tells digests apart.
      if (!found || !sameDigest(found.digest, digest)) continue;
      if (hash !== first && isGood(found.record)) {
        const today = first.digest(value);
        held.delete(digest);
        held.set(today, { ...found, digest: today });
      }
      return found.record;
    }
    return undefined;
  };
}

function hold(list: readonly HashedKey[], hashes: readonly KeyHash[]): Map<string, Held> {
  if (!Array.isArray(list)) throw mistake('hashedKeys', 'is given no list of keys');
  const byId = new Map<string, Held>();
  const byDigest = new Map<string, Held>();
  for (const [i, entry] of [...(list as readonly HashedKey[])].entries()) {
    const key = copy(`hashedKeys[${i}]`, entry);
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

function copy(where: string, entry: HashedKey): Held {
  if (typeof entry !== 'object' || entry === null) throw mistake(where, 'is no object');
  const { digest, ...record } = entry;
  const { id, scopes } = record;
  if (typeof id !== 'string' || id === '') throw mistake(where, 'has no id');
  const at = `${where} ("${id.slice(0, 80)}")`;
  if (typeof digest !== 'string' || digest === '') throw mistake(at, 'has no digest');
  const own = Array.isArray(scopes) ? { ...record, scopes: Object.freeze([...scopes]) } : record;
  return { at, digest, record: Object.freeze(own) };
}
