import type { Algorithm } from './algorithms.js';
import type { VerificationKey } from './jwk.js';
import type { KeyNames } from './key-selection.js';

/** The signing keys of one issuer: fetched, cached, refreshed, and used on during an outage. */
export interface KeySet {
  /**
   * Returns the one key that a token names and that fits its algorithm; synchronously if it is cached.
   * @throws AuthError if there is none, UpstreamError if the keys are unavailable
   */
  find(names: KeyNames, algorithm: Algorithm): VerificationKey | Promise<VerificationKey>;
  /**
   * Resolves to another key that a token may mean whose signature failed under a cached one: some issuers
   * replace a key and keep its `kid`. Fetches within the limits of a search.
   */
  findReplacement(
    failed: VerificationKey,
    names: KeyNames,
    algorithm: Algorithm,
  ): Promise<VerificationKey | undefined>;
  /** Returns the cached key, however old, without a fetch: only for refusals, never to accept a token. */
  peek(names: KeyNames, algorithm: Algorithm): VerificationKey | undefined;
  /** Returns whether no keys are cached, not even old ones. */
  isEmpty(): boolean;
  /** Returns whether a key is still in the set; waits only where {@link find} would. */
  lists(key: VerificationKey): boolean | Promise<boolean>;
  /** Resolves once keys are cached. @throws UpstreamError if they are unavailable */
  ready(): Promise<void>;
  close(): void;
}
