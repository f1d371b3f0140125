import { sha256Hex } from '../base/digest.js';
import { openUntil } from './brownout.js';
import {
  type BrownoutPlan,
  type Check,
  type ClientPlan,
  type ClientRef,
  type CohortPlan,
  type KeyCheck,
  keyChecks,
  type Mode,
  type Plan,
  type Rule,
} from './plan.js';

/** Why the plan rejects a client's API key. */
export type Refusal = 'migrated' | 'sunset' | 'brownout';

/** The result of evaluating the plan for one client at one time. */
export interface PlanEvaluation {
  readonly mode: Mode;
  /** The name of the client's cohort. */
  readonly cohort: string | undefined;
  /** Milliseconds since 1970: when the client's keys stop working, or stopped. */
  readonly sunsetAt: number | undefined;
  readonly refusal: Refusal | undefined;
  /** Milliseconds since 1970: the end of the brownout that rejects the key. */
  readonly retryAt: number | undefined;
  /** Milliseconds since 1970: the `start` of that brownout in the plan. */
  readonly brownout: number | undefined;
  /** Whether only a brownout with `dryRun` would have rejected the key. */
  readonly wouldRefuse: boolean;
}

/** Evaluates the plan for one client at one time. The stricter of the plan's and the route's mode applies. */
export function evaluatePlan(
  plan: Plan,
  named: ClientRef,
  options: { readonly now: number; readonly strictest?: Mode | undefined },
): PlanEvaluation {
  const { now, strictest } = options;
  const client = ruleOf(plan, named);
  const { sunsetAt } = client;
  const mode = stricter(ownMode(plan, client, named.id), strictest);
  const cohort = client.cohort?.name;
  const accepted: PlanEvaluation = {
    mode,
    cohort,
    sunsetAt,
    refusal: undefined,
    retryAt: undefined,
    brownout: undefined,
    wouldRefuse: false,
  };
  if (mode === 'token-only') return { ...accepted, refusal: 'migrated' };
  if (sunsetAt !== undefined && now >= sunsetAt) return { ...accepted, refusal: 'sunset' };
  if (client.mode === 'extension') return accepted;
  const open = plan.brownouts.filter(
    (one) => openUntil(one, now) !== undefined && appliesTo(one, named, cohort),
  );
  const refusing = open.find(({ dryRun }) => !dryRun);
  if (!refusing) return { ...accepted, wouldRefuse: open.length > 0 };
  const retryAt = endOfBrownout(plan, named, { now, cohort });
  return { ...accepted, refusal: 'brownout', retryAt, brownout: refusing.start };
}

/** Returns the rule for a client, or the one for all clients that the plan does not name. */
export function ruleOf(plan: Plan, { id, issuer }: ClientRef): ClientPlan {
  const rules = plan.clients.get(id);
  return rules?.find((one) => one.issuer === undefined || one.issuer === issuer) ?? plan.others;
}

/** The state of a client: its mode, or `sunset` once its keys have stopped working. */
export type ClientState = Mode | 'sunset';

/** Returns the state of a client, regardless of routes and brownouts. */
export function clientStateOf(plan: Plan, named: ClientRef, now: number): ClientState {
  const client = ruleOf(plan, named);
  const mode = ownMode(plan, client, named.id);
  const isPastSunset = client.sunsetAt !== undefined && now >= client.sunsetAt;
  return isPastSunset && mode !== 'token-only' ? 'sunset' : mode;
}

function ownMode(plan: Plan, { mode, cohort }: ClientPlan, clientId: string): Mode {
  if (mode !== undefined) return mode;
  return cohort?.mode !== undefined && isInPercent(cohort, clientId) ? cohort.mode : plan.mode;
}

const strictness: Readonly<Record<Mode, number>> = {
  'key-only': 0,
  dual: 1,
  deprecated: 2,
  extension: 2,
  'token-only': 3,
};

function stricter(mode: Mode, required: Mode | undefined): Mode {
  if (required === undefined || strictness[required] <= strictness[mode]) return mode;
  // Only a client can have an extension, not a route.
  return required === 'extension' ? 'deprecated' : required;
}

/** Returns whether a client is in its cohort's `percent`. Once in, it stays in while `percent` grows. */
export function isInPercent({ percent, salt }: CohortPlan, clientId: string): boolean {
  if (percent <= 0 || percent >= 100) return percent > 0;
  const bucket = Number.parseInt(sha256Hex(`${salt}\0${clientId}`).slice(0, 8), 16);
  return (bucket / 2 ** 32) * 100 < percent;
}

const appliesTo = (
  { paused, cohorts, exempt }: BrownoutPlan,
  { id, issuer }: ClientRef,
  cohort: string | undefined,
): boolean => {
  if (paused || (cohorts && (cohort === undefined || !cohorts.has(cohort)))) return false;
  const issuers = exempt.get(id);
  return !(issuers?.has(undefined) || issuers?.has(issuer));
};

const mostWindows = 100;

// Windows that overlap or touch count as one: a retry between them would be rejected.
function endOfBrownout(
  plan: Plan,
  named: ClientRef,
  { now, cohort }: { readonly now: number; readonly cohort: string | undefined },
): number {
  let end = now;
  for (let windows = 0; windows < mostWindows; windows += 1) {
    let next = end;
    for (const brownout of plan.brownouts) {
      if (brownout.dryRun || !appliesTo(brownout, named, cohort)) continue;
      next = Math.max(next, openUntil(brownout, end) ?? end);
    }
    if (next === end) break;
    end = next;
  }
  return end;
}

/** Returns the rule of a check for a client's tokens; without a client, the plan's. */
export const tokenRule = (plan: Plan, check: Check, client: ClientRef | undefined): Rule =>
  (client ? ruleOf(plan, client) : plan.others).tokenChecks[check];

/** Returns the rule of a check for a client's API keys. */
export const keyRule = (plan: Plan, check: Check, client: ClientRef | undefined): Rule =>
  isKeyCheck(check) ? (client ? ruleOf(plan, client) : plan.others).checks[check] : 'enforce';

/** Returns whether a check is report-only for a client's API keys or tokens. */
export function isReported(plan: Plan, check: Check, client: ClientRef): boolean {
  const { checks, tokenChecks } = ruleOf(plan, client);
  return tokenChecks[check] === 'report' || (isKeyCheck(check) && checks[check] === 'report');
}

const isKeyCheck = (check: Check): check is KeyCheck =>
  (keyChecks as readonly Check[]).includes(check);
