import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import {
  type ApiKeyOptions,
  AuthError,
  createGuard,
  type Decision,
  type DecisionEvent,
  type GuardOptions,
  type MigrationEvent,
  type MigrationPlan,
  type Principal,
  principalOf,
  type Requirements,
} from 'sallyport';
import {
  type CreatedApiKey,
  createApiKey,
  type InMemoryApiKey,
  inMemoryApiKeys,
} from 'sallyport/api-keys';
import { expressGuard, type RequireToken } from 'sallyport/express';
import { fastifyGuard } from 'sallyport/fastify';
import { fetchGuard } from 'sallyport/fetch';
import { honoGuard } from 'sallyport/hono';
import { toGuardRequest } from 'sallyport/node';
import { planFile } from 'sallyport/plan';
import { type PostgresPool, postgresApiKeys } from 'sallyport/postgres';
import { type RedisClient, redisApiKeys } from 'sallyport/redis';
import {
  conformanceCases,
  createTestIssuer,
  type TestIssuer,
  testPrincipal,
} from 'sallyport/testing';

// The same program for every way to compile it; each ts-… folder adds only its configuration.

const required = {
  scopes: ['orders:read'],
  check: ({ subject }) => subject !== '',
} satisfies Requirements;
const nameOf = (principal: Principal): string => principal.subject ?? 'nobody';

async function main(): Promise<void> {
  const issuer: TestIssuer = await createTestIssuer();
  const events: DecisionEvent[] = [];
  const onDecision = (event: DecisionEvent): void => void events.push(event);
  const options: GuardOptions = { ...issuer.options, onDecision };
  const guard = createGuard(options);
  const headers = { authorization: `Bearer ${await issuer.token({ scopes: ['orders:read'] })}` };

  const nobody: Decision = await guard({ method: 'GET', url: '/', header: () => undefined });
  assert(!nobody.allowed && nobody.error instanceof AuthError);
  assert.equal(nobody.denial.body.code, 'ERR_CREDENTIAL_MISSING');

  const requireToken: RequireToken = expressGuard(guard);
  const app = express();
  app.get('/orders/:id', requireToken(required), (req, res) => {
    res.json([req.params.id.length, nameOf(principalOf(req))]);
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/orders/123`;
  assert.deepEqual(await (await fetch(url, { headers })).json(), [3, 'user_1']);
  assert.equal((await fetch(url)).status, 401);
  server.close();
  server.closeAllConnections();

  const other = fastify();
  await other.register(fastifyGuard, issuer.options);
  other.get('/', { onRequest: other.requireToken(required) }, async (request) =>
    nameOf(principalOf(request)),
  );
  assert.equal((await other.inject({ url: '/', headers })).body, 'user_1');
  assert.equal((await other.inject({ url: '/' })).statusCode, 401);
  await other.close();

  const pass = await fetchGuard(guard)(new Request('https://api.test/', { headers }), required);
  assert(!(pass instanceof Response));
  assert.equal(nameOf(principalOf(pass)), 'user_1');

  const third = new Hono().get('/', honoGuard(issuer.options)(required), (c) =>
    c.text(nameOf(c.var.principal)),
  );
  assert.equal(await (await third.request('/', { headers })).text(), 'user_1');
  assert.equal(typeof toGuardRequest, 'function');

  await migrate(issuer);

  assert.equal(nameOf(testPrincipal({ subject: 'user_2' })), 'user_2');
  assert(conformanceCases.length > 0 && events.length === 4);
  console.log('works');
}

async function migrate(issuer: TestIssuer): Promise<void> {
  const { key, digest }: CreatedApiKey = createApiKey({ prefix: 'acme' });
  const held: InMemoryApiKey = { id: 'key_1', digest, clientId: 'client_1' };
  const plan: MigrationPlan = {
    deprecatedAt: '2020-01-01T00:00:00Z',
    clients: { client_1: { mode: 'extension', until: '2999-01-01T00:00:00Z' } },
    refusedStatus: 410,
  };
  const told: MigrationEvent[] = [];
  const apiKeys: ApiKeyOptions = {
    from: [{ header: 'x-api-key' }, { bearer: 'acme_' }],
    lookup: inMemoryApiKeys([held]),
    plan,
    onMigration: (event) => void told.push(event),
  };
  const check = fetchGuard({ ...issuer.options, apiKeys });
  const request = new Request('https://api.test/', { headers: { 'x-api-key': key } });
  const pass = await check(request);
  assert(!(pass instanceof Response));
  assert.equal(pass.principal.key?.id, 'key_1');
  assert.equal(pass.headers.Sunset, 'Tue, 01 Jan 2999 00:00:00 GMT');
  const refusal = await check(request, { mode: 'token-only' });
  assert(refusal instanceof Response);
  assert.equal(refusal.status, 410);
  assert.equal(told[0]?.kind, 'plan');

  const pool: PostgresPool = { query: async () => ({ rows: [{ id: 'key_2', digest }] }) };
  assert.equal((await postgresApiKeys(pool)({ value: key, sha256: digest }))?.id, 'key_2');
  const client: RedisClient = { sendCommand: async () => ['{"id":"key_3"}'] };
  assert.equal((await redisApiKeys(client)({ value: key, sha256: digest }))?.id, 'key_3');
  assert.throws(() => planFile('missing.json'), { code: 'ENOENT' });
}

void main();
