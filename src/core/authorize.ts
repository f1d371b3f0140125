import { AuthError } from './errors.js';
import type { GuardRequest } from './extract.js';
import type { Principal } from './principal.js';
import type { Requirements } from './requirements.js';

/** Answers for a principal that may do what the request asks, and throws for any other. */
export type Authorize = (
  principal: Principal,
  requirements: Requirements,
  request: GuardRequest,
) => Promise<void>;

/** Scopes first, then the organization, then the application's own check; the first failure is final. */
export function createAuthorizer(impliedScopes: ReadonlyMap<string, readonly string[]>): Authorize {
  const sufficientFor = broaderScopes(impliedScopes);

  function grants({ scopes }: Principal, needed: string): boolean {
    if (scopes.has(needed)) return true;
    for (const broader of sufficientFor.get(needed) ?? []) if (scopes.has(broader)) return true;
    return false;
  }

  return async function authorize(principal, requirements, request) {
    const { scopes = [], anyScope, orgId } = requirements;
    const missing = scopes.filter((scope) => !grants(principal, scope));
    if (anyScope && !anyScope.some((scope) => grants(principal, scope))) missing.push(...anyScope);
    if (missing.length > 0) throw new AuthError('ERR_SCOPE_MISSING', missing);

    if (orgId !== undefined) {
      const wanted: unknown = typeof orgId === 'function' ? orgId(request) : orgId;
      if (typeof wanted !== 'string' || wanted === '') throw new AuthError('ERR_ORG_UNRESOLVED');
      if (principal.orgId === undefined) throw new AuthError('ERR_ORG_MISSING');
      if (principal.orgId !== wanted) throw new AuthError('ERR_ORG_MISMATCH');
    }

    if (requirements.check && (await requirements.check(principal, request)) !== true) {
      throw new AuthError('ERR_CHECK_FAILED');
    }
  };
}

// Turned round and closed at start-up: for each scope, all the scopes that suffice for it.
function broaderScopes(implied: ReadonlyMap<string, readonly string[]>): Map<string, Set<string>> {
  const sufficient = new Map<string, Set<string>>();
  for (const broad of implied.keys()) {
    const reached = new Set([broad]);
    for (const scope of reached) for (const next of implied.get(scope) ?? []) reached.add(next);
    for (const narrow of reached) {
      sufficient.set(narrow, (sufficient.get(narrow) ?? new Set()).add(broad));
    }
  }
  return sufficient;
}
