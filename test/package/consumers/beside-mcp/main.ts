import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import express from 'express';
import { AuthError, createGuard, principalOf } from 'sallyport';
import { expressGuard } from 'sallyport/express';
import { createTestIssuer } from 'sallyport/testing';

const issuer = await createTestIssuer();
const guard = createGuard(issuer.options);
const requireToken = expressGuard(guard);
const verifier = {
  verifyAccessToken: async (token: string) => ({
    token,
    clientId: 'sdk',
    scopes: [],
    expiresAt: 4e9,
  }),
};

const app = express();
app.get('/', requireToken(), requireBearerAuth({ verifier }), (req, res) => {
  const scopes: readonly string[] = [...principalOf(req).scopes];
  const clients: (string | undefined)[] = [principalOf(req).clientId, req.auth?.clientId];
  res.json([...scopes, ...clients]);
});
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
const headers = { authorization: `Bearer ${await issuer.token({ scopes: ['a'] })}` };
assert.deepEqual(await (await fetch(url, { headers })).json(), ['a', 'client_1', 'sdk']);
server.close();
server.closeAllConnections();
assert.equal(new AuthError('ERR_TOKEN_EXPIRED').status, 401);
console.log('works');
