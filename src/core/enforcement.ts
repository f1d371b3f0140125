import type { AuthError } from './base/errors.js';
import type { Principal } from './principal.js';

/** A check that may be reported only. Signature, algorithm, issuer and expiry never are. */
export type Check = (typeof checks)[number];
export const checks = ['audience', 'type', 'scopes', 'organization', 'lifetime'] as const;

/** What it means that a check failed: a refusal, or, where a plan only reports it, a note. */
export interface Enforcement {
  /** Checks of a token that have to wait for its signature, since the client decides about them. */
  readonly deferred: ReadonlySet<Check>;
  /** Throws the error, or records it as a note. */
  fail(check: Check, error: AuthError, principal: Principal): void;
}

/** Every failed check is a refusal. */
export const enforced: Enforcement = {
  deferred: new Set(),
  fail(_, error) {
    throw error;
  },
};
