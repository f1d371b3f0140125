import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { createApiKey, inMemoryApiKeys } from 'sallyport/api-keys';
import { toEcs } from 'sallyport/audit';
import { listen } from './listen.js';
import { tryKey } from './story.js';

const { key, digest } = createApiKey({ prefix: 'acme_live' });
const lookup = inMemoryApiKeys([{ id: 'key_1', clientId: 'shop', digest }]);
process.env.AUDIT_SECRET = 'only for this example: 32 bytes or more';
const directory = mkdtempSync(join(tmpdir(), 'sallyport-'));
process.chdir(directory);
process.once('exit', () => {
  process.chdir(tmpdir());
  rmSync(directory, { recursive: true });
});

// What an API needs:

// #region quickstart
import { createWriteStream } from 'node:fs';
import express from 'express';
import { createGuard, principalOf } from 'sallyport';
import { auditLog } from 'sallyport/audit';
import { expressGuard } from 'sallyport/express';
import { otelDecisions } from 'sallyport/otel';

const audit = auditLog({
  stream: createWriteStream('audit.jsonl', { flags: 'a' }),
  secret: process.env.AUDIT_SECRET ?? '', // at least 32 random bytes
  service: 'orders',
});
const measure = otelDecisions();

const guard = createGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
  apiKeys: { from: [{ header: 'x-api-key' }], lookup },
  onDecision(event) {
    audit(event);
    measure(event);
  },
});

const app = express();
app.get('/orders', expressGuard(guard)(), (req, res) => {
  res.json({ orders: [], for: principalOf(req).clientId });
});
// #endregion

const { origin, close } = await listen(createServer(app));
await tryKey([origin, "the shop's key", key], '200');
await tryKey([origin, 'a key of nobody', `${key}x`], '401 ERR_API_KEY_INVALID');
close();
await guard.close();
assert.equal(await audit.close(), true);

const text = readFileSync('audit.jsonl', 'utf8');
assert.ok(!text.includes(key));
const lines = text.trimEnd().split('\n');
assert.equal(lines.length, 2);
for (const line of lines) {
  const { time: _, durationMs: __, ...told } = JSON.parse(line);
  console.log(`audit.jsonl: ${inspect(told, { breakLength: Number.POSITIVE_INFINITY })}`);
}
const { event } = toEcs(lines[1] ?? '') as { event: { action: string; reason: string } };
console.log(`in ECS: event.action ${event.action}, event.reason ${event.reason}`);
