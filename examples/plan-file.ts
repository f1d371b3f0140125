import { rmSync } from 'node:fs';
import { mkdtemp, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { type MigrationEvent, principalOf } from 'sallyport';
import { createApiKey, inMemoryApiKeys } from 'sallyport/api-keys';
import { expressGuard } from 'sallyport/express';
import { planFile } from 'sallyport/plan';
import { listen } from './listen.js';
import { createNews, tryKey } from './story.js';

const { key, digest } = createApiKey({ prefix: 'acme_live' });
const lookup = inMemoryApiKeys([{ id: 'key_1', clientId: 'shop', digest }]);
const { listener, next } = createNews();

const directory = await mkdtemp(join(tmpdir(), 'sallyport-'));
process.chdir(directory);
process.once('exit', () => {
  process.chdir(tmpdir());
  rmSync(directory, { recursive: true });
});
await save('{ "mode": "dual" }');

// #region quickstart
const requireToken = expressGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
  apiKeys: {
    from: [{ header: 'x-api-key' }],
    lookup,
    plan: planFile('plan.json', { pollInterval: 1 }),
    onMigration: listener,
  },
});
// #endregion

const app = express();
app.get('/orders', requireToken(), (req, res) => {
  res.json({ orders: [], for: principalOf(req).clientId });
});
const { origin, close } = await listen(createServer(app));
const shop = [origin, "the shop's key", key] as const;
await tryKey(shop, '200');

await change('{ "mode": "dual", "clients": { "shop": "token-only" } }', 'mode');
await tryKey(shop, '401 ERR_API_KEY_RETIRED');

// An invalid plan changes nothing.
await change('{\n  "mode": "dual",\n  "clients": { "shop": "duel" }\n}', 'plan-failed');
await tryKey(shop, '401 ERR_API_KEY_RETIRED');

await change('{ "mode": "dual" }', 'mode');
await tryKey(shop, '200');

close();

/** Saves the file, and waits for the event. */
async function change(text: string, news: MigrationEvent['kind']): Promise<void> {
  const heard = next(news);
  await save(text);
  await heard;
}

/** Replaces the file atomically, so that it is never read half-written. */
async function save(text: string): Promise<void> {
  console.log(`plan.json: ${text}`);
  await writeFile('plan.json.new', text);
  await rename('plan.json.new', 'plan.json');
}
