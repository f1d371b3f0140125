import type { FastifyInstance, FastifyReply, FastifyRequest, RegisterOptions } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { type GuardSource, guardOf, splitDenied } from './adapters/guard-of.js';
import { toGuardRequest } from './adapters/node-request.js';
import { mergeLinks } from './adapters/node-response.js';
import type { Principal, Requirements } from './index.js';
import { checkRequirements, deniedError, type Guard } from './index.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Returns a hook that guards a route or a plugin: `{ onRequest: app.requireToken() }`. */
    requireToken: RequireToken;
  }
  interface FastifyRequest {
    /** The verified caller; `undefined` if no guard ran, or an optional one allowed an anonymous request. */
    principal?: Principal;
  }
}

/** A hook for `onRequest`, or any later one before the handler, for HTTP/1.1 and HTTP/2. */
export type FastifyGuardHook = (request: { principal?: Principal }, reply: object) => Promise<void>;

/** Returns a hook that guards a route or a plugin. @throws ConfigError if a requirement is invalid */
export type RequireToken = (requirements?: Requirements) => FastifyGuardHook;

export interface DeniedOption {
  /** `'throw'` passes a denial to the error handler as a `DeniedError`. @default 'respond' */
  readonly denied?: 'respond' | 'throw';
}

/** Options of {@link fastifyGuard}: those of a guard, or a guard, which its owner closes; and `denied`. */
export type FastifyGuardOptions = GuardSource & DeniedOption;

/**
 * Returns `requireToken` of a second guard, without the plugin: `{ onRequest: hookFor(guard)({ scopes }) }`.
 * @throws ConfigError if the guard or an option is invalid
 */
export function hookFor(owned: Guard, option: DeniedOption = {}): RequireToken {
  const { passesErrors, source } = splitDenied('hookFor', { ...option, guard: owned }, 'throw');
  const guard = guardOf('hookFor', source);
  return (requirements?: Requirements, ...mounted: unknown[]): FastifyGuardHook => {
    const required = checkRequirements(requirements, ...mounted);

    return async function requireTokenHook(hookRequest, hookReply) {
      const request = hookRequest as FastifyRequest;
      const reply = hookReply as FastifyReply;
      const { originalUrl: url, method, raw, headers, params, body } = request;
      const { rawHeaders } = raw;
      const route = () => request.routeOptions.url;
      const nodeRequest = { source: raw, url, method, headers, rawHeaders, params, body, route };
      const decision = await guard(toGuardRequest(nodeRequest), required);
      if (reply.sent) return; // by other code, such as a timeout handler
      const error = !decision.allowed && passesErrors ? deniedError(decision) : undefined;
      const { headers: ours } = error ?? (decision.allowed ? decision : decision.denial);
      reply.headers(mergeLinks(ours, (name) => reply.getHeader(name)));
      if (error) throw error;
      if (!decision.allowed) {
        await reply.code(decision.denial.status).send(JSON.stringify(decision.denial.body));
      } else request.principal = decision.principal as Principal;
    };
  };
}

/**
 * Adds `app.requireToken` and `request.principal` to Fastify 5, in the plugin that registers it and
 * its child scopes. Registering it again in a child scope overrides the parent's guard there.
 * @throws ConfigError if an option is invalid
 */
export const fastifyGuard = fastifyPlugin(
  async (app: FastifyInstance, given: FastifyGuardOptions) => {
    const { prefix, logLevel, logSerializers, ...options } = given as FastifyGuardOptions &
      RegisterOptions;
    const { passesErrors, source } = splitDenied('fastifyGuard', options, 'throw');
    const guard = guardOf('fastifyGuard', source);
    if (options.guard === undefined) app.addHook('onClose', () => guard.close());
    if (!app.hasRequestDecorator('principal')) app.decorateRequest('principal');
    app.decorate('requireToken', hookFor(guard, { denied: passesErrors ? 'throw' : 'respond' }));
  },
  { name: 'sallyport', fastify: '5.x' },
);
