import type { JwksLimits } from './jwks-options.js';

// When a key set may be used, and when it may be fetched: values, and what follows from them. All
// times in milliseconds.

/** The limits of a key set. */
export interface FetchLimits {
  readonly maxAge: number;
  readonly staleIfError: number;
  readonly cooldown: number;
}

/** The same limits, which the options have in seconds. */
export const inMilliseconds = ({ maxAge, staleIfError, cooldown }: JwksLimits): FetchLimits => ({
  maxAge: maxAge * 1000,
  staleIfError: staleIfError * 1000,
  cooldown: cooldown * 1000,
});

/** The shortest wait between two fetches that something went wrong for. */
const shortestWait = ({ cooldown }: FetchLimits): number => Math.min(1000, cooldown);

/**
 * What may be done with keys of this age: `fresh` keys are used; `due` ones too, while they are
 * fetched behind; for `old` ones a fetch is waited for, and they are used only if it fails;
 * `unusable` ones are not used at all. A clock that was set back makes keys old.
 */
export function freshness(
  age: number,
  { maxAge, staleIfError }: FetchLimits,
): 'fresh' | 'due' | 'old' | 'unusable' {
  if (age < 0) return 'old';
  if (age >= maxAge && age >= staleIfError) return 'unusable';
  if (age >= 2 * maxAge) return 'old';
  return age >= 0.8 * maxAge ? 'due' : 'fresh';
}

/** The newest fetch, if it failed, and how long no other is begun. */
export interface Failure {
  readonly error: unknown;
  readonly delay: number;
  readonly retryAt: number;
  /**
   * Since the last good fetch a key set without a usable key was published: it may be meant as a
   * revocation.
   */
  readonly isEmptied: boolean;
  /** The `stale` event of this outage was emitted. */
  readonly isStaleTold: boolean;
}

/** A failure, after the one before it in the same outage: each wait is twice as long. */
export function failureAfter(
  before: Failure | undefined,
  failed: { readonly error: unknown; readonly isEmpty: boolean; readonly at: number },
  limits: FetchLimits,
): Failure {
  const delay = Math.min(before ? before.delay * 2 : shortestWait(limits), limits.cooldown);
  return {
    error: failed.error,
    delay,
    retryAt: failed.at + delay,
    isEmptied: failed.isEmpty || before?.isEmptied === true,
    isStaleTold: before?.isStaleTold ?? false,
  };
}

/** Returns whether it is too early for another fetch. */
export function isBackingOff(failure: Failure | undefined, now: number): boolean {
  if (!failure) return false;
  const left = failure.retryAt - now;
  // More than the whole delay to go means that the clock was set back: the wait is over.
  return left > 0 && left <= failure.delay;
}

/** The limits in an outage: keys that may have been revoked serve until twice `maxAge` only. */
export const limitsIn = (failure: Failure | undefined, limits: FetchLimits): FetchLimits =>
  failure?.isEmptied
    ? { ...limits, staleIfError: Math.min(limits.staleIfError, 2 * limits.maxAge) }
    : limits;

/** Fetches for keys that a token knows of before we do: two in a row, then one per cool-down. */
export interface SearchBudget {
  readonly left: number;
  readonly spentAt: number;
}

export const fullBudget: SearchBudget = { left: 2, spentAt: Number.NEGATIVE_INFINITY };

/** What is left after one more search; undefined if there must be none now. */
export function afterSearch(
  { left, spentAt }: SearchBudget,
  now: number,
  limits: FetchLimits,
): SearchBudget | undefined {
  const quiet = Math.abs(now - spentAt);
  const available = Math.min(2, left + Math.floor(quiet / limits.cooldown));
  if (available === 0 || quiet < shortestWait(limits)) return undefined;
  return { left: available - 1, spentAt: now };
}
