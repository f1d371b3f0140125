import { Hono } from 'hono';
import { honoGuard, type PrincipalEnv } from '../../src/hono.js';
import { createGuard, type Principal, principalOf } from '../../src/index.js';

// Never run: `tsc` compiles it, and a mistake that begins to compile is an unused directive.

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function must<_Truth extends true>(): void;
const options = { issuer: 'https://a.example', audience: 'a' };
const requireToken = honoGuard(options);
const app = new Hono();

// What is meant compiles.
app.use(requireToken());
app.use('/a/*', requireToken({ scopes: ['a'] }), requireToken({ orgId: 'org_1' }));
honoGuard(createGuard(options));

// Mistake: a handler casts to reach the principal, and the cast hides the next mistake.
app.get('/orders/:id', requireToken({ scopes: ['a'] }), (c) => {
  must<Equal<typeof c.var.principal, Principal>>();
  const read = c.get('principal');
  must<Equal<typeof read, Principal>>();
  const safe = principalOf(c);
  must<Equal<typeof safe, Principal>>();
  const id = c.req.param('id');
  must<Equal<typeof id, string>>();
  // @ts-expect-error: there may be no subject
  c.var.principal.subject.length;
  return c.json({});
});

// A guard of all routes, in an application that says so.
const guarded = new Hono<PrincipalEnv>();
guarded.use(requireToken());
guarded.get('/orders', (c) => {
  must<Equal<typeof c.var.principal, Principal>>();
  return c.json({});
});

// Mistake: where nobody has to be known, the handler believes that somebody is.
app.get('/here', requireToken({ optional: true }), (c) => {
  must<Equal<typeof c.var.principal, Principal | undefined>>();
  return c.json({});
});
const optional = honoGuard({ ...options, optional: true });
app.get('/everywhere', optional(), (c) => {
  must<Equal<typeof c.var.principal, Principal | undefined>>();
  return c.json({});
});
app.get('/not-here', optional({ optional: false }), (c) => {
  must<Equal<typeof c.var.principal, Principal>>();
  return c.json({});
});
app.get('/nowhere', (c) => {
  // @ts-expect-error: no guard ran
  c.var.principal;
  return c.json({});
});

// Mistake: requireToken is mounted without being called, and guards nothing.
// @ts-expect-error: requireToken()
app.get('/orders', requireToken, (c) => c.json({}));
// @ts-expect-error: for a whole application too
app.use(requireToken);

// Mistake: options and requirements are wrong, and the overloads hide it.
// @ts-expect-error: no audience
honoGuard({ issuer: 'https://a.example' });
// @ts-expect-error: not an option
honoGuard({ ...options, optional: true, audiences: ['a'] });
// @ts-expect-error: one text
requireToken({ scopes: 'a,b' });
// @ts-expect-error: no such requirement
requireToken({ optional: true, scope: ['a'] });
