import { day, week } from '../../core/base/dates.js';
import type { Plan } from '../../core/plan/plan.js';
import { brownoutsOf } from './brownouts.js';
import {
  byKeyUse,
  byUrgency,
  clientReport,
  cutOff,
  type Entry,
  extensionsOf,
  firstUnsafe,
  orphanKeys,
  refsOf,
  silentKeys,
} from './client.js';
import { byText, type Clock, clockAt, daysUntil, knownDays, recentDays } from './clock.js';
import { countRows, lastDays } from './count.js';
import { mostWeeks } from './counts.js';
import { doubtsOf, isCertain } from './doubts.js';
import { guardTimes } from './guards.js';
import { type Inventory, type ReportInput, readInput } from './input.js';
import { type Member, membershipOf, membersOf, plannedClients } from './members.js';
import type { MigrationReport } from './model.js';
import { keepAll } from './own.js';
import { projectionOf } from './projection.js';
import { qualityOf } from './quality.js';
import { issuersOf } from './refs.js';
import { risksOf } from './risks.js';
import { isFailing } from './safe-to-cut.js';
import { shareOf, statusesOf, trafficOf } from './shares.js';
import { isOnKeys, isOnTokens, lockedOut } from './status.js';
import { unknownsOf } from './unknown.js';
import { type Watch, watchedIn, watchOf } from './watch.js';

/** Clients of a report, and entries of each of its other lists. */
const mostClients = 10_000;
const mostListed = 1_000;

/**
 * Returns how far a migration is, from what was counted and the plan.
 * @throws ConfigError for an input that is invalid, and for a mistake in the plan
 */
export function migrationReport(input: ReportInput): MigrationReport {
  const making = reportSteps(input);
  for (;;) {
    const step = making.next();
    if (step.done) return step.value;
  }
}

/** Milliseconds of work after which others have their turn. */
const turn = 10;

/**
 * Resolves to what {@link migrationReport} returns. Other work goes on meanwhile: a report of hundreds
 * of thousands of rows is made in turns of some 10 ms.
 */
export async function migrationReportAsync(input: ReportInput): Promise<MigrationReport> {
  const making = reportSteps(input);
  let began = performance.now();
  for (;;) {
    const step = making.next();
    if (step.done) return step.value;
    if (performance.now() - began < turn) continue;
    await new Promise((resolve) => setImmediate(resolve));
    began = performance.now();
  }
}

function* reportSteps(input: ReportInput): Generator<undefined, MigrationReport> {
  const inventory = yield* readInput(input);
  const { usage, plan, cohort } = inventory;
  const clock = clockAt(inventory.now);
  const issuers = issuersOf(inventory.rowIssuers, namedIssuers(inventory));
  const membership = membershipOf(inventory, issuers, clock);
  const counts = yield* countRows(usage, {
    ...{ clock, issuers },
    wanted: (client) => membership.placeOf(client) !== undefined,
    everyone: cohort === undefined,
  });
  const members = membersOf(inventory, counts, { membership, issuers });
  const guards = guardTimes(usage, { gone: inventory.gone, held: counts.held }, clock);
  const watch = watchOf(usage.trackingSince, guards, clock);
  const times = { watch, clock };
  const doubts = doubtsOf(usage, { counts, guards }, clock);
  const entries: Entry[] = [];
  for (const [index, member] of members.entries()) {
    if (index % 100 === 0) yield;
    entries.push({ member, report: clientReport(member, { ...times, doubts }) });
  }
  entries.sort(byUrgency);
  yield;
  const all = entries.map(({ report }) => report);
  const known = watch.total >= knownDays * day;
  const isWhole = known && all.length > 0 && isCertain(doubts, knownDays, watch);
  const safe = isWhole && all.every((one) => one.safeToCut.safe);
  const both = refsOf(entries, ({ counts: of }) => isOnKeys(of, watch) && isOnTokens(of, watch));
  const failing = refsOf(
    entries,
    ({ counts: of }, { safeToCut: { quietDays } }) =>
      of.failing || isFailing(lockedOut(of), quietDays, watch),
  );
  yield;
  const brownouts = brownoutsOf(members, plan, { clock, cohort });
  const lists = {
    halfMigrated: both,
    failing,
    ...(known && inventory.keys && { silentKeys: silentKeys(members, clock) }),
    orphanKeys: orphanKeys(members),
    brownouts,
    extensions: extensionsOf(members, clock),
    risks: risksOf(members, plan, times),
  };
  yield;
  const trend = {
    weeks: weeksOf(members, watch, clock),
    nobody: !members.some((one) => isOnKeys(one.counts, watch)),
    isDoubted:
      all.length === 0 ||
      !isCertain(doubts, recentDays, watch) ||
      all.some(({ status }) => status === 'unknown'),
  };
  const dataQuality = qualityOf(
    { inventory, counts, guards, issuers, doubts, excluded: membership.excluded() },
    times,
  );
  const notKnown = safe ? [] : unknownsOf({ entries, guards, known, doubts, cohort }, times);
  const leftOut = { ...cutOff({ clients: all }, mostClients), ...cutOff(lists, mostListed) };
  const report: MigrationReport = {
    schema: 'sallyport-report-1',
    generatedAt: new Date(clock.now).toISOString(),
    ...(cohort !== undefined && { onlyCohort: cohort }),
    plan: planOf(plan, cohort, clock),
    clientsMigrated: shareOf(all),
    trafficWeek: trafficOf(counts, 'week'),
    trafficMonth: trafficOf(counts, 'month'),
    safeToCut: safe,
    ...(notKnown.length > 0 && { notKnown }),
    projection: projectionOf(trend, watch, clock),
    days: lastDays(counts.days, clock, watch.since),
    ...(issuers.several && { issuers: issuerNames(members) }),
    clients: firstUnsafe(all, mostClients),
    statuses: statusesOf(all),
    ...(Object.keys(leftOut).length > 0 && { leftOut }),
    topKeyUsers: topKeyUsers(entries),
    ...cutLists(lists),
    dataQuality,
  };
  keepAll(report, all);
  return report;
}

/** The issuers that the plan and the lists of clients and keys name. */
const namedIssuers = ({ plan, clients, keys, exclude }: Inventory): ReadonlySet<string> =>
  new Set(
    [...plannedClients(plan), ...clients, ...exclude, ...(keys?.values() ?? [])].flatMap(
      ({ issuer }) => (issuer === undefined ? [] : [issuer]),
    ),
  );

const issuerNames = (members: readonly Member[]): string[] =>
  [...new Set(members.map(({ issuer }) => issuer))].sort(byText).slice(0, mostListed);

type Lists = Pick<
  MigrationReport,
  'halfMigrated' | 'failing' | 'silentKeys' | 'orphanKeys' | 'brownouts' | 'extensions' | 'risks'
>;

const cutLists = ({ silentKeys: silent, ...lists }: Lists): Lists => ({
  halfMigrated: lists.halfMigrated.slice(0, mostListed),
  failing: lists.failing.slice(0, mostListed),
  ...(silent && { silentKeys: silent.slice(0, mostListed) }),
  orphanKeys: lists.orphanKeys.slice(0, mostListed),
  // The last ones are those that still say something.
  brownouts: lists.brownouts.slice(-mostListed).map(({ clients, ...one }) => ({
    ...one,
    clients: clients.slice(0, mostListed),
    ...(clients.length > mostListed && { leftOut: clients.length - mostListed }),
  })),
  extensions: lists.extensions.slice(0, mostListed),
  risks: lists.risks.slice(0, mostListed),
});

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

/** How much of a week has to be watched for its clients to be all there were. */
const mostOfWeek = 6 * day;

/**
 * How many clients came with a key in each whole week of tracking, the last seven days first; undefined
 * of a week that was not watched, in which there may have been more.
 */
function weeksOf(members: readonly Member[], watch: Watch, { now }: Clock): (number | undefined)[] {
  const { since } = watch;
  const weeks = since === undefined ? 0 : Math.min(mostWeeks, Math.floor((now - since) / week));
  const clients = new Array<number>(weeks).fill(0);
  for (const { counts } of members) {
    for (let ago = 0; ago < weeks; ago += 1) {
      if (counts.weeks & (1 << ago)) clients[ago] = (clients[ago] ?? 0) + 1;
    }
  }
  return clients.map((count, ago) => {
    const end = now - ago * week;
    return watchedIn(watch, [end - week, end]) >= mostOfWeek ? count : undefined;
  });
}

const topKeyUsers = (entries: readonly Entry[]): string[] =>
  entries
    .filter(({ report }) => report.keyRequests.month > 0)
    .sort(byKeyUse)
    .slice(0, 10)
    .map(({ member }) => member.ref);
