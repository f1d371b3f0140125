import express from 'express';
import { type GuardOptions, type GuardRequest, principalOf } from 'sallyport';
import { expressGuard } from 'sallyport/express';
import { createStock } from './stock.js';

const orgId = ({ params }: GuardRequest) => params?.org;

/** The inventory API on Express. */
export function createInventory(options: GuardOptions) {
  const app = express();
  const stock = createStock();
  const requireToken = expressGuard(options);

  app.get('/orgs/:org/stock', requireToken({ scopes: ['stock:read'], orgId }), (req, res) => {
    res.json({ stock: stock.of(req.params.org), for: principalOf(req).clientId });
  });

  app.put(
    '/orgs/:org/stock/:item',
    requireToken({ scopes: ['stock:write'], orgId }),
    express.json(),
    (req, res) => {
      const { org, item } = req.params;
      stock.set(org, item, Number(req.body.count));
      res.json({ stock: stock.of(org), for: principalOf(req).clientId });
    },
  );

  return app;
}
