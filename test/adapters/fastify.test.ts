import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fastifyGuard } from '../../src/fastify.js';
import { ConfigError, createGuard, type Guard } from '../../src/index.js';
import { createTestIssuer, type TestIssuer } from '../../src/testing.js';
import { told } from './open.js';

let issuer: TestIssuer;
let guard: Guard;
let app: FastifyInstance;

beforeEach(async () => {
  issuer = await createTestIssuer();
  guard = createGuard(issuer.options);
  app = fastify();
});
afterEach(() => app.close());

const bearer = async (parts?: Parameters<TestIssuer['token']>[0], from = issuer) => ({
  authorization: `Bearer ${await from.token(parts)}`,
});

/** A plugin with one guarded route, under whatever requireToken its scope has. */
const orders =
  (url = '/orders') =>
  async (scope: FastifyInstance) => {
    scope.get(url, { onRequest: scope.requireToken() }, async (request) => told(request.principal));
  };

test('options make a guard of their own, which is closed with the app', async () => {
  await app.register(fastifyGuard, issuer.options);
  app.get('/', { onRequest: app.requireToken() }, async (request) => told(request.principal));
  expect((await app.inject({ url: '/' })).statusCode).toBe(401);
  expect((await app.inject({ url: '/', headers: await bearer() })).statusCode).toBe(200);
});

describe('closing', () => {
  const spied = () => {
    const calls: string[] = [];
    const close = async () => void calls.push('closed');
    return {
      calls,
      guard: Object.assign(guard.bind(null), { ready: guard.ready, close }) as Guard,
    };
  };

  test('a guard that was given stays its owner’s', async () => {
    const { calls, guard } = spied();
    await app.register(fastifyGuard, { guard });
    await app.close();
    expect(calls).toEqual([]);
  });

  test('a guard that the plugin made ends what is on its way', async () => {
    issuer.hang();
    await app.register(fastifyGuard, issuer.options);
    app.get('/', { onRequest: app.requireToken() }, async () => 'reached');
    const answer = app.inject({ url: '/', headers: await bearer() });
    while (issuer.requests.discovery === 0) await new Promise(setImmediate);
    await app.close();
    expect((await answer).statusCode).toBe(503);
  });
});

test('a plugin-wide hook guards every route inside, and none outside', async () => {
  await app.register(fastifyGuard, { guard });
  await app.register(async (inside) => {
    inside.addHook('onRequest', inside.requireToken());
    inside.get('/inside', async () => 'inside');
  });
  app.get('/outside', async () => 'outside');
  expect((await app.inject({ url: '/inside' })).statusCode).toBe(401);
  expect((await app.inject({ url: '/inside', headers: await bearer() })).body).toBe('inside');
  expect((await app.inject({ url: '/outside' })).body).toBe('outside');
});

test('siblings have guards of their own', async () => {
  const other = await createTestIssuer({ issuer: 'https://other.test' });
  for (const [prefix, { options }] of [
    ['/a', issuer],
    ['/b', other],
  ] as const) {
    await app.register(
      async (scope) => {
        await scope.register(fastifyGuard, options);
        await scope.register(orders());
      },
      { prefix },
    );
  }
  const ours = await bearer();
  const theirs = await bearer({}, other);
  const status = async (url: string, headers: { authorization: string }) =>
    (await app.inject({ url, headers })).statusCode;
  expect(await status('/a/orders', ours)).toBe(200);
  expect(await status('/a/orders', theirs)).toBe(401);
  expect(await status('/b/orders', theirs)).toBe(200);
  expect(await status('/b/orders', ours)).toBe(401);
});

test('a nested registration shadows its parent’s, inside alone', async () => {
  const other = await createTestIssuer({ issuer: 'https://other.test' });
  await app.register(fastifyGuard, issuer.options);
  await app.register(async (inner) => {
    await inner.register(fastifyGuard, other.options);
    await inner.register(orders('/inner'));
  });
  await app.register(orders('/outer'));
  const theirs = await bearer({}, other);
  expect((await app.inject({ url: '/inner', headers: theirs })).statusCode).toBe(200);
  expect((await app.inject({ url: '/outer', headers: theirs })).statusCode).toBe(401);
  expect((await app.inject({ url: '/outer', headers: await bearer() })).statusCode).toBe(200);
});

test('two registrations in one scope fail at start-up', async () => {
  await app.register(fastifyGuard, { guard });
  await expect(async () => await app.register(fastifyGuard, { guard })).rejects.toThrow(
    /requireToken/,
  );
});

test('Fastify’s own register options are not ours to refuse', async () => {
  const own = { prefix: '/v1', logLevel: 'warn', logSerializers: {} } as const;
  await app.register(fastifyGuard, { ...issuer.options, ...own });
  await app.register(orders());
  expect((await app.inject({ url: '/orders', headers: await bearer() })).statusCode).toBe(200);
});

test.each([
  ['a guard beside options', { guard: null as unknown, issuer: 'https://a.test' }],
  ['a guard that is none', { guard: 'yes' }],
  ['no audience', { issuer: 'https://a.test' }],
])('%s fails at start-up', async (_, options) => {
  await expect(async () => await app.register(fastifyGuard, options as never)).rejects.toThrow(
    ConfigError,
  );
});

test('a guard may run on the plugin and on the route, with one answer', async () => {
  await app.register(fastifyGuard, { guard });
  app.addHook('onRequest', app.requireToken());
  const onRequest = app.requireToken({ scopes: ['orders:read'] });
  app.get('/', { onRequest }, async (request) => told(request.principal));
  const good = await app.inject({ url: '/', headers: await bearer({ scopes: ['orders:read'] }) });
  expect(good.json()).toMatchObject({ scopes: ['orders:read'] });
  const poor = await app.inject({ url: '/', headers: await bearer() });
  expect(poor.statusCode).toBe(403);
  expect(poor.json()).toMatchObject({ code: 'ERR_SCOPE_MISSING' });
});

test('an organization may come from a route parameter', async () => {
  await app.register(fastifyGuard, { guard });
  const onRequest = app.requireToken({ orgId: (request) => request.params?.org });
  app.get('/orgs/:org/orders', { onRequest }, async () => 'reached');
  const headers = await bearer({ orgId: 'org 1' });
  expect((await app.inject({ url: '/orgs/org%201/orders', headers })).statusCode).toBe(200);
  expect((await app.inject({ url: '/orgs/org%202/orders', headers })).statusCode).toBe(403);
});

test('a token in a parsed form is 400, and in a JSON body is not ours', async () => {
  await app.register(fastifyGuard, { guard });
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  );
  app.post('/', { preHandler: app.requireToken() }, async () => 'reached');
  const post = async (payload: string, type: string) =>
    app.inject({
      method: 'POST',
      url: '/',
      payload,
      headers: { ...(await bearer()), 'content-type': type },
    });
  const form = await post('access_token=a', 'application/x-www-form-urlencoded');
  expect(form.statusCode).toBe(400);
  expect(form.json()).toMatchObject({ code: 'ERR_TOKEN_IN_FORM' });
  expect((await post('a=b', 'application/x-www-form-urlencoded')).statusCode).toBe(200);
  expect((await post('{"access_token":"a"}', 'application/json')).statusCode).toBe(200);
});

test('a refusal passes by the route’s own serializer', async () => {
  await app.register(fastifyGuard, { guard });
  const response = { '4xx': { type: 'object', properties: { other: { type: 'string' } } } };
  app.get('/', { onRequest: app.requireToken(), schema: { response } }, async () => 'reached');
  const refused = await app.inject({ url: '/' });
  expect(refused.json()).toMatchObject({ code: 'ERR_CREDENTIAL_MISSING' });
  expect(refused.headers['content-type']).toBe('application/problem+json; charset=utf-8');
});

test('requireToken mounted without being called is a ConfigError at the first request', async () => {
  await app.register(fastifyGuard, { guard });
  app.get('/', { onRequest: app.requireToken as never }, async () => 'reached');
  const seen: unknown[] = [];
  app.setErrorHandler((error, _request, reply) => {
    seen.push(error);
    return reply.code(500).send('failed');
  });
  expect((await app.inject({ url: '/', headers: await bearer() })).body).toBe('failed');
  expect(seen).toEqual([expect.any(ConfigError)]);
});

test('a bug reaches the error handler as itself, and lets nobody through', async () => {
  const bug = new Error('a bug');
  await app.register(fastifyGuard, { guard });
  const check = () => {
    throw bug;
  };
  app.get('/', { onRequest: app.requireToken({ check }) }, async () => 'reached');
  const seen: unknown[] = [];
  app.setErrorHandler((error, _request, reply) => {
    seen.push(error);
    return reply.code(500).send('failed');
  });
  expect((await app.inject({ url: '/', headers: await bearer() })).body).toBe('failed');
  expect(seen).toEqual([bug]);
});

test('an anonymous caller of an optional route has no principal', async () => {
  await app.register(fastifyGuard, { guard });
  const onRequest = app.requireToken({ optional: true });
  app.get('/', { onRequest }, async (request) => told(request.principal));
  expect((await app.inject({ url: '/' })).json()).toBeNull();
});

test('HEAD gets what GET gets', async () => {
  await app.register(fastifyGuard, { guard });
  app.get('/', { onRequest: app.requireToken() }, async () => 'reached');
  const [get, head] = [
    await app.inject({ method: 'GET', url: '/' }),
    await app.inject({ method: 'HEAD', url: '/' }),
  ];
  expect(head.statusCode).toBe(401);
  expect(head.headers['www-authenticate']).toBe(get.headers['www-authenticate']);
  expect(head.headers['content-length']).toBe(get.headers['content-length']);
  expect(head.body).toBe('');
});

describe('HTTP/2', () => {
  const ask = (origin: string, headers: Record<string, string | string[]>) =>
    new Promise<{ status: unknown; challenge: unknown; body: string }>((resolve, reject) => {
      const session = connectHttp2(origin);
      session.on('error', reject);
      const stream = session.request({ ':path': '/', ...headers });
      let body = '';
      let answered: Record<string, unknown> = {};
      stream.setEncoding('utf8');
      stream.on('response', (given) => {
        answered = given;
      });
      stream.on('data', (chunk: string) => {
        body += chunk;
      });
      stream.on('error', reject);
      stream.on('end', () => {
        session.close();
        const { ':status': status, 'www-authenticate': challenge } = answered;
        resolve({ status, challenge, body });
      });
      stream.end();
    });

  test('answers like HTTP/1.1', async () => {
    const app2 = fastify({ http2: true });
    await app2.register(fastifyGuard, { guard });
    app2.get('/', { onRequest: app2.requireToken() }, async (request) => told(request.principal));
    const onRequest = app2.requireToken({ orgId: (request) => request.header('host') });
    app2.get('/host', { onRequest }, async () => 'reached');
    const origin = await app2.listen({ port: 0, host: '127.0.0.1' });
    try {
      expect(await ask(origin, await bearer())).toMatchObject({ status: 200 });
      const none = await ask(origin, {});
      expect(none).toMatchObject({ status: 401, challenge: 'Bearer realm="https://api.test"' });
      const wrongHost = await ask(origin, { ...(await bearer()), ':path': '/host' });
      expect(wrongHost).toMatchObject({ status: 403 });
      const { host } = new URL(origin);
      const rightHost = await ask(origin, { ...(await bearer({ orgId: host })), ':path': '/host' });
      expect(rightHost).toMatchObject({ status: 200 });
      const broken = await ask(origin, { authorization: 'Bearer a b' });
      expect(broken).toMatchObject({ status: 400 });
      expect(broken.body).toContain('ERR_HEADER_MALFORMED');
    } finally {
      await app2.close();
    }
  });

  test('a repeated authorization on a raw socket is 400', async () => {
    const app2 = fastify({ http2: true });
    await app2.register(fastifyGuard, { guard });
    app2.get('/', { onRequest: app2.requireToken() }, async () => 'reached');
    const { port } = new URL(await app2.listen({ port: 0, host: '127.0.0.1' }));
    const value = Buffer.from((await bearer()).authorization);
    // RFC 7541 §6.2.3: authorization is name 23; a long value's length continues in 7-bit groups.
    const rest = value.length - 127;
    const length = rest < 128 ? [127, rest] : [127, (rest % 128) | 128, rest >> 7];
    const authorization = Buffer.concat([Buffer.from([0x1f, 23 - 15, ...length]), value]);
    const block = Buffer.concat([
      Buffer.from([0x82, 0x86, 0x84, 0x01, 1, 0x61]), // GET, http, /, :authority a
      authorization,
      authorization,
    ]);
    const frame = (type: number, flags: number, stream: number, payload: Buffer) =>
      Buffer.concat([
        Buffer.from([0, payload.length >> 8, payload.length & 255, type, flags, 0, 0, 0, stream]),
        payload,
      ]);
    try {
      const answer = await new Promise<string>((resolve, reject) => {
        let text = '';
        const socket = connect(Number(port), '127.0.0.1', () => {
          socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
          socket.write(frame(4, 0, 0, Buffer.alloc(0)));
          socket.write(frame(1, 5, 1, block));
        });
        socket.setEncoding('latin1');
        socket.on('data', (chunk) => {
          text += chunk;
          if (text.includes('"code"') || text.includes('reached')) socket.destroy();
        });
        socket.on('close', () => resolve(text));
        socket.on('error', reject);
      });
      expect(answer).toContain('"code":"ERR_HEADER_REPEATED"');
    } finally {
      await app2.close();
    }
  });
});
