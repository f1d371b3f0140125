import { AuthError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { type Algorithm, fitOf } from './algorithms.js';
import type { ImportedKeys, VerificationKey } from './jwk.js';
import type { SkippedKey } from './jwk-members.js';

/** What a token says of its key (RFC 7515 §4.1.4, §4.1.7, §4.1.8): unverified. */
export interface KeyNames {
  readonly kid: unknown;
  readonly x5t: unknown;
  readonly x5tS256: unknown;
}

/** A key set as it was fetched. */
export interface SigningKeys {
  readonly keys: ReadonlySet<VerificationKey>;
  readonly byKid: ReadonlyMap<string | undefined, readonly VerificationKey[]>;
  readonly skipped: readonly SkippedKey[];
  /** Counts fetches: tells whether this one began after something else. */
  readonly number: number;
  readonly fetchedAt: number;
}

export function signingKeysOf(
  { keys, skipped }: ImportedKeys,
  fetched: { readonly number: number; readonly at: number },
): SigningKeys {
  const byKid = new Map<string | undefined, VerificationKey[]>();
  for (const key of keys) {
    const same = byKid.get(key.kid);
    if (same) same.push(key);
    else byKid.set(key.kid, [key]);
  }
  return {
    keys: new Set(keys),
    byKid,
    skipped,
    number: fetched.number,
    fetchedAt: fetched.at,
  };
}

const noKeys: readonly VerificationKey[] = [];

/** Tells whether a token says which key it was signed with. */
export const namesKey = (names: KeyNames): boolean =>
  typeof names.kid === 'string' || isName(names.x5t) || isName(names.x5tS256);

/** The keys that a token may mean: by its `kid`, else by thumbprint, else all of them. */
export function candidates(held: SigningKeys, names: KeyNames): readonly VerificationKey[] {
  const { kid, x5t, x5tS256 } = names;
  // An empty kid is the name of the keys without one: in a key set, '' counts as none.
  if (typeof kid === 'string') return held.byKid.get(kid || undefined) ?? noKeys;
  const keys = [...held.keys];
  if (!isName(x5t) && !isName(x5tS256)) return keys;
  const isOther = (key: VerificationKey) => differs(x5t, key.x5t) || differs(x5tS256, key.x5tS256);
  const isNamed = (key: VerificationKey) =>
    (isName(x5t) && x5t === key.x5t) || (isName(x5tS256) && x5tS256 === key.x5tS256);
  const possible = keys.filter((key) => !isOther(key));
  const named = possible.filter(isNamed);
  // Of a key whose certificate the set does not tell, nobody knows that it is another.
  return named.length > 0 ? named : possible;
}

const isName = (name: unknown): name is string => typeof name === 'string' && name !== '';

const differs = (name: unknown, own: string | undefined): boolean =>
  isName(name) && own !== undefined && name !== own;

/**
 * The one key of a set that a token means, and that fits its algorithm. Entries with the same public
 * key are one key.
 * @throws AuthError if there is none or more than one
 */
export function pickKey(held: SigningKeys, names: KeyNames, algorithm: Algorithm): VerificationKey {
  const named = candidates(held, names);
  let key: VerificationKey | undefined;
  for (const one of named) {
    if (!one.fits(algorithm)) continue;
    if (key && key.material !== one.material) {
      throw new AuthError('ERR_TOKEN_KEY_UNKNOWN', {
        detail: () => `${described(names)}: several keys of the key set could have signed it`,
      });
    }
    key ??= one;
  }
  if (key) return key;
  const isUnknown = named.length === 0 && namesKey(names);
  throw new AuthError(isUnknown ? 'ERR_TOKEN_KEY_UNKNOWN' : 'ERR_TOKEN_KEY_MISMATCH', {
    detail: () => (isUnknown ? unknown(held, names) : mismatch(held, names, algorithm)),
  });
}

/** The key of a set that a token may mean in place of one that did not sign it, if it is only one. */
export function replacementIn(
  held: SigningKeys,
  failed: VerificationKey,
  { names, algorithm }: { readonly names: KeyNames; readonly algorithm: Algorithm },
): VerificationKey | undefined {
  const key = onlyKey(held, names, algorithm);
  return key?.material === failed.material ? undefined : key;
}

/** The key of a set that a token may mean and that fits its algorithm, if there is one and only one. */
export function onlyKey(
  held: SigningKeys,
  names: KeyNames,
  algorithm: Algorithm,
): VerificationKey | undefined {
  const [key, ...others] = candidates(held, names).filter((one) => one.fits(algorithm));
  return others.every(({ material }) => material === key?.material) ? key : undefined;
}

/** The kids of the keys that one set has and an earlier one had not; '' for a key without one. */
export function kidsAdded(before: SigningKeys, after: SigningKeys): string[] {
  const nameOf = ({ kid, material }: VerificationKey) => JSON.stringify([kid, material]);
  const known = new Set([...before.keys].map(nameOf));
  const added = new Map([...after.keys].map((key) => [nameOf(key), key.kid ?? '']));
  return [...added].filter(([name]) => !known.has(name)).map(([, kid]) => kid);
}

/** The sentence for the operator about a key that is not known. */
function unknown(held: SigningKeys, names: KeyNames): string {
  const skipped = held.skipped.find(({ kid }) => isName(kid) && kid === names.kid);
  if (skipped) return `${described(names)} is in the key set but was skipped: ${skipped.why}`;
  return `${described(names)} is not in the key set, which has ${listed(held)}`;
}

function mismatch(held: SigningKeys, names: KeyNames, algorithm: Algorithm): string {
  const kinds = [...new Set(candidates(held, names).map(({ kind }) => kind))].slice(0, 5);
  const found = kinds.length > 0 ? kinds.join('; ') : 'no key';
  const { kty } = fitOf(algorithm);
  const skipped = held.skipped.filter((one) =>
    typeof names.kid === 'string' ? one.kid === (names.kid || undefined) : one.kty === kty,
  );
  const also = skipped.length > 0 ? `; skipped: ${reasonsOf(skipped)}` : '';
  return `${described(names)} needs a key for ${algorithm}, and the key set has ${found}${also}`;
}

function described({ kid, x5t, x5tS256 }: KeyNames): string {
  if (typeof kid === 'string') return `kid ${quote(kid)}`;
  if (isName(x5tS256)) return `x5t#S256 ${quote(x5tS256)}`;
  return isName(x5t) ? `x5t ${quote(x5t)}` : 'a token without kid';
}

function listed({ keys, skipped }: SigningKeys): string {
  const kids = [...keys]
    .slice(0, 5)
    .map(({ kid }) => (kid === undefined ? 'one without' : quote(kid)));
  const more = keys.size > kids.length ? ` and ${keys.size - kids.length} more` : '';
  const unused = skipped.length > 0 ? `, and ${skipped.length} that cannot be used` : '';
  return `kid ${kids.join(', ')}${more}${unused}`;
}

/** What a set has that cannot be used, for the operator. */
export function reasonsOf(skipped: readonly SkippedKey[]): string {
  const reasons = skipped
    .slice(0, 5)
    .map(
      ({ kid, why }) => `${kid === undefined ? 'one without kid' : `kid ${quote(kid)}`}: ${why}`,
    );
  const more = skipped.length > 5 ? `; and ${skipped.length - 5} more` : '';
  return `${reasons.join('; ')}${more}`;
}
