import { type AuthErrorCode, UpstreamError } from '../base/errors.js';
import { type Enforcement, enforced } from '../enforcement.js';
import { clientOf, type Principal } from '../principal.js';
import { keyRule, tokenRule } from './evaluate.js';
import { type ClientRef, type Plan, tokenOnlyChecks } from './plan.js';

/** How the checks of one request are taken; `notes` collects what would have refused it. */
export type Enforcements = (
  route: { readonly enforce?: boolean },
  notes: AuthErrorCode[],
) => Enforcement;

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
  return function enforcementFor({ enforce }, notes) {
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
