// #region quickstart
import fastify from 'fastify';
import { principalOf } from 'sallyport';
import { fastifyGuard } from 'sallyport/fastify';

const app = fastify();
await app.register(fastifyGuard, {
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
});

app.get(
  '/orders',
  { onRequest: app.requireToken({ scopes: ['orders:read'] }) },
  async (request) => ({ orders: [], for: principalOf(request).subject }),
);

// #endregion

export { app };
