import type { Algorithm } from './algorithms.js';
import type { VerificationKey } from './jwk.js';
import { createJwksFetcher, errorOf, type JwksFetcher, type Surroundings } from './jwks-fetcher.js';
import {
  afterSearch,
  type FetchLimits,
  freshness,
  fullBudget,
  inMilliseconds,
  isBackingOff,
  limitsIn,
} from './jwks-freshness.js';
import type { JwksLimits } from './jwks-options.js';
import type { JwksSource } from './jwks-source.js';
import {
  candidates,
  type KeyNames,
  namesKey,
  onlyKey,
  pickKey,
  replacementIn,
  type SigningKeys,
} from './key-selection.js';
import type { KeySet } from './key-set.js';

/** Creates the key set of one issuer, which shares nothing with another's. */
export function createKeySet(
  source: JwksSource,
  given: JwksLimits,
  surroundings: Surroundings,
): KeySet {
  const { now } = surroundings;
  const limits = inMilliseconds(given);
  const fetcher = createJwksFetcher(source, given, surroundings);
  const takeSearch = createSearches(fetcher, surroundings, limits);
  const freshnessOf = ({ fetchedAt }: SigningKeys, time: number) =>
    freshness(time - fetchedAt, limitsIn(fetcher.failure, limits));

  /** Takes the set that may be used without waiting, and starts a background fetch if one is due. */
  function takeAtHand(): SigningKeys | undefined {
    const time = now();
    fetcher.noteTime(time);
    const { held } = fetcher;
    if (!held) return undefined;
    const state = freshnessOf(held, time);
    if (state === 'fresh') return held;
    if (state !== 'due') return undefined;
    if (!isBackingOff(fetcher.failure, time)) fetcher.refresh().catch(() => {});
    if (time - held.fetchedAt >= limits.maxAge) fetcher.emitStale();
    return held;
  }

  /** Takes the set at hand; fetches it where there is none, and uses an old one if that fails. */
  async function takeCurrent(): Promise<SigningKeys> {
    const atHand = takeAtHand();
    if (atHand) return atHand;
    try {
      await fetcher.refreshUnlessBackingOff();
    } catch (error) {
      const { held } = fetcher;
      if (!held || freshnessOf(held, now()) === 'unusable') throw error;
      fetcher.emitStale();
    }
    if (!fetcher.held) throw new TypeError('a fetch succeeded, and there is no key set');
    return fetcher.held;
  }

  /** A token may name a key that is newer than the set: fetches until a set has it, or began later. */
  async function search(names: KeyNames, asked: number): Promise<SigningKeys> {
    for (;;) {
      const keys = await takeCurrent();
      if (keys.number > asked || candidates(keys, names).length > 0) return keys;
      if (!fetcher.isFetching && !takeSearch()) {
        if (fetcher.failure) throw errorOf(fetcher.failure, now);
        return keys;
      }
      await fetcher.refresh();
    }
  }

  async function findWaiting(names: KeyNames, algorithm: Algorithm): Promise<VerificationKey> {
    const keys = namesKey(names) ? await search(names, fetcher.started) : await takeCurrent();
    return pickKey(keys, names, algorithm);
  }

  return {
    find(names, algorithm) {
      const keys = takeAtHand();
      const isListed = keys && (!namesKey(names) || candidates(keys, names).length > 0);
      return isListed ? pickKey(keys, names, algorithm) : findWaiting(names, algorithm);
    },
    async findReplacement(failed, names, algorithm) {
      const asked = fetcher.started;
      for (;;) {
        const keys = takeAtHand();
        const key = keys && replacementIn(keys, failed, { names, algorithm });
        if (key || !keys || keys.number > asked) return key;
        if (!fetcher.isFetching && !takeSearch()) return undefined;
        try {
          await fetcher.refresh();
        } catch {
          // The cached set decides: a token that no key has signed must not be able to cause a 503.
          return undefined;
        }
      }
    },
    peek: (names, algorithm) => fetcher.held && onlyKey(fetcher.held, names, algorithm),
    isEmpty: () => fetcher.held === undefined,
    lists(key) {
      const keys = takeAtHand();
      return keys ? keys.keys.has(key) : takeCurrent().then((current) => current.keys.has(key));
    },
    async ready() {
      const time = now();
      fetcher.noteTime(time);
      const { held } = fetcher;
      if (!held || time - held.fetchedAt >= limits.maxAge) await fetcher.refreshUnlessBackingOff();
    },
    close: fetcher.close,
  };
}

/** Returns a command that takes one search from the budget; it returns false if there must be none now. */
function createSearches(
  fetcher: Pick<JwksFetcher, 'failure'>,
  { now }: Surroundings,
  limits: FetchLimits,
): () => boolean {
  let budget = fullBudget;
  return () => {
    const time = now();
    if (fetcher.failure) {
      if (isBackingOff(fetcher.failure, time)) return false;
      // The fetch that ends an outage is not counted as a search, but the next search keeps its distance.
      budget = { ...budget, spentAt: time };
      return true;
    }
    const left = afterSearch(budget, time, limits);
    if (left) budget = left;
    return left !== undefined;
  };
}
