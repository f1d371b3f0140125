import { readDate, readSunset } from '../base/dates.js';
import { ConfigError } from '../base/errors.js';
import { doNow, type Sliced } from '../base/slices.js';
import { flag, mistake, nearest, optional, secureUrl, someText } from '../base/validate.js';
import { readBrownouts } from './brownout.js';
import { enforced, enforcedOfKeys, readChecks, readTokenChecks, reportedBy } from './checks.js';
import { type Frame, type IssuerOf, readMode, readRules } from './clients.js';
import { parseWithLines, withLine } from './json-lines.js';
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
 * @throws ConfigError for the first mistake; of a text it names the line too
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
  if (typeof given !== 'string') {
    return { plan: yield* read(where, given, issuers), written: given as object };
  }
  const written = (yield* parseWithLines(where, given)) as object;
  try {
    return { plan: yield* read(where, written, issuers), written };
  } catch (error) {
    throw error instanceof ConfigError ? yield* withLine(where, given, error) : error;
  }
}

function* read(where: string, given: unknown, issuers: Issuers): Sliced<Plan> {
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
    cohorts: yield* mapOf(
      { where: at('cohorts'), what: 'cohort', most: 1_000 },
      own.cohorts,
      (place, value, name) => readCohort(place, value, { name, dueAt }),
    ),
  };
  const cohortOf = (place: string, value: unknown) => cohortNamed(place, value, shared.cohorts);
  const cohort = optional(at('cohort'), own.cohort, cohortOf);
  const planIssuer = optional(at('issuer'), own.issuer, (place, value) =>
    readIssuer(place, value, issuers),
  );
  const issuerOf: IssuerOf = (place, value) => {
    const issuer = value === undefined ? planIssuer : readIssuer(`${place}.issuer`, value, issuers);
    if (issuers?.length === 1) return undefined;
    if (issuer === undefined && issuers) throw mistake(place, undefined, unnamedIssuer);
    return issuer;
  };
  const others: ClientPlan = {
    issuer: undefined,
    mode: undefined,
    cohort,
    sunsetAt: cohort?.sunsetAt ?? shared.sunsetAt,
    checks: { ...enforcedOfKeys, ...readChecks(at('checks'), own.checks) },
    tokenChecks: { ...enforced, ...readTokenChecks(at('tokenChecks'), own.tokenChecks) },
  };
  const frame: Frame = { ...shared, dueAt, cohortOf, issuerOf, others };
  const clients = yield* mapOf(
    { where: at('clients'), what: 'client', most: 100_000 },
    own.clients,
    (place, value) => readRules(place, value, frame),
  );
  const paused = flag(at('pauseBrownouts'), pauseBrownouts);
  const brownouts =
    own.brownouts === undefined
      ? []
      : yield* readBrownouts(at('brownouts'), own.brownouts, { cohortOf, issuerOf });
  return {
    ...shared,
    cohort: cohort?.name,
    clients,
    others,
    brownouts: brownouts.map((one) => ({ ...one, paused: paused || one.paused })),
    ...(yield* reportedBy(others, clients)),
  };
}

const unnamedIssuer =
  'names a client, but not its issuer: this guard has several, and each may know another client by ' +
  'this id. Write "issuer" into the rule, or as plan.issuer for all of them';

function readIssuer(where: string, value: unknown, issuers: Issuers): string {
  const issuer = someText(
    where,
    value,
    'must be the issuer of these clients, as their tokens name it',
  );
  if (!issuers || issuers.includes(issuer)) return issuer;
  const known = issuers.map((one) => `"${one}"`).join(', ');
  throw mistake(where, issuer, `is not an issuer of this guard: write one of ${known}`);
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
