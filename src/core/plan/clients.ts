import { isObject } from '../base/json.js';
import { mistake, oneOf, optional } from '../base/validate.js';
import { readChecks, readTokenChecks } from './checks.js';
import { plainSettings } from './plain-object.js';
import {
  type ClientPlan,
  type CohortPlan,
  modes,
  type PlanClient,
  type SharedMode,
} from './plan.js';

/** How the end of keys is read, and when it is for everyone. */
interface Due {
  readonly dueAt: (where: string, value: unknown) => number;
  readonly sunsetAt: number | undefined;
}

/** What is known of a plan before its clients are read. */
export interface Frame extends Due {
  readonly cohortOf: (where: string, value: unknown) => CohortPlan;
  readonly issuerOf: IssuerOf;
  readonly others: ClientPlan;
}

/** Returns the issuer of a client that a rule names, or throws. */
export type IssuerOf = (where: string, value: unknown) => string | undefined;

/** A mode that more than one client can have. */
export function readMode(where: string, value: unknown): SharedMode {
  const mode = oneOf(where, value, modes);
  if (mode !== 'extension') return mode;
  const meant = '{ "mode": "extension", "until": "…" }';
  throw mistake(where, mode, `needs an end of the client's own: write ${meant} under clients`);
}

/** What a plan says of the clients with one id. */
export function readRules(where: string, given: unknown, frame: Frame): readonly ClientPlan[] {
  if (!Array.isArray(given) || !given.every(isObject)) return [readClient(where, given, frame)];
  if (given.length === 0) throw mistake(where, given, 'is empty: write a rule, or leave it out');
  const rules = given.map((one, index) => readClient(`${where}[${index}]`, one, frame));
  for (const [index, { issuer }] of rules.entries()) {
    if (rules.findIndex((one) => one.issuer === issuer) === index) continue;
    throw mistake(
      `${where}[${index}]`,
      issuer ?? 'a rule',
      'stands twice: one rule for each issuer',
    );
  }
  return rules;
}

function readClient(where: string, given: unknown, frame: Frame): ClientPlan {
  const { others } = frame;
  if (typeof given === 'string') {
    const mode = readMode(where, given);
    return { ...others, issuer: frame.issuerOf(where, undefined), mode };
  }
  if (!isObject(given)) throw mistake(where, given, 'is neither a mode nor an object with one');
  const own: PlanClient = plainSettings(where, given, clientNames);
  const issuer = frame.issuerOf(where, own.issuer);
  const cohort = optional(`${where}.cohort`, own.cohort, frame.cohortOf) ?? others.cohort;
  const sunsetAt = cohort?.sunsetAt ?? frame.sunsetAt;
  const rule = {
    issuer,
    cohort,
    sunsetAt,
    checks: merged(others.checks, readChecks(`${where}.checks`, own.checks)),
    tokenChecks: merged(
      others.tokenChecks,
      readTokenChecks(`${where}.tokenChecks`, own.tokenChecks),
    ),
  };
  if (own.mode === 'extension') {
    const end = readUntil(where, own.until, { dueAt: frame.dueAt, sunsetAt });
    return { ...rule, mode: own.mode, sunsetAt: end };
  }
  if (own.until !== undefined) {
    const meant = 'is the end of an extension: write "mode": "extension" beside it';
    throw mistake(`${where}.until`, own.until, meant);
  }
  return { ...rule, mode: optional(`${where}.mode`, own.mode, readMode) };
}

const clientNames = ['mode', 'until', 'cohort', 'issuer', 'checks', 'tokenChecks'];

// One object for all clients that say nothing of their own: a plan may name 100,000.
const merged = <T extends object>(shared: T, own: Partial<T>): T =>
  Object.keys(own).length === 0 ? shared : { ...shared, ...own };

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
