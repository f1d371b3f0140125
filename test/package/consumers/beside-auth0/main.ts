import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { auth } from 'express-oauth2-jwt-bearer';
import { principalOf } from 'sallyport';
import { expressGuard } from 'sallyport/express';
import { createTestIssuer } from 'sallyport/testing';

const issuer = await createTestIssuer({ algorithm: 'RS256' });
await issuer.listen();
const audience = 'https://api.test';
const requireToken = expressGuard({ issuer: issuer.issuer, audience });

const app = express();
app.get('/', auth({ issuerBaseURL: issuer.issuer, audience }), requireToken(), (req, res) => {
  const subjects: (string | undefined)[] = [principalOf(req).subject, req.auth?.payload.sub];
  res.json(subjects);
});
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
const headers = { authorization: `Bearer ${await issuer.token()}` };
assert.deepEqual(await (await fetch(url, { headers })).json(), ['user_1', 'user_1']);
server.close();
server.closeAllConnections();
await issuer.close();
console.log('works');
