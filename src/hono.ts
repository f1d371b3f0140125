import type { Context, MiddlewareHandler } from 'hono';
import { toGuardRequest } from './adapters/fetch-request.js';
import { responseOf } from './adapters/fetch-response.js';
import { mergeLinks } from './adapters/node-response.js';
import {
  checkRequirements,
  createGuard,
  type Guard,
  type GuardOptions,
  type Principal,
  type Requirements,
} from './index.js';

/** The variable that the middleware adds to Hono's context: `c.var.principal`. */
export interface PrincipalEnv<P extends Principal | undefined = Principal> {
  Variables: { principal: P };
}

type Mounted = undefined[]; // otherwise app.use(requireToken), without (), would compile

/** Returns a middleware that guards one or more routes. @throws ConfigError if a requirement is invalid */
export interface RequireToken<P extends Principal | undefined = Principal> {
  (
    requirements?: Requirements & { readonly optional?: never },
    ...mounted: Mounted
  ): MiddlewareHandler<PrincipalEnv<P>>;
  (
    requirements: Requirements & { readonly optional: false },
    ...mounted: Mounted
  ): MiddlewareHandler<PrincipalEnv>;
  (
    requirements?: Requirements,
    ...mounted: Mounted
  ): MiddlewareHandler<PrincipalEnv<Principal | undefined>>;
}

/**
 * Protects Hono routes: `app.get('/orders', requireToken({ scopes }), (c) => c.var.principal…)`.
 * If the guard or the route is `optional`, the principal can be `undefined`.
 * @throws ConfigError if an option is invalid
 */
export function honoGuard(
  source: (GuardOptions & { readonly optional?: false }) | (Guard & { readonly optional: false }),
): RequireToken;
export function honoGuard(source: GuardOptions | Guard): RequireToken<Principal | undefined>;
export function honoGuard(
  source: GuardOptions | Guard,
): RequireToken | RequireToken<Principal | undefined> {
  const guard = typeof source === 'function' ? source : createGuard(source);

  return (requirements?: Requirements, ...mounted: unknown[]) => {
    const required = checkRequirements(requirements, ...mounted);

    return async function requireToken(c: Context, next: () => Promise<void>) {
      const decision = await guard(requestOf(c), required);
      const { headers } = decision.allowed ? decision : decision.denial;
      if (decision.allowed) {
        c.set('principal', decision.principal);
        await next();
      } else c.res = responseOf(decision.denial, c.req.raw.method);
      // After c.res is set: Hono replaces its headers by those that outer middlewares have set.
      const all = mergeLinks(headers, (name) => c.res.headers.get(name) ?? undefined);
      for (const [name, value] of Object.entries(all)) c.header(name, value);
    };
  };
}

const requestOf = (c: Context) => ({
  ...toGuardRequest(c.req.raw),
  get params() {
    return c.req.param();
  },
  // The last match is the handler's route, or a wildcard if only middlewares match.
  get route() {
    const path = c.req.matchedRoutes.at(-1)?.path;
    return path?.endsWith('*') ? undefined : path;
  },
});
