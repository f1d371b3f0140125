import { day } from '../base/dates.js';
import { entry } from './json-lines.js';
import type { ClientPlan, CohortPlan, Plan } from './plan.js';

/** What is no mistake in a plan but hardly meant: at most 20 sentences. */
export function planWarnings(plan: Plan, now: number): string[] {
  const { cohorts } = plan;
  const last = lastSunset(plan, [undefined, ...cohorts.values()]);
  const warnings: string[] = [];
  const extended = anyRule(plan, ({ sunsetAt = 0 }) => sunsetAt > now);
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

function anyRule({ clients }: Plan, holds: (client: ClientPlan) => boolean): boolean {
  for (const rules of clients.values()) if (rules.some(holds)) return true;
  return false;
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
