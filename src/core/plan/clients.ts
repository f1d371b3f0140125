import { isObject } from '../base/json.js';
import { invalid, oneOf, optional } from '../base/validate.js';
import { readChecks, readTokenChecks } from './checks.js';
import type { Mistakes } from './mistakes.js';
import { plainSettings } from './plain-object.js';
import {
  type ClientPlan,
  type CohortPlan,
  modes,
  type PlanClient,
  type SharedMode,
} from './plan.js';

/** How to read a sunset date, and the one that an extension would replace. */
interface SunsetReading {
  readonly readSunsetAt: (where: string, value: unknown) => number;
  readonly sunsetAt: number | undefined;
}

/** The parts of a plan that its client rules refer to. */
export interface ClientReading extends SunsetReading {
  readonly cohortOf: (where: string, value: unknown) => CohortPlan;
  readonly issuerOf: IssuerOf;
  readonly others: ClientPlan;
  readonly mistakes: Mistakes;
}

/** Returns the issuer of a rule's client. @throws ConfigError if it is unknown or missing */
export type IssuerOf = (where: string, value: unknown) => string | undefined;

/** Reads a mode of the plan, of a cohort or of a client without an extension. */
export function readMode(where: string, value: unknown): SharedMode {
  const mode = oneOf(where, value, modes);
  if (mode !== 'extension') return mode;
  const example = '{ "mode": "extension", "until": "2027-12-31T00:00:00Z" }';
  throw invalid(where, mode, {
    must: 'be one of "key-only", "dual", "deprecated", "token-only"',
    advice: `An extension needs its own end date: write ${example} under clients`,
  });
}

/** Reads the rules for a client id: one, or an array with one for each issuer. */
export function readRules(
  where: string,
  given: unknown,
  reading: ClientReading,
): readonly ClientPlan[] {
  if (!Array.isArray(given) || !given.every(isObject)) return [readClient(where, given, reading)];
  if (given.length === 0) {
    throw invalid(where, given, {
      must: 'have at least one rule',
      advice: 'Add one, or remove it',
    });
  }
  const rules: ClientPlan[] = [];
  for (const [index, one] of given.entries()) {
    const place = `${where}[${index}]`;
    reading.mistakes.attempt(() => {
      const rule = readClient(place, one, reading);
      if (rules.some(({ issuer }) => issuer === rule.issuer)) {
        throw invalid(place, rule.issuer, {
          must: 'have another issuer than the rules before it',
          advice: 'Keep one rule for each issuer',
        });
      }
      rules.push(rule);
    });
  }
  return rules;
}

function readClient(where: string, given: unknown, reading: ClientReading): ClientPlan {
  const { others, mistakes } = reading;
  if (typeof given === 'string') {
    const mode = readMode(where, given);
    return { ...others, issuer: reading.issuerOf(where, undefined), mode };
  }
  if (!isObject(given)) {
    throw invalid(where, given, {
      must: 'be a mode or an object',
      advice: 'For example "dual" or { "mode": "dual" }',
    });
  }
  const before = mistakes.found.length;
  const own: PlanClient = plainSettings({ where, names: clientNames, mistakes }, given);
  const required = mistakes.required(before);
  const issuer = mistakes.attempt(() => reading.issuerOf(where, own.issuer));
  const member = <V, T>(name: keyof PlanClient, value: V, read: (at: string, given: V) => T) =>
    mistakes.attempt(() => optional(`${where}.${name}`, value, read));
  const cohort = member('cohort', own.cohort, reading.cohortOf) ?? others.cohort;
  const checks = member('checks', own.checks, (at, value) => readChecks(at, value, mistakes));
  const tokenChecks = member('tokenChecks', own.tokenChecks, (at, value) =>
    readTokenChecks(at, value, mistakes),
  );
  const rule = {
    issuer,
    cohort,
    sunsetAt: cohort?.sunsetAt ?? reading.sunsetAt,
    checks: merged(others.checks, checks ?? {}),
    tokenChecks: merged(others.tokenChecks, tokenChecks ?? {}),
  };
  if (own.mode === 'extension') {
    const { sunsetAt } = rule;
    const end = required(own.until, () =>
      readUntil(where, own.until, { readSunsetAt: reading.readSunsetAt, sunsetAt }),
    );
    return { ...rule, mode: own.mode, sunsetAt: end };
  }
  const mode = member('mode', own.mode, readMode);
  // If another member is invalid, that may be the mode, misspelled.
  if (own.until !== undefined && mistakes.found.length === before) {
    throw invalid(`${where}.until`, own.until, {
      must: 'be used only with "mode": "extension"',
      advice: 'Add that mode, or remove "until"',
    });
  }
  return { ...rule, mode };
}

const clientNames = ['mode', 'until', 'cohort', 'issuer', 'checks', 'tokenChecks'];

// Clients without checks of their own share one object: a plan may have 100,000 clients.
const merged = <T extends object>(shared: T, own: Partial<T>): T =>
  Object.keys(own).length === 0 ? shared : { ...shared, ...own };

function readUntil(
  where: string,
  until: unknown,
  { readSunsetAt, sunsetAt }: SunsetReading,
): number {
  if (until === undefined) {
    throw invalid(`${where}.mode`, 'extension', {
      must: 'be used with "until", the end of the extension',
      advice: 'Add "until", for example "2027-12-31T00:00:00Z"',
    });
  }
  const end = readSunsetAt(`${where}.until`, until);
  if (sunsetAt !== undefined && end <= sunsetAt) {
    const sunset = new Date(sunsetAt).toJSON();
    throw invalid(`${where}.until`, until, {
      must: `be later than the sunset that it extends, ${sunset}`,
      advice: 'Choose a later date, or remove the extension',
    });
  }
  return end;
}
