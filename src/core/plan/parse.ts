import { readDate, readSunset } from '../base/dates.js';
import { nearest } from '../base/nearest.js';
import { doNow, type Sliced } from '../base/slices.js';
import { flag, mistake, optional, secureUrl, someText } from '../base/validate.js';
import { readBrownouts } from './brownout.js';
import { enforced, enforcedOfKeys, readChecks, readTokenChecks, reportedBy } from './checks.js';
import { type Frame, type IssuerOf, readMode, readRules } from './clients.js';
import { parseWithLines, withLines } from './json-lines.js';
import { createMistakes, type Mistakes, together } from './mistakes.js';
import { mapOf, plainSettings } from './plain-object.js';
import type { ClientPlan, CohortPlan, MigrationPlan, Plan, PlanCohort } from './plan.js';

/** The names of {@link MigrationPlan}. */
export const planNames = [
  ...['$schema', 'mode', 'deprecatedAt', 'sunsetAt', 'guide', 'refusedStatus', 'cohort'],
  ...['issuer', 'clients', 'cohorts', 'brownouts', 'pauseBrownouts', 'checks', 'tokenChecks'],
];

/** The guard's issuers; undefined where no guard is known, as in `checkPlan`. */
type Issuers = readonly string[] | undefined;

/**
 * Checks a plan, an object or its JSON text.
 * @throws ConfigError with all mistakes, at most 20 lines; of a text each names its line
 */
export const parsePlan = (where: string, given: unknown, issuers?: Issuers): Plan =>
  doNow(planFrom(where, given, issuers)).plan;

/** A plan, and the object that it was written as. */
export interface ParsedPlan {
  readonly plan: Plan;
  readonly written: object;
}

/** The same, for work that is done in slices: a plan may name 100,000 clients. */
export function* planFrom(where: string, given: unknown, issuers?: Issuers): Sliced<ParsedPlan> {
  const written = typeof given === 'string' ? yield* parseWithLines(where, given) : given;
  const mistakes = createMistakes();
  const plan = yield* mistakes.collect(() => read(where, written, { issuers, mistakes }));
  if (plan && mistakes.found.length === 0) return { plan, written: written as object };
  const { found, incomplete } = mistakes;
  throw together(
    typeof given === 'string' ? yield* withLines(where, given, found) : found,
    incomplete,
  );
}

/** What is known while a plan is read. */
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
  member('$schema', (place, value) => someText(place, value));
  const deprecatedAt = member('deprecatedAt', readDate);
  const dueAt = (place: string, value: unknown) => readSunset(place, value, deprecatedAt);
  const cohorts = yield* mistakes.attemptSliced(() =>
    mapOf(
      { where: at('cohorts'), what: 'cohort', most: 1_000, mistakes },
      own.cohorts,
      (place, value, name) => readCohort(place, value, { name, dueAt, mistakes }),
    ),
  );
  const shared = {
    mode: member('mode', readMode) ?? 'dual',
    deprecatedAt,
    sunsetAt: member('sunsetAt', dueAt),
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
    // Where the plan's own issuer is wrong, that is the mistake.
    if (issuer === undefined && issuers && own.issuer === undefined) {
      throw mistake(place, undefined, unnamedIssuer);
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
  const frame: Frame = { ...shared, dueAt, cohortOf, issuerOf, others, mistakes };
  const clients = yield* mistakes.attemptSliced(() =>
    mapOf(
      { where: at('clients'), what: 'client', most: 100_000, mistakes },
      own.clients,
      (place, value) => readRules(place, value, frame),
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
  throw mistake(where, value, 'is neither 401 nor 410');
}

const unnamedIssuer =
  'names a client, but not its issuer: this guard has several, and each may know another client by ' +
  'this id. Write "issuer" into the rule, or as plan.issuer for all of them';

function readIssuer(where: string, value: unknown, issuers: Issuers): string {
  const issuer = someText(where, value, {
    must: 'be the issuer of these clients, as their tokens name it',
  });
  if (!issuers || issuers.includes(issuer)) return issuer;
  const known = issuers.map((one) => `"${one}"`).join(', ');
  throw mistake(where, issuer, `is not an issuer of this guard: write one of ${known}`);
}

function cohortNamed(
  where: string,
  value: unknown,
  cohorts: ReadonlyMap<string, CohortPlan> | undefined,
): CohortPlan {
  const name = someText(where, value, { must: 'be the name of a cohort' });
  // Where the cohorts themselves are wrong, none of their names is.
  const cohort = cohorts ? cohorts.get(name) : emptyCohort(name);
  if (cohort) return cohort;
  const near = nearest(name, [...(cohorts?.keys() ?? [])]);
  const meant = near ? `did you mean "${near}"?` : 'define it under cohorts';
  throw mistake(where, name, `is no cohort of this plan: ${meant}`);
}

// The guide may be a part of a page.
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

/** What is known while a cohort is read. */
interface CohortReading {
  readonly name: string;
  readonly dueAt: (where: string, value: unknown) => number;
  readonly mistakes: Mistakes;
}

function readCohort(where: string, given: unknown, reading: CohortReading): CohortPlan {
  const { name, dueAt, mistakes } = reading;
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
    salt: member('salt', (place, value) => someText(place, value)) ?? name,
    sunsetAt: member('sunsetAt', dueAt),
  };
  if (mistakes.found.length > before) return cohort;
  if (own.percent !== undefined && own.mode === undefined) {
    const meant = 'needs a mode beside it: the one these clients are to have';
    mistakes.add(mistake(`${where}.percent`, own.percent, meant));
  }
  if (own.salt !== undefined && own.percent === undefined) {
    const meant = 'needs a percent beside it, or it draws nobody';
    mistakes.add(mistake(`${where}.salt`, own.salt, meant));
  }
  return cohort;
}

function readPercent(where: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= 100) return value;
  throw mistake(where, value, 'is no number from 0 to 100');
}
