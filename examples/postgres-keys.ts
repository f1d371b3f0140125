import { createServer } from 'node:http';
import express from 'express';
import { createApiKey } from 'sallyport/api-keys';
import { expressGuard } from 'sallyport/express';
import { listen } from './listen.js';
import { tryKey } from './story.js';

// What an API needs:

// #region quickstart
import pg from 'pg';
import { createGuard, principalOf } from 'sallyport';
import { postgresApiKeys } from 'sallyport/postgres';

const table = `create table customer_keys (
  id text primary key,
  sha256 text not null unique,
  customer text not null,
  org_id text,
  scopes text[],
  expires_at timestamptz,
  revoked_at timestamptz
)`;

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
pool.on('error', console.error); // else a lost connection ends the process
const lookup = postgresApiKeys(pool, {
  table: 'customer_keys',
  columns: {
    digest: 'sha256',
    clientId: 'customer',
    disabled: 'revoked_at',
    subject: false,
    environment: false,
    createdBy: false,
  },
});

const guard = createGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
  apiKeys: { from: [{ header: 'x-api-key' }], lookup },
});
// #endregion

const app = express();
app.get('/orders', expressGuard(guard)(), (req, res) => {
  res.json({ orders: [], for: principalOf(req).clientId });
});

if (process.env.DATABASE_URL) await useKeys();
else console.log('skipped: DATABASE_URL is not set');
await Promise.all([guard.close(), pool.end()]);

/** Stores, uses and revokes a key, in a new table. */
async function useKeys(): Promise<void> {
  // Throws if a table of this name exists, and does not change it.
  await pool.query(table);
  const { origin, close } = await listen(createServer(app));
  try {
    const { key, digest } = createApiKey({ prefix: 'acme_live' });
    const shop = [origin, "the shop's key", key] as const;
    const stranger = createApiKey({ prefix: 'acme_live' }).key;
    const insert = 'insert into customer_keys (id, sha256, customer) values ($1, $2, $3)';
    await pool.query(insert, ['key_1', digest, 'shop']);
    await tryKey(shop, '200');
    await tryKey([origin, 'a key that is not in the table', stranger], '401 ERR_API_KEY_INVALID');

    console.log('the key is revoked, and remembered for a minute at most');
    await pool.query('update customer_keys set revoked_at = now() where id = $1', ['key_1']);
    await tryKey(shop, '200');
    console.log('or for no longer: guard.invalidateApiKey');
    await guard.invalidateApiKey('key_1');
    await tryKey(shop, '401 ERR_API_KEY_INVALID');
  } finally {
    close();
    await pool.query('drop table customer_keys');
  }
}
