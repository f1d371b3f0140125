import { createServer } from 'node:http';
import { InMemoryProvider, OpenFeature } from '@openfeature/server-sdk';
import express from 'express';
import { type Mode, type PlanSource, principalOf } from 'sallyport';
import { createApiKey, inMemoryApiKeys } from 'sallyport/api-keys';
import { expressGuard } from 'sallyport/express';
import { listen } from './listen.js';
import { createNews, tryKey } from './story.js';

/** A flag that rejects the API keys of clients that have migrated. */
const flagOf = (...moved: readonly unknown[]) => ({
  'api-key-mode': {
    variants: { open: 'dual', closed: 'token-only' },
    defaultVariant: 'open' as const,
    contextEvaluator: ({ targetingKey }: { targetingKey?: string }) =>
      moved.includes(targetingKey) ? ('closed' as const) : ('open' as const),
    disabled: false,
  },
});
const provider = new InMemoryProvider(flagOf());
await OpenFeature.setProviderAndWait(provider);

// #region quickstart
const flags = OpenFeature.getClient();
const clients = ['shop', 'warehouse'];

async function modeOf(clientId: string): Promise<[string, Mode]> {
  const context = { targetingKey: clientId };
  const flag = await flags.getStringDetails<Mode>('api-key-mode', 'dual', context);
  // On an error, OpenFeature returns the default, which must not re-enable a migrated client's key.
  if (flag.errorCode) throw new Error(`api-key-mode of ${clientId}: ${flag.errorCode}`);
  return [clientId, flag.value];
}

const load = async () => ({ clients: Object.fromEntries(await Promise.all(clients.map(modeOf))) });
const plan: PlanSource = { initial: await load(), load, pollInterval: 1 };
// #endregion

const ofShop = createApiKey({ prefix: 'acme_live' });
const ofWarehouse = createApiKey({ prefix: 'acme_live' });
const lookup = inMemoryApiKeys([
  { id: 'key_1', clientId: 'shop', digest: ofShop.digest },
  { id: 'key_2', clientId: 'warehouse', digest: ofWarehouse.digest },
]);
const { listener, next } = createNews();
const requireToken = expressGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
  apiKeys: { from: [{ header: 'x-api-key' }], lookup, plan, onMigration: listener },
});

const app = express();
app.get('/orders', requireToken(), (req, res) => {
  res.json({ orders: [], for: principalOf(req).clientId });
});
const { origin, close } = await listen(createServer(app));
const shop = [origin, "the shop's key", ofShop.key] as const;
const warehouse = [origin, "the warehouse's key", ofWarehouse.key] as const;

console.log('the flag is open to both');
await tryKey(shop, '200');
await tryKey(warehouse, '200');

console.log('the flag is closed to the shop');
provider.putConfiguration(flagOf('shop'));
await next('mode');
await tryKey(shop, '401 ERR_API_KEY_RETIRED');
await tryKey(warehouse, '200');

console.log('the flag is gone');
provider.putConfiguration({});
await next('plan-failed');
await tryKey(shop, '401 ERR_API_KEY_RETIRED');
await tryKey(warehouse, '200');

close();
