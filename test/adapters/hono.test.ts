import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { beforeEach, describe, expect, test } from 'vitest';
import { honoGuard, type PrincipalEnv } from '../../src/hono.js';
import { ConfigError, createGuard, type Guard, principalOf } from '../../src/index.js';
import { createTestIssuer, type TestIssuer } from '../../src/testing.js';
import { told } from './open.js';

let issuer: TestIssuer;
let guard: Guard & { readonly optional: false };
const plan = { deprecatedAt: '2020-01-01T00:00:00Z', guide: 'https://docs.example.com/oauth' };
const withKeys = () => ({
  ...issuer.options,
  apiKeys: {
    from: [{ header: 'x-api-key' }],
    lookup: async () => ({ id: 'key_1', clientId: 'shop' }),
    plan,
  },
});

beforeEach(async () => {
  issuer = await createTestIssuer();
  guard = createGuard(issuer.options);
});

const bearer = async (parts?: Parameters<TestIssuer['token']>[0]) => ({
  headers: { authorization: `Bearer ${await issuer.token(parts)}` },
});

test('a handler finds the principal in the context', async () => {
  const app = new Hono().get('/', honoGuard(guard)(), (c) =>
    c.json([told(c.var.principal), principalOf(c) === c.get('principal')]),
  );
  const response = await app.request('/', await bearer());
  expect(await response.json()).toEqual([expect.objectContaining({ subject: 'user_1' }), true]);
});

test('one middleware guards every route behind it, and none before', async () => {
  const app = new Hono<PrincipalEnv>();
  app.get('/health', (c) => c.text('up'));
  app.use('/api/*', honoGuard(issuer.options)());
  app.get('/api/orders', (c) => c.json(told(c.var.principal)));
  expect((await app.request('/health')).status).toBe(200);
  expect((await app.request('/api/orders')).status).toBe(401);
  expect((await app.request('/api/orders', await bearer())).status).toBe(200);
});

test('an organization may come from a route parameter', async () => {
  const app = new Hono();
  const requireToken = honoGuard(guard);
  app.get('/orgs/:org', requireToken({ orgId: ({ params }) => params?.org }), (c) => c.json(1));
  const good = await bearer({ orgId: 'org 1' });
  expect((await app.request('/orgs/org%201', good)).status).toBe(200);
  expect((await app.request('/orgs/org%202', good)).status).toBe(403);
});

test('an event names the template of the route, whether or not a middleware guards it', async () => {
  const routes: (string | undefined)[] = [];
  const requireToken = honoGuard({
    ...issuer.options,
    onDecision: ({ route }) => void routes.push(route),
  });
  const app = new Hono();
  app.use('/v1/*', requireToken());
  app.get('/v1/orders/:id', requireToken(), (c) => c.json(1));
  await app.request('/v1/orders/alice', await bearer());
  await app.request('/v1/nothing/alice');
  expect(routes).toEqual(['/v1/orders/:id', '/v1/orders/:id', undefined]);
});

describe('headers', () => {
  const shop = { headers: { 'x-api-key': 'acme' } };

  test('are set on whatever the handler returns, a fetched response too', async () => {
    const requireToken = honoGuard(withKeys());
    const app = new Hono();
    app.get('/json', requireToken(), (c) => c.json(1));
    app.get('/raw', requireToken(), () => Response.json(1));
    app.get('/fetched', requireToken(), () => fetch('data:text/plain,a'));
    app.get('/failed', requireToken(), () => {
      throw new Error('a bug');
    });
    app.onError((_, c) => c.text('failed', 500));
    for (const path of ['/json', '/raw', '/fetched', '/failed', '/missing']) {
      const { headers, status } = await app.request(path, shop);
      const deprecation = path === '/missing' ? null : '@1577836800';
      expect([path, headers.get('deprecation')]).toEqual([path, deprecation]);
      expect(status).toBe(path === '/failed' ? 500 : path === '/missing' ? 404 : 200);
    }
  });

  test('of a refusal win over those of an outer middleware; a Link is added, and CORS stays', async () => {
    const app = new Hono();
    app.use(cors(), async (c, next) => {
      c.header('Cache-Control', 'public');
      c.header('Link', '<https://a.example>; rel="next"');
      await next();
    });
    app.get('/', honoGuard(withKeys())({ mode: 'token-only' }), (c) => c.json(1));
    const { status, headers } = await app.request('/', shop);
    expect(status).toBe(401);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('link')).toMatch(/^<https:\/\/a\.example>; rel="next", <https:\/\/docs\./);
    expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  });
});

test('an anonymous caller of an optional route has no principal', async () => {
  const app = new Hono().get('/', honoGuard(guard)({ optional: true }), (c) =>
    c.json(c.var.principal === undefined),
  );
  expect(await (await app.request('/')).json()).toBe(true);
  expect(await (await app.request('/', await bearer())).json()).toBe(false);
});

test('requireToken mounted without being called is a ConfigError at the first request', async () => {
  const app = new Hono();
  app.get('/', honoGuard(guard) as never, (c) => c.text('reached'));
  let seen: unknown;
  app.onError((error, c) => {
    seen = error;
    return c.text('failed', 500);
  });
  expect(await (await app.request('/')).text()).toBe('failed');
  expect(seen).toBeInstanceOf(ConfigError);
  expect(() => honoGuard(guard)({ scopes: [] })).toThrow(ConfigError);
});

test('a bug reaches the error handler as an Error, and lets nobody through', async () => {
  const app = new Hono();
  const check = () => Promise.reject(undefined);
  app.get('/', honoGuard(guard)({ check }), (c) => c.text('reached'));
  let seen: unknown;
  app.onError((error, c) => {
    seen = error;
    return c.text('failed', 500);
  });
  expect(await (await app.request('/', await bearer())).text()).toBe('failed');
  expect(seen).toBeInstanceOf(Error);
});
