import express = require('express');
import sallyport = require('sallyport');
import door = require('sallyport/express');
import keys = require('sallyport/api-keys');
import testing = require('sallyport/testing');

// In a CommonJS file the same names mean the CommonJS build and its types.

export const guard: sallyport.Guard = sallyport.createGuard({
  issuer: 'https://issuer.test',
  audience: 'https://api.test',
});
export const lookup: sallyport.ApiKeyLookup = keys.inMemoryApiKeys([]);
export const nameOf = (req: express.Request): string | undefined =>
  sallyport.principalOf(req).subject;

async function main(): Promise<void> {
  const issuer = await testing.createTestIssuer();
  const requireToken: door.RequireToken = door.expressGuard(issuer.options);
  express().get('/', requireToken({ scopes: ['orders:read'] }), (req, res) => {
    res.json(nameOf(req));
  });
  const decision = await guard({ method: 'GET', url: '/', header: () => undefined });
  if (decision.allowed || !(decision.error instanceof sallyport.AuthError)) throw new Error('open');
}

void main();
