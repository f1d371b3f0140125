import { isObject } from '../base/json.js';
import type { Sliced } from '../base/slices.js';
import { mistake, oneOf } from '../base/validate.js';
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

const alwaysEnforced =
  'is always enforced: signature, algorithm, issuer and expiry can never be report-only';
const ofTokensAlone =
  'is a check of tokens, and "checks" is about API keys: write it into "tokenChecks"';
const isCheck = (name: string): name is Check => (checks as readonly string[]).includes(name);
const unreportable = ['signature', 'algorithm', 'issuer', 'expiry', 'alg', 'iss', 'exp'];

/** The rules for checks of API keys, checked. */
export function readChecks(where: string, given: unknown): Checks {
  return readRulesOf(where, given, keyChecks);
}

/** The rules for checks of tokens, checked. */
export const readTokenChecks = (where: string, given: unknown): TokenChecks =>
  readRulesOf(where, given, checks);

function readRulesOf<C extends Check>(
  where: string,
  given: unknown,
  names: readonly C[],
): { readonly [K in C]?: Rule } {
  if (given === undefined) return {};
  for (const name of isObject(given) ? Object.keys(given) : []) {
    if (unreportable.includes(name)) throw mistake(`${where}.${name}`, name, alwaysEnforced);
    if (isCheck(name) && !(names as readonly Check[]).includes(name)) {
      throw mistake(`${where}.${name}`, name, ofTokensAlone);
    }
  }
  const own = Object.entries(plainSettings(where, given, names));
  return Object.fromEntries(
    own.map(([name, rule]) => [name, oneOf(`${where}.${name}`, rule, rules)]),
  ) as { readonly [K in C]?: Rule };
}

/** What holds where a plan says nothing. */
export const enforced = Object.fromEntries(checks.map((check) => [check, 'enforce'])) as Record<
  Check,
  Rule
>;
export const enforcedOfKeys: ClientPlan['checks'] = { scopes: 'enforce', organization: 'enforce' };

/** Which checks somebody's rule only reports. */
export function* reportedBy(
  others: ClientPlan,
  clients: Plan['clients'],
): Sliced<Pick<Plan, 'reports' | 'deferred'>> {
  const deferred = new Set<Check>();
  let reports = false;
  const add = ({ checks: ofKeys, tokenChecks }: ClientPlan) => {
    reports ||= keyChecks.some((check) => ofKeys[check] === 'report');
    reports ||= checks.some((check) => tokenChecks[check] === 'report');
    for (const check of tokenOnlyChecks) if (tokenChecks[check] === 'report') deferred.add(check);
  };
  add(others);
  for (const rules of clients.values()) {
    rules.forEach(add);
    yield;
  }
  return { reports, deferred };
}
