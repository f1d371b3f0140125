import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import fastify from 'fastify';
import {
  AuthError,
  createGuard,
  type Decision,
  type DecisionEvent,
  type GuardOptions,
  type Principal,
  type Requirements,
} from 'sallyport';
import { expressGuard, type RequireToken } from 'sallyport/express';
import { fastifyGuard } from 'sallyport/fastify';
import { fetchGuard } from 'sallyport/fetch';
import { createTestIssuer, guardCases, type TestIssuer, testPrincipal } from 'sallyport/testing';

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
    res.json([req.params.id.length, nameOf(req.principal)]);
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
    nameOf(request.principal),
  );
  assert.equal((await other.inject({ url: '/', headers })).body, 'user_1');
  assert.equal((await other.inject({ url: '/' })).statusCode, 401);
  await other.close();

  const pass = await fetchGuard(guard)(new Request('https://api.test/', { headers }), required);
  assert(!(pass instanceof Response));
  assert.equal(nameOf(pass.principal), 'user_1');

  assert.equal(nameOf(testPrincipal({ subject: 'user_2' })), 'user_2');
  assert(guardCases.length > 0 && events.length === 4);
  console.log('works');
}

void main();
