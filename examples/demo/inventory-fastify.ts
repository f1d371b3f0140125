import fastify from 'fastify';
import type { GuardOptions, GuardRequest } from 'sallyport';
import { fastifyGuard } from 'sallyport/fastify';
import { createStock } from './stock.js';

const orgId = ({ params }: GuardRequest) => params?.org;

/** The inventory API on Fastify. */
export async function createInventory(options: GuardOptions) {
  const app = fastify();
  const stock = createStock();
  await app.register(fastifyGuard, options);

  app.get<{ Params: { org: string } }>(
    '/orgs/:org/stock',
    { onRequest: app.requireToken({ scopes: ['stock:read'], orgId }) },
    async ({ params, principal }) => ({ stock: stock.of(params.org), for: principal.clientId }),
  );

  app.put<{ Params: { org: string; item: string }; Body: { count: number } }>(
    '/orgs/:org/stock/:item',
    { onRequest: app.requireToken({ scopes: ['stock:write'], orgId }) },
    async ({ params, body, principal }) => {
      stock.set(params.org, params.item, body.count);
      return { stock: stock.of(params.org), for: principal.clientId };
    },
  );

  return app;
}
