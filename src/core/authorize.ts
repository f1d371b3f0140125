import { AuthError, type AuthErrorCode } from './errors.js';
import type { GuardRequest } from './extract.js';
import { clientOf, type Principal } from './principal.js';
import type { Requirements } from './requirements.js';
import type { Ruling } from './ruling.js';

/** Answers for a principal that may do what the request asks, and throws for any other. */
export type Authorize = (
  principal: Principal,
  requirements: Requirements,
  asked: { readonly request: GuardRequest; readonly ruling: Ruling },
) => void | Promise<void>;

/** Scopes first, then the organization, then the application's own check; the first failure is final. */
export function createAuthorizer(impliedScopes: ReadonlyMap<string, readonly string[]>): Authorize {
  const sufficientFor = broaderScopes(impliedScopes);

  function grants({ scopes }: Principal, needed: string): boolean {
    if (scopes.has(needed)) return true;
    for (const broader of sufficientFor.get(needed) ?? []) if (scopes.has(broader)) return true;
    return false;
  }

  return function authorize(principal, requirements, { request, ruling }) {
    const { scopes = [], anyScope, orgId, check } = requirements;
    const client = clientOf(principal);
    const missing = scopes.filter((scope) => !grants(principal, scope));
    if (anyScope && !anyScope.some((scope) => grants(principal, scope))) missing.push(...anyScope);
    if (missing.length > 0) {
      ruling.fail('scopes', new AuthError('ERR_SCOPE_MISSING', { missingScopes: missing }), client);
    }
    const fault = orgId === undefined ? undefined : organizationFault(principal, orgId, request);
    if (fault) ruling.fail('organization', new AuthError(fault), client);
    return check && passes(check, principal, request);
  };
}

async function passes(
  check: NonNullable<Requirements['check']>,
  ...asked: readonly [Principal, GuardRequest]
): Promise<void> {
  if ((await check(...asked)) !== true) throw new AuthError('ERR_CHECK_FAILED');
}

function organizationFault(
  principal: Principal,
  orgId: NonNullable<Requirements['orgId']>,
  request: GuardRequest,
): AuthErrorCode | undefined {
  const wanted: unknown = typeof orgId === 'function' ? orgId(request) : orgId;
  if (typeof wanted !== 'string' || wanted === '') return 'ERR_ORG_UNRESOLVED';
  if (principal.orgId === undefined) return 'ERR_ORG_MISSING';
  return principal.orgId === wanted ? undefined : 'ERR_ORG_MISMATCH';
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
