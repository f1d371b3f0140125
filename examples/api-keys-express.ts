// #region quickstart
import express from 'express';
import { principalOf } from 'sallyport';
import { inMemoryApiKeys } from 'sallyport/api-keys';
import { expressGuard } from 'sallyport/express';

const app = express();
const digest = 'e1a663bb910fed3fb3b64dcf582278a2989996884a56670e182b9c5a88fb7a0d'; // SHA-256 of a key
const requireToken = expressGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
  apiKeys: {
    from: [{ header: 'x-api-key' }],
    lookup: inMemoryApiKeys([{ id: 'key_1', clientId: 'shop', scopes: ['orders:read'], digest }]),
    plan: {
      deprecatedAt: '2027-01-15T00:00:00Z',
      sunsetAt: '2027-06-30T00:00:00Z',
      guide: 'https://docs.example.com/oauth',
    },
  },
});

app.get('/orders', requireToken({ scopes: ['orders:read'] }), (req, res) => {
  res.json({ orders: [], for: principalOf(req).clientId });
});

// #endregion

export { app };
