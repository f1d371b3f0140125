import { readdirSync, readFileSync } from 'node:fs';
import express from 'express';
import { describe, expect, onTestFinished, test } from 'vitest';
import { inMemoryApiKeys, sha256 } from '../../src/api-keys.js';
import { expressGuard } from '../../src/express.js';
import { createGuard, type MigrationPlan } from '../../src/index.js';
import { migrationReport, reportPage } from '../../src/report.js';
import { createTestIssuer } from '../../src/testing.js';
import { listenTo } from '../adapters/open.js';

// The steps of docs/migration.md, one after the other, and who tries to get in where nobody should.
const folder = new URL('../../examples/migration/plans/', import.meta.url);
const steps = readdirSync(folder)
  .sort()
  .map((file) => [file, JSON.parse(readFileSync(new URL(file, folder), 'utf8'))] as const);
const during = Date.parse('2027-03-01T12:00:00Z');
const issuer = await createTestIssuer({ now: () => during });

const records = [
  { id: 'key_shop', clientId: 'shop', orgId: 'org_shop', scopes: ['orders:read'] },
  { id: 'key_old', clientId: 'old' },
].map((record) => ({ ...record, digest: sha256.digest(record.id) }));

async function open(plan: MigrationPlan) {
  const apiKeys = { from: [{ header: 'x-api-key' }], lookup: inMemoryApiKeys(records), plan };
  const guard = createGuard({ ...issuer.options, now: () => during, apiKeys });
  const report = async () => migrationReport({ usage: await guard.usage(), plan, now: during });
  const requireToken = expressGuard(guard);
  const app = express();
  const orders = requireToken({ scopes: ['orders:read'], orgId: (r) => r.params?.org });
  app.get('/orders/:org', orders, (_request, response) => void response.end());
  const admin = requireToken({ scopes: ['admin'], enforce: true });
  app.get('/admin', admin, (_request, response) => void response.end());
  const requirements = { scopes: ['migration:read'] };
  app.get('/migration', reportPage({ guard, requirements, report, now: () => during }));
  const { origin, close } = await listenTo(app);
  onTestFinished(close);
  return async (path: string, headers: Record<string, string>) =>
    (await fetch(origin + path, { headers })).status;
}

const bearer = async (parts: object) => ({
  authorization: `Bearer ${await issuer.token(parts)}`,
});

describe.each(steps)('%s', (_, plan) => {
  test('opens no route to a token that may not go there', async () => {
    const status = await open(plan);
    const good = { scopes: ['orders:read'], orgId: 'org_1', clientId: 'new' };
    expect(await status('/orders/org_1', await bearer(good))).toBe(200);
    expect(await status('/orders/org_2', await bearer(good))).toBe(403);
    expect(await status('/orders/org_1', await bearer({ ...good, scopes: [] }))).toBe(403);
    const elsewhere = { ...good, audience: 'https://other.test' };
    expect(await status('/orders/org_1', await bearer(elsewhere))).toBe(401);
    // Of a client that the plan knows, too.
    expect(await status('/orders/org_2', await bearer({ ...good, clientId: 'soylent' }))).toBe(403);
    expect(await status('/orders/org_1', {})).toBe(401);
  });

  test('opens the report and the routes that are enforced to nobody else', async () => {
    const status = await open(plan);
    for (const path of ['/migration', '/admin']) {
      for (const id of ['key_shop', 'key_old']) {
        expect([401, 403]).toContain(await status(path, { 'x-api-key': id }));
      }
      expect(await status(path, await bearer({ scopes: ['orders:read'] }))).toBe(403);
      expect(await status(path, await bearer({ scopes: [], clientId: 'soylent' }))).toBe(403);
      expect(await status(path, {})).toBe(401);
    }
    expect(await status('/migration', await bearer({ scopes: ['migration:read'] }))).toBe(200);
    expect(await status('/admin', await bearer({ scopes: ['admin'] }))).toBe(200);
  });
});

test('in the first step a key of before passes where it always did', async () => {
  const [[, first]] = steps as [(typeof steps)[number]];
  const status = await open(first);
  expect(await status('/orders/org_1', { 'x-api-key': 'key_old' })).toBe(200);
});
