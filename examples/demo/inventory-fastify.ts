import fastify from 'fastify';
import { type GuardOptions, type GuardRequest, principalOf } from 'sallyport';
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
    async (request) => ({
      stock: stock.of(request.params.org),
      for: principalOf(request).clientId,
    }),
  );

  app.put<{ Params: { org: string; item: string }; Body: { count: number } }>(
    '/orgs/:org/stock/:item',
    { onRequest: app.requireToken({ scopes: ['stock:write'], orgId }) },
    async (request) => {
      const { params, body } = request;
      stock.set(params.org, params.item, body.count);
      return { stock: stock.of(params.org), for: principalOf(request).clientId };
    },
  );

  return app;
}
