import type { AuthError, AuthErrorCode } from './errors.js';
import type { Check, Plan } from './migration/plan.js';
import { checkRule } from './migration/stance.js';

/** What it means that a check failed: a refusal, or, where a plan only wants to know, a note. */
export interface Ruling {
  /** What has to wait for the signature, since whose token it is decides. */
  readonly deferred: ReadonlySet<Check>;
  /** Throws the error, or lets it be. */
  fail(check: Check, error: AuthError, client: string | undefined): void;
}

const enforced: Ruling = {
  deferred: new Set(),
  fail(_, error) {
    throw error;
  },
};

/** How one request's checks are taken; what would have refused it is added to the notes. */
export function rulingOf(plan: Plan | undefined, notes: AuthErrorCode[]): Ruling {
  if (!plan || plan.deferred.size === 0) return enforced;
  return {
    deferred: plan.deferred,
    fail(check, error, client) {
      if (checkRule(plan, check, client) === 'enforce') throw error;
      if (!notes.includes(error.code)) notes.push(error.code);
    },
  };
}
