import type { IncomingMessage, ServerResponse } from 'node:http';
import { expressRequest } from './adapters/express-request.js';
import { type GuardSource, guardOf, splitDenied } from './adapters/guard-of.js';
import { toGuardRequest } from './adapters/node-request.js';
import { responseParts, setHeaders, writeResponse } from './adapters/node-response.js';
import {
  asError,
  checkRequirements,
  deniedError,
  type Guard,
  type Principal,
  type Requirements,
} from './index.js';

declare global {
  namespace Express {
    interface Request {
      /**
       * The verified caller. `undefined` if no `requireToken` ran, or if it is optional and the request
       * has no credential. `principalOf(request)` returns it, or throws if it is `undefined`.
       */
      principal?: Principal;
    }
  }
}

/** Options of {@link expressGuard}: those of a guard, or a guard; and `denied`. */
export type ExpressGuardOptions = GuardSource & {
  /**
   * `'next'` passes a denial to the error handlers as a {@link DeniedError}, whose headers are
   * already set on the response. @default 'respond'
   */
  readonly denied?: 'respond' | 'next';
};

/**
 * An Express middleware, for any version of Express. It does not declare the types of parameters and
 * body, so that the route's handler keeps its own.
 */
export type ExpressMiddleware = (
  request: IncomingMessage & { principal?: Principal },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => Promise<void>;

/** Returns a middleware that guards a route or a router. @throws ConfigError if a requirement is invalid */
export type RequireToken = (
  requirements?: Requirements,
  ...mounted: undefined[] // otherwise app.use(requireToken), without (), would compile
) => ExpressMiddleware;

/**
 * Protects routes of Express 4.18 and later, and 5: `app.get('/orders', requireToken({ scopes }), …)`.
 * @throws ConfigError if an option is invalid
 */
export function expressGuard(options: ExpressGuardOptions | Guard): RequireToken {
  const { passesErrors, source } = splitDenied('expressGuard', options, 'next');
  const guard = guardOf('expressGuard', source);

  return function requireToken(requirements, ...mounted: unknown[]) {
    const required = checkRequirements(requirements, ...mounted);

    return async function requireTokenMiddleware(request, response, next) {
      try {
        const decision = await guard(toGuardRequest(expressRequest(request)), required);
        if (decision.allowed) {
          request.principal = decision.principal as Principal;
          setHeaders(response, decision.headers);
        } else if (passesErrors) {
          const error = deniedError(decision);
          setHeaders(response, error.headers);
          throw error;
        } else return writeResponse(response, responseParts(decision.denial));
      } catch (error) {
        return next(asError(error));
      }
      next();
    };
  };
}
