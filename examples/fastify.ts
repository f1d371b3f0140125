// #region quickstart
import fastify from 'fastify';
import { fastifyGuard } from 'sallyport/fastify';

const app = fastify();
await app.register(fastifyGuard, {
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
});

app.get(
  '/orders',
  { onRequest: app.requireToken({ scopes: ['orders:read'] }) },
  async (request) => ({ orders: [], for: request.principal.subject }),
);

// #endregion

export { app };
