import express from 'express';
import { expect, onTestFinished, test, vi } from 'vitest';
import { expressGuard } from '../../src/express.js';
import {
  createGuard,
  type MigrationPlan,
  memoryUsageStore,
  type UsageBatch,
  type UsageOptions,
  type UsageStore,
} from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { nameOf } from '../../src/usage.js';
import { listenTo } from '../adapters/open.js';
import { bearing, requestOf } from '../rfc/ask.js';
import { inFull } from '../runs.js';
import { batch, october, row } from '../stores/usage-contract.js';
import { createClock } from '../token/jwks-server.js';

async function open(usage: UsageOptions = {}, plan: MigrationPlan = {}) {
  const clock = createClock();
  const issuer = await createTestIssuer({ now: clock.now });
  const guard = createGuard({
    ...issuer.options,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async ({ value }) =>
        value.startsWith('sk_') ? { id: `id${value.length}`, clientId: 'acme' } : undefined,
      onMigration: () => {},
      plan,
      usage,
    },
  });
  onTestFinished(() => guard.close());
  return { clock, issuer, guard };
}
function watched(store: UsageStore = memoryUsageStore()) {
  const batches: UsageBatch[] = [];
  return {
    batches,
    store: {
      async add(b) {
        batches.push(b);
        await store.add(b);
      },
      read: () => store.read(),
    } as UsageStore,
  };
}

test('a guard that is closed stays closed, whoever reads its counts', async () => {
  const { batches, store } = watched();
  const { guard } = await open({ store });
  await guard.close();
  await guard.usage();
  expect(batches.at(-1)?.closed).toBe(true);
});

test('each caller of close waits until everything is told', async () => {
  let release = () => {};
  const kept = memoryUsageStore();
  const store: UsageStore = {
    add: async (b) => {
      await new Promise<void>((d) => {
        release = d;
      });
      await kept.add(b);
    },
    read: () => kept.read(),
  };
  const { guard } = await open({ store });
  await guard(requestOf({ 'x-api-key': 'sk_1' }));
  let second = false;
  const one = guard.close();
  const two = guard.close().then(() => {
    second = true;
  });
  await new Promise((d) => setImmediate(d));
  const early = second;
  release();
  await Promise.all([one, two]);
  expect(early).toBe(false);
});

test('a batch has no two rows of one name, even if the clock goes to and fro over midnight', async () => {
  const { batches, store } = watched();
  const { clock, guard } = await open({ store });
  for (const seconds of [0, -60, 60, -60]) {
    clock.advance(seconds);
    await guard(requestOf({ 'x-api-key': 'sk_1' }));
  }
  await guard.usage();
  const names = batches.flatMap(({ rows }) => rows.map(nameOf));
  expect(names.length).toBe(new Set(names).size);
});

test('a request that meets a guard twice has one route and one agent', async () => {
  const { guard } = await open();
  const source = {};
  const request = requestOf({ 'x-api-key': 'sk_1', 'user-agent': 'curl' }, { source });
  await guard(request);
  await guard(request, { scopes: ['admin'] });
  const { rows } = await guard.usage();
  expect(rows.filter(({ what }) => what === 'agent').map(({ count }) => count)).toEqual([1]);
});

test('a key in the user agent is not kept', async () => {
  const { guard } = await open();
  await guard(requestOf({ 'x-api-key': 'sk_secret', 'user-agent': 'app (key sk_secret)' }));
  expect(JSON.stringify(await guard.usage())).not.toContain('sk_secret');
});

test('a key in the path of a router is not kept', async () => {
  const { guard } = await open();
  const app = express();
  const router = express.Router();
  router.get('/', expressGuard(guard)(), (_, response) => void response.end());
  app.use('/:key', router);
  const { origin, close } = await listenTo(app);
  onTestFinished(close);
  await fetch(`${origin}/sk_secret`, { headers: { 'x-api-key': 'sk_secret' } });
  expect(JSON.stringify(await guard.usage())).not.toContain('sk_secret');
});

test.runIf(inFull)('the memory store keeps what others had no room for', async () => {
  const full = memoryUsageStore();
  for (let seq = 1; seq <= 100; seq += 1)
    await full.add(
      batch({ seq, rows: Array.from({ length: 1_000 }, (_, i) => row({ client: `${seq}-${i}` })) }),
    );
  await full.add(
    batch({
      seq: 101,
      rows: [row({ client: '', key: '', what: 'other', detail: 'key', count: 7 })],
    }),
  );
  expect((await full.read()).rows.filter(({ what }) => what === 'other')).toMatchObject([
    { count: 7 },
  ]);
});

test('a claimed client that cannot be printed is never taken for another', async () => {
  const { guard, issuer } = await open({}, { clients: { acme: 'dual', acmeé: 'dual' } });
  await guard(bearing(await issuer.token({ clientId: 'acmeé', audience: 'https://other' })));
  const { rows } = await guard.usage();
  expect(rows.map(({ client }) => client)).toEqual(['acmeé']);
});

test('a store that throws what is no text does not make close reject', async () => {
  const error = Object.assign(new Error('x'), { message: Object.create(null) });
  const store: UsageStore = {
    add: async () => {
      throw error;
    },
    read: async () => ({ trackingSince: undefined, rows: [], instances: [] }),
  };
  const { guard } = await open({ store });
  await expect(guard.close()).resolves.toBeUndefined();
});

test('days over that there is no room for are said to be dropped', async () => {
  const { guard, clock } = await open();
  for (let i = 0; i < 450; i += 1) {
    await guard(requestOf({ 'x-api-key': 'sk_1' }));
    clock.advance(86_400);
  }
  const { rows, instances } = await guard.usage();
  const told = rows
    .filter(({ what }) => what === 'key' || what === 'other')
    .reduce((s, { count }) => s + count, 0);
  console.log('told', told, 'dropped', instances[0]?.dropped);
  expect(told + (instances[0]?.dropped ?? 0)).toBe(450);
});

test('a source that is no object', async () => {
  const { guard } = await open();
  const decision = await guard(requestOf({}, { source: 'id-1' as never }));
  expect(decision.allowed).toBe(false);
});

test('the next flush comes within `flushInterval`, as is told', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  vi.spyOn(Math, 'random').mockReturnValue(0.999);
  onTestFinished(() => void vi.restoreAllMocks());
  const { batches, store } = watched();
  await open({ store, flushInterval: 10 });
  await vi.advanceTimersByTimeAsync(0);
  expect(batches.length).toBe(1);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(batches.length).toBe(2);
});
test('instances are forgotten after keep', async () => {
  const s = memoryUsageStore({ keep: 280 });
  await s.add(batch({ closed: true }));
  await s.add(batch({ instance: 'two', at: (october + 500 * 1440) * 60_000, rows: [] }));
  expect((await s.read()).instances).toHaveLength(1);
});
