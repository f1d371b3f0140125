// #region quickstart
import express from 'express';
import { principalOf } from 'sallyport';
import { expressGuard } from 'sallyport/express';

const app = express();
const requireToken = expressGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
});

app.get('/orders', requireToken({ scopes: ['orders:read'] }), (req, res) => {
  res.json({ orders: [], for: principalOf(req).subject });
});

// #endregion

export { app };
