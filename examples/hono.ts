// #region quickstart
import { Hono } from 'hono';
import { honoGuard } from 'sallyport/hono';

const app = new Hono();
const requireToken = honoGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
});

app.get('/orders', requireToken({ scopes: ['orders:read'] }), (c) =>
  c.json({ orders: [], for: c.var.principal.subject }),
);

// #endregion

export { app };
