// #region quickstart
import express from 'express';
import { createGuard } from 'sallyport';
import { inMemoryApiKeys } from 'sallyport/api-keys';
import { expressGuard } from 'sallyport/express';
import { migrationReportAsync, reportPage } from 'sallyport/report';

const digest = 'e1a663bb910fed3fb3b64dcf582278a2989996884a56670e182b9c5a88fb7a0d'; // SHA-256 of a key
const keys = [{ id: 'key_1', clientId: 'shop', scopes: ['orders:read'], digest }];
const plan = { sunsetAt: '2027-06-30T00:00:00Z', guide: 'https://docs.example.com/oauth' };

const guard = createGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
  apiKeys: { from: [{ header: 'x-api-key' }], lookup: inMemoryApiKeys(keys), plan },
});
const clients = [{ client: 'shop', owner: 'Jo, of the shop team' }];
const report = async () =>
  migrationReportAsync({ usage: await guard.usage(), plan, clients, keys });

const app = express();
app.get('/orders', expressGuard(guard)({ scopes: ['orders:read'] }), (_req, res) => {
  res.json({ orders: [] });
});
app.get('/migration', reportPage({ guard, requirements: { scopes: ['migration:read'] }, report }));

// #endregion

export { app };
