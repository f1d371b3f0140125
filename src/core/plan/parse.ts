import { readDate, readSunset } from '../base/dates.js';
import { nearest } from '../base/nearest.js';
import { doNow, type Sliced } from '../base/slices.js';
import { flag, invalid, optional, secureUrl } from '../base/validate.js';
import { readBrownouts } from './brownout.js';
import { enforced, enforcedOfKeys, readChecks, readTokenChecks, reportedBy } from './checks.js';
import { type ClientReading, type IssuerOf, readMode, readRules } from './clients.js';
import { parseWithLines, withLines } from './json-lines.js';
import { createMistakes, type Mistakes, together } from './mistakes.js';
import { mapOf, plainSettings } from './plain-object.js';
import type { ClientPlan, CohortPlan, MigrationPlan, Plan, PlanCohort } from './plan.js';

/** The member names of {@link MigrationPlan}. */
export const planNames = [
  ...['$schema', 'mode', 'deprecatedAt', 'sunsetAt', 'guide', 'refusedStatus', 'cohort'],
  ...['issuer', 'clients', 'cohorts', 'brownouts', 'pauseBrownouts', 'checks', 'tokenChecks'],
];

/** The guard's issuers; undefined if no guard is known, as in `checkPlan`. */
type Issuers = readonly string[] | undefined;

/**
 * Validates a plan, given as an object or as JSON text.
 * @throws ConfigError with all errors, in at most 20 lines; for JSON text, each with its line number
 */
export const parsePlan = (where: string, given: unknown, issuers?: Issuers): Plan =>
  doNow(planFrom(where, given, issuers)).plan;

/** A validated plan, and the object it was read from. */
export interface ParsedPlan {
  readonly plan: Plan;
  readonly source: object;
}

/** The same in slices, so that a plan with 100,000 clients does not block the event loop. */
export function* planFrom(where: string, given: unknown, issuers?: Issuers): Sliced<ParsedPlan> {
  const source = typeof given === 'string' ? yield* parseWithLines(where, given) : given;
  const mistakes = createMistakes();
  const plan = yield* mistakes.collect(() => read(where, source, { issuers, mistakes }));
  if (plan && mistakes.found.length === 0) return { plan, source: source as object };
  const { found, incomplete } = mistakes;
  throw together(
    typeof given === 'string' ? yield* withLines(where, given, found) : found,
    incomplete,
  );
}

/** What reading a plan depends on. */
interface Reading {
  readonly issuers: Issuers;
  readonly mistakes: Mistakes;
}

function* read(where: string, given: unknown, reading: Reading): Sliced<Plan> {
  const { issuers, mistakes } = reading;
  const own: MigrationPlan = plainSettings({ where, names: planNames, mistakes }, given);
  const at = (name: keyof MigrationPlan) => `${where}.${name}`;
  const member = <T>(
    name: keyof MigrationPlan,
    check: (where: string, value: unknown) => T,
  ): T | undefined => mistakes.attempt(() => optional(at(name), own[name] as unknown, check));
  member('$schema', readString);
  const deprecatedAt = member('deprecatedAt', readDate);
  const readSunsetAt = (place: string, value: unknown) => readSunset(place, value, deprecatedAt);
  const cohorts = yield* mistakes.attemptSliced(() =>
    mapOf(
      {
        where: at('cohorts'),
        what: 'cohort',
        example: '{ "beta": { "mode": "dual" } }',
        most: 1_000,
        mistakes,
      },
      own.cohorts,
      (place, value, name) => readCohort(place, value, { name, readSunsetAt, mistakes }),
    ),
  );
  const shared = {
    mode: member('mode', readMode) ?? 'dual',
    deprecatedAt,
    sunsetAt: member('sunsetAt', readSunsetAt),
    guide: member('guide', readGuide),
    refusedStatus: member('refusedStatus', readRefusedStatus) ?? 401,
    cohorts: cohorts ?? new Map(),
  };
  const cohortOf = (place: string, value: unknown) => cohortNamed(place, value, cohorts);
  const cohort = member('cohort', cohortOf);
  const planIssuer = member('issuer', (place, value) => readIssuer(place, value, issuers));
  const issuerOf: IssuerOf = (place, value) => {
    const issuer = value === undefined ? planIssuer : readIssuer(`${place}.issuer`, value, issuers);
    if (issuers?.length === 1) return undefined;
    // An invalid issuer of the plan is an error of its own already.
    if (issuer === undefined && issuers && own.issuer === undefined) {
      throw invalid(place, undefined, issuerRequired);
    }
    return issuer;
  };
  const checks = member('checks', (place, value) => readChecks(place, value, mistakes));
  const tokenChecks = member('tokenChecks', (place, value) =>
    readTokenChecks(place, value, mistakes),
  );
  const others: ClientPlan = {
    issuer: undefined,
    mode: undefined,
    cohort,
    sunsetAt: cohort?.sunsetAt ?? shared.sunsetAt,
    checks: { ...enforcedOfKeys, ...checks },
    tokenChecks: { ...enforced, ...tokenChecks },
  };
  const clientReading: ClientReading = {
    ...shared,
    readSunsetAt,
    cohortOf,
    issuerOf,
    others,
    mistakes,
  };
  const clients = yield* mistakes.attemptSliced(() =>
    mapOf(
      {
        where: at('clients'),
        what: 'client',
        example: '{ "acme": "dual" }',
        most: 100_000,
        mistakes,
      },
      own.clients,
      (place, value) => readRules(place, value, clientReading),
    ),
  );
  const paused = member('pauseBrownouts', flag) ?? false;
  const brownouts = yield* mistakes.attemptSliced(() =>
    readBrownouts(at('brownouts'), own.brownouts, { cohortOf, issuerOf, mistakes }),
  );
  const rules = clients ?? new Map();
  return {
    ...shared,
    cohort: cohort?.name,
    clients: rules,
    others,
    brownouts: (brownouts ?? []).map((one) => ({ ...one, paused: paused || one.paused })),
    ...(yield* reportedBy(others, rules)),
  };
}

function readRefusedStatus(where: string, value: unknown): 401 | 410 {
  if (value === 401 || value === 410) return value;
  const isQuoted = value === '401' || value === '410';
  const must = 'be 401 or 410';
  throw invalid(
    where,
    value,
    isQuoted ? { must, advice: `Write ${value} without quotes` } : { must },
  );
}

const issuerRequired = {
  must: 'name the issuer of the client, because this guard has several issuers',
  advice: 'Add "issuer" to the rule, or to the plan for all clients',
};

function readIssuer(where: string, value: unknown, issuers: Issuers): string {
  if (!issuers) return readString(where, value);
  if (issuers.includes(value as string)) return value as string;
  const known = issuers.map((one) => `"${one}"`).join(', ');
  throw invalid(where, value, { must: `be an issuer of this guard: ${known}` });
}

function cohortNamed(
  where: string,
  value: unknown,
  cohorts: ReadonlyMap<string, CohortPlan> | undefined,
): CohortPlan {
  const name = readString(where, value);
  // If `cohorts` itself is invalid, accept every name: that error is enough.
  const cohort = cohorts ? cohorts.get(name) : emptyCohort(name);
  if (cohort) return cohort;
  const near = nearest(name, [...(cohorts?.keys() ?? [])]);
  throw invalid(where, name, {
    must: 'be a cohort of this plan',
    advice: near ? `Use "${near}", or define this one under cohorts` : 'Define it under cohorts',
  });
}

// Other URLs must not have a fragment; the guide may be a section of a page.
function readGuide(where: string, value: unknown): string {
  secureUrl(where, typeof value === 'string' ? value.replace(/#[!-~]*$/, '') : value);
  return value as string;
}

const emptyCohort = (name: string): CohortPlan => ({
  name,
  mode: undefined,
  percent: 100,
  salt: name,
  sunsetAt: undefined,
});

/** What reading a cohort depends on. */
interface CohortReading {
  readonly name: string;
  readonly readSunsetAt: (where: string, value: unknown) => number;
  readonly mistakes: Mistakes;
}

function readCohort(where: string, given: unknown, reading: CohortReading): CohortPlan {
  const { name, readSunsetAt, mistakes } = reading;
  const names = ['mode', 'percent', 'salt', 'sunsetAt'];
  const before = mistakes.found.length;
  const own: PlanCohort =
    mistakes.attempt(() => plainSettings({ where, names, mistakes }, given)) ?? {};
  const member = <T>(member: keyof PlanCohort, read: (where: string, value: unknown) => T) =>
    mistakes.attempt(() => optional(`${where}.${member}`, own[member] as unknown, read));
  const cohort = {
    ...emptyCohort(name),
    mode: member('mode', readMode),
    percent: member('percent', readPercent) ?? 100,
    salt: member('salt', readString) ?? name,
    sunsetAt: member('sunsetAt', readSunsetAt),
  };
  if (mistakes.found.length > before) return cohort;
  if (own.percent !== undefined && own.mode === undefined) {
    const expected = { must: 'be used with "mode"', advice: 'Add the mode that these clients get' };
    mistakes.add(invalid(`${where}.percent`, own.percent, expected));
  }
  if (own.salt !== undefined && own.percent === undefined) {
    const expected = { must: 'be used with "percent"', advice: 'Add "percent", or remove "salt"' };
    mistakes.add(invalid(`${where}.salt`, own.salt, expected));
  }
  return cohort;
}

function readPercent(where: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= 100) return value;
  throw invalid(where, value, { must: 'be a number from 0 to 100' });
}

function readString(where: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw invalid(where, value, { must: 'be a non-empty string' });
}
