import { flag, mistake, nearest, oneOf, optional, secureUrl, someText } from '../config.js';
import { ConfigError } from '../errors.js';
import { isObject } from '../verify/json.js';
import { readBrownouts } from './brownout.js';
import { readDate, readSunset } from './dates.js';
import { parsePlan, withLine } from './lines.js';
import { mapOf, plainSettings } from './plain.js';
import {
  type Check,
  type Checks,
  type ClientPlan,
  type CohortPlan,
  checks,
  type MigrationPlan,
  modes,
  type Plan,
  type PlanClient,
  type PlanCohort,
  type Rule,
  rules,
  type SharedMode,
} from './plan.js';

/** The names of {@link MigrationPlan}. */
export const planNames = [
  ...['$schema', 'mode', 'deprecatedAt', 'sunsetAt', 'guide', 'refusedStatus', 'cohort'],
  ...['clients', 'cohorts', 'brownouts', 'pauseBrownouts', 'checks'],
];

/** How the end of keys is read, and when it is for everyone. */
interface Due {
  readonly dueAt: (where: string, value: unknown) => number;
  readonly sunsetAt: number | undefined;
}

/** What is known of a plan before its clients are read. */
interface Frame extends Due {
  readonly cohortOf: (where: string, value: unknown) => CohortPlan;
  readonly others: ClientPlan;
  readonly deferred: Set<Check>;
}

/**
 * Checks a plan, an object or its JSON text.
 * @throws ConfigError for the first mistake; of a text it names the line too
 */
export function readPlan(where: string, given: unknown): Plan {
  if (typeof given !== 'string') return read(where, given);
  const value = parsePlan(where, given);
  try {
    return read(where, value);
  } catch (error) {
    throw error instanceof ConfigError ? withLine(where, given, error) : error;
  }
}

function read(where: string, given: unknown): Plan {
  const own: MigrationPlan = plainSettings(where, given, planNames);
  const at = (name: keyof MigrationPlan) => `${where}.${name}`;
  const { $schema, mode = 'dual', guide, refusedStatus = 401, pauseBrownouts = false } = own;
  if ($schema !== undefined) someText(at('$schema'), $schema, 'is no text');
  if (refusedStatus !== 401 && refusedStatus !== 410) {
    throw mistake(at('refusedStatus'), refusedStatus, 'is neither 401 nor 410');
  }
  const deprecatedAt = optional(at('deprecatedAt'), own.deprecatedAt, readDate);
  const dueAt = (place: string, value: unknown) => readSunset(place, value, deprecatedAt);
  const shared = {
    mode: readMode(at('mode'), mode),
    deprecatedAt,
    sunsetAt: optional(at('sunsetAt'), own.sunsetAt, dueAt),
    guide: optional(at('guide'), guide, readGuide),
    refusedStatus,
    cohorts: mapOf([at('cohorts'), 'cohort', 1_000], own.cohorts, (place, value, name) =>
      readCohort(place, value, { name, dueAt }),
    ),
    checks: { ...enforced, ...readChecks(at('checks'), own.checks) },
  };
  const cohortOf = (place: string, value: unknown) => cohortNamed(place, value, shared.cohorts);
  const cohort = optional(at('cohort'), own.cohort, cohortOf);
  const others: ClientPlan = {
    mode: undefined,
    cohort,
    sunsetAt: cohort?.sunsetAt ?? shared.sunsetAt,
    checks: shared.checks,
  };
  const deferred = new Set(checks.filter((check) => shared.checks[check] === 'report'));
  const frame: Frame = { ...shared, dueAt, cohortOf, others, deferred };
  const clients = mapOf([at('clients'), 'client', 100_000], own.clients, (place, value) =>
    readClient(place, value, frame),
  );
  const paused = flag(at('pauseBrownouts'), pauseBrownouts);
  const brownouts = optional(at('brownouts'), own.brownouts, (place, value) =>
    readBrownouts(place, value, cohortOf),
  );
  return {
    ...shared,
    cohort: cohort?.name,
    clients,
    others,
    brownouts: (brownouts ?? []).map((one) => ({ ...one, paused: paused || one.paused })),
    deferred,
  };
}

const enforced = Object.fromEntries(checks.map((check) => [check, 'enforce'])) as Record<
  Check,
  Rule
>;

function readMode(where: string, value: unknown): SharedMode {
  const mode = oneOf(where, value, modes);
  if (mode !== 'extension') return mode;
  const meant = '{ "mode": "extension", "until": "…" }';
  throw mistake(where, mode, `needs an end of the client's own: write ${meant} under clients`);
}

function cohortNamed(
  where: string,
  value: unknown,
  cohorts: ReadonlyMap<string, CohortPlan>,
): CohortPlan {
  const name = someText(where, value, 'is no name of a cohort');
  const cohort = cohorts.get(name);
  if (cohort) return cohort;
  const near = nearest(name, [...cohorts.keys()]);
  const meant = near ? `did you mean "${near}"?` : 'define it under cohorts';
  throw mistake(where, name, `is no cohort of this plan: ${meant}`);
}

// The guide may be a part of a page.
function readGuide(where: string, value: unknown): string {
  secureUrl(where, typeof value === 'string' ? value.replace(/#[!-~]*$/, '') : value);
  return value as string;
}

const unreportable = ['signature', 'algorithm', 'issuer', 'expiry', 'alg', 'iss', 'exp'];

function readChecks(where: string, given: unknown): Checks {
  if (given === undefined) return {};
  for (const name of isObject(given) ? Object.keys(given) : []) {
    if (!unreportable.includes(name)) continue;
    const never = 'signature, algorithm, issuer and expiry can never be report-only';
    throw mistake(`${where}.${name}`, name, `is always enforced: ${never}`);
  }
  const own = Object.entries(plainSettings(where, given, checks));
  return Object.fromEntries(
    own.map(([name, rule]) => [name, oneOf(`${where}.${name}`, rule, rules)]),
  );
}

function readCohort(
  where: string,
  given: unknown,
  { name, dueAt }: { name: string; dueAt: (where: string, value: unknown) => number },
): CohortPlan {
  const own: PlanCohort = plainSettings(where, given, ['mode', 'percent', 'salt', 'sunsetAt']);
  const { mode, percent = 100, salt = name } = own;
  if (own.percent !== undefined && mode === undefined) {
    throw mistake(
      `${where}.percent`,
      percent,
      'needs a mode beside it: the one these clients are to have',
    );
  }
  if (own.salt !== undefined && own.percent === undefined) {
    throw mistake(`${where}.salt`, salt, 'needs a percent beside it, or it draws nobody');
  }
  if (typeof percent !== 'number' || !(percent >= 0 && percent <= 100)) {
    throw mistake(`${where}.percent`, percent, 'is no number from 0 to 100');
  }
  return {
    name,
    mode: optional(`${where}.mode`, mode, readMode),
    percent,
    salt: someText(`${where}.salt`, salt, 'is no salt: write a text'),
    sunsetAt: optional(`${where}.sunsetAt`, own.sunsetAt, dueAt),
  };
}

function readClient(where: string, given: unknown, frame: Frame): ClientPlan {
  const { others, deferred } = frame;
  if (typeof given === 'string') return { ...others, mode: readMode(where, given) };
  if (!isObject(given)) throw mistake(where, given, 'is neither a mode nor an object with one');
  const own: PlanClient = plainSettings(where, given, ['mode', 'until', 'cohort', 'checks']);
  const cohort = optional(`${where}.cohort`, own.cohort, frame.cohortOf) ?? others.cohort;
  const ownChecks = readChecks(`${where}.checks`, own.checks);
  for (const check of Object.keys(ownChecks) as Check[]) deferred.add(check);
  const sunsetAt = cohort?.sunsetAt ?? frame.sunsetAt;
  const checks = own.checks === undefined ? others.checks : { ...others.checks, ...ownChecks };
  if (own.mode === 'extension') {
    const end = readUntil(where, own.until, { dueAt: frame.dueAt, sunsetAt });
    return { mode: own.mode, cohort, sunsetAt: end, checks };
  }
  if (own.until !== undefined) {
    const meant = 'is the end of an extension: write "mode": "extension" beside it';
    throw mistake(`${where}.until`, own.until, meant);
  }
  return { mode: optional(`${where}.mode`, own.mode, readMode), cohort, sunsetAt, checks };
}

function readUntil(where: string, until: unknown, { dueAt, sunsetAt }: Due): number {
  if (until === undefined) {
    throw mistake(`${where}.mode`, 'extension', 'needs an end: write "until" beside it');
  }
  const end = dueAt(`${where}.until`, until);
  if (sunsetAt !== undefined && end <= sunsetAt) {
    const sunset = new Date(sunsetAt).toJSON();
    throw mistake(`${where}.until`, until, `extends nothing: the sunset before it is ${sunset}`);
  }
  return end;
}
