import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { expressGuard } from '../../src/express.js';
import { createGuard, type DeniedError, type Principal, principalOf } from '../../src/index.js';

// Never run: `tsc` compiles it, and a mistake that begins to compile is an unused directive.

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function must<_Truth extends true>(): void;
const requireToken = expressGuard({ issuer: 'https://a.example', audience: 'a' });
const app = express();
const router = express.Router();
const handler: RequestHandler = (_, res) => void res.end();

// What is meant compiles.
app.use(requireToken());
app.use('/a', requireToken({ scopes: ['a'] }), handler);
app.use(['/a', '/b'], [requireToken(), requireToken({ orgId: 'org_1' })], handler);
router.route('/a').all(requireToken()).get(handler);
expressGuard(createGuard({ issuer: 'https://a.example', audience: 'a' }));

// Mistake: a handler casts to reach the principal, and the cast hides the next mistake.
app.get('/orders/:id', requireToken({ scopes: ['orders:read'] }), (req, res) => {
  const principal = principalOf(req);
  must<Equal<typeof principal, Principal>>();
  must<Equal<typeof principal.subject, string | undefined>>();
  must<Equal<typeof principal.orgId, string | undefined>>();
  // @ts-expect-error: there may be no subject
  principal.subject.length;
  // @ts-expect-error: no such member
  principal.sub;
  // @ts-expect-error: read only
  principal.subject = 'user_1';
  res.end();
});

// Mistake: a handler believes that a guard ran, or that somebody is known.
app.get('/public', (req, res) => {
  must<Equal<typeof req.principal, Principal | undefined>>();
  // @ts-expect-error: there may be nobody
  req.principal.subject;
  res.end();
});
// @ts-expect-error: no request
principalOf('user_1');

// Mistake: refusals go where nobody looks for them.
expressGuard({ issuer: 'https://a.example', audience: 'a', denied: 'next' });
expressGuard({
  guard: createGuard({ issuer: 'https://a.example', audience: 'a' }),
  denied: 'respond',
});
// @ts-expect-error: Fastify's word
expressGuard({ issuer: 'https://a.example', audience: 'a', denied: 'throw' });
// @ts-expect-error: a guard has its options already
expressGuard({ guard: createGuard({ issuer: 'https://a.example', audience: 'a' }), issuer: 'b' });
// @ts-expect-error: the same request for every route
requireToken({ denied: 'next' });
app.use(((error: DeniedError, _req, res, _next) => {
  must<Equal<typeof error.status, number>>();
  must<Equal<typeof error.headers, Readonly<Record<string, string>>>>();
  res.status(error.status).end();
}) satisfies ErrorRequestHandler);

// Mistake: the guard blurs the types of the route it stands before.
app.post('/orders/:id/:line', requireToken(), async (req, res) => {
  must<Equal<typeof req.params, { id: string } & { line: string }>>();
  // @ts-expect-error: not of this route
  req.params.order;
  res.json(req.body);
});

// Mistake: requireToken is mounted without being called, and guards nothing.
// @ts-expect-error: requireToken()
app.get('/orders', requireToken, handler);
// @ts-expect-error: for a whole application too
app.use(requireToken);
// @ts-expect-error: under a path too
app.use('/orders', requireToken);
// @ts-expect-error: in a list too
app.use([requireToken], handler);
// @ts-expect-error: on a router too
router.use(requireToken);
// @ts-expect-error: on one route too
router.route('/orders').get(requireToken, handler);

// Mistake: a guard is mounted as if it were a middleware.
// @ts-expect-error: expressGuard(guard)()
app.use(createGuard({ issuer: 'https://a.example', audience: 'a' }));

// Mistake: what belongs to a route is written where the guard is made, or the other way round.
// @ts-expect-error: a requirement
expressGuard({ issuer: 'https://a.example', audience: 'a', scopes: ['a'] });
// @ts-expect-error: an option
requireToken({ audience: 'a' });
// @ts-expect-error: one argument
expressGuard({ issuer: 'https://a.example', audience: 'a' }, { scopes: ['a'] });
