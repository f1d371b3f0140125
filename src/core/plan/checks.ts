import { isObject } from '../base/json.js';
import type { Sliced } from '../base/slices.js';
import { invalid, oneOf } from '../base/validate.js';
import type { Mistakes } from './mistakes.js';
import { plainSettings } from './plain-object.js';
import {
  type Check,
  type Checks,
  type ClientPlan,
  checks,
  keyChecks,
  type Plan,
  type Rule,
  rules,
  type TokenChecks,
  tokenOnlyChecks,
} from './plan.js';

const alwaysEnforced = {
  must: 'not be set, because this check is always enforced',
  advice: 'Remove it: signature, algorithm, issuer and expiry can never be report-only',
};
const onlyForTokens = {
  must: 'not be set, because API keys have no such check',
  advice: 'Move it to "tokenChecks"',
};
const isCheck = (name: string): name is Check => (checks as readonly string[]).includes(name);
const unreportable = ['signature', 'algorithm', 'issuer', 'expiry', 'alg', 'iss', 'exp'];

/** Reads the rules for the checks of API keys. */
export const readChecks = (where: string, given: unknown, mistakes: Mistakes): Checks =>
  readRulesOf({ where, names: keyChecks, mistakes }, given);

/** Reads the rules for the checks of tokens. */
export const readTokenChecks = (where: string, given: unknown, mistakes: Mistakes): TokenChecks =>
  readRulesOf({ where, names: checks, mistakes }, given);

/** A member of the plan with a rule for each check, and the checks that it may have. */
interface Rules<C extends Check> {
  readonly where: string;
  readonly names: readonly C[];
  readonly mistakes: Mistakes;
}

function readRulesOf<C extends Check>(
  { where, names, mistakes }: Rules<C>,
  given: unknown,
): { readonly [K in C]?: Rule } {
  if (given === undefined) return {};
  const isMisplaced = (name: string) =>
    !(names as readonly string[]).includes(name) && (isCheck(name) || unreportable.includes(name));
  const entries = isObject(given) ? Object.entries(given) : [];
  const misplaced = entries.filter(([name]) => isMisplaced(name));
  for (const [name, rule] of misplaced) {
    const expected = isCheck(name) ? onlyForTokens : alwaysEnforced;
    mistakes.add(invalid(`${where}.${name}`, rule, expected));
  }
  const others = entries.filter(([name]) => !isMisplaced(name));
  const own = plainSettings(
    { where, names, mistakes },
    misplaced.length > 0 ? Object.fromEntries(others) : given,
  );
  const read = Object.entries(own).map(([name, rule]) => [
    name,
    mistakes.attempt(() => oneOf(`${where}.${name}`, rule, rules)) ?? 'enforce',
  ]);
  return Object.fromEntries(read) as { readonly [K in C]?: Rule };
}

/** The rules of a plan without `checks` and `tokenChecks`. */
export const enforced = Object.fromEntries(checks.map((check) => [check, 'enforce'])) as Record<
  Check,
  Rule
>;
export const enforcedOfKeys: ClientPlan['checks'] = { scopes: 'enforce', organization: 'enforce' };

/** Finds the checks that are report-only for any client. */
export function* reportedBy(
  others: ClientPlan,
  clients: Plan['clients'],
): Sliced<Pick<Plan, 'reports' | 'deferred'>> {
  const deferred = new Set<Check>();
  let reports = false;
  const addRulesOf = ({ checks: ofKeys, tokenChecks }: ClientPlan) => {
    reports ||= keyChecks.some((check) => ofKeys[check] === 'report');
    reports ||= checks.some((check) => tokenChecks[check] === 'report');
    for (const check of tokenOnlyChecks) if (tokenChecks[check] === 'report') deferred.add(check);
  };
  addRulesOf(others);
  for (const rules of clients.values()) {
    rules.forEach(addRulesOf);
    yield;
  }
  return { reports, deferred };
}
