import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import express from 'express';
import { createGuard } from 'sallyport';
import { expressGuard } from 'sallyport/express';
import { createTestIssuer } from 'sallyport/testing';

test('lets a good token in, and an expired one not', async (t) => {
  const issuer = await createTestIssuer();
  const app = express().get('/', expressGuard(issuer.options)(), (req, res) => {
    res.json(req.principal.subject);
  });
  const server = app.listen(0, '127.0.0.1');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}/`;
  const get = (token) => fetch(url, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(await (await get(await issuer.token())).json(), 'user_1');
  assert.equal((await get(await issuer.token({ expiresIn: -60 }))).status, 401);
});

test('takes a clock of its own', async () => {
  let now = Date.UTC(2030, 0, 1);
  const issuer = await createTestIssuer({ now: () => now });
  const guard = createGuard(issuer.options);
  const token = await issuer.token({ expiresIn: 60 });
  const ask = () => guard({ method: 'GET', url: '/', header: () => `Bearer ${token}` });
  assert.equal((await ask()).allowed, true);
  now += 66_000;
  assert.equal((await ask()).error.code, 'ERR_TOKEN_EXPIRED');
});
