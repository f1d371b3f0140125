import assert from 'node:assert/strict';
import { once } from 'node:events';
import express from 'express';
import fastify from 'fastify';
import { esm, pairs } from './copies.js';

const issuer = await esm.createTestIssuer();
const bearer = async (parts) => ({ authorization: `Bearer ${await issuer.token(parts)}` });
const good = { headers: await bearer({ scopes: ['orders:read'] }) };
const poor = { headers: await bearer({}) };

// A guard and the checked requirements of one copy do their work behind the doors of the other.
for (const [own, other] of pairs) {
  const guard = own.createGuard(issuer.options);
  const required = own.checkRequirements({ scopes: ['orders:read'] });

  const app = express().use(other.expressGuard(guard)(required), (req, res) => {
    res.end(req.principal.subject);
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}/`;
  assert.equal(await (await fetch(url, good)).text(), 'user_1');
  assert.equal((await fetch(url)).status, 401);
  assert.equal((await fetch(url, poor)).status, 403);
  server.close();
  server.closeAllConnections();

  const fast = fastify();
  await fast.register(other.fastifyGuard, { guard });
  fast.get('/', { onRequest: fast.requireToken(required) }, async (req) => req.principal.subject);
  assert.equal((await fast.inject({ url: '/', ...good })).body, 'user_1');
  assert.equal((await fast.inject({ url: '/' })).statusCode, 401);
  assert.equal((await fast.inject({ url: '/', ...poor })).statusCode, 403);
  await fast.close();

  // Keys that one copy holds are looked up by the guard of the other.
  const { key, digest } = own.createApiKey({ prefix: 'acme' });
  const apiKeys = {
    from: [{ header: 'x-api-key' }],
    lookup: other.inMemoryApiKeys([{ id: 'key_1', digest, subject: 'user_1' }]),
    plan: other.checkPlan({ sunsetAt: '2020-01-01T00:00:00Z', refusedStatus: 410 }),
    onMigration: () => {},
  };
  const over = other.fetchGuard(own.createGuard({ ...issuer.options, apiKeys }));
  assert.equal((await over(new Request(url, { headers: { 'x-api-key': key } }))).status, 410);

  const check = other.fetchGuard(guard);
  assert.equal((await check(new Request(url, good), required)).principal.subject, 'user_1');
  assert.equal((await check(new Request(url), required)).status, 401);
  assert.equal((await check(new Request(url, poor), required)).status, 403);
}
console.log('works');
