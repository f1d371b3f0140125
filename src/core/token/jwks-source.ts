import { UpstreamError } from '../base/errors.js';
import type { ImportedKeys } from './jwk.js';
import { reasonsOf } from './key-selection.js';

/** Where an issuer's keys come from. */
export interface JwksSource {
  /**
   * Loads the whole set. Once the signal is aborted, the result is discarded.
   * @throws UpstreamError if it is unavailable
   */
  load(attempt: LoadAttempt): Promise<LoadedKeys>;
  /** Called with the result of each load that is used from then on. */
  share(loaded: LoadedKeys): void;
  /** The keys to start with. */
  readonly initial: ImportedKeys | undefined;
}

export interface LoadAttempt {
  readonly signal: AbortSignal;
  /** Records what the load waits for: the error names it if there is a timeout. */
  waitFor(what: string): void;
}

/** A key set, imported. */
export interface LoadedKeys extends ImportedKeys {
  /** Where it was loaded from, for error messages. */
  readonly from: string;
  /** The entries of the set, including those that cannot be used. */
  readonly published: readonly unknown[];
  /** When another process fetched it, in milliseconds since 1970; undefined if it was fetched now. */
  readonly fetchedAt?: number;
}

/** A JWK Set was fetched in which no key can be used. */
export class EmptyJwksError extends UpstreamError {
  constructor(loaded: LoadedKeys) {
    super('ERR_JWKS_RESPONSE', emptySet(loaded));
  }
}

function emptySet({ from, published, skipped }: LoadedKeys): string {
  if (published.length === 0) return `${from} returned an empty JWK Set`;
  const reasons = skipped.length > 0 ? `: ${reasonsOf(skipped)}` : '';
  return `${from} returned a JWK Set in which no key can be used${reasons}`;
}
