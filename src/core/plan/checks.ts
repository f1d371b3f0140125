import { isObject } from '../base/json.js';
import type { Sliced } from '../base/slices.js';
import { mistake, oneOf } from '../base/validate.js';
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

const alwaysEnforced =
  'is always enforced: signature, algorithm, issuer and expiry can never be report-only';
const ofTokensAlone =
  'is a check of tokens, and "checks" is about API keys: write it into "tokenChecks"';
const isCheck = (name: string): name is Check => (checks as readonly string[]).includes(name);
const unreportable = ['signature', 'algorithm', 'issuer', 'expiry', 'alg', 'iss', 'exp'];

/** The rules for checks of API keys, checked. */
export const readChecks = (where: string, given: unknown, mistakes: Mistakes): Checks =>
  readRulesOf({ where, names: keyChecks, mistakes }, given);

/** The rules for checks of tokens, checked. */
export const readTokenChecks = (where: string, given: unknown, mistakes: Mistakes): TokenChecks =>
  readRulesOf({ where, names: checks, mistakes }, given);

/** The rules of one member, for the checks that it may name. */
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
  for (const [name] of misplaced) {
    const meant = isCheck(name) ? ofTokensAlone : alwaysEnforced;
    mistakes.add(mistake(`${where}.${name}`, name, meant));
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
