import type { FastifyInstance, FastifyReply, FastifyRequest, RegisterOptions } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { type GuardSource, guardOf, splitDenied } from './adapters/guard-of.js';
import { toGuardRequest } from './adapters/node-request.js';
import { besideOthers } from './adapters/node-response.js';
import type { Principal, Requirements } from './index.js';
import { checkRequirements, deniedError, type Guard } from './index.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Makes the hook that guards a route or a plugin: `{ onRequest: app.requireToken() }`. */
    requireToken: RequireToken;
  }
  interface FastifyRequest {
    /** Who is calling, where a guard ran and somebody is known; `principalOf(request)` is sure. */
    principal?: Principal;
  }
}

/** A Fastify hook, for `onRequest` or any later one before the handler, on HTTP/1.1 and HTTP/2. */
export type FastifyGuardHook = (request: { principal?: Principal }, reply: object) => Promise<void>;

/** Makes the hook that guards a route or a plugin. */
export type RequireToken = (requirements?: Requirements) => FastifyGuardHook;

export interface DeniedOption {
  /** `'throw'` hands a refusal to the error handler, as a `DeniedError`. @default 'respond' */
  readonly denied?: 'respond' | 'throw';
}

/** The guard's options, or a guard; that one stays its owner's to close. */
export type FastifyGuardOptions = GuardSource & DeniedOption;

/**
 * Makes hooks of a guard without the plugin, for a second guard on the same instance:
 * `{ onRequest: requireAdmin({ scopes }) }` after `const requireAdmin = hookFor(adminGuard)`.
 * @throws ConfigError for requirements that cannot be meant
 */
export function hookFor(owned: Guard, option: DeniedOption = {}): RequireToken {
  const { hands, source } = splitDenied('hookFor', { ...option, guard: owned }, 'throw');
  const guard = guardOf('hookFor', source);
  return (requirements?: Requirements, ...mounted: unknown[]): FastifyGuardHook => {
    const required = checkRequirements(requirements, ...mounted);

    return async function requireTokenHook(hooked, answer) {
      const [request, reply] = [hooked as FastifyRequest, answer as FastifyReply];
      const { originalUrl: url, method, raw, headers, params, body } = request;
      const { rawHeaders } = raw;
      const route = () => request.routeOptions.url;
      const nodeRequest = { source: raw, url, method, headers, rawHeaders, params, body, route };
      const decision = await guard(toGuardRequest(nodeRequest), required);
      if (reply.sent) return; // somebody else, a time-out perhaps, has answered meanwhile
      const error = !decision.allowed && hands ? deniedError(decision) : undefined;
      const { headers: ours } = error ?? (decision.allowed ? decision : decision.denial);
      reply.headers(besideOthers(ours, (name) => reply.getHeader(name)));
      if (error) throw error;
      if (!decision.allowed) {
        await reply.code(decision.denial.status).send(JSON.stringify(decision.denial.body));
      } else request.principal = decision.principal as Principal;
    };
  };
}

/**
 * Adds `app.requireToken` and `request.principal` to Fastify 5, for the plugin that registers it
 * and all inside it; a nested registration shadows its parent's.
 * @throws ConfigError for options, or requirements, that cannot be meant
 */
export const fastifyGuard = fastifyPlugin(
  async (app: FastifyInstance, given: FastifyGuardOptions) => {
    const { prefix, logLevel, logSerializers, ...options } = given as FastifyGuardOptions &
      RegisterOptions;
    const { hands, source } = splitDenied('fastifyGuard', options, 'throw');
    const guard = guardOf('fastifyGuard', source);
    if (options.guard === undefined) app.addHook('onClose', () => guard.close());
    if (!app.hasRequestDecorator('principal')) app.decorateRequest('principal');
    app.decorate('requireToken', hookFor(guard, { denied: hands ? 'throw' : 'respond' }));
  },
  { name: 'sallyport', fastify: '5.x' },
);
