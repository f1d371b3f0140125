import { createServer } from 'node:http';
import express from 'express';
import type { MigrationEvent } from 'sallyport';
import { expressGuard } from 'sallyport/express';
import { listen } from '../listen.js';

// One process of an API. What it shares with the others is in Redis:

// #region quickstart
import { createClient } from 'redis';
import { createGuard, principalOf } from 'sallyport';
import { redisApiKeys, redisInvalidations, redisPlan, redisUsageStore } from 'sallyport/redis';

const { REDIS_URL = 'redis://127.0.0.1:6379', ISSUER = 'https://login.example.com' } = process.env;

const redis = createClient({ url: REDIS_URL, disableOfflineQueue: true });
const subscriber = redis.duplicate(); // Redis gives one that listens to nothing else
for (const one of [redis, subscriber]) {
  one.on('error', console.error); // else a lost connection ends the process
  await one.connect();
}

const guard = createGuard({
  issuer: ISSUER,
  audience: 'https://api.example.com',
  apiKeys: {
    from: [{ header: 'x-api-key' }],
    lookup: redisApiKeys(redis, { prefix: 'orders:key:' }),
    plan: redisPlan(redis, { key: 'orders:plan', pollInterval: 1 }),
    invalidations: redisInvalidations(redis, subscriber, { channel: 'orders:invalidated' }),
    usage: { store: redisUsageStore(redis, { prefix: 'orders:usage' }) },
    onMigration: tell,
  },
});
await guard.ready();
// #endregion

const app = express();
app.get('/orders', expressGuard(guard)(), (req, res) => {
  res.json({ orders: [], for: principalOf(req).clientId });
});
const { origin, close } = await listen(createServer(app));

// What the process that started this one wants to know, and to have done.
await subscriber.subscribe('orders:invalidated', () => process.send?.({ kind: 'invalidated' }));
process.on('message', async (message: { readonly invalidate?: string }) => {
  if (message.invalidate) return guard.invalidateApiKey(message.invalidate);
  close();
  await guard.close();
  for (const one of [redis, subscriber]) one.destroy();
  process.disconnect?.();
});
process.once('disconnect', () => process.exit());
process.send?.({ kind: 'listening', origin });

function tell(event: MigrationEvent): void {
  process.send?.(event);
}
