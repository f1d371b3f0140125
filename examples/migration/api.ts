import { createServer } from 'node:http';
import express from 'express';
import {
  type ApiKeyRecord,
  createGuard,
  type GuardRequest,
  type MigrationEvent,
  type MigrationPlan,
} from 'sallyport';
import { createApiKey, inMemoryApiKeys } from 'sallyport/api-keys';
import { expressGuard } from 'sallyport/express';
import type { TestIssuer } from 'sallyport/testing';
import { memoryUsageStore } from 'sallyport/usage';
import { listen } from '../listen.js';
import { storedKeys } from './clients.js';

const scopes = ['orders:read', 'invoices:read'];

/** The API, with the table of its keys and the plan that ends them. */
export async function startApi(issuer: TestIssuer, firstPlan: MigrationPlan) {
  const made = storedKeys.map((stored) => ({ stored, ...createApiKey({ prefix: 'acme_live' }) }));
  const tableOf = (more: (stored: ApiKeyRecord) => Partial<ApiKeyRecord>) =>
    inMemoryApiKeys(made.map(({ stored, digest }) => ({ ...stored, ...more(stored), digest })));
  // As long as there were only keys, nobody wrote down what a key may do, or whose data it may see.
  const asFound = tableOf(() => ({}));
  const completed = tableOf(({ clientId }) => ({ scopes, ...(clientId && { orgId: clientId }) }));
  let table = asFound;

  let plan = firstPlan;
  let planTaken: (event: MigrationEvent) => void = () => {};
  const warnings: string[] = [];
  const guard = createGuard({
    ...issuer.options,
    apiKeys: {
      from: [{ header: 'x-api-key' }, { dangerouslyInQuery: 'api_key' }],
      lookup: (key) => table(key),
      both: 'same-client',
      usage: { store: memoryUsageStore() }, // the only process there is
      plan: { initial: firstPlan, load: async () => plan, pollInterval: 0.01 },
      onMigration(event) {
        if (event.kind === 'plan' || event.kind === 'plan-failed') planTaken(event);
        if (event.kind === 'warning') warnings.push(event.detail);
      },
    },
  });
  await guard.ready();

  const requireToken = expressGuard(guard);
  const orgId = ({ params }: GuardRequest) => params?.org;
  const app = express();
  app.get('/orders', requireToken({ scopes: ['orders:read'] }), (_req, res) => {
    res.json({ orders: [] });
  });
  app.get(
    '/orgs/:org/invoices',
    requireToken({ scopes: ['invoices:read'], orgId }),
    (_req, res) => {
      res.json({ invoices: [] });
    },
  );
  const { origin, close } = await listen(createServer(app));

  return {
    origin,
    guard,
    keys: new Map(made.map(({ stored, key }) => [stored.clientId ?? stored.id, key])),
    /** Writes scopes and organizations into the table. */
    completeTable(): void {
      table = completed;
    },
    plan: () => plan,
    warnings,
    /** Resolves once the guard goes by it. */
    async setPlan(next: MigrationPlan): Promise<void> {
      const told = new Promise<MigrationEvent>((resolve) => {
        planTaken = resolve;
      });
      plan = next;
      const event = await told;
      if (event.kind === 'plan-failed') throw new Error(event.detail);
    },
    async close(): Promise<void> {
      close();
      await guard.close();
    },
  };
}

export type Api = Awaited<ReturnType<typeof startApi>>;
