import { withDeadline } from '../base/deadline.js';
import { UpstreamError } from '../base/errors.js';
import { servesAny } from './jwk.js';
import type { EmitJwks } from './jwks-events.js';
import {
  type Failure,
  type FetchLimits,
  failureAfter,
  inMilliseconds,
  isBackingOff,
} from './jwks-freshness.js';
import type { JwksLimits } from './jwks-options.js';
import { EmptyJwksError, type JwksSource, type LoadedKeys } from './jwks-source.js';
import { kidsAdded, type SigningKeys, signingKeysOf } from './key-selection.js';

/** The keys of one issuer, and what is known of its fetches. Reading a member has no effect. */
export interface JwksFetcher {
  /** The newest set that was fetched, however old. */
  readonly held: SigningKeys | undefined;
  /** The newest fetch, if it failed. */
  readonly failure: Failure | undefined;
  readonly isFetching: boolean;
  /** How many fetches were started. */
  readonly started: number;
  /**
   * Fetches the set, or joins the fetch under way.
   * @throws UpstreamError if the fetch fails
   */
  refresh(): Promise<void>;
  /** The same; @throws UpstreamError also while it is too early for another fetch */
  refreshUnlessBackingOff(): Promise<void>;
  /** Makes the keys old, from here on, if the clock was set back since they were fetched. */
  noteTime(time: number): void;
  /** Emits, once an outage, that old keys are used. */
  emitStale(): void;
  close(): void;
}

/** Where the time comes from, and where events go. */
export interface Surroundings {
  readonly now: () => number;
  readonly emit: EmitJwks;
}

/** Creates the fetcher of one issuer, with one fetch at a time. */
export function createJwksFetcher(
  source: JwksSource,
  given: JwksLimits,
  { now, emit }: Surroundings,
): JwksFetcher {
  const limits = inMilliseconds(given);
  const closing = new AbortController();
  const deadline = { milliseconds: given.timeout * 1000, closing: closing.signal };
  let held = initialKeys(source, now, limits);
  let failure: Failure | undefined;
  let flight: Promise<void> | undefined;
  let started = 0;

  async function fetchKeys(): Promise<void> {
    started += 1;
    const number = started;
    const begun = now();
    try {
      const loaded = await loadInTime(source, deadline);
      if (!loaded.keys.some(servesAny)) throw new EmptyJwksError(loaded);
      const { fetchedAt } = loaded;
      const before = held;
      // A set that another process fetched may lack a key that is being searched for: its number is 0.
      const fetched =
        fetchedAt === undefined ? { number, at: begun } : { number: 0, at: fetchedAt };
      held = signingKeysOf(loaded, fetched);
      failure = undefined;
      emit({ time: now(), kind: 'fetched', keys: held.keys.size });
      if (before) emitChanges(before, held, { now, emit });
      source.share(loaded);
    } catch (error) {
      const isEmpty = error instanceof EmptyJwksError;
      failure = failureAfter(failure, { error, isEmpty, at: now() }, limits);
      const { message } = error as Error;
      if (!closing.signal.aborted) emit({ time: now(), kind: 'failed', detail: message });
      throw errorOf(failure, now);
    }
  }

  function refresh(): Promise<void> {
    flight ??= fetchKeys().finally(() => {
      flight = undefined;
    });
    return flight;
  }

  return {
    get held() {
      return held;
    },
    get failure() {
      return failure;
    },
    get isFetching() {
      return flight !== undefined;
    },
    get started() {
      return started;
    },
    refresh,
    async refreshUnlessBackingOff() {
      if (!flight && failure && isBackingOff(failure, now())) throw errorOf(failure, now);
      await refresh();
    },
    noteTime(time) {
      if (held && time < held.fetchedAt) held = { ...held, fetchedAt: time - 2 * limits.maxAge };
    },
    emitStale() {
      if (!failure || failure.isStaleTold) return;
      failure = { ...failure, isStaleTold: true };
      emit({ time: now(), kind: 'stale' });
    },
    close() {
      closing.abort(new UpstreamError('ERR_JWKS_UNREACHABLE', 'the guard was closed'));
    },
  };
}

/** Returns the error of a failed fetch, with the time until the next one. */
export function errorOf({ error, retryAt }: Failure, now: () => number): unknown {
  if (!(error instanceof UpstreamError)) return error;
  const retryAfter = (retryAt - now()) / 1000;
  return new UpstreamError(error.code, error.message, { retryAfter, cause: error });
}

// They were not fetched, so a fetch is due: the first request starts it, and does not wait for it.
function initialKeys({ initial }: JwksSource, now: () => number, limits: FetchLimits) {
  return initial && signingKeysOf(initial, { number: 0, at: now() - 0.8 * limits.maxAge });
}

function loadInTime(
  source: JwksSource,
  limit: { readonly milliseconds: number; readonly closing: AbortSignal },
): Promise<LoadedKeys> {
  let waiting = '';
  const waitFor = (what: string) => {
    waiting = what;
  };
  const deadline = { ...limit, late: 'ERR_JWKS_TIMEOUT', waitingFor: () => waiting } as const;
  return withDeadline(deadline, (signal) => source.load({ signal, waitFor }));
}

function emitChanges(before: SigningKeys, after: SigningKeys, { now, emit }: Surroundings): void {
  const added = kidsAdded(before, after);
  const gone = kidsAdded(after, before);
  if (added.length > 0) emit({ time: now(), kind: 'rotated', kids: added });
  if (gone.length > 0) emit({ time: now(), kind: 'withdrawn', kids: gone });
}
