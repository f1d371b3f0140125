import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { principalOf } from 'sallyport';
import { expressGuard } from 'sallyport/express';
import { createTestIssuer } from 'sallyport/testing';

// Express 4 with its own types, and no Fastify.

async function main(): Promise<void> {
  const issuer = await createTestIssuer();
  const requireToken = expressGuard(issuer.options);
  const app = express();
  app.get('/orders/:id', requireToken({ scopes: ['a'] }), (req, res) => {
    const id: string = req.params.id;
    res.json([id, principalOf(req).subject]);
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/orders/1`;
  const headers = { authorization: `Bearer ${await issuer.token({ scopes: ['a'] })}` };
  assert.deepEqual(await (await fetch(url, { headers })).json(), ['1', 'user_1']);
  assert.equal((await fetch(url)).status, 401);
  server.close();
  server.closeAllConnections();
  console.log('works');
}

void main();
