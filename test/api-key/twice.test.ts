import express from 'express';
import express4 from 'express4';
import fastify from 'fastify';
import { describe, expect, onTestFinished, test } from 'vitest';
import { expressGuard } from '../../src/express.js';
import { fastifyGuard } from '../../src/fastify.js';
import { type Guard, type MigrationPlan, principalOf, type Requirements } from '../../src/index.js';
import { listenTo } from '../adapters/open.js';
import { keyed, openScene } from './scene.js';
import { send } from './wire.js';

interface Served {
  readonly guard: Guard;
  readonly router?: Requirements;
  readonly route?: Requirements;
  /** Links that the application set before any guard. */
  readonly links?: string | string[];
}

/** Serves one route whose router is guarded too. */
type Serve = (served: Served) => Promise<string>;

const onExpress =
  (make: typeof express): Serve =>
  async ({ guard, router, route, links }) => {
    const app = make();
    const requireToken = expressGuard(guard);
    app.use((_request, response, next) => {
      if (links !== undefined) response.setHeader('Link', links);
      next();
    });
    app.use(requireToken(router));
    app.get('/', requireToken(route), (request, response) => {
      response.json(principalOf(request).kind);
    });
    const door = await listenTo(app);
    onTestFinished(() => door.close());
    return door.origin;
  };

const onFastify: Serve = async ({ guard, router, route, links }) => {
  const app = fastify();
  await app.register(fastifyGuard, { guard });
  app.addHook('onRequest', async (_request, reply) => {
    if (links !== undefined) reply.header('Link', links);
  });
  app.addHook('onRequest', app.requireToken(router));
  app.get(
    '/',
    { preHandler: app.requireToken(route) },
    async (request) => principalOf(request).kind,
  );
  onTestFinished(() => app.close());
  return app.listen({ port: 0, host: '127.0.0.1' });
};

const servers: Readonly<Record<string, Serve>> = {
  'Express 4': onExpress(express4),
  'Express 5': onExpress(express),
  'Fastify 5': onFastify,
};

const guide = 'https://api.test/migrate';
const announced: MigrationPlan = {
  deprecatedAt: '2029-11-01T00:00:00Z',
  sunsetAt: '2030-06-01T00:00:00Z',
  guide,
};
const deprecation = `<${guide}>; rel="deprecation"`;
const link = `${deprecation}, <${guide}>; rel="sunset"`;
const key = ['X-API-Key', 'sk_1'];

describe.each(Object.entries(servers))('%s, guarded on router and route', (_, serve) => {
  const open = (plan: MigrationPlan = announced) => openScene({ apiKeys: { plan } });

  test('a key passes both, after one look-up', async () => {
    const { guard, store, events } = await open({});
    const origin = await serve({ guard, route: { scopes: ['a'] } });
    expect(await send(origin, key)).toMatchObject({ status: 200 });
    expect(store.asked).toEqual(['sk_1']);
    expect(events.map(({ outcome }) => outcome)).toEqual(['allow', 'allow']);
    expect(guard.counts()).toEqual({ refused: {}, wouldDeny: {} });
  });

  test('the dates and the link are there once', async () => {
    const { guard } = await open();
    const { headers } = await send(await serve({ guard }), key);
    expect(headers).toMatchObject({
      deprecation: '@1888185600',
      sunset: 'Sat, 01 Jun 2030 00:00:00 GMT',
      link,
    });
  });

  test.each([
    ['one link', '<https://api.test/2>; rel="next"', '<https://api.test/2>; rel="next"'],
    [
      'several links',
      ['<https://api.test/2>; rel="next"', '<https://api.test/0>; rel="prev"'],
      '<https://api.test/2>; rel="next", <https://api.test/0>; rel="prev"',
    ],
  ])('%s of the application stands beside ours', async (_, links, kept) => {
    const { guard } = await open();
    const origin = await serve({ guard, links });
    expect((await send(origin, key)).headers.link).toBe(`${kept}, ${link}`);
    const poor = await serve({ guard, links, route: { scopes: ['admin'] } });
    const refused = await send(poor, key);
    expect([refused.status, refused.headers.link]).toEqual([403, `${kept}, ${link}`]);
  });

  test('a link of the application alone stays as it is', async () => {
    const { guard } = await open({});
    const origin = await serve({ guard, links: '<https://api.test/2>; rel="next"' });
    expect((await send(origin, key)).headers.link).toBe('<https://api.test/2>; rel="next"');
  });

  test('a refusal on the route has each link once, though the router announced some', async () => {
    const { guard } = await open({ guide });
    const origin = await serve({ guard, route: { mode: 'token-only' } });
    const refused = await send(origin, key);
    expect(refused).toMatchObject({ status: 401, code: 'ERR_API_KEY_RETIRED' });
    expect(refused.headers.link).toBe(link);
  });

  test.each([
    ['the router refuses', { scopes: ['b'] }, {}, 1],
    ['the route refuses', {}, { scopes: ['b'] }, 2],
  ])('where %s, it is counted once', async (_, router, route, looks) => {
    const { guard, events } = await open({});
    const origin = await serve({ guard, router, route });
    for (let requests = 1; requests <= 3; requests += 1) {
      expect((await send(origin, key)).status).toBe(403);
      expect(guard.counts().refused).toEqual({ ERR_SCOPE_MISSING: requests });
      expect(events).toHaveLength(requests * looks);
    }
  });

  test('what is only noted is counted once, though both note it', async () => {
    const { guard, events } = await open({ checks: { scopes: 'report' } });
    const required = { scopes: ['b'] };
    const origin = await serve({ guard, router: required, route: required });
    expect((await send(origin, key)).status).toBe(200);
    expect(guard.counts()).toEqual({ refused: {}, wouldDeny: { ERR_SCOPE_MISSING: 1 } });
    expect(events.map(({ wouldDeny }) => wouldDeny)).toEqual([
      ['ERR_SCOPE_MISSING'],
      ['ERR_SCOPE_MISSING'],
    ]);
  });

  test('a request that the router notes and the route refuses is counted as both', async () => {
    const { guard } = await open({ checks: { scopes: 'report' } });
    const origin = await serve({ guard, router: { scopes: ['b'] }, route: { orgId: 'org_2' } });
    expect((await send(origin, key)).status).toBe(403);
    expect(guard.counts()).toEqual({
      refused: { ERR_ORG_MISMATCH: 1 },
      wouldDeny: { ERR_SCOPE_MISSING: 1 },
    });
  });

  test('a token gets no notices, and passes both', async () => {
    const { guard, bearing } = await open();
    const authorization = (await bearing()).header('authorization') ?? '';
    const origin = await serve({ guard });
    const { status, headers } = await send(origin, ['Authorization', authorization]);
    expect(status).toBe(200);
    for (const name of ['link', 'deprecation', 'sunset']) expect(headers[name]).toBeUndefined();
  });
});

test('a request that is refused twice is counted once, by the first reason', async () => {
  const { guard } = await openScene();
  const request = keyed('sk_1');
  const copy = { ...request, source: request };
  for (const look of [request, copy, copy]) await guard(look, { scopes: ['b'] });
  await guard(copy, { orgId: 'org_2' });
  expect(guard.counts().refused).toEqual({ ERR_SCOPE_MISSING: 1 });
});

test('requests without a source of their own are each counted', async () => {
  const { guard, outcome } = await openScene();
  for (let i = 0; i < 3; i += 1) await outcome('sk_0');
  expect(guard.counts().refused).toEqual({ ERR_API_KEY_UNKNOWN: 3 });
});
