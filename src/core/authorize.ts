import { AuthError, type AuthErrorCode } from './base/errors.js';
import type { Enforcement } from './enforcement.js';
import type { GuardRequest } from './extract.js';
import type { Principal } from './principal.js';
import type { Requirements } from './requirements.js';

/** Answers for a principal that may do what the request asks, and throws for any other. */
export type Authorize = (
  principal: Principal,
  requirements: Requirements,
  asked: Asked,
) => void | Promise<void>;

interface Asked {
  readonly request: GuardRequest;
  readonly enforcement: Enforcement;
}

const nothing: readonly string[] = [];

/**
 * The organization first, since another consent would not help a caller of another one; then scopes,
 * then the application's own check. The first failure is final.
 */
export function createAuthorizer(impliedScopes: ReadonlyMap<string, readonly string[]>): Authorize {
  const sufficientFor = broaderScopes(impliedScopes);

  function grants({ scopes }: Principal, needed: string): boolean {
    if (scopes.has(needed)) return true;
    for (const broader of sufficientFor.get(needed) ?? []) if (scopes.has(broader)) return true;
    return false;
  }

  function missing(principal: Principal, { scopes, anyScope }: Requirements): readonly string[] {
    let lacking = nothing;
    if (scopes) {
      for (const scope of scopes) if (!grants(principal, scope)) lacking = [...lacking, scope];
    }
    const any = anyScope?.some((scope) => grants(principal, scope)) ?? true;
    return any || !anyScope ? lacking : [...lacking, ...anyScope];
  }

  function checkRest(principal: Principal, requirements: Requirements, asked: Asked) {
    const missingScopes = missing(principal, requirements);
    if (missingScopes.length > 0) {
      const error = new AuthError('ERR_SCOPE_MISSING', { missingScopes });
      asked.enforcement.fail('scopes', error, principal);
    }
    const { check } = requirements;
    return check && passes(check, principal, asked.request);
  }

  return function authorize(principal, requirements, asked) {
    const { orgId } = requirements;
    if (orgId === undefined) return checkRest(principal, requirements, asked);
    const wanted: unknown = typeof orgId === 'function' ? orgId(asked.request) : orgId;
    if (isPromise(wanted)) {
      return Promise.resolve(wanted).then((found) => {
        checkOrganization(found, principal, asked.enforcement);
        return checkRest(principal, requirements, asked);
      });
    }
    checkOrganization(wanted, principal, asked.enforcement);
    return checkRest(principal, requirements, asked);
  };
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';

function checkOrganization(wanted: unknown, principal: Principal, enforcement: Enforcement): void {
  const fault = organizationFault(wanted, principal);
  if (fault) enforcement.fail('organization', new AuthError(fault), principal);
}

async function passes(
  check: NonNullable<Requirements['check']>,
  ...asked: readonly [Principal, GuardRequest]
): Promise<void> {
  if ((await check(...asked)) !== true) throw new AuthError('ERR_CHECK_FAILED');
}

function organizationFault(wanted: unknown, principal: Principal): AuthErrorCode | undefined {
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
