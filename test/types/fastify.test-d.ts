import fastify, { type FastifyBaseLogger, type FastifyTypeProvider } from 'fastify';
import { fastifyGuard, hookFor } from '../../src/fastify.js';
import { createGuard, type Principal, principalOf } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';

// Never run: `tsc` compiles it, and a mistake that begins to compile is an unused directive.

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function must<_Truth extends true>(): void;
const options = { issuer: 'https://a.example', audience: 'a' };
const guard = createGuard(options);
const app = fastify();

// What is meant compiles.
await app.register(fastifyGuard, options);
await app.register(fastifyGuard, { guard });
await app.register(fastifyGuard, { ...options, prefix: '/api', logLevel: 'warn' });
await app.register(fastifyGuard, (await createTestIssuer()).options);
app.addHook('onRequest', app.requireToken());
app.addHook('preHandler', app.requireToken({ orgId: ({ params }) => params?.orgId }));
app.register(async (inner) => inner.addHook('onRequest', inner.requireToken()));

// Mistake: a handler casts to reach the principal, and the cast hides the next mistake.
app.get('/orders', { onRequest: app.requireToken({ scopes: ['a'] }) }, async (request) => {
  const principal = principalOf(request);
  must<Equal<typeof principal, Principal>>();
  must<Equal<typeof principal.subject, string | undefined>>();
  must<Equal<typeof principal.orgId, string | undefined>>();
  // @ts-expect-error: there may be no organization
  principal.orgId.length;
  // @ts-expect-error: no such member
  principal.org;
});

// Mistake: a handler believes that a guard ran, or that somebody is known.
app.get('/public', async (request) => {
  must<Equal<typeof request.principal, Principal | undefined>>();
  // @ts-expect-error: there may be nobody
  request.principal.subject;
});

// Mistake: a second guard needs a cast.
const requireAdmin = hookFor(createGuard({ issuer: 'https://admin.example', audience: 'a' }));
app.get('/admin', { onRequest: requireAdmin({ scopes: ['admin'] }) }, async () => 1);
app.get('/both', { onRequest: [app.requireToken(), requireAdmin()] }, async () => 1);
hookFor(guard, { denied: 'throw' });
// @ts-expect-error: createGuard(options)
hookFor(options);
// @ts-expect-error: a hook of it
app.get('/admin', { onRequest: requireAdmin }, async () => 1);

// Mistake: refusals go where nobody looks for them.
await app.register(fastifyGuard, { ...options, denied: 'throw' });
await app.register(fastifyGuard, { guard, denied: 'respond' });
// @ts-expect-error: Express's word
app.register(fastifyGuard, { ...options, denied: 'next' });

// Mistake: the guard blurs the types of the route it stands before.
app.get<{ Params: { id: string }; Reply: { 200: { total: number } } }>(
  '/orders/:id',
  { onRequest: [app.requireToken()], preHandler: app.requireToken({ scopes: ['a'] }) },
  async (request, reply) => {
    must<Equal<typeof request.params, { id: string }>>();
    // @ts-expect-error: not what this route replies
    reply.code(200).send({ total: '1' });
    return { total: 1 };
  },
);

// Mistake: requireToken is mounted without being called, and guards nothing.
// @ts-expect-error: app.requireToken()
app.get('/a', { onRequest: app.requireToken }, async () => 1);
// @ts-expect-error: app.requireToken(), in a list too
app.get('/a', { onRequest: [app.requireToken] }, async () => 1);
// @ts-expect-error: app.requireToken(), in a later hook too
app.get('/a', { preHandler: app.requireToken }, async () => 1);
// @ts-expect-error: app.requireToken(), for a whole plugin too
app.addHook('onRequest', app.requireToken);

// Mistake: the plugin is registered without what it needs, and starts all the same.
// @ts-expect-error: no options
app.register(fastifyGuard);
// @ts-expect-error: no issuer
app.register(fastifyGuard, {});
// @ts-expect-error: no audience
app.register(fastifyGuard, { issuer: 'https://a.example' });
// @ts-expect-error: not an option
app.register(fastifyGuard, { ...options, audiences: ['a'] });
// @ts-expect-error: no guard
app.register(fastifyGuard, { guard: options });
// @ts-expect-error: a requirement is no option
app.register(fastifyGuard, { ...options, scopes: ['a'] });
// @ts-expect-error: a guard has its options already
app.register(fastifyGuard, { guard, ...options });
// @ts-expect-error: a list of issuers too
app.register(fastifyGuard, { guard, issuers: [options] });

// Mistake: a wrong requirement compiles because it went through Fastify's types.
// @ts-expect-error: one text
app.requireToken({ scopes: 'a,b' });
// @ts-expect-error: no such requirement
app.requireToken({ scope: ['a'] });
// @ts-expect-error: no value
app.requireToken({ scopes: undefined });

// Mistake: the types fit only the plainest server.
const http2 = fastify({ http2: true });
await http2.register(fastifyGuard, options);
http2.get(
  '/',
  { onRequest: http2.requireToken() },
  async (request) => principalOf(request).subject,
);
const https = fastify({ https: {} });
await https.register(fastifyGuard, options);
https.get(
  '/',
  { onRequest: https.requireToken() },
  async (request) => principalOf(request).subject,
);
interface Logger extends FastifyBaseLogger {
  audit(line: string): void;
}
const logging = fastify({ loggerInstance: {} as Logger });
await logging.register(fastifyGuard, options);
logging.get(
  '/',
  { onRequest: logging.requireToken() },
  async (request) => principalOf(request).subject,
);
interface Provider extends FastifyTypeProvider {
  validator: { readonly of: unknown };
}
const typed = fastify().withTypeProvider<Provider>();
await typed.register(fastifyGuard, options);
typed.get(
  '/',
  { schema: { querystring: {} }, onRequest: typed.requireToken() },
  async (request) => {
    must<Equal<typeof request.query, { readonly of: unknown }>>();
    return principalOf(request).subject;
  },
);
