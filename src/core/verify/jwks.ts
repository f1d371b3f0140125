import type { Algorithm } from '../algorithms.js';
import { AuthError, UpstreamError } from '../errors.js';
import type { TellKeys } from '../key-events.js';
import type { KeyLimits } from '../key-options.js';
import { withDeadline } from './deadline.js';
import type { VerificationKey } from './key.js';

/** One issuer's keys: fetched, kept, rotated, and outliving an outage. */
export interface KeySet {
  /**
   * The one key that a token names, fit for its algorithm: at once, where it is held.
   * @throws AuthError if there is none, UpstreamError if that cannot be known
   */
  find(kid: string | undefined, algorithm: Algorithm): VerificationKey | Promise<VerificationKey>;
  /** The key that is held, without a wait or a fetch and however old: never to let somebody in. */
  peek(kid: string | undefined, algorithm: Algorithm): VerificationKey | undefined;
  /** Tells whether any keys are held, however old. */
  isEmpty(): boolean;
  /** Tells whether a key is still listed; waits only where {@link find} would. */
  lists(key: VerificationKey): boolean | Promise<boolean>;
  /** Settles once keys are held. */
  ready(): Promise<void>;
  close(): void;
}

/** Where an issuer's keys come from. */
export interface KeySource {
  /** All of them, or an UpstreamError. */
  load(signal: AbortSignal): Promise<LoadedKeys>;
  /** To begin with. */
  readonly initial: readonly VerificationKey[] | undefined;
}

export interface LoadedKeys {
  readonly keys: readonly VerificationKey[];
  /** When somebody else fetched them; undefined if they were fetched now. */
  readonly fetchedAt?: number;
}

interface Held {
  readonly keys: ReadonlySet<VerificationKey>;
  readonly byKid: ReadonlyMap<string | undefined, readonly VerificationKey[]>;
  /** Counts fetches: tells whether this one began after something else. */
  readonly number: number;
  fetchedAt: number;
}

interface Failure {
  readonly error: unknown;
  readonly delay: number;
  readonly retryAt: number;
}

/** Keeps the keys of one issuer; it shares nothing with another's. */
export function createKeySet(
  source: KeySource,
  limits: KeyLimits,
  { now, tell }: { readonly now: () => number; readonly tell: TellKeys },
): KeySet {
  const maxAge = limits.maxAge * 1000;
  const maxStale = limits.maxStale * 1000;
  const cooldown = limits.cooldown * 1000;
  const shortest = Math.min(1000, cooldown);
  const closing = new AbortController();
  const deadline = {
    milliseconds: limits.timeout * 1000,
    late: 'ERR_KEYS_TIMEOUT',
    closing: closing.signal,
  } as const;

  // Not fetched, and so about to be: behind the first request, which does not wait for it.
  let held = source.initial && holdOf(source.initial, 0, now() - 0.8 * maxAge);
  let stale = false;
  let flight: Promise<void> | undefined;
  let started = 0;
  /** Of the newest fetch, if it failed. */
  let failure: Failure | undefined;
  let searchedAt = Number.NEGATIVE_INFINITY;
  let searches = 2;

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
    try {
      const { keys, fetchedAt } = await withDeadline(deadline, source.load);
      const before = held;
      // What somebody else fetched says nothing about a key that is looked for now.
      held = fetchedAt === undefined ? holdOf(keys, number, begun) : holdOf(keys, 0, fetchedAt);
      failure = undefined;
      stale = false;
      tell({ time: now(), kind: 'fetched', keys: keys.length });
      if (before) tellChanges(before, held);
    } catch (error) {
      const delay = Math.min(failure ? failure.delay * 2 : shortest, cooldown);
      failure = { error, delay, retryAt: now() + delay };
      const { message } = error as Error;
      if (!closing.signal.aborted) tell({ time: now(), kind: 'failed', detail: message });
      throw unavailable(failure);
    }
  }

  function tellChanges(before: Held, after: Held): void {
    const added = [...after.keys].filter((key) => !before.keys.has(key));
    const gone = [...before.keys].filter((key) => !after.keys.has(key));
    const kids = (keys: readonly VerificationKey[]) => keys.map(({ kid = '' }) => kid);
    if (added.length > 0) tell({ time: now(), kind: 'rotated', kids: kids(added) });
    if (gone.length > 0) tell({ time: now(), kind: 'withdrawn', kids: kids(gone) });
  }

  function tellStale(): void {
    if (!stale) tell({ time: now(), kind: 'stale' });
    stale = true;
  }

  function unavailable({ error, retryAt }: Failure): unknown {
    if (!(error instanceof UpstreamError)) return error;
    const retryAfter = (retryAt - now()) / 1000;
    return new UpstreamError(error.code, error.message, { retryAfter, cause: error });
  }

  // More than the whole delay to go means that the clock was set back: the wait is over.
  function backingOff(): boolean {
    if (!failure) return false;
    const left = failure.retryAt - now();
    return left > 0 && left <= failure.delay;
  }

  async function refreshUnlessBackingOff(): Promise<void> {
    if (!flight && failure && backingOff()) throw unavailable(failure);
    await refresh();
  }

  function age({ fetchedAt }: Held): number {
    return now() - fetchedAt;
  }

  /** The set to look into without waiting; undefined where none is good enough. */
  function atHand(): Held | undefined {
    if (!held) return undefined;
    const old = age(held);
    if (old < 0) held.fetchedAt = now() - 2 * maxAge; // set back: old from here on
    if (old < 0 || old >= 2 * maxAge || !usable(old)) return undefined;
    if (old >= 0.8 * maxAge && !backingOff()) refresh().catch(() => {});
    if (old >= maxAge && failure) tellStale();
    return held;
  }

  /** The set to look into, waiting only where nothing good enough is held. */
  async function current(): Promise<Held> {
    const ours = atHand();
    if (ours) return ours;
    try {
      await refreshUnlessBackingOff();
    } catch (error) {
      if (!held || !usable(age(held))) throw error;
      tellStale();
    }
    return held as unknown as Held;
  }

  const usable = (old: number): boolean => old < maxAge || old < maxStale;

  /** A token may know of a key before we do: the keys that bear its `kid`, looked for again. */
  async function search(kid: string, asked: number): Promise<readonly VerificationKey[]> {
    for (;;) {
      const named = (await current()).byKid.get(kid) ?? [];
      if (named.length > 0 || (held?.number ?? 0) > asked) return named;
      if (!flight && !maySearch()) {
        if (failure) throw unavailable(failure);
        return named;
      }
      await refresh();
    }
  }

  // Two in a row, since a token can be a moment earlier than its key; then one per cool-down.
  function maySearch(): boolean {
    const quiet = Math.abs(now() - searchedAt);
    const left = Math.min(2, searches + Math.floor(quiet / cooldown));
    if (failure ? backingOff() : left === 0 || quiet < shortest) return false;
    // What ends an outage is no search, but the next one keeps its distance from it.
    if (!failure) searches = left - 1;
    searchedAt = now();
    return true;
  }

  async function findAnew(kid: string | undefined, algorithm: Algorithm): Promise<VerificationKey> {
    const asked = started;
    const named = kid === undefined ? [...(await current()).keys] : await search(kid, asked);
    if (kid !== undefined && named.length === 0) throw new AuthError('ERR_TOKEN_KEY_UNKNOWN');
    return onlyFit(named, algorithm);
  }

  return {
    find(kid, algorithm) {
      const named = kid === undefined ? undefined : atHand()?.byKid.get(kid);
      return named ? onlyFit(named, algorithm) : findAnew(kid, algorithm);
    },
    peek(kid, algorithm) {
      // However old: for letting somebody in it is not used.
      const named = kid === undefined ? [...(held?.keys ?? [])] : (held?.byKid.get(kid) ?? []);
      const [key, ...others] = named.filter((one) => one.fits(algorithm));
      return others.length > 0 ? undefined : key;
    },
    isEmpty: () => held === undefined,
    lists(key) {
      const ours = atHand();
      return ours ? ours.keys.has(key) : current().then(({ keys }) => keys.has(key));
    },
    async ready() {
      if (!held || age(held) < 0 || age(held) >= maxAge) await refreshUnlessBackingOff();
    },
    close() {
      closing.abort(new UpstreamError('ERR_KEYS_UNREACHABLE', 'the guard was closed'));
    },
  };
}

function onlyFit(named: readonly VerificationKey[], algorithm: Algorithm): VerificationKey {
  const [key, ...others] = named.filter((one) => one.fits(algorithm));
  if (!key) throw new AuthError('ERR_TOKEN_KEY_MISMATCH');
  if (others.length > 0) throw new AuthError('ERR_TOKEN_KEY_UNKNOWN');
  return key;
}

function holdOf(keys: readonly VerificationKey[], number: number, fetchedAt: number): Held {
  const byKid = new Map<string | undefined, VerificationKey[]>();
  for (const key of keys) {
    const same = byKid.get(key.kid);
    if (same) same.push(key);
    else byKid.set(key.kid, [key]);
  }
  return { keys: new Set(keys), byKid, number, fetchedAt };
}
