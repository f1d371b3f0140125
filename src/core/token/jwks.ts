import { withDeadline } from '../base/deadline.js';
import { UpstreamError } from '../base/errors.js';
import type { Algorithm } from './algorithms.js';
import { servesAny, type VerificationKey } from './jwk.js';
import type { EmitJwks } from './jwks-events.js';
import {
  afterSearch,
  type Failure,
  failureAfter,
  freshness,
  fullBudget,
  inMilliseconds,
  isBackingOff,
  limitsIn,
} from './jwks-freshness.js';
import type { JwksLimits } from './jwks-options.js';
import { emptySet, type JwksSource, type LoadedKeys } from './jwks-source.js';
import {
  candidates,
  type KeyNames,
  kidsAdded,
  namesKey,
  onlyKey,
  pickKey,
  replacementIn,
  type SigningKeys,
  signingKeysOf,
} from './key-selection.js';
import type { KeySet } from './key-set.js';

/** Keeps the keys of one issuer; it shares nothing with another's. */
export function createKeySet(
  source: JwksSource,
  given: JwksLimits,
  { now, tell }: { readonly now: () => number; readonly tell: EmitJwks },
): KeySet {
  const limits = inMilliseconds(given);
  const closing = new AbortController();

  // Not fetched, and so about to be: behind the first request, which does not wait for it.
  let held: SigningKeys | undefined =
    source.initial && signingKeysOf(source.initial, { number: 0, at: now() - 0.8 * limits.maxAge });
  /** Of the newest fetch, if it failed. */
  let failure: Failure | undefined;
  let flight: Promise<void> | undefined;
  let started = 0;
  let budget = fullBudget;

  /** One fetch at a time, however many wait for it. */
  function refresh(): Promise<void> {
    flight ??= fetchKeys().finally(() => {
      flight = undefined;
    });
    return flight;
  }

  async function fetchKeys(): Promise<void> {
    started += 1;
    const number = started;
    const begun = now();
    let isEmpty = false;
    try {
      const loaded = await loadInTime();
      isEmpty = !loaded.keys.some(servesAny);
      if (isEmpty) throw new UpstreamError('ERR_JWKS_RESPONSE', emptySet(loaded));
      const { fetchedAt } = loaded;
      const before = held;
      // What another process fetched says nothing about a key that is looked for now.
      held = signingKeysOf(
        loaded,
        fetchedAt === undefined ? { number, at: begun } : { number: 0, at: fetchedAt },
      );
      failure = undefined;
      tell({ time: now(), kind: 'fetched', keys: held.keys.size });
      if (before) tellChanges(before, held);
      source.share(loaded);
    } catch (error) {
      failure = failureAfter(failure, { error, isEmpty, at: now() }, limits);
      const { message } = error as Error;
      if (!closing.signal.aborted) tell({ time: now(), kind: 'failed', detail: message });
      throw unavailable(failure);
    }
  }

  function loadInTime(): Promise<LoadedKeys> {
    let waiting = '';
    const deadline = {
      milliseconds: given.timeout * 1000,
      late: 'ERR_JWKS_TIMEOUT',
      closing: closing.signal,
      waitingFor: () => waiting,
    } as const;
    const waitFor = (what: string) => {
      waiting = what;
    };
    return withDeadline(deadline, (signal) => source.load({ signal, waitFor }));
  }

  function tellChanges(before: SigningKeys, after: SigningKeys): void {
    const added = kidsAdded(before, after);
    const gone = kidsAdded(after, before);
    if (added.length > 0) tell({ time: now(), kind: 'rotated', kids: added });
    if (gone.length > 0) tell({ time: now(), kind: 'withdrawn', kids: gone });
  }

  /** Tells, once an outage, that old keys are used. */
  function tellStale(): void {
    if (!failure || failure.isStaleTold) return;
    failure = { ...failure, isStaleTold: true };
    tell({ time: now(), kind: 'stale' });
  }

  function unavailable({ error, retryAt }: Failure): unknown {
    if (!(error instanceof UpstreamError)) return error;
    const retryAfter = (retryAt - now()) / 1000;
    return new UpstreamError(error.code, error.message, { retryAfter, cause: error });
  }

  async function refreshUnlessBackingOff(): Promise<void> {
    if (!flight && failure && isBackingOff(failure, now())) throw unavailable(failure);
    await refresh();
  }

  /** After the clock was set back, keys count as old from here on. */
  function noticeSetBack(time: number): void {
    if (held && time < held.fetchedAt) held = { ...held, fetchedAt: time - 2 * limits.maxAge };
  }

  const freshnessAt = (time: number, { fetchedAt }: SigningKeys) =>
    freshness(time - fetchedAt, limitsIn(failure, limits));

  /** The set to look into without waiting; begins a fetch behind where one is due. */
  function takeAtHand(): SigningKeys | undefined {
    const time = now();
    noticeSetBack(time);
    if (!held) return undefined;
    const state = freshnessAt(time, held);
    if (state === 'fresh') return held;
    if (state !== 'due') return undefined;
    if (!isBackingOff(failure, time)) refresh().catch(() => {});
    if (failure && time - held.fetchedAt >= limits.maxAge) tellStale();
    return held;
  }

  /** The set to look into, waiting only where nothing good enough is held. */
  async function current(): Promise<SigningKeys> {
    const ours = takeAtHand();
    if (ours) return ours;
    try {
      await refreshUnlessBackingOff();
    } catch (error) {
      if (!held || freshnessAt(now(), held) === 'unusable') throw error;
      tellStale();
    }
    if (!held) throw new TypeError('a fetch worked, and no keys are held');
    return held;
  }

  /** Takes one search from the budget, if there may be one now. */
  function takeSearch(): boolean {
    const time = now();
    if (failure) {
      if (isBackingOff(failure, time)) return false;
      // What ends an outage is no search, but the next one keeps its distance from it.
      budget = { ...budget, spentAt: time };
      return true;
    }
    const left = afterSearch(budget, time, limits);
    if (left) budget = left;
    return left !== undefined;
  }

  /** A token may know of a key before we do: the newest set that has it, or a set that is newer. */
  async function search(names: KeyNames, asked: number): Promise<SigningKeys> {
    for (;;) {
      const ours = await current();
      if (ours.number > asked || candidates(ours, names).length > 0) return ours;
      if (!flight && !takeSearch()) {
        if (failure) throw unavailable(failure);
        return ours;
      }
      await refresh();
    }
  }

  async function findAnew(names: KeyNames, algorithm: Algorithm): Promise<VerificationKey> {
    const asked = started;
    const ours = namesKey(names) ? await search(names, asked) : await current();
    return pickKey(ours, names, algorithm);
  }

  return {
    find(names, algorithm) {
      const ours = takeAtHand();
      const isHeld = ours && (!namesKey(names) || candidates(ours, names).length > 0);
      return isHeld ? pickKey(ours, names, algorithm) : findAnew(names, algorithm);
    },
    async findReplacement(failed, names, algorithm) {
      const asked = started;
      for (;;) {
        const ours = takeAtHand();
        const key = ours && replacementIn(ours, failed, { names, algorithm });
        if (key || !ours || ours.number > asked) return key;
        if (!flight && !takeSearch()) return undefined;
        try {
          await refresh();
        } catch {
          // What is held decides: whoever signs with no key at all must not find a way to a 503.
          return undefined;
        }
      }
    },
    peek: (names, algorithm) => held && onlyKey(held, names, algorithm),
    isEmpty: () => held === undefined,
    lists(key) {
      const ours = takeAtHand();
      return ours ? ours.keys.has(key) : current().then(({ keys }) => keys.has(key));
    },
    async ready() {
      const time = now();
      noticeSetBack(time);
      if (!held || time - held.fetchedAt >= limits.maxAge) await refreshUnlessBackingOff();
    },
    close() {
      closing.abort(new UpstreamError('ERR_JWKS_UNREACHABLE', 'the guard was closed'));
    },
  };
}
