const assert = require('node:assert/strict');
const { once } = require('node:events');
const express = require('express');
const fastify = require('fastify');
const { AuthError, ConfigError, createGuard } = require('sallyport');
const { expressGuard } = require('sallyport/express');
const { fastifyGuard } = require('sallyport/fastify');
const { fetchGuard } = require('sallyport/fetch');
const { createApiKey, inMemoryApiKeys } = require('sallyport/api-keys');
const { planFile } = require('sallyport/plan');
const { postgresApiKeys } = require('sallyport/postgres');
const { redisApiKeys } = require('sallyport/redis');
const { createTestIssuer } = require('sallyport/testing');

async function main() {
  const issuer = await createTestIssuer();
  const guard = createGuard(issuer.options);
  const headers = { authorization: `Bearer ${await issuer.token({ scopes: ['orders:read'] })}` };

  const nobody = await guard({ method: 'GET', url: '/', header: () => undefined });
  assert(!nobody.allowed && nobody.error instanceof AuthError);

  const requireToken = expressGuard(guard);
  const app = express().get('/', requireToken({ scopes: ['orders:read'] }), (req, res) => {
    res.json(req.principal.subject);
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}/`;
  assert.equal(await (await fetch(url, { headers })).json(), 'user_1');
  assert.equal((await fetch(url)).status, 401);
  server.close();
  server.closeAllConnections();

  const other = fastify();
  await other.register(fastifyGuard, issuer.options);
  other.get('/', { onRequest: other.requireToken() }, async ({ principal }) => principal.subject);
  assert.equal((await other.inject({ url: '/', headers })).body, 'user_1');
  assert.equal((await other.inject({ url: '/' })).statusCode, 401);
  await other.close();

  const pass = await fetchGuard(guard)(new Request('https://api.test/', { headers }));
  assert.equal(pass.principal.subject, 'user_1');

  const { key, digest } = createApiKey({ prefix: 'acme' });
  const migrating = createGuard({
    ...issuer.options,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: inMemoryApiKeys([{ id: 'key_1', digest, clientId: 'client_1' }]),
      plan: { mode: 'deprecated', deprecatedAt: '2020-01-01T00:00:00Z' },
    },
  });
  const passed = await fetchGuard(migrating)(
    new Request('https://api.test/', { headers: { 'x-api-key': key } }),
  );
  assert.equal(passed.principal.clientId, 'client_1');
  assert.deepEqual(passed.headers, { Deprecation: '@1577836800' });
  assert.throws(() => postgresApiKeys({}), ConfigError);
  assert.throws(() => redisApiKeys({}), ConfigError);
  assert.throws(() => planFile('missing.json'), { code: 'ENOENT' });

  console.log('works');
}

main();
