import type { Principal } from './principal.js';

/**
 * Returns who is calling, from a request of Express, Fastify or Node that a guard let pass, from a
 * Hono context, or from anything else that has the principal in a member `principal`.
 * @throws Error where no guard ran, and where an optional one let a caller without a credential pass
 */
export function principalOf(request: object): Principal {
  const { principal, var: variables } = Object(request) as RequestOrContext;
  const found = principal ?? variables?.principal;
  if (isPrincipal(found)) return found;
  throw new Error(
    found === undefined || found === null
      ? 'principalOf: nobody is known here. Either no guard ran before this handler (put ' +
          'requireToken() before it, and await the registration of a plugin), or the guard is ' +
          'optional and the caller sent no credential (read request.principal, which may be undefined)'
      : 'principalOf: request.principal was not set by sallyport: another middleware uses that name',
  );
}

interface RequestOrContext {
  readonly principal?: unknown;
  /** Hono's. */
  readonly var?: { readonly principal?: unknown } | undefined;
}

// The other members may be missing; and a principal of another copy of the package is one too.
function isPrincipal(value: unknown): value is Principal {
  const { kind, scopes } = Object(value) as Partial<Principal>;
  return (kind === 'token' || kind === 'api-key') && typeof scopes?.has === 'function';
}
