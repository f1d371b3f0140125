import { expect, onTestFinished, test } from 'vitest';
import { createGuard, memoryUsageStore, type UsageStore } from '../../src/index.js';
import { migrationReport } from '../../src/report.js';
import { createTestIssuer } from '../../src/testing.js';
import { requestOf } from '../rfc/ask.js';
import { createClock } from '../token/jwks-server.js';

// Requests that a guard could not count by client, while the guard lives on.

const day = 86_400;
const clock = createClock();
const issuer = await createTestIssuer({ now: clock.now });

/** A guard whose lookup is down while a test says so; `shop` has a key. */
function open(store: UsageStore) {
  const lookup = { isDown: false };
  const guard = createGuard({
    ...issuer.options,
    now: clock.now,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      async lookup({ value }) {
        if (lookup.isDown) throw new Error('down');
        return { id: `key_${value}`, clientId: value };
      },
      usage: { store },
      onMigration() {},
    },
  });
  onTestFinished(() => guard.close());
  let comes = 0;
  const come = async (times = 1) => {
    // Each with a key of its own: what was looked up once is cached.
    for (let i = 0; i < times; i += 1) {
      comes += 1;
      await guard(requestOf({ 'x-api-key': `k${comes}` }));
    }
  };
  const fail = async () => {
    lookup.isDown = true;
    await come();
    lookup.isDown = false;
  };
  const wait = async (days: number) => {
    for (let i = 0; i < days; i += 1) {
      clock.advance(day);
      await guard.usage();
    }
  };
  const safe = async (gone: readonly { instance: string; at: string }[] = []) => {
    const usage = await guard.usage();
    const report = migrationReport({
      usage,
      gone,
      clients: [{ client: 'shop' }],
      now: clock.now(),
    });
    return report.clients.find(({ client }) => client === 'shop')?.safeToCut.safe;
  };
  return { guard, come, fail, wait, safe };
}

test('a lookup that failed is over once its day is, although its row is forgotten and its guard lives on', async () => {
  const { guard, come, fail, wait, safe } = open(memoryUsageStore({ keep: 280 }));
  await come();
  await fail();
  await wait(34);
  expect(await safe()).toBe(false);
  await wait(66);
  expect(await safe()).toBe(true);
  await come();
  await wait(200);
  const { rows, instances } = await guard.usage();
  expect(rows.filter(({ what }) => what === 'other')).toEqual([]);
  expect(instances).toMatchObject([{ dropped: 1, droppedByDay: 1 }]);
  expect(await safe()).toBe(true);
});

test('what was told by one name is not told again by the next one', async () => {
  const kept = memoryUsageStore();
  let isTaken = false;
  const store: UsageStore = {
    ...kept,
    async add(batch) {
      const error = isTaken && Object.assign(new Error('taken'), { code: 'ERR_USAGE_INSTANCE' });
      isTaken = false;
      if (error) throw error;
      await kept.add(batch);
    },
  };
  const { guard, come, fail, wait, safe } = open(store);
  await come();
  await fail();
  await guard.usage();
  // One before it is told that its name is taken, and one after.
  await fail();
  isTaken = true;
  await guard.usage();
  await fail();
  await wait(36);
  const { instances } = await guard.usage();
  expect(instances.map(({ dropped, droppedByDay }) => [dropped, droppedByDay])).toEqual([
    [1, 1],
    [2, 2],
  ]);
  const [old] = instances;
  expect(
    await safe([{ instance: String(old?.instance), at: new Date(old?.at ?? 0).toISOString() }]),
  ).toBe(true);
});

test('a batch that no store would take raises a doubt until then, and not for as long as its guard lives', async () => {
  const kept = memoryUsageStore();
  let refuses = false;
  const store: UsageStore = {
    ...kept,
    async add(batch) {
      if (refuses && batch.rows.length > 0) {
        throw Object.assign(new Error('never'), { code: 'ERR_USAGE_BATCH' });
      }
      await kept.add(batch);
    },
  };
  const { guard, come, wait, safe } = open(store);
  await come();
  await guard.usage();
  await wait(50);
  expect(await safe()).toBe(true);
  await come(3);
  refuses = true;
  await guard.usage();
  refuses = false;
  await guard.usage();
  expect((await guard.usage()).instances).toMatchObject([
    { dropped: 3, droppedUntil: clock.now() },
  ]);
  await wait(34);
  expect(await safe()).toBe(false);
  await wait(2);
  expect(await safe()).toBe(true);
});
