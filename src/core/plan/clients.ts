import { isObject } from '../base/json.js';
import { mistake, oneOf, optional } from '../base/validate.js';
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
  readonly mistakes: Mistakes;
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
  const rules: ClientPlan[] = [];
  for (const [index, one] of given.entries()) {
    const place = `${where}[${index}]`;
    frame.mistakes.attempt(() => {
      const rule = readClient(place, one, frame);
      if (rules.some(({ issuer }) => issuer === rule.issuer)) {
        throw mistake(place, rule.issuer ?? 'a rule', 'stands twice: one rule for each issuer');
      }
      rules.push(rule);
    });
  }
  return rules;
}

function readClient(where: string, given: unknown, frame: Frame): ClientPlan {
  const { others, mistakes } = frame;
  if (typeof given === 'string') {
    const mode = readMode(where, given);
    return { ...others, issuer: frame.issuerOf(where, undefined), mode };
  }
  if (!isObject(given)) throw mistake(where, given, 'is neither a mode nor an object with one');
  const before = mistakes.found.length;
  const own: PlanClient = plainSettings({ where, names: clientNames, mistakes }, given);
  const required = mistakes.required(before);
  const issuer = mistakes.attempt(() => frame.issuerOf(where, own.issuer));
  const member = <V, T>(name: keyof PlanClient, value: V, read: (at: string, given: V) => T) =>
    mistakes.attempt(() => optional(`${where}.${name}`, value, read));
  const cohort = member('cohort', own.cohort, frame.cohortOf) ?? others.cohort;
  const checks = member('checks', own.checks, (at, value) => readChecks(at, value, mistakes));
  const tokenChecks = member('tokenChecks', own.tokenChecks, (at, value) =>
    readTokenChecks(at, value, mistakes),
  );
  const rule = {
    issuer,
    cohort,
    sunsetAt: cohort?.sunsetAt ?? frame.sunsetAt,
    checks: merged(others.checks, checks ?? {}),
    tokenChecks: merged(others.tokenChecks, tokenChecks ?? {}),
  };
  if (own.mode === 'extension') {
    const { sunsetAt } = rule;
    const end = required(own.until, () =>
      readUntil(where, own.until, { dueAt: frame.dueAt, sunsetAt }),
    );
    return { ...rule, mode: own.mode, sunsetAt: end };
  }
  const mode = member('mode', own.mode, readMode);
  // Where another member is wrong, the mode may be the one that was meant to be an extension.
  if (own.until !== undefined && mistakes.found.length === before) {
    const meant = 'is the end of an extension: write "mode": "extension" beside it';
    throw mistake(`${where}.until`, own.until, meant);
  }
  return { ...rule, mode };
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
