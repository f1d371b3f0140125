import type { Algorithm } from './algorithms.js';
import type { VerificationKey } from './jwk.js';
import type { KeyNames } from './key-selection.js';

/** One issuer's keys: fetched, kept, rotated, and outliving an outage. */
export interface KeySet {
  /**
   * The one key that a token names, fit for its algorithm: synchronously, where it is held.
   * @throws AuthError if there is none, UpstreamError if that cannot be known
   */
  find(names: KeyNames, algorithm: Algorithm): VerificationKey | Promise<VerificationKey>;
  /**
   * Another key that a token may mean whose signature failed under a held one, since issuers have
   * been seen to replace a key under its `kid`. Fetches within the limits of a search.
   */
  findReplacement(
    failed: VerificationKey,
    names: KeyNames,
    algorithm: Algorithm,
  ): Promise<VerificationKey | undefined>;
  /** The key that is held, without a wait or a fetch and however old: never to let somebody in. */
  peek(names: KeyNames, algorithm: Algorithm): VerificationKey | undefined;
  /** Tells whether any keys are held, however old. */
  isEmpty(): boolean;
  /** Tells whether a key is still listed; waits only where {@link find} would. */
  lists(key: VerificationKey): boolean | Promise<boolean>;
  /** Settles once keys are held. */
  ready(): Promise<void>;
  close(): void;
}
