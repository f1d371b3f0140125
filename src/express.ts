import type { IncomingMessage, ServerResponse } from 'node:http';
import { expressRequest } from './adapters/express-request.js';
import { type GuardSource, guardOf, splitDenied } from './adapters/guard-of.js';
import { toGuardRequest } from './adapters/node-request.js';
import { answerOf, setHeaders, writeAnswer } from './adapters/node-response.js';
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
       * Who is calling, behind a `requireToken`; `undefined` where none ran, and where an optional
       * one let a caller without a credential pass. `principalOf(request)` reads it without a check.
       */
      principal?: Principal;
    }
  }
}

/** Options of {@link expressGuard}: those of a guard, or a guard, and what happens to refusals. */
export type ExpressGuardOptions = GuardSource & {
  /**
   * `'next'` hands a refusal to the error handlers, as a {@link DeniedError}. Its headers are on the
   * response already. @default 'respond'
   */
  readonly denied?: 'respond' | 'next';
};

/**
 * An Express middleware, for any version of Express. It says nothing of parameters and body, so
 * that the handler behind it keeps the types of its own route.
 */
export type ExpressMiddleware = (
  request: IncomingMessage & { principal?: Principal },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => Promise<void>;

/** Makes the middleware that guards a route or a router. */
export type RequireToken = (
  requirements?: Requirements,
  ...mounted: undefined[] // or it would pass for an error handler, uncalled
) => ExpressMiddleware;

/**
 * Protects Express routes, version 4.18 or 5: `app.get('/orders', requireToken({ scopes }), …)`.
 * @throws ConfigError for options, or requirements, that cannot be meant
 */
export function expressGuard(options: ExpressGuardOptions | Guard): RequireToken {
  const { hands, source } = splitDenied('expressGuard', options, 'next');
  const guard = guardOf('expressGuard', source);

  return function requireToken(requirements, ...mounted: unknown[]) {
    const required = checkRequirements(requirements, ...mounted);

    return async function requireTokenMiddleware(request, response, next) {
      try {
        const decision = await guard(toGuardRequest(expressRequest(request)), required);
        if (decision.allowed) {
          request.principal = decision.principal as Principal;
          setHeaders(response, decision.headers);
        } else if (hands) {
          const error = deniedError(decision);
          setHeaders(response, error.headers);
          throw error;
        } else return writeAnswer(response, answerOf(decision.denial));
      } catch (error) {
        return next(asError(error));
      }
      next();
    };
  };
}
