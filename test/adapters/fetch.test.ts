import { Hono } from 'hono';
import { beforeEach, describe, expect, test } from 'vitest';
import { fetchGuard } from '../../src/fetch.js';
import { ConfigError, createGuard } from '../../src/index.js';
import { createTestIssuer, type TestIssuer } from '../../src/testing.js';
import { told } from './open.js';

let issuer: TestIssuer;
beforeEach(async () => {
  issuer = await createTestIssuer();
});

const request = async (path = '/', parts?: Parameters<TestIssuer['token']>[0]) =>
  new Request(`https://api.test${path}`, {
    headers: { authorization: `Bearer ${await issuer.token(parts)}` },
  });

describe('a bare handler', () => {
  const handler = () => {
    const check = fetchGuard(issuer.options);
    return async (request: Request): Promise<Response> => {
      const pass = await check(request, { scopes: ['orders:read'] });
      if (pass instanceof Response) return pass;
      return Response.json(told(pass.principal), { headers: { ...pass.headers } });
    };
  };

  test('lets a good token in', async () => {
    const answer = await handler()(await request('/', { scopes: ['orders:read'] }));
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ subject: 'user_1' });
  });

  test('answers a refusal that can be sent as it is', async () => {
    const answer = await handler()(await request());
    expect(answer.status).toBe(403);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm=.*scope="orders:read"$/);
    expect(await answer.json()).toMatchObject({ code: 'ERR_SCOPE_MISSING' });
  });

  test('answers HEAD without a body', async () => {
    const answer = await handler()(new Request('https://api.test/', { method: 'HEAD' }));
    expect(answer.status).toBe(401);
    expect(answer.body).toBeNull();
  });

  test('sees the query, and not the fragment', async () => {
    expect((await handler()(await request('/?access_token=a'))).status).toBe(400);
    const good = await request('/#?access_token=a', { scopes: ['orders:read'] });
    expect((await handler()(good)).status).toBe(200);
  });

  test('takes a repeated Authorization, which Fetch joins, for what it is', async () => {
    const headers = new Headers();
    headers.append('authorization', `Bearer ${await issuer.token()}`);
    headers.append('authorization', `Bearer ${await issuer.token()}`);
    expect((await handler()(new Request('https://api.test/', { headers }))).status).toBe(400);
  });
});

test('the host is known, though Fetch keeps it in the URL alone', async () => {
  const check = fetchGuard(issuer.options);
  const orgId = {
    orgId: (asked: { header(name: string): string | undefined }) => asked.header('host'),
  };
  const pass = await check(await request('/', { orgId: 'api.test' }), orgId);
  expect(pass).not.toBeInstanceOf(Response);
});

test('a guard may be shared between doors', async () => {
  const guard = createGuard(issuer.options);
  const pass = await fetchGuard(guard)(await request());
  expect(pass).not.toBeInstanceOf(Response);
});

test('a mistake in requirements rejects: it is no refusal', async () => {
  const check = fetchGuard(issuer.options);
  await expect(check(await request(), { scopes: [] })).rejects.toThrow(ConfigError);
});

test('an anonymous caller of an optional check has no principal', async () => {
  const check = fetchGuard(issuer.options);
  const pass = await check(new Request('https://api.test/'), { optional: true });
  expect(pass).toEqual({ principal: undefined, headers: {} });
});

describe('Hono', () => {
  test('guards a group of routes by a middleware', async () => {
    const check = fetchGuard(issuer.options);
    const app = new Hono<{ Variables: { subject: string | undefined } }>();
    app.use('/orders/*', async (c, next) => {
      const pass = await check(c.req.raw, { orgId: 'org_1' });
      if (pass instanceof Response) return pass;
      c.set('subject', pass.principal.subject);
      return next();
    });
    app.get('/orders/:id', (c) => c.text(c.get('subject') ?? 'nobody'));
    app.get('/open', (c) => c.text('open'));

    const good = await app.fetch(await request('/orders/1', { orgId: 'org_1' }));
    expect(await good.text()).toBe('user_1');
    const other = await app.fetch(await request('/orders/1', { orgId: 'org_2' }));
    expect(other.status).toBe(403);
    expect(other.headers.get('www-authenticate')).toBeNull();
    expect((await app.request('/orders/1')).status).toBe(401);
    expect(await (await app.request('/open')).text()).toBe('open');
  });

  test('a bug reaches its error handler', async () => {
    const check = fetchGuard(issuer.options);
    const app = new Hono();
    app.onError((error, c) => c.text(`failed: ${error.message}`, 500));
    app.get('/', async (c) => {
      const pass = await check(c.req.raw, {
        check() {
          throw new Error('a bug');
        },
      });
      return pass instanceof Response ? pass : c.text('reached');
    });
    const answer = await app.fetch(await request());
    expect(await answer.text()).toBe('failed: a bug');
  });
});
