import { beforeEach, expect, test } from 'vitest';
import { createGuard } from '../../src/index.js';
import { memoryUsageStore, type UsageRow, type UsageStore } from '../../src/usage.js';
import { batch, october, row, usageContract } from './usage-contract.js';

let store: UsageStore = memoryUsageStore();
beforeEach(() => {
  store = memoryUsageStore();
});

usageContract(
  async () => ({
    add: (one) => store.add(one),
    read: () => store.read(),
    clients: async () => (await store.clients?.()) ?? [],
  }),
  async () => {
    store = memoryUsageStore();
  },
);

test('there is room for so many rows; what comes beyond them is somebody’s', async () => {
  const full = memoryUsageStore();
  const add = (seq: number, rows: readonly UsageRow[]) => full.add(batch({ seq, rows }));
  for (let seq = 1; seq <= 100; seq += 1) {
    await add(
      seq,
      Array.from({ length: 1_000 }, (_, i) => row({ client: `${seq}-${i}` })),
    );
  }
  const late = [
    row({ client: 'late' }),
    row({ client: 'late', what: 'route', detail: '/a', day: '' }),
  ];
  await add(101, [...late, row({ client: '1-0', count: 4 })]);
  const { rows } = await full.read();
  expect(rows).toHaveLength(100_001);
  expect(rows.filter(({ what }) => what === 'other')).toEqual([
    row({ client: '', issuer: '', key: '', what: 'other', detail: 'key' }),
  ]);
  expect(rows.find(({ client }) => client === '1-0')?.count).toBe(5);
});

test('what did not happen for long enough is forgotten, and its room is free', async () => {
  const short = memoryUsageStore({ keep: 280 });
  const agent = (i: number, last: number) =>
    row({ what: 'agent', detail: `agent-${i}`, day: '', first: october, last });
  await short.add(batch({ rows: Array.from({ length: 100 }, (_, i) => agent(i, october)) }));
  const later = october + 281 * 1_440;
  await short.add(batch({ seq: 2, at: later * 60_000, rows: [agent(100, later)] }));
  const { rows } = await short.read();
  expect(rows.map(({ detail }) => detail)).toEqual(['agent-100']);
});

test('without a store the counts of a guard are marked as those of its process', async () => {
  const apiKeys = { from: [{ header: 'x-api-key' }], lookup: async () => undefined };
  const options = { issuer: 'https://issuer.test', audience: 'https://api.test', apiKeys };
  const instancesOf = async (usage: object) => {
    const guard = createGuard({ ...options, apiKeys: { ...apiKeys, usage } });
    const { instances } = await guard.usage();
    await guard.close();
    return instances;
  };
  expect(await instancesOf({})).toMatchObject([{ temporary: true }]);
  // Whoever gives a store says that there is no other.
  expect(await instancesOf({ store })).not.toMatchObject([{ temporary: true }]);
});

test('an instance that was not closed is never forgotten', async () => {
  await store.add(batch({ instance: 'silent' }));
  await store.add(batch({ instance: 'ended', closed: true }));
  const at = (october + 500 * 1_440) * 60_000;
  await store.add(batch({ instance: 'alive', at, from: at, rows: [] }));
  const { instances, trackingSince } = await store.read();
  expect(instances.map(({ instance }) => instance)).toEqual(['silent', 'alive']);
  expect(trackingSince).toBe(at);
});
