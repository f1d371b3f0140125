import { type AuthError, type AuthErrorCode, UpstreamError } from './base/errors.js';
import { keyRule, tokenRule } from './plan/evaluate.js';
import { type Check, type ClientRef, type Plan, tokenOnlyChecks } from './plan/plan.js';
import { clientOf, type Principal } from './principal.js';
import type { Requirements } from './requirements.js';

/** What it means that a check failed: a refusal, or, where a plan only reports it, a note. */
export interface Enforcement {
  /** Checks of a token that have to wait for its signature, since the client decides about them. */
  readonly deferred: ReadonlySet<Check>;
  /** Throws the error, or records it as a note. */
  fail(check: Check, error: AuthError, principal: Principal): void;
}

/** How the checks of one request are taken; `notes` collects what would have refused it. */
export type Enforcements = (requirements: Requirements, notes: AuthErrorCode[]) => Enforcement;

const enforced: Enforcement = {
  deferred: new Set(),
  fail(_, error) {
    throw error;
  },
};

// A plan that was never loaded might only report a check: neither 401 nor a pass would be right.
const unknown: Enforcement = {
  deferred: new Set(tokenOnlyChecks),
  fail(check) {
    throw new UpstreamError(
      'ERR_PLAN_UNAVAILABLE',
      `the plan has not been loaded yet, and it may report "${check}" instead of enforcing it`,
    );
  },
};

/** Picks, for each request, between what the plan says and what the route enforces. */
export function createEnforcements(current: () => Plan | undefined): Enforcements {
  return function rulingFor({ enforce }, notes) {
    if (enforce) return enforced;
    const plan = current();
    if (!plan) return unknown;
    if (!plan.reports) return enforced;
    return {
      deferred: plan.deferred,
      fail(check, error, principal) {
        const ruleOf = principal.kind === 'token' ? tokenRule : keyRule;
        if (ruleOf(plan, check, refOf(principal)) === 'enforce') throw error;
        if (!notes.includes(error.code)) notes.push(error.code);
      },
    };
  };
}

function refOf(principal: Principal): ClientRef | undefined {
  const id = clientOf(principal);
  return id === undefined ? undefined : { id, issuer: principal.issuer };
}
