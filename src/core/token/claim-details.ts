import type { ErrorCode } from '../base/errors.js';
import { type Claims, isObject, own } from '../base/json.js';
import { pathName, typeName } from '../base/quote.js';
import type { ClaimPaths, Principal } from '../principal.js';

// Why a verified token has no scope or no organization, for operators: which claim was read, and what
// was there. Only names from the configuration or from here are in it, never a value.

/** Claims in which authorization servers put scopes, where nobody mapped another. */
const scopeClaims = ['scope', 'scp', 'scopes', 'permissions', 'roles', 'authorities'];
const orgClaims = ['org_id', 'organization', 'org', 'tenant_id', 'tid'];

/** The sentence for a refusal that a wrong or missing mapping may have caused. */
export function claimDetail(
  code: ErrorCode,
  { claims }: Principal,
  paths: ClaimPaths,
): string | undefined {
  if (!claims) return undefined;
  if (code === 'ERR_SCOPE_MISSING') {
    const why = whyNone(claims, paths.scopes, isList);
    return why && `${why}${others(claims, paths.scopes, scopeClaims)} (claims.scopes)`;
  }
  if (code !== 'ERR_ORG_MISSING') return undefined;
  const why = whyNone(claims, paths.orgId, (value) => typeof value === 'string' && value !== '');
  return why && `${why}${others(claims, paths.orgId, orgClaims)} (claims.orgId)`;
}

/** Why a path leads to nothing that fits; undefined if it does lead there. */
function whyNone(
  claims: Claims,
  path: readonly string[],
  fits: (value: unknown) => boolean,
): string | undefined {
  let value: unknown = claims;
  for (const [depth, name] of path.entries()) {
    if (!isObject(value)) {
      const before = pathName(path.slice(0, depth));
      return `the claim path ${pathName(path)} leads into ${before}, which is ${typeName(value)} and not an object`;
    }
    value = own(value, name);
    if (value === undefined) return `the token has no claim ${pathName(path.slice(0, depth + 1))}`;
  }
  if (fits(value)) return undefined;
  const found = typeof value === 'string' ? 'an empty string' : typeName(value);
  return `the claim ${pathName(path)} is ${found}`;
}

const isList = (value: unknown): boolean =>
  (typeof value === 'string' && value.trim() !== '') ||
  (Array.isArray(value) && value.every((one) => typeof one === 'string'));

function others(claims: Claims, [read]: readonly string[], names: readonly string[]): string {
  const found = names.filter((name) => name !== read && Object.hasOwn(claims, name));
  const list = found.map((name) => `"${name}" (${typeName(claims[name])})`);
  return found.length === 0 ? '' : `; it has ${list.join(', ')}`;
}
