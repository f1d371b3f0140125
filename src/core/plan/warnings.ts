import { day } from '../base/dates.js';
import { entry } from './json-lines.js';
import type { ClientPlan, CohortPlan, Plan } from './plan.js';

/** Returns warnings about a valid plan that is probably not what was intended; at most 20. */
export function planWarnings(plan: Plan, now: number): string[] {
  const { cohorts } = plan;
  const last = lastSunset(plan, [undefined, ...cohorts.values()]);
  const warnings: string[] = [];
  const extended = anyRule(plan, ({ sunsetAt = 0 }) => sunsetAt > now);
  if (last <= now && !extended) {
    warnings.push(
      'plan: every sunset has passed and no extension is left; remove the apiKeys option',
    );
  }
  warnings.push(...shortNotice('plan.sunsetAt', plan.sunsetAt, { plan, now }));
  for (const [index, { start, cohorts: names }] of plan.brownouts.entries()) {
    const end = names
      ? lastSunset(
          plan,
          [...names].map((name) => cohorts.get(name)),
        )
      : last;
    if (start >= end) {
      warnings.push(`plan.brownouts[${index}] starts after the sunset, so it has no effect`);
    }
  }
  for (const [name, { sunsetAt }] of cohorts) {
    const where = `${entry('plan.cohorts', name)}.sunsetAt`;
    warnings.push(...shortNotice(where, sunsetAt, { plan, now }));
  }
  return warnings.slice(0, 20);
}

function anyRule({ clients }: Plan, holds: (client: ClientPlan) => boolean): boolean {
  for (const rules of clients.values()) if (rules.some(holds)) return true;
  return false;
}

// A cohort without its own sunset has the plan's.
const lastSunset = (plan: Plan, cohorts: readonly (CohortPlan | undefined)[]): number =>
  Math.max(...cohorts.map((cohort) => cohort?.sunsetAt ?? plan.sunsetAt ?? Infinity));

function shortNotice(
  where: string,
  sunsetAt: number | undefined,
  { plan: { deprecatedAt }, now }: { readonly plan: Plan; readonly now: number },
): string[] {
  if (sunsetAt === undefined || sunsetAt <= now) return [];
  const days = Math.floor((sunsetAt - (deprecatedAt ?? now)) / day);
  if (days >= 30) return [];
  const since = deprecatedAt === undefined ? 'from now' : 'after deprecatedAt';
  const most = days === 0 ? '1 day' : `${days + 1} days`;
  return [`${where} is less than ${most} ${since}; give clients at least 30 days' notice`];
}
