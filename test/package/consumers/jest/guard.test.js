const { once } = require('node:events');
const express = require('express');
const { expressGuard } = require('sallyport/express');
const { createTestIssuer, testPrincipal } = require('sallyport/testing');

let issuer;
let server;
let url;

beforeAll(async () => {
  issuer = await createTestIssuer();
  const requireToken = expressGuard(issuer.options);
  const app = express().get('/', requireToken({ scopes: ['orders:read'] }), (req, res) => {
    res.json(req.principal.subject);
  });
  server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${server.address().port}/`;
});

afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const get = async (token) => fetch(url, { headers: { authorization: `Bearer ${token}` } });

test('lets a good token in', async () => {
  const answer = await get(await issuer.token({ scopes: ['orders:read'] }));
  expect(await answer.json()).toBe('user_1');
});

test('refuses a token without the scope', async () => {
  const answer = await get(await issuer.token());
  expect(answer.status).toBe(403);
  expect(answer.headers.get('www-authenticate')).toContain('insufficient_scope');
});

test('tells an outage from a bad token', async () => {
  const elsewhere = await createTestIssuer();
  elsewhere.goDown();
  const { createGuard, UpstreamError } = require('sallyport');
  await expect(createGuard(elsewhere.options).ready()).rejects.toBeInstanceOf(UpstreamError);
  expect((await get(await elsewhere.token())).status).toBe(401);
});

test('takes a key until its sunset', async () => {
  const { createGuard } = require('sallyport');
  const { createApiKey, inMemoryApiKeys } = require('sallyport/api-keys');
  let now = Date.UTC(2030, 0, 1) - 1;
  const { key, digest } = createApiKey({ prefix: 'acme' });
  const guard = createGuard({
    ...issuer.options,
    now: () => now,
    apiKeys: {
      from: [{ bearer: 'acme_' }],
      lookup: inMemoryApiKeys([{ id: 'key_1', digest, clientId: 'client_1' }]),
      plan: { deprecatedAt: '2029-01-01T00:00:00Z', sunsetAt: '2030-01-01T00:00:00Z' },
    },
  });
  const ask = () => {
    const header = (name) => (name === 'authorization' ? `Bearer ${key}` : undefined);
    return guard({ method: 'GET', url: '/', header });
  };
  expect((await ask()).headers.Sunset).toBe('Tue, 01 Jan 2030 00:00:00 GMT');
  now += 1;
  expect((await ask()).error.code).toBe('ERR_API_KEY_RETIRED');
});

test('loads every other door', () => {
  expect(() => require('sallyport/postgres').postgresApiKeys({})).toThrow(/needs a pool/);
  expect(() => require('sallyport/redis').redisApiKeys({})).toThrow(/needs a client/);
  expect(() => require('sallyport/plan').planFile('missing.json')).toThrow(/ENOENT/);
  expect(require('sallyport/plan.schema.json').type).toBe('object');
});

test('makes a principal for the test of a handler', () => {
  expect(testPrincipal({ scopes: ['a'] }).scopes.has('a')).toBe(true);
});
