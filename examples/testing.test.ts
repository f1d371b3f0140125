// #region quickstart
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestIssuer } from 'sallyport/testing';
import { createInventory } from './demo/inventory-fastify.js';

test('a token opens the stock of its own organization, and no other', async () => {
  const issuer = await createTestIssuer();
  const app = await createInventory(issuer.options);
  const token = await issuer.token({ scopes: ['stock:read'], orgId: 'acme' });
  const status = async (url: string) =>
    (await app.inject({ url, headers: { authorization: `Bearer ${token}` } })).statusCode;

  assert.equal(await status('/orgs/acme/stock'), 200);
  assert.equal(await status('/orgs/globex/stock'), 403);
});
// #endregion
