import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { toGuardRequest } from './adapters/node-request.js';
import { besideOthers } from './adapters/node-response.js';
import {
  ConfigError,
  checkRequirements,
  createGuard,
  type Guard,
  type GuardOptions,
  type Principal,
  type Requirements,
} from './index.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Makes the hook that guards a route or a plugin: `{ onRequest: app.requireToken() }`. */
    requireToken: RequireToken;
  }
  interface FastifyRequest {
    /** Who is calling, behind a `requireToken`; `undefined` at run time where nobody is known. */
    principal: Principal;
  }
}

/** A Fastify hook, for `onRequest` or any later one before the handler, on HTTP/1.1 and HTTP/2. */
export type FastifyGuardHook = (request: { principal: Principal }, reply: object) => Promise<void>;

/** Makes the hook that guards a route or a plugin. */
export type RequireToken = (requirements?: Requirements) => FastifyGuardHook;

/** The guard's options, or a guard; that one stays its owner's to close. */
export type FastifyGuardOptions =
  | (GuardOptions & { readonly guard?: never })
  | { readonly guard: Guard; readonly issuer?: never; readonly issuers?: never };

/**
 * Adds `app.requireToken` and `request.principal` to Fastify 5, for the plugin that registers it
 * and all inside it; a nested registration shadows its parent's.
 * @throws ConfigError for options, or requirements, that cannot be meant
 */
export const fastifyGuard = fastifyPlugin(
  async (app: FastifyInstance, given: FastifyGuardOptions) => {
    const { prefix, logLevel, logSerializers, ...options } = given as Record<string, unknown>;
    const guard = guardOf(options);
    if (options.guard === undefined) app.addHook('onClose', () => guard.close());

    const requireToken = (requirements?: Requirements, ...mounted: unknown[]): FastifyGuardHook => {
      const required = checkRequirements(requirements, ...mounted);

      return async function requireTokenHook(hooked, answer) {
        const [request, reply] = [hooked as FastifyRequest, answer as FastifyReply];
        const { originalUrl: url, method, raw, headers, params, body } = request;
        const { rawHeaders } = raw;
        const route = () => request.routeOptions.url;
        const nodeRequest = { source: raw, url, method, headers, rawHeaders, params, body, route };
        const decision = await guard(toGuardRequest(nodeRequest), required);
        if (reply.sent) return; // somebody else, a time-out perhaps, has answered meanwhile
        const { headers: ours } = decision.allowed ? decision : decision.denial;
        reply.headers(besideOthers(ours, (name) => reply.getHeader(name)));
        if (decision.allowed) {
          request.principal = decision.principal as Principal;
        } else {
          await reply.code(decision.denial.status).send(JSON.stringify(decision.denial.body));
        }
      };
    };

    if (!app.hasRequestDecorator('principal')) app.decorateRequest('principal');
    app.decorate('requireToken', requireToken);
  },
  { name: 'sallyport', fastify: '5.x' },
);

function guardOf(options: Record<string, unknown>): Guard {
  const { guard, ...others } = options;
  if (guard === undefined) return createGuard(options as unknown as GuardOptions);
  if (typeof guard === 'function' && Object.keys(others).length === 0) return guard as Guard;
  throw new ConfigError('fastifyGuard: give either { guard }, made by createGuard, or its options');
}
