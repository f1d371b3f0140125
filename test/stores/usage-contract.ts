import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  mergeRows,
  nameOf,
  type Usage,
  type UsageBatch,
  type UsageInstance,
  type UsageRow,
  type UsageStore,
} from '../../src/usage.js';
import { runs } from '../runs.js';

/** 1 October 2026, in minutes. */
export const october = Date.UTC(2026, 9, 1) / 60_000;

export const row = (more: Partial<UsageRow> = {}): UsageRow => ({
  ...{ client: 'billing', key: 'key_1', what: 'key', detail: '', day: '2026-10-01' },
  ...{ count: 1, first: october, last: october },
  ...more,
});

export const batch = (more: Partial<UsageBatch> = {}): UsageBatch => ({
  ...{ instance: 'one', seq: 1, since: (october - 5) * 60_000, at: (october + 1) * 60_000 },
  ...{ every: 60, dropped: 0, closed: false, rows: [row()] },
  ...more,
});

const byName = (rows: readonly UsageRow[]): UsageRow[] =>
  [...rows].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));

const byInstance = (instances: readonly UsageInstance[]): UsageInstance[] =>
  [...instances].sort((a, b) => (a.instance < b.instance ? -1 : 1));

/** What was read, in an order that does not depend on the store. */
export const sorted = ({ trackingSince, rows, instances }: Usage): Usage => ({
  trackingSince,
  rows: byName(rows),
  instances: byInstance(instances),
});

/** What a store has to hold once these were added, in this order. */
export function recount(batches: readonly UsageBatch[]): Usage {
  const rows = new Map<string, UsageRow>();
  const instances = new Map<string, UsageInstance>();
  for (const { rows: counted, ...told } of batches) {
    if ((instances.get(told.instance)?.seq ?? 0) >= told.seq) continue;
    instances.set(told.instance, told);
    mergeRows(rows, counted);
  }
  const trackingSince = batches[0]?.since;
  return sorted({ trackingSince, rows: [...rows.values()], instances: [...instances.values()] });
}

const texts = ['', 'a', 'b "q" \\', "é'\u2028\r\n", '__proto__', '{}(other)', '🗝'.repeat(3_000)];

const anyRow = fc
  .record({
    client: fc.constantFrom(...texts),
    key: fc.constantFrom('', 'key_1'),
    what: fc.constantFrom('key', 'token', 'refused', 'agent', 'route', 'brownout', 'later'),
    detail: fc.constantFrom(...texts, '(other)'),
    days: fc.nat(2),
    count: fc.integer({ min: 1, max: 1_000_000_000_000 }),
    first: fc.nat(1_000),
    lasted: fc.nat(1_000),
  })
  .map(({ what, days, first, lasted, ...more }) => {
    const isUndated = ['agent', 'route', 'brownout'].includes(what);
    const day = isUndated ? '' : `2026-10-0${days + 1}`;
    const from = october + first;
    return row({ ...more, what: what as UsageRow['what'], day, first: from, last: from + lasted });
  });

const anyBatches = (instance: string) =>
  fc
    .array(
      fc.record({
        rows: fc.uniqueArray(anyRow, { selector: nameOf, maxLength: 12 }),
        skipped: fc.nat(3),
        dropped: fc.nat(9),
        closed: fc.boolean(),
      }),
      { minLength: 1, maxLength: 5 },
    )
    .map((parts) => {
      let seq = 0;
      return parts.map(({ skipped, ...more }): UsageBatch => {
        seq += 1 + skipped;
        return batch({ instance, seq, since: (october - 5) * 60_000, ...more });
      });
    });

/** For each round, how often each instance hands over its next batch, and one of those before. */
const anyRounds = fc.array(
  fc.array(fc.record({ again: fc.nat(3), old: fc.option(fc.nat(4)) }), {
    minLength: 3,
    maxLength: 3,
  }),
  { minLength: 1, maxLength: 6 },
);

/** What every store of counts has to do. Each test begins with an empty one. */
export function usageContract(open: () => Promise<UsageStore>, empty: () => Promise<void>): void {
  test('an empty one has nothing', async () => {
    const store = await open();
    expect(await store.read()).toEqual({ trackingSince: undefined, rows: [], instances: [] });
  });

  test('counts add up, the first is the earliest and the last the latest', async () => {
    const store = await open();
    await store.add(batch({ rows: [row({ count: 2, first: october + 3, last: october + 5 })] }));
    const more = row({ count: 40, first: october + 1, last: october + 4 });
    const later = batch({ instance: 'two', since: october * 60_000, rows: [more] });
    await store.add(later);
    const { trackingSince, rows, instances } = sorted(await store.read());
    expect(rows).toEqual([row({ count: 42, first: october + 1, last: october + 5 })]);
    expect(instances).toEqual(recount([batch(), later]).instances);
    expect(trackingSince).toBe(batch().since);
  });

  test('a batch is added once, however often it comes, and none that is older', async () => {
    const store = await open();
    const second = batch({ seq: 2, dropped: 3, closed: true });
    await Promise.all(Array.from({ length: 5 }, () => store.add(second)));
    await store.add(second);
    await store.add(batch({ seq: 1 }));
    expect(sorted(await store.read())).toEqual(recount([second]));
  });

  test('a batch without rows tells that its instance is there', async () => {
    const store = await open();
    await store.add(batch({ rows: [], every: 0.5 }));
    expect(sorted(await store.read())).toEqual(recount([batch({ rows: [], every: 0.5 })]));
  });

  test.each<[string, Partial<UsageBatch>]>([
    ['no number', { rows: [row(), row({ key: 'key_2', count: Number.NaN })] }],
    ['half a request', { rows: [row(), row({ key: 'key_2', count: 0.5 })] }],
    ['a time that runs backwards', { rows: [row({ last: october - 1 })] }],
    ['no day', { rows: [row({ day: 'yesterday' })] }],
    ['no client', { rows: [row({ client: undefined as never })] }],
    ['no row', { rows: [null as never] }],
    ['no rows', { rows: undefined as never }],
    ['no number of its own', { seq: -1 }],
    ['no name', { instance: '' }],
    ['no end', { every: Number.POSITIVE_INFINITY }],
    ['too many rows', { rows: Array.from({ length: 1_001 }, (_, i) => row({ key: `key_${i}` })) }],
  ])('a batch with %s is refused, and nothing of it added', async (_, more) => {
    const store = await open();
    await expect(store.add(batch(more))).rejects.toMatchObject({ code: 'ERR_USAGE_BATCH' });
    expect((await store.read()).rows).toEqual([]);
    await store.add(batch());
    expect(sorted(await store.read())).toEqual(recount([batch()]));
  });

  test('a thousand rows are added', async () => {
    const store = await open();
    const many = Array.from({ length: 1_000 }, (_, i) => row({ client: `client_${i}` }));
    await store.add(batch({ rows: many }));
    await store.add(batch({ seq: 2, rows: many }));
    expect(sorted(await store.read()).rows).toEqual(
      byName(many.map((one) => ({ ...one, count: 2 }))),
    );
  });

  test('a client that makes up details gets a hundred of a kind, and loses no count', async () => {
    const store = await open();
    const agent = (name: string, more: Partial<UsageRow> = {}) =>
      row({ what: 'agent', day: '', detail: name, ...more });
    const made = (seq: number) => Array.from({ length: 900 }, (_, i) => agent(`${seq}/${i}`));
    const kept = [agent('curl'), agent('other', { client: 'shop' }), agent('/', { what: 'route' })];
    await store.add(batch({ rows: kept }));
    for (const seq of [2, 3]) await store.add(batch({ seq, rows: [...made(seq), ...kept] }));
    await store.add(batch({ seq: 4, rows: [agent('a last one', { key: 'key_2' })] }));
    const { rows } = await store.read();
    for (const one of kept) expect(rows).toContainEqual({ ...one, count: 3 });
    const flood = rows.filter(({ client, what }) => client === 'billing' && what === 'agent');
    const apart = flood.filter(({ detail }) => detail !== '(other)');
    expect(apart).toHaveLength(100);
    expect(flood).toContainEqual(agent('(other)', { count: 1_803 - (100 + 2) }));
    expect(flood).toContainEqual(agent('(other)', { key: 'key_2' }));
    expect(flood).toHaveLength(102);
  });

  test('brownouts are told apart, a thousand of them', async () => {
    const store = await open();
    const start = (i: number) => new Date(i * 3_600_000).toISOString();
    const starts = Array.from({ length: 1_100 }, (_, i) =>
      row({ what: 'brownout', day: '', detail: start(i), first: october + i, last: october + i }),
    );
    await store.add(batch({ rows: starts.slice(0, 700) }));
    await store.add(batch({ seq: 2, rows: starts.slice(700) }));
    const { rows } = await store.read();
    expect(rows).toHaveLength(1_001);
    expect(rows.find(({ detail }) => detail === '(other)')?.count).toBe(100);
  });

  test('any batches, from many at once, some twice and some late: as counted by hand', async () => {
    const names = ['one', 'two', 'three'] as const;
    const anyAll = fc.tuple(...names.map(anyBatches));
    await fc.assert(
      fc.asyncProperty(anyAll, anyRounds, async (all, rounds) => {
        await empty();
        const store = await open();
        const added: UsageBatch[] = [];
        for (const [number, round] of rounds.entries()) {
          const next = all.flatMap((own) => own[number] ?? []);
          const repeated = round.flatMap(({ again, old }, i) => {
            const own = all[i] ?? [];
            const twice = Array.from({ length: again }, () => own[number] ?? []).flat();
            return [...twice, ...(old === null ? [] : own.slice(0, number).slice(old, old + 1))];
          });
          added.push(...next);
          await Promise.all([...repeated, ...next].map((one) => store.add(one)));
        }
        expect(sorted(await store.read())).toEqual(recount(added));
      }),
      { numRuns: runs(25, 5) },
    );
  });
}
