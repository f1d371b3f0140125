// #region quickstart
import { Hono } from 'hono';
import { fetchGuard } from 'sallyport/fetch';

const app = new Hono();
const check = fetchGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
});

app.get('/orders', async (c) => {
  const pass = await check(c.req.raw, { scopes: ['orders:read'] });
  if (pass instanceof Response) return pass;
  return c.json({ orders: [], for: pass.principal.subject }, 200, pass.headers);
});

// #endregion

export { app };
