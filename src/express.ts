import type { IncomingMessage, ServerResponse } from 'node:http';
import { expressTemplate, toGuardRequest } from './adapters/node-request.js';
import { answerOf, setHeaders, writeAnswer } from './adapters/node-response.js';
import {
  asError,
  checkRequirements,
  createGuard,
  type Guard,
  type GuardOptions,
  type Principal,
  type Requirements,
} from './index.js';

declare global {
  namespace Express {
    interface Request {
      /**
       * Who is calling, behind a `requireToken`. Where none ran, and where an optional one let a
       * caller without a credential pass, it is `undefined` at run time.
       */
      principal: Principal;
    }
  }
}

/**
 * An Express middleware, for any version of Express. It says nothing of parameters and body, so
 * that the handler behind it keeps the types of its own route.
 */
export type ExpressMiddleware = (
  request: IncomingMessage & { principal: Principal },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => Promise<void>;

interface ExpressRequest extends IncomingMessage {
  /** Express and Connect keep it; plain `node:http` and Next.js have `url` alone. */
  readonly originalUrl?: string;
  readonly baseUrl?: string;
  readonly route?: { readonly path: unknown };
  readonly params?: unknown;
  readonly body?: unknown;
  principal: Principal;
}

/** Makes the middleware that guards a route or a router. */
export type RequireToken = (
  requirements?: Requirements,
  ...mounted: undefined[] // or it would pass for an error handler, uncalled
) => ExpressMiddleware;

/**
 * Protects Express routes, version 4.18 or 5: `app.get('/orders', requireToken({ scopes }), …)`.
 * @throws ConfigError for options, or requirements, that cannot be meant
 */
export function expressGuard(source: GuardOptions | Guard): RequireToken {
  const guard = typeof source === 'function' ? source : createGuard(source);

  return function requireToken(requirements, ...mounted: unknown[]) {
    const required = checkRequirements(requirements, ...mounted);

    return async function requireTokenMiddleware(request, response, next) {
      try {
        const source = request as ExpressRequest;
        const { originalUrl, method, headers, rawHeaders, params, body } = source;
        const url = originalUrl ?? source.url;
        const route = () => expressTemplate(source.baseUrl ?? '', source.route?.path);
        const nodeRequest = { source, url, method, headers, rawHeaders, params, body, route };
        const decision = await guard(toGuardRequest(nodeRequest), required);
        if (!decision.allowed) return writeAnswer(response, answerOf(decision.denial));
        request.principal = decision.principal as Principal;
        setHeaders(response, decision.headers);
      } catch (error) {
        return next(asError(error));
      }
      next();
    };
  };
}
