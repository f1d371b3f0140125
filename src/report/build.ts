import { day, week } from '../core/migration/dates.js';
import type { Plan } from '../core/migration/plan.js';
import { brownoutsOf } from './brownouts.js';
import { byKeyUse, byUrgency, clientReport, orphanKeys, silentKeys } from './client.js';
import { byText, type Clock, clockAt, daysUntil, knownDays, recentDays, within } from './clock.js';
import { type Counts, countRows, lastDays } from './count.js';
import { mostWeeks } from './counts.js';
import { type ReportInput, readInput } from './input.js';
import { type Member, membershipOf, membersOf } from './members.js';
import type { ClientReport, MigrationReport, Share, Traffic } from './model.js';
import { projectionOf } from './projection.js';
import { guardsOf, qualityOf, watchOf } from './quality.js';
import { risksOf } from './risks.js';
import type { Watch } from './safe-to-cut.js';
import { isOnKeys, isOnTokens } from './status.js';

/**
 * Tells how far a migration is, from what was counted and the plan.
 * @throws ConfigError for an input that cannot be meant, and for a mistake in the plan
 */
export function migrationReport(input: ReportInput): MigrationReport {
  const inventory = readInput(input);
  const { usage, plan, cohort } = inventory;
  const clock = clockAt(inventory.now);
  const membership = membershipOf(inventory, clock);
  const counts = countRows(usage, clock, {
    wanted: (client) => membership.placeOf(client) !== undefined,
    everyone: cohort === undefined,
  });
  const members = membersOf(inventory, counts, membership);
  const guards = guardsOf(usage.instances, clock);
  const watch = watchOf(usage.trackingSince, guards, clock);
  const tracked = watch.since === undefined ? -1 : watch.until - watch.since;
  const clients = members.map((one) => clientReport(one, watch, clock)).sort(byUrgency);
  const uncounted = within(counts.lastUncounted, recentDays, clock);
  const nobody = !uncounted && !members.some((one) => isOnKeys(one.counts, clock));
  const known = tracked >= knownDays * day;
  const both = new Set(
    members.filter((one) => isOnKeys(one.counts, clock) && isOnTokens(one.counts, clock)).map(idOf),
  );
  const failing = new Set(members.filter((one) => one.counts.failing).map(idOf));
  return {
    schema: 'sallyport-report-1',
    generatedAt: new Date(clock.now).toISOString(),
    ...(cohort !== undefined && { onlyCohort: cohort }),
    plan: planOf(plan, cohort, clock),
    clientsMigrated: shareOf(clients),
    trafficWeek: trafficOf(counts, 'week'),
    trafficMonth: trafficOf(counts, 'month'),
    safeToCut: known && !uncounted && clients.every((one) => one.safeToCut.safe),
    projection: projectionOf({ weeks: weeksOf(members, watch, clock), nobody }, watch, clock),
    days: lastDays(counts.days, clock, watch.since),
    clients,
    topKeyUsers: topKeyUsers(clients),
    halfMigrated: clients.map(idOf).filter((client) => both.has(client)),
    failing: clients.map(idOf).filter((client) => failing.has(client)),
    ...(known && inventory.keys && { silentKeys: silentKeys(members, clock) }),
    orphanKeys: orphanKeys(members),
    brownouts: brownoutsOf(members, plan, { clock, cohort }),
    extensions: extensionsOf(members, clock),
    risks: risksOf(members, plan, clock),
    dataQuality: qualityOf(
      { inventory, counts, guards, excluded: membership.excluded.size },
      watch,
      clock,
    ),
  };
}

const idOf = ({ client }: { readonly client: string }): string => client;

function planOf(plan: Plan, name: string | undefined, clock: Clock): MigrationReport['plan'] {
  const { deprecatedAt, guide } = plan;
  const cohort = name === undefined ? undefined : plan.cohorts.get(name);
  const sunsetAt = cohort?.sunsetAt ?? plan.sunsetAt;
  return {
    mode: (cohort?.percent === 100 && cohort.mode) || plan.mode,
    ...(deprecatedAt !== undefined && { deprecatedAt: new Date(deprecatedAt).toISOString() }),
    ...(sunsetAt !== undefined && {
      sunsetAt: new Date(sunsetAt).toISOString(),
      daysToSunset: daysUntil(sunsetAt, clock),
    }),
    ...(guide !== undefined && { guide }),
  };
}

/** Of a hundred, rounded down, so that 100 is all. */
const percent = (part: number, whole: number): { percent?: number } =>
  whole === 0 ? {} : { percent: Math.floor((100 * part) / whole) };

// Whoever fell silent has not migrated, and need not: it is in neither number.
function shareOf(clients: readonly ClientReport[]): Share {
  const migrated = clients.filter(({ status }) => status === 'migrated').length;
  const gone = clients.filter((one) => one.status === 'quiet' && one.safeToCut.safe).length;
  const total = clients.length;
  return { total, migrated, left: total - migrated - gone, ...percent(migrated, total) };
}

function trafficOf({ traffic }: Counts, window: 'week' | 'month'): Traffic {
  const key = traffic.key[window];
  const token = traffic.token[window];
  return { key, token, ...percent(token, key + token) };
}

/** How many clients came with a key in each whole week of tracking, the last seven days first. */
function weeksOf(members: readonly Member[], { since }: Watch, { now }: Clock): number[] {
  const weeks = since === undefined ? 0 : Math.min(mostWeeks, Math.floor((now - since) / week));
  const clients = new Array<number>(weeks).fill(0);
  for (const { counts } of members) {
    for (let ago = 0; ago < weeks; ago += 1) {
      if (counts.weeks & (1 << ago)) clients[ago] = (clients[ago] ?? 0) + 1;
    }
  }
  return clients;
}

const topKeyUsers = (clients: readonly ClientReport[]): string[] =>
  clients
    .filter(({ keyRequests }) => keyRequests.month > 0)
    .sort(byKeyUse)
    .slice(0, 10)
    .map(idOf);

function extensionsOf(members: readonly Member[], { now }: Clock): MigrationReport['extensions'] {
  return members
    .flatMap(({ client, place: { mode, sunsetAt = 0 } }) =>
      mode === 'extension' && sunsetAt > now
        ? [{ client, until: new Date(sunsetAt).toISOString() }]
        : [],
    )
    .sort((one, other) => byText(one.until, other.until) || byText(one.client, other.client));
}
