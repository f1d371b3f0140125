import { type AuthErrorCode, UpstreamError } from '../base/errors.js';
import { type Enforcement, enforced } from '../enforcement.js';
import { clientOf, type Principal } from '../principal.js';
import { keyRule, tokenRule } from './evaluate.js';
import { type ClientRef, type Plan, tokenOnlyChecks } from './plan.js';

/** Returns how to enforce the checks of one request. `notes` collects failed report-only checks. */
export type Enforcements = (
  route: { readonly enforce?: boolean },
  notes: AuthErrorCode[],
) => Enforcement;

// Before the first plan is loaded, a check may be report-only or not: neither 401 nor access would
// be right.
const planUnavailable: Enforcement = {
  deferred: new Set(tokenOnlyChecks),
  fail(check) {
    throw new UpstreamError(
      'ERR_PLAN_UNAVAILABLE',
      `no plan has been loaded yet, and "${check}" may be report-only in it`,
    );
  },
};

/** Combines the plan's report-only checks with what the route enforces. */
export function createEnforcements(current: () => Plan | undefined): Enforcements {
  return function enforcementFor({ enforce }, notes) {
    if (enforce) return enforced;
    const plan = current();
    if (!plan) return planUnavailable;
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
