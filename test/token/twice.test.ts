import express from 'express';
import express4 from 'express4';
import fastify from 'fastify';
import { Hono } from 'hono';
import { describe, expect, onTestFinished, test } from 'vitest';
import { expressGuard } from '../../src/express.js';
import { fastifyGuard } from '../../src/fastify.js';
import { fetchGuard } from '../../src/fetch.js';
import { type DecisionEvent, type Guard, type Principal, principalOf } from '../../src/index.js';
import { listenTo } from '../adapters/open.js';
import { openScene } from './scene.js';

/** Serves one route whose router is guarded too, and shows whom each of both saw. */
type Serve = (guard: Guard, seen: Principal[]) => Promise<(token: string) => Promise<number>>;

const bearingTo = (origin: string) => async (token: string) =>
  (await fetch(origin, { headers: { authorization: `Bearer ${token}` } })).status;

const onExpress =
  (make: typeof express): Serve =>
  async (guard, seen) => {
    const app = make();
    const router = make.Router();
    const requireToken = expressGuard(guard);
    router.use(requireToken(), (request, _response, next) => {
      seen.push(principalOf(request));
      next();
    });
    router.get('/', requireToken({ scopes: ['a'] }), (request, response) => {
      seen.push(principalOf(request));
      response.end();
    });
    app.use(router);
    const door = await listenTo(app);
    onTestFinished(() => door.close());
    return bearingTo(door.origin);
  };

const onFastify: Serve = async (guard, seen) => {
  const app = fastify();
  await app.register(fastifyGuard, { guard });
  app.addHook('onRequest', app.requireToken());
  app.addHook('onRequest', async (request) => {
    seen.push(principalOf(request));
  });
  app.get('/', { preHandler: app.requireToken({ scopes: ['a'] }) }, async (request) => {
    seen.push(principalOf(request));
  });
  onTestFinished(() => app.close());
  return bearingTo(await app.listen({ port: 0, host: '127.0.0.1' }));
};

const onFetch: Serve = async (guard, seen) => {
  const check = fetchGuard(guard);
  const app = new Hono();
  app.get('/', async ({ req }) => {
    for (const requirements of [{}, { scopes: ['a'] }]) {
      const pass = await check(req.raw, requirements);
      if (pass instanceof Response) return pass;
      seen.push(pass.principal as Principal);
    }
    return new Response();
  });
  return async (token) =>
    (await app.request('/', { headers: { authorization: `Bearer ${token}` } })).status;
};

describe.each<[string, Serve]>([
  ['Express 4', onExpress(express4)],
  ['Express 5', onExpress(express)],
  ['Fastify 5', onFastify],
  ['Hono', onFetch],
])('%s, guarded on router and route', (_, serve) => {
  test('verifies a token once, and speaks of it twice', async () => {
    const events: DecisionEvent[] = [];
    const { guard, token, network } = await openScene({
      onDecision: (event) => void events.push(event),
    });
    const seen: Principal[] = [];
    const send = await serve(guard, seen);
    expect(await send(token({ scope: 'a' }))).toBe(200);
    expect(seen).toHaveLength(2);
    expect(seen[1]).toBe(seen[0]);
    expect(seen[0]).toMatchObject({ subject: 'user_1' });
    expect(network.asked).toBe(1);
    expect(events.map(({ outcome }) => outcome)).toEqual(['allow', 'allow']);
    // The next request is one more of the same.
    expect(await send(token({ scope: 'a' }))).toBe(200);
    expect(new Set(seen).size).toBe(1);
  });

  test('asks the second time too', async () => {
    const { guard, token } = await openScene();
    const seen: Principal[] = [];
    const send = await serve(guard, seen);
    expect(await send(token({ scope: 'b' }))).toBe(403);
    expect(seen).toHaveLength(1);
  });
});
