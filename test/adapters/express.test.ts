import express from 'express';
import express4 from 'express4';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expressGuard } from '../../src/express.js';
import { ConfigError, createGuard, type Guard, type GuardRequest } from '../../src/index.js';
import { createTestIssuer, type TestIssuer } from '../../src/testing.js';
import { listenTo, told } from './open.js';

const makers = { 'Express 4': express4, 'Express 5': express } as const;

describe.each(Object.entries(makers))('%s', (_, make) => {
  let issuer: TestIssuer;
  let guard: Guard;
  let close = async () => {};

  beforeEach(async () => {
    issuer = await createTestIssuer();
    guard = createGuard(issuer.options);
  });
  afterEach(() => close());

  const start = async (app: express.Express): Promise<string> => {
    const door = await listenTo(app);
    close = door.close;
    return door.origin;
  };
  const bearer = async (parts?: Parameters<TestIssuer['token']>[0]) => ({
    headers: { authorization: `Bearer ${await issuer.token(parts)}` },
  });

  test('options make a guard of their own', async () => {
    const app = make();
    app.get('/', expressGuard(issuer.options)(), (request, response) => {
      response.json(told(request.principal));
    });
    const origin = await start(app);
    expect((await fetch(origin, await bearer())).status).toBe(200);
    expect((await fetch(origin)).status).toBe(401);
  });

  test('a mounted router is guarded, at every depth', async () => {
    const router = make.Router();
    router.use(expressGuard(guard)());
    router.get('/orders', (request, response) => void response.json(told(request.principal)));
    const outer = make.Router();
    outer.use('/v1', router);
    const origin = await start(make().use('/api', outer));
    expect((await fetch(`${origin}/api/v1/orders`)).status).toBe(401);
    expect((await fetch(`${origin}/api/v1/nothing`)).status).toBe(401);
    expect((await fetch(`${origin}/api/v1/orders`, await bearer())).status).toBe(200);
  });

  test('a sub-application is guarded, and sees the whole query', async () => {
    const inner = make();
    inner.use(expressGuard(guard)());
    inner.get('/orders', (request, response) => void response.json(told(request.principal)));
    const origin = await start(make().use('/api', inner));
    expect((await fetch(`${origin}/api/orders`)).status).toBe(401);
    expect((await fetch(`${origin}/api/orders`, await bearer())).status).toBe(200);
    const query = await fetch(`${origin}/api/orders?access_token=a`, await bearer());
    expect(query.status).toBe(400);
  });

  test('a guard may run on the router and on the route, with one answer', async () => {
    const events: string[] = [];
    const counted = createGuard({
      ...issuer.options,
      onDecision: ({ outcome }) => void events.push(outcome),
    });
    const requireToken = expressGuard(counted);
    const app = make();
    app.use(requireToken());
    app.get('/orders', requireToken({ scopes: ['orders:read'] }), (request, response) => {
      response.json(told(request.principal));
    });
    const origin = await start(app);
    const good = await fetch(`${origin}/orders`, await bearer({ scopes: ['orders:read'] }));
    expect(await good.json()).toMatchObject({ scopes: ['orders:read'] });
    const poor = await fetch(`${origin}/orders`, await bearer());
    expect(poor.status).toBe(403);
    expect(await poor.json()).toMatchObject({ code: 'ERR_SCOPE_MISSING' });
    expect(events).toEqual(['allow', 'allow', 'allow', 'deny']);
    expect(issuer.requests.jwks).toBe(1);
  });

  test('no value of a path gets into the route of an event', async () => {
    const routes: (string | undefined)[] = [];
    const onDecision = ({ route }: { readonly route?: string }) => void routes.push(route);
    const requireToken = expressGuard({ ...issuer.options, onDecision });
    const router = express.Router({ mergeParams: true });
    router.get('/orders/:id', requireToken(), (_request, response) => {
      response.end();
    });
    const app = make();
    app.use('/api/v2/users/:name', router);
    const origin = await start(app);
    for (const name of ['alice', 'jane.doe', 'mysecretpassphrase', '42', 'x%0d%0ay']) {
      await fetch(`${origin}/api/v2/users/${name}/orders/7`, await bearer());
    }
    expect(routes).toEqual(Array(5).fill('/api/v2/*/*/orders/:id'));
  });

  test('an organization may come from a route parameter', async () => {
    const app = make();
    const requireToken = expressGuard(guard);
    const orgId = { orgId: (request: GuardRequest) => request.params?.org };
    app.get('/orgs/:org/orders', requireToken(orgId), (request, response) => {
      response.json(told(request.principal));
    });
    const origin = await start(app);
    const good = await bearer({ orgId: 'org 1' });
    expect((await fetch(`${origin}/orgs/org%201/orders`, good)).status).toBe(200);
    expect((await fetch(`${origin}/orgs/org%202/orders`, good)).status).toBe(403);
  });

  test('a token in a parsed form is 400, and in a JSON body is not ours', async () => {
    const app = make();
    app.use(make.urlencoded({ extended: true }), make.json());
    app.post('/', expressGuard(guard)(), (request, response) => {
      response.json(told(request.principal));
    });
    const origin = await start(app);
    const good = await bearer();
    const post = (body: string, type: string) =>
      fetch(origin, {
        method: 'POST',
        body,
        headers: { ...good.headers, 'content-type': type },
      });
    const form = await post('access_token=a', 'application/x-www-form-urlencoded; charset=utf-8');
    expect(form.status).toBe(400);
    expect(await form.json()).toMatchObject({ code: 'ERR_TOKEN_IN_FORM' });
    expect((await post('a=b', 'application/x-www-form-urlencoded')).status).toBe(200);
    expect((await post('{"access_token":"a"}', 'application/json')).status).toBe(200);
  });

  test('an anonymous caller of an optional route has no principal', async () => {
    const app = make();
    app.get('/', expressGuard(guard)({ optional: true }), (request, response) => {
      response.json({ principal: request.principal === undefined ? 'none' : 'some' });
    });
    const origin = await start(app);
    expect(await (await fetch(origin)).json()).toEqual({ principal: 'none' });
    expect(await (await fetch(origin, await bearer())).json()).toEqual({ principal: 'some' });
  });

  test('where no guard ran, there is no principal', async () => {
    const app = make();
    app.get('/', (request, response) => {
      response.json({ has: request.principal !== undefined });
    });
    expect(await (await fetch(await start(app))).json()).toEqual({ has: false });
  });

  test('requireToken mounted without being called is a ConfigError at the first request', async () => {
    const app = make();
    app.get('/', expressGuard(guard) as never, (_request, response) => {
      response.json('reached');
    });
    const seen = catchErrors(app);
    const answer = await fetch(await start(app), await bearer());
    expect(answer.status).toBe(500);
    expect(seen).toEqual([expect.any(ConfigError)]);
    expect(String(seen[0])).toContain('requireToken()');
  });

  test('a mistake in requirements shows when the route is mounted', () => {
    expect(() => expressGuard(guard)({ scopes: [] })).toThrow(ConfigError);
  });

  test('a bug reaches the error handler as itself, and lets nobody through', async () => {
    const bug = new Error('a bug');
    const requireToken = expressGuard(guard);
    const check = async () => {
      throw bug;
    };
    const app = make();
    app.get('/', requireToken({ check }), (_request, response) => void response.json('reached'));
    const seen = catchErrors(app);
    const answer = await fetch(await start(app), await bearer());
    expect(await answer.json()).toBe('failed');
    expect(seen).toEqual([bug]);
  });

  test('a response that somebody else has sent meanwhile is left alone', async () => {
    const app = make();
    app.use((_request, response, next) => {
      next();
      response.status(504).json('late');
    });
    app.get('/', expressGuard(guard)());
    const answer = await fetch(await start(app));
    expect(answer.status).toBe(504);
    expect(await answer.json()).toBe('late');
  });

  test('a client that goes away while it waits harms nobody', async () => {
    const asked = deferred();
    const released = deferred();
    const slow: typeof fetch = async (...args) => {
      asked.resolve();
      await released.promise;
      return issuer.fetch(...args);
    };
    const decided = deferred();
    const app = make();
    const requireToken = expressGuard({
      ...issuer.options,
      fetch: slow,
      onDecision: () => decided.resolve(),
    });
    app.get('/', requireToken(), (_request, response) => void response.json('reached'));
    const origin = await start(app);
    const controller = new AbortController();
    const gone = fetch(origin, { ...(await bearer()), signal: controller.signal });
    await asked.promise;
    controller.abort();
    await expect(gone).rejects.toThrow();
    released.resolve();
    await decided.promise;
    expect((await fetch(origin, await bearer())).status).toBe(200);
  });
});

/** An error handler, and what reached it. */
function catchErrors(app: express.Express): unknown[] {
  const seen: unknown[] = [];
  app.use(((error, _request, response, _next) => {
    seen.push(error);
    response.status(500).json('failed');
  }) satisfies express.ErrorRequestHandler);
  return seen;
}

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
