import type { ImportedKeys } from './jwk.js';
import { reasonsOf } from './key-selection.js';

/** Where an issuer's keys come from. */
export interface JwksSource {
  /** All of them, or an UpstreamError. After its end by the signal, its result is discarded. */
  load(attempt: LoadAttempt): Promise<LoadedKeys>;
  /** Is handed the result of each load that was used. */
  share(loaded: LoadedKeys): void;
  /** To begin with. */
  readonly initial: ImportedKeys | undefined;
}

export interface LoadAttempt {
  readonly signal: AbortSignal;
  /** Says what is waited for, to be named if it takes too long. */
  waitFor(what: string): void;
}

/** A key set, imported. */
export interface LoadedKeys extends ImportedKeys {
  /** Where it comes from, for the operator. */
  readonly from: string;
  /** The entries of the set, used or not. */
  readonly published: readonly unknown[];
  /** When another process fetched it; undefined if it was fetched now. */
  readonly fetchedAt?: number;
}

/** The sentence about a key set in which no key can be used. */
export function emptySet({ from, published, skipped }: LoadedKeys): string {
  if (published.length === 0) return `${from} returned an empty JWK Set`;
  const reasons = skipped.length > 0 ? `: ${reasonsOf(skipped)}` : '';
  return `${from} returned a JWK Set in which no key can be used${reasons}`;
}
