import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import express from 'express';
import express4 from 'express4';
import fastify from 'fastify';
import { describe, expect, onTestFinished, test } from 'vitest';
import { expressGuard } from '../../src/express.js';
import { fastifyGuard } from '../../src/fastify.js';
import { createGuard } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { listen, listenTo } from './open.js';

const issuer = await createTestIssuer();
const token = await issuer.token({ orgId: 'org_1' });
const authorization = `Bearer ${token}`;
const apiKeys = { from: [{ header: 'x-api-key' }], lookup: async () => undefined };
const guard = createGuard({ ...issuer.options, apiKeys });
const makers = { 'Express 4': express4, 'Express 5': express } as const;

/** A request as serverless adapters make it: its headers are assigned, nothing is parsed. */
function serverless(app: unknown, headers: object): Promise<number> {
  const request = Object.assign(new IncomingMessage({ encrypted: true } as never), {
    complete: true,
    method: 'GET',
    url: '/',
    headers,
  });
  const response = new ServerResponse(request);
  return new Promise((resolve) => {
    response.end = () => {
      resolve(response.statusCode);
      return response;
    };
    (app as (request: object, response: object) => void)(request, response);
  });
}

describe.each(Object.entries(makers))('%s', (_, make) => {
  test('reads a request that Node did not parse by its headers', async () => {
    const app = make();
    app.use(expressGuard(guard)(), (_request, response) => void response.end());
    expect(await serverless(app, { authorization })).toBe(200);
    expect(await serverless(app, { Authorization: authorization })).toBe(200);
    expect(await serverless(app, { authorization: 'Bearer a.b.c' })).toBe(401);
    expect(await serverless(app, { 'x-api-key': 'unknown' })).toBe(401);
    expect(await serverless(app, {})).toBe(401);
    const other = `Bearer ${await issuer.token({ subject: 'user_2' })}`;
    expect(await serverless(app, { authorization, Authorization: other })).toBe(400);
    expect(await serverless(app, { authorization: [authorization, other] })).toBe(400);
  });

  test('sees a header that a middleware set, and not one that it deleted', async () => {
    const app = make();
    app.use((request, _response, next) => {
      if (request.url === '/cookie') request.headers.authorization = authorization;
      if (request.url === '/deleted') delete request.headers.authorization;
      if (request.url === '/replaced') request.headers.authorization = 'Bearer a.b.c';
      next();
    });
    app.use(expressGuard(guard)(), (_request, response) => void response.end());
    const { origin, close } = await listenTo(app);
    onTestFinished(close);
    const status = async (path: string, headers: object) =>
      (await fetch(origin + path, { headers: { ...headers } })).status;
    expect(await status('/cookie', {})).toBe(200);
    expect(await status('/cookie', { authorization: 'Bearer a.b.c' })).toBe(200);
    expect(await status('/deleted', { authorization })).toBe(401);
    expect(await status('/replaced', { authorization })).toBe(401);
    expect(await status('/', { authorization })).toBe(200);
  });

  test.each([
    ['a number', 7, '7'],
    ['an object', { id: 7 }, undefined],
    ['undefined', undefined, undefined],
    ['null', null, undefined],
    ['NaN', Number.NaN, undefined],
    ['a list of texts', ['a', 'b'], 'a/b'],
    ['a list of anything', ['a', 1], undefined],
  ])('a parameter that is %s is no reason for a 500', async (_, value, seen) => {
    const app = make();
    const params: unknown[] = [];
    app.param('id', (request, _response, next) => {
      Object.assign(request.params, { id: value });
      next();
    });
    const orgId = (request: { readonly params?: object }) => {
      params.push({ ...request.params });
      return 'org_1';
    };
    app.get('/:id/:org', expressGuard(guard)({ orgId }), (_request, response) => {
      response.end();
    });
    const { origin, close } = await listenTo(app);
    onTestFinished(close);
    expect((await fetch(`${origin}/7/x`, { headers: { authorization } })).status).toBe(200);
    expect(params).toEqual([{ org: 'x', ...(seen !== undefined && { id: seen }) }]);
  });

  test('leaves an answer alone that somebody else has begun', async () => {
    let begin = () => {};
    const begun = new Promise<void>((done) => {
      begin = done;
    });
    const lookup = async ({ value }: { readonly value: string }) => {
      await begun;
      return value === 'good' ? { id: 'key_1', clientId: 'acme' } : undefined;
    };
    const plan = { deprecatedAt: '2026-01-01T00:00:00Z', guide: 'https://docs.test/' };
    const slow = createGuard({ ...issuer.options, apiKeys: { ...apiKeys, lookup, plan } });
    const errors: unknown[] = [];
    const ended: string[] = [];
    const app = make();
    app.use((request, response, next) => {
      response.status(503).write('timed out, ');
      begin();
      response.on('close', () => ended.push(request.url));
      setImmediate(() => setImmediate(() => response.end('retry')));
      next();
    });
    app.use(expressGuard(slow)(), (_request, response) => {
      if (!response.headersSent) response.send('ok');
    });
    app.use(((error, _request, _response, _next) => {
      errors.push(error);
    }) satisfies express.ErrorRequestHandler);
    const { origin, close } = await listenTo(app);
    onTestFinished(close);
    for (const key of ['good', 'bad']) {
      const answer = await fetch(origin, { headers: { 'x-api-key': key } });
      expect([answer.status, await answer.text()]).toEqual([503, 'timed out, retry']);
    }
    expect(errors).toEqual([]);
  });
});

test('a plain node:http server has neither originalUrl nor route', async () => {
  const middleware = expressGuard(guard)({ orgId: 'org_1' });
  const server = createServer((request, response) => {
    middleware(request as never, response, () => response.end('reached'));
  });
  const { origin, close } = await listen(server);
  onTestFinished(close);
  expect((await fetch(`${origin}/a?b=c`, { headers: { authorization } })).status).toBe(200);
  expect((await fetch(`${origin}/?access_token=a`, { headers: { authorization } })).status).toBe(
    400,
  );
  expect((await fetch(origin)).status).toBe(401);
});

test('Fastify sees what a hook before it has made of the headers', async () => {
  const app = fastify();
  onTestFinished(() => app.close());
  await app.register(fastifyGuard, { guard });
  app.addHook('onRequest', async (request) => {
    if (request.url === '/set') request.headers = { authorization };
    if (request.url === '/deleted') delete request.raw.headers.authorization;
  });
  const onRequest = app.requireToken();
  for (const url of ['/', '/set', '/deleted']) app.get(url, { onRequest }, async () => 'reached');
  const schema = { params: { type: 'object', properties: { id: { type: 'integer' } } } };
  const preHandler = app.requireToken({ orgId: (request) => request.params?.org });
  app.get('/orders/:id/:org', { schema, preHandler }, async () => 'reached');
  const status = async (url: string, headers: Record<string, string> = {}) =>
    (await app.inject({ url, headers })).statusCode;
  expect(await status('/', { authorization })).toBe(200);
  expect(await status('/set')).toBe(200);
  expect(await status('/deleted', { authorization })).toBe(401);
  expect(await status('/orders/7/org_1', { authorization })).toBe(200);
  expect(await status('/orders/7/org_2', { authorization })).toBe(403);
});
