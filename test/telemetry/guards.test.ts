import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import Fastify from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { createApiKey, inMemoryApiKeys } from '../../src/api-keys.js';
import { auditLog } from '../../src/audit.js';
import { expressGuard } from '../../src/express.js';
import { fastifyGuard } from '../../src/fastify.js';
import { createGuard, type Guard, type GuardOptions } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { read, secret } from './scene.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const { key, digest } = createApiKey({ prefix: 'acme_live' });
const issuer = await createTestIssuer();
const claims = { jti: 'token_1', act: { sub: 'client_7', act: { sub: 'client_8' } } };
const parts = { scopes: ['orders:read'], orgId: 'org_1', claims };
const good = await issuer.token(parts);
const forged = await issuer.token({ ...parts, wrongKey: true });

function scene() {
  const lines: string[] = [];
  const guard = createGuard({
    ...issuer.options,
    apiKeys: {
      from: [{ header: 'x-api-key' }, { dangerouslyInQuery: 'api_key' }],
      lookup: inMemoryApiKeys([{ id: 'key_1', clientId: 'shop', digest, scopes: ['orders:read'] }]),
      plan: {
        mode: 'dual',
        clients: { shop: { mode: 'deprecated', cohort: 'first' } },
        cohorts: { first: {} },
      },
    },
    onDecision: auditLog({
      write: (line) => void lines.push(line),
      secret,
      identifiers: { subject: 'raw', actors: 'raw' },
    }),
  } as GuardOptions);
  return { guard, lines };
}

async function onExpress(guard: Guard): Promise<string> {
  const app = express();
  const requireToken = expressGuard(guard);
  app.all('/orders/:id', requireToken({ scopes: ['orders:read'] }), (_req, res) => {
    res.json({});
  });
  app.all('/secret', requireToken({ scopes: ['orders:write'] }), (_req, res) => void res.json({}));
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function onFastify(guard: Guard): Promise<string> {
  const app = Fastify();
  await app.register(fastifyGuard, { guard });
  const reading = app.requireToken({ scopes: ['orders:read'] });
  app.all('/orders/:id', { onRequest: reading }, async () => ({}));
  app.all(
    '/secret',
    { onRequest: app.requireToken({ scopes: ['orders:write'] }) },
    async () => ({}),
  );
  closing.push(() => app.close());
  return app.listen({ port: 0, host: '127.0.0.1' });
}

describe.each([
  ['Express', onExpress],
  ['Fastify', onFastify],
] as const)('on %s', (_, serve) => {
  test('each decision is a line, and no line holds a credential', async () => {
    const { guard, lines } = scene();
    const origin = await serve(guard);
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
    const all: readonly [path: string, init: RequestInit][] = [
      ['/orders/42?page=1', { headers: bearer(good) }],
      ['/orders/42', { headers: { 'x-api-key': key }, method: 'POST' }],
      [`/orders/42?api_key=${key}`, {}],
      ['/secret', { headers: bearer(good) }],
      ['/orders/42', { headers: bearer(forged) }],
      ['/orders/42', { headers: { 'x-api-key': `${key}x` } }],
      ['/orders/42', { headers: { 'x-api-key': key, ...bearer(good) } }],
      [`/orders/42?access_token=${good}`, {}],
      ['/orders/42', {}],
    ];
    for (const [path, init] of all) await (await fetch(origin + path, init)).text();
    issuer.goDown();
    try {
      const cold = scene();
      const other = await serve(cold.guard);
      await (await fetch(`${other}/orders/42`, { headers: bearer(good) })).text();
      lines.push(...cold.lines);
    } finally {
      issuer.comeBack();
    }
    const route = '/orders/:id';
    const known = { subject: 'user_1', clientId: 'client_1', orgId: 'org_1', tokenId: 'token_1' };
    expect(lines.map(read)).toMatchObject([
      {
        ...{ outcome: 'allow', status: 200, httpMethod: 'GET', route, method: 'token', ...known },
        ...{
          actors: ['client_7', 'client_8'],
          scopes: ['orders:read'],
          requiredScopes: ['orders:read'],
        },
      },
      {
        outcome: 'allow',
        httpMethod: 'POST',
        method: 'api-key',
        keyId: 'key_1',
        clientId: 'shop',
        mode: 'deprecated',
        cohort: 'first',
        keyPlace: 'header',
      },
      { outcome: 'allow', method: 'api-key', keyId: 'key_1', keyPlace: 'query', route },
      {
        outcome: 'deny',
        status: 403,
        reason: 'ERR_SCOPE_MISSING',
        route: '/secret',
        missingScopes: ['orders:write'],
        ...known,
      },
      {
        outcome: 'deny',
        status: 401,
        reason: 'ERR_TOKEN_SIGNATURE',
        claimed: { clientId: 'client_1', issuer: issuer.issuer },
      },
      { outcome: 'deny', status: 401, reason: 'ERR_API_KEY_UNKNOWN', method: 'api-key' },
      { outcome: 'deny', status: 400, reason: 'ERR_CREDENTIAL_AMBIGUOUS' },
      { outcome: 'deny', status: 400, reason: 'ERR_TOKEN_IN_QUERY', route },
      { outcome: 'deny', status: 401, reason: 'ERR_CREDENTIAL_MISSING', method: 'none' },
      { outcome: 'error', status: 503 },
    ]);
    expect(read(lines[4] ?? '')).not.toHaveProperty('clientId');
    const text = lines.join('');
    const credentials = [good, forged].flatMap((token) => [token, ...token.split('.')]);
    for (const one of [key, digest, ...credentials, secret, '/orders/42']) {
      expect(text).not.toContain(one);
    }
  });

  test('a log that cannot write delays and changes no answer', async () => {
    const failing = [
      () => {
        throw new Error('disk full');
      },
      () => Promise.reject(new Error('disk full')),
      () => new Promise(() => {}),
      () => false,
    ];
    for (const write of failing) {
      const audit = auditLog({ write, secret, queue: { lines: 1 } });
      const guard = createGuard({ ...issuer.options, onDecision: audit });
      const origin = await serve(guard);
      for (let i = 0; i < 4; i += 1) {
        const headers = { authorization: `Bearer ${good}` };
        expect((await fetch(`${origin}/orders/1`, { headers })).status).toBe(200);
      }
      const { written, waiting, dropped, failed } = audit.counts();
      expect(written + waiting + dropped + failed).toBe(4);
      await audit.close({ timeout: 0 });
    }
  });
});
