const assert = require('node:assert/strict');
const { test } = require('node:test');
const { createGuard } = require('sallyport');
const { createTestIssuer } = require('sallyport/testing');

test('counts what a guard asks for', async () => {
  const issuer = await createTestIssuer();
  const guard = createGuard(issuer.options);
  await guard.ready();
  await guard.ready();
  assert.deepEqual(issuer.requests, { discovery: 1, jwks: 1, token: 0 });
  await guard.close();
});
