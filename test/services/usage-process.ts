import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import pg from 'pg';
import { expressGuard } from '../../src/express.js';
import { createGuard } from '../../src/index.js';
import { postgresUsageStore } from '../../src/postgres.js';
import { redisUsageStore } from '../../src/redis.js';
import { createTestIssuer } from '../../src/testing.js';
import { fileUsageStore, type UsageStore } from '../../src/usage.js';
import { redisClients } from './redis-server.js';

// A process of its own: an API that takes any key, and tells a store how often.

async function openStore(kind: string, place: string): Promise<UsageStore> {
  const connect = redisClients[kind];
  if (connect) return redisUsageStore((await connect(Number(place))).client);
  if (kind === 'files') return fileUsageStore(place);
  const address = { host: '127.0.0.1', port: Number(place), user: 'postgres' };
  const pool = new pg.Pool({ ...address, database: 'postgres' });
  pool.on('error', () => {});
  return postgresUsageStore(pool);
}

const [, , kind = '', place = ''] = process.argv;
if (!process.send) throw new Error('to be forked, with a kind of store and where it is');
const tell = process.send.bind(process);
const issuer = await createTestIssuer();
const guard = createGuard({
  ...issuer.options,
  apiKeys: {
    from: [{ header: 'x-api-key' }],
    lookup: async ({ value }) => ({ id: `id of ${value}`, clientId: value }),
    usage: { store: await openStore(kind, place), flushInterval: 60 },
  },
});
const app = express().get('/:any', expressGuard(guard)(), (_, res) => void res.send('in'));
const server = app.listen(0, '127.0.0.1');

process.on('message', async (message: string) => {
  if (message === 'close') {
    await guard.close();
    tell('closed');
    process.exit();
  }
  tell('flushing');
  tell(
    await guard.usage().then(
      () => 'flushed',
      () => 'failed',
    ),
  );
});
await once(server, 'listening');
tell((server.address() as AddressInfo).port);
