import type { Retirement } from '../base/errors.js';
import type { PlanEvaluation } from './evaluate.js';
import type { Plan } from './plan.js';

/** What is set on the response to a request that an API key was good for. */
export type MigrationHeaders = Readonly<Record<string, string>>;

/** For whom nothing is announced. */
export const noHeaders: MigrationHeaders = Object.freeze({});

/**
 * Announces the end of keys to a client that still uses one (RFC 9745, RFC 8594). In `dual` the
 * dates are told from `deprecatedAt` on, in `deprecated` and `extension` at once, in `key-only`
 * never.
 */
export function migrationHeadersOf(
  plan: Plan,
  { mode, sunsetAt }: PlanEvaluation,
  now: number,
): MigrationHeaders {
  if (mode === 'key-only') return noHeaders;
  const { deprecatedAt } = plan;
  const dated = mode !== 'dual' || deprecatedAt === undefined || deprecatedAt <= now;
  return written(plan, dated, dated ? sunsetAt : undefined);
}

// A plan has few dates, and every request asks: they are written once. None is older than its plan.
const known = new WeakMap<
  Plan,
  Record<'dated' | 'undated', Map<number | undefined, MigrationHeaders>>
>();

function written(plan: Plan, dated: boolean, sunsetAt: number | undefined): MigrationHeaders {
  let ofPlan = known.get(plan);
  if (!ofPlan) {
    ofPlan = { dated: new Map(), undated: new Map() };
    known.set(plan, ofPlan);
  }
  const bySunset = dated ? ofPlan.dated : ofPlan.undated;
  const held = bySunset.get(sunsetAt);
  if (held) return held;
  const headers = write(plan, dated, sunsetAt);
  bySunset.set(sunsetAt, headers);
  return headers;
}

function write(plan: Plan, dated: boolean, sunsetAt: number | undefined): MigrationHeaders {
  const { deprecatedAt, guide } = plan;
  return Object.freeze({
    // RFC 9745 §2: a Date of structured fields; RFC 8594 §3: an HTTP-date.
    ...(dated &&
      deprecatedAt !== undefined && { Deprecation: `@${Math.floor(deprecatedAt / 1000)}` }),
    ...(sunsetAt !== undefined && { Sunset: new Date(sunsetAt).toUTCString() }),
    ...(guide !== undefined && { Link: linkTo(guide, sunsetAt !== undefined) }),
  });
}

/** The link relations of RFC 9745 §3 and RFC 8594 §6. */
export function linkTo(guide: string, sunset: boolean): string {
  const relations = sunset ? ['deprecation', 'sunset'] : ['deprecation'];
  return relations.map((relation) => `<${new URL(guide).href}>; rel="${relation}"`).join(', ');
}

/** What a client is told whose key is refused: the way out, the same before and after the sunset. */
export function retirementOf(
  plan: Plan,
  { retryAt, sunsetAt }: PlanEvaluation,
  now: number,
): Retirement {
  // A brownout that outlasts the sunset never ends for this client.
  const ends = retryAt !== undefined && !(sunsetAt !== undefined && sunsetAt <= retryAt);
  return {
    status: plan.refusedStatus,
    ...(plan.guide !== undefined && { guide: new URL(plan.guide).href }),
    ...(ends && { retryAfter: Math.ceil((retryAt - now) / 1000) }),
  };
}
