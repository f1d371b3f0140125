import { sha256Hex } from '../verify/digest.js';
import { openUntil } from './brownout.js';
import { day } from './dates.js';
import { entry } from './lines.js';
import type { BrownoutPlan, Check, ClientPlan, CohortPlan, Mode, Plan, Rule } from './plan.js';

/** Why a client's key is refused. */
export type Refusal = 'migrated' | 'sunset' | 'brownout';

/** What a plan says to one client at one time. */
export interface Stance {
  readonly mode: Mode;
  /** The name of its cohort. */
  readonly cohort: string | undefined;
  /** Milliseconds since 1970: when its keys stop working, or have stopped. */
  readonly sunsetAt: number | undefined;
  readonly refusal: Refusal | undefined;
  /** Milliseconds since 1970: the end of the brownout that refuses. */
  readonly retryAt: number | undefined;
  /** Milliseconds since 1970: the start of that brownout in the plan. */
  readonly brownout: number | undefined;
  /** A brownout that is a dry run would have refused what nothing else does. */
  readonly wouldRefuse: boolean;
}

/** Where a client stands; `strictest` is what the route asks, and the stricter mode is in force. */
export function stanceOf(
  plan: Plan,
  clientId: string,
  options: { readonly now: number; readonly strictest?: Mode | undefined },
): Stance {
  const { now, strictest } = options;
  const client = plan.clients.get(clientId) ?? plan.others;
  const { sunsetAt } = client;
  const mode = stricter(ownMode(plan, client, clientId), strictest);
  const cohort = client.cohort?.name;
  let refusal: Refusal | undefined;
  let start: number | undefined;
  let wouldRefuse = false;
  if (mode === 'token-only') refusal = 'migrated';
  else if (sunsetAt !== undefined && now >= sunsetAt) refusal = 'sunset';
  else if (client.mode !== 'extension') {
    for (const brownout of plan.brownouts) {
      if (openUntil(brownout, now) === undefined || !concerns(brownout, clientId, cohort)) continue;
      if (brownout.dryRun) wouldRefuse = true;
      else {
        refusal = 'brownout';
        start ??= brownout.start;
      }
    }
  }
  const retryAt = refusal === 'brownout' ? endOfBrownout(plan, clientId, now) : undefined;
  wouldRefuse &&= !refusal;
  return { mode, cohort, sunsetAt, refusal, retryAt, brownout: start, wouldRefuse };
}

/** Where a client stands: in a mode, or behind its sunset. */
export type Standing = Mode | 'sunset';

/** Where a client stands, whatever a route asks and whether or not a brownout is on. */
export function standingOf(plan: Plan, clientId: string, now: number): Standing {
  const client = plan.clients.get(clientId) ?? plan.others;
  const mode = ownMode(plan, client, clientId);
  const over = client.sunsetAt !== undefined && now >= client.sunsetAt;
  return over && mode !== 'token-only' ? 'sunset' : mode;
}

function ownMode(plan: Plan, { mode, cohort }: ClientPlan, clientId: string): Mode {
  if (mode !== undefined) return mode;
  return cohort?.mode !== undefined && isDrawn(cohort, clientId) ? cohort.mode : plan.mode;
}

const strictness: Readonly<Record<Mode, number>> = {
  'key-only': 0,
  dual: 1,
  deprecated: 2,
  extension: 2,
  'token-only': 3,
};

function stricter(mode: Mode, asked: Mode | undefined): Mode {
  if (asked === undefined || strictness[asked] <= strictness[mode]) return mode;
  // An extension is a client's, never a route's.
  return asked === 'extension' ? 'deprecated' : asked;
}

/** Tells whether a client is one of its cohort's `percent`: always the same, and still as it grows. */
export function isDrawn({ percent, salt }: CohortPlan, clientId: string): boolean {
  if (percent <= 0 || percent >= 100) return percent > 0;
  const bucket = Number.parseInt(sha256Hex(`${salt}\0${clientId}`).slice(0, 8), 16);
  return (bucket / 2 ** 32) * 100 < percent;
}

const concerns = (
  { paused, cohorts, exempt }: BrownoutPlan,
  clientId: string,
  cohort: string | undefined,
): boolean =>
  !paused &&
  (cohorts === undefined || (cohort !== undefined && cohorts.has(cohort))) &&
  !exempt.has(clientId);

const mostWindows = 100;

// Windows that overlap or touch are one to the client: a retry between them would be refused.
function endOfBrownout(plan: Plan, clientId: string, now: number): number {
  const cohort = (plan.clients.get(clientId) ?? plan.others).cohort?.name;
  let end = now;
  for (let windows = 0; windows < mostWindows; windows += 1) {
    let next = end;
    for (const brownout of plan.brownouts) {
      if (brownout.dryRun || !concerns(brownout, clientId, cohort)) continue;
      next = Math.max(next, openUntil(brownout, end) ?? end);
    }
    if (next === end) break;
    end = next;
  }
  return end;
}

/** The rule of a check for a client; of an unknown client, or of none, the plan's. */
export function checkRule(plan: Plan, check: Check, clientId: string | undefined): Rule {
  const client = clientId === undefined ? undefined : plan.clients.get(clientId);
  return (client ?? plan.others).checks[check];
}

/** What is no mistake in a plan but hardly meant: at most 20 sentences. */
export function planWarnings(plan: Plan, now: number): string[] {
  const { cohorts } = plan;
  const last = lastSunset(plan, [undefined, ...cohorts.values()]);
  const warnings: string[] = [];
  const extended = [...plan.clients.values()].some(({ sunsetAt = 0 }) => sunsetAt > now);
  if (last <= now && !extended) {
    warnings.push(
      'plan: the old door can be removed: every sunset has passed, and no extension is left',
    );
  }
  warnings.push(...shortNotice('plan.sunsetAt', plan, [plan.sunsetAt, now]));
  for (const [index, { start, cohorts: names }] of plan.brownouts.entries()) {
    const end = names
      ? lastSunset(
          plan,
          [...names].map((name) => cohorts.get(name)),
        )
      : last;
    if (start >= end) {
      warnings.push(`plan.brownouts[${index}]: begins after the sunset, so it refuses nobody`);
    }
  }
  for (const [name, { sunsetAt }] of cohorts) {
    const where = `${entry('plan.cohorts', name)}.sunsetAt`;
    warnings.push(...shortNotice(where, plan, [sunsetAt, now]));
  }
  return warnings.slice(0, 20);
}

// Without a cohort the plan's own.
const lastSunset = (plan: Plan, cohorts: readonly (CohortPlan | undefined)[]): number =>
  Math.max(...cohorts.map((cohort) => cohort?.sunsetAt ?? plan.sunsetAt ?? Infinity));

function shortNotice(
  where: string,
  { deprecatedAt }: Plan,
  [sunsetAt = 0, now]: readonly [sunsetAt: number | undefined, now: number],
): string[] {
  const days = Math.floor((sunsetAt - (deprecatedAt ?? now)) / day);
  if (sunsetAt <= now || days >= 30) return [];
  const since = deprecatedAt === undefined ? 'from now' : 'after deprecatedAt';
  return [`${where}: is less than ${days + 1} days ${since}: give clients 30 at least`];
}
