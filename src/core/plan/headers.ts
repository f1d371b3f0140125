import type { Retirement } from '../base/errors.js';
import type { PlanEvaluation } from './evaluate.js';
import type { Plan } from './plan.js';

/** Headers for the response to a request whose API key was accepted. */
export type MigrationHeaders = Readonly<Record<string, string>>;

/** The headers for clients to whom nothing is announced. */
export const noHeaders: MigrationHeaders = Object.freeze({});

/**
 * Returns the headers that announce the sunset to a client that still uses an API key (RFC 9745,
 * RFC 8594). In mode `dual` they contain the dates from `deprecatedAt` on, in `deprecated` and
 * `extension` always, in `key-only` never.
 */
export function migrationHeadersOf(
  plan: Plan,
  { mode, sunsetAt }: PlanEvaluation,
  now: number,
): MigrationHeaders {
  if (mode === 'key-only') return noHeaders;
  const { deprecatedAt } = plan;
  const dated = mode !== 'dual' || deprecatedAt === undefined || deprecatedAt <= now;
  return cachedHeaders(plan, dated, dated ? sunsetAt : undefined);
}

// Serialising dates is slow, every request needs them, and a plan has only a few. Cached by plan, so
// that the entries go with it.
const cache = new WeakMap<
  Plan,
  Record<'dated' | 'undated', Map<number | undefined, MigrationHeaders>>
>();

function cachedHeaders(plan: Plan, dated: boolean, sunsetAt: number | undefined): MigrationHeaders {
  let ofPlan = cache.get(plan);
  if (!ofPlan) {
    ofPlan = { dated: new Map(), undated: new Map() };
    cache.set(plan, ofPlan);
  }
  const bySunset = dated ? ofPlan.dated : ofPlan.undated;
  const cached = bySunset.get(sunsetAt);
  if (cached) return cached;
  const headers = buildHeaders(plan, dated, sunsetAt);
  bySunset.set(sunsetAt, headers);
  return headers;
}

function buildHeaders(plan: Plan, dated: boolean, sunsetAt: number | undefined): MigrationHeaders {
  const { deprecatedAt, guide } = plan;
  return Object.freeze({
    // RFC 9745 §2 requires a structured-fields Date, RFC 8594 §3 an HTTP-date.
    ...(dated &&
      deprecatedAt !== undefined && { Deprecation: `@${Math.floor(deprecatedAt / 1000)}` }),
    ...(sunsetAt !== undefined && { Sunset: new Date(sunsetAt).toUTCString() }),
    ...(guide !== undefined && { Link: linkTo(guide, sunsetAt !== undefined) }),
  });
}

/** Returns a Link header with the relations of RFC 9745 §3 and RFC 8594 §6. */
export function linkTo(guide: string, sunset: boolean): string {
  const relations = sunset ? ['deprecation', 'sunset'] : ['deprecation'];
  return relations.map((relation) => `<${new URL(guide).href}>; rel="${relation}"`).join(', ');
}

/** Returns what the response to a rejected API key contains: status, guide and retry time. */
export function retirementOf(
  plan: Plan,
  { retryAt, sunsetAt }: PlanEvaluation,
  now: number,
): Retirement {
  // Without a retry time if the sunset comes before the end of the brownout.
  const ends = retryAt !== undefined && !(sunsetAt !== undefined && sunsetAt <= retryAt);
  return {
    status: plan.refusedStatus,
    ...(plan.guide !== undefined && { guide: new URL(plan.guide).href }),
    ...(ends && { retryAfter: Math.ceil((retryAt - now) / 1000) }),
  };
}
