import express, { type ErrorRequestHandler } from 'express';
import express4 from 'express4';
import fastify from 'fastify';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { expressGuard } from '../../src/express.js';
import { fastifyGuard, hookFor } from '../../src/fastify.js';
import {
  AuthError,
  ConfigError,
  createGuard,
  type DeniedError,
  UpstreamError,
} from '../../src/index.js';
import { createTestIssuer, type TestIssuer } from '../../src/testing.js';
import { listenTo } from './open.js';

let issuer: TestIssuer;
let options: object;
const lookup = async () => ({ id: 'key_1', disabled: true });

beforeEach(async () => {
  issuer = await createTestIssuer();
  options = { ...issuer.options, apiKeys: { from: [{ header: 'x-api-key' }], lookup } };
});

/** Serves a route whose refusals go to an error handler, if one is given. */
type Serve = (handle?: (error: DeniedError) => object) => Promise<string>;

const onExpress =
  (make: typeof express): Serve =>
  async (handle) => {
    const app = make();
    const requireToken = expressGuard({ ...issuer.options, ...options, denied: 'next' });
    app.get('/', requireToken({ scopes: ['a'] }), (_, response) => void response.json('reached'));
    if (handle) {
      app.use(((error, _request, response, _next) => {
        response.status(error.status).json(handle(error));
      }) satisfies ErrorRequestHandler);
    } else app.set('env', 'production');
    const { origin, close } = await listenTo(app);
    onTestFinished(close);
    return origin;
  };

const onFastify: Serve = async (handle) => {
  const app = fastify();
  await app.register(fastifyGuard, { ...issuer.options, ...options, denied: 'throw' });
  app.get('/', { onRequest: app.requireToken({ scopes: ['a'] }) }, async () => 'reached');
  if (handle) {
    app.setErrorHandler<DeniedError>((error, _request, reply) => {
      reply.code(error.statusCode).send(handle(error));
    });
  }
  onTestFinished(() => app.close());
  return app.listen({ port: 0, host: '127.0.0.1' });
};

describe.each([
  ['Express 4', onExpress(express4)],
  ['Express 5', onExpress(express)],
  ['Fastify', onFastify],
] as const)('refusals handed to the error handler of %s', (_, serve) => {
  test('have status and headers on the error, and on the response', async () => {
    const seen: DeniedError[] = [];
    const origin = await serve((error) => {
      seen.push(error);
      return { mine: error.code };
    });
    const response = await fetch(origin);
    expect([response.status, await response.json()]).toEqual([
      401,
      { mine: 'ERR_CREDENTIAL_MISSING' },
    ]);
    const challenge = 'Bearer realm="https://api.test", scope="a"';
    expect(response.headers.get('www-authenticate')).toBe(challenge);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(seen).toEqual([expect.any(AuthError)]);
    expect(seen[0]).toMatchObject({
      status: 401,
      statusCode: 401,
      headers: { 'WWW-Authenticate': challenge, 'Cache-Control': 'no-store' },
      denial: { status: 401, body: { code: 'ERR_CREDENTIAL_MISSING' } },
    });
    expect(Object.keys(seen[0]?.headers ?? {})).not.toContain('Content-Type');
  });

  test('are handled by the framework itself where nobody else does, as securely', async () => {
    const origin = await serve();
    issuer.goDown();
    const token = await issuer.token();
    const keyed = { headers: { 'x-api-key': 'sk_1' } };
    const refused = await fetch(origin, keyed);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('Bearer realm=');
    // Neither which of the reasons it was, nor what could not be reached.
    expect(await refused.text()).not.toMatch(/DISABLED/);
    const outage = await fetch(origin, { headers: { authorization: `Bearer ${token}` } });
    expect([outage.status, outage.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await outage.text()).not.toMatch(/issuer\.test|fetch failed|UNREACHABLE/);
  });

  test('say what the client may know, and in their cause what the operator may', async () => {
    const seen: DeniedError[] = [];
    const origin = await serve((error) => {
      seen.push(error);
      return {};
    });
    await fetch(origin, { headers: { 'x-api-key': 'sk_1' } });
    issuer.goDown();
    await fetch(origin, { headers: { authorization: `Bearer ${await issuer.token()}` } });
    expect(seen.map(({ code, cause }) => [code, cause.code])).toEqual([
      ['ERR_API_KEY_INVALID', 'ERR_API_KEY_DISABLED'],
      ['ERR_TEMPORARILY_UNAVAILABLE', 'ERR_JWKS_UNREACHABLE'],
    ]);
    expect(seen[1]).toBeInstanceOf(UpstreamError);
    expect(JSON.stringify(seen)).not.toContain('DISABLED');
  });

  test('let a good request pass', async () => {
    const origin = await serve(() => ({}));
    const authorization = `Bearer ${await issuer.token({ scopes: ['a'] })}`;
    expect((await fetch(origin, { headers: { authorization } })).status).toBe(200);
  });
});

test('a word that is not known is a ConfigError, and a guard beside options too', async () => {
  const guard = createGuard(issuer.options);
  for (const denied of ['throw', '', true, undefined, null]) {
    const make = () => expressGuard({ ...issuer.options, denied } as never);
    if (denied === undefined) expect(make).not.toThrow();
    else expect(make).toThrow(ConfigError);
    if (denied !== 'throw' && denied !== undefined) {
      expect(() => hookFor(guard, { denied } as never)).toThrow(ConfigError);
    }
  }
  expect(() => expressGuard({ guard, denied: 'next' })).not.toThrow();
  expect(() => expressGuard({ guard, issuer: 'https://a.example' } as never)).toThrow(ConfigError);
  expect(() => hookFor({} as never)).toThrow(ConfigError);
});

test('two guards stand on one Fastify instance, and one route may need both', async () => {
  const admins = await createTestIssuer({ issuer: 'https://admins.test' });
  const app = fastify();
  onTestFinished(() => app.close());
  await app.register(fastifyGuard, issuer.options);
  const requireAdmin = hookFor(createGuard(admins.options));
  app.get('/orders', { onRequest: app.requireToken() }, async (request) => request.principal);
  app.get('/admin', { onRequest: requireAdmin() }, async (request) => request.principal);
  const ask = async (url: string, from: TestIssuer) => {
    const authorization = `Bearer ${await from.token({ scopes: ['a'] })}`;
    const response = await app.inject({ url, headers: { authorization } });
    return response.statusCode === 200 ? response.json() : response.statusCode;
  };
  expect(await ask('/orders', issuer)).toMatchObject({ issuer: issuer.issuer, scopes: ['a'] });
  expect(await ask('/admin', admins)).toMatchObject({ issuer: admins.issuer, scopes: ['a'] });
  expect(await ask('/orders', admins)).toBe(401);
  expect(await ask('/admin', issuer)).toBe(401);
});
