import fc from 'fast-check';
import { expect, test } from 'vitest';
import { advanceInstance, trackingSinceOf } from '../../src/core/usage/coverage.js';
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
  ...{ client: 'billing', issuer: 'https://login.example', key: 'key_1', what: 'key', detail: '' },
  day: '2026-10-01',
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
export const sorted = ({ trackingSince, rows, instances, ...more }: Usage): Usage => ({
  trackingSince,
  rows: byName(rows),
  instances: byInstance(instances),
  ...more,
});

/** As a store does, which refuses one that cannot be of the same guard. */
export function advanced(held: UsageInstance | undefined, batch: UsageBatch) {
  try {
    return advanceInstance(held, batch);
  } catch (error) {
    return void unlessOthers(error);
  }
}

/** A batch of before the clock was set back looks like another guard's. */
export function unlessOthers(error: unknown): void {
  if ((error as { code?: unknown }).code !== 'ERR_USAGE_INSTANCE') throw error;
}

/** What a store has to hold once these were added, in this order. */
export function recount(batches: readonly UsageBatch[]): Usage {
  const rows = new Map<string, UsageRow>();
  const instances = new Map<string, UsageInstance>();
  for (const batch of batches) {
    const next = advanced(instances.get(batch.instance), batch);
    if (!next) continue;
    instances.set(batch.instance, next);
    mergeRows(rows, batch.rows);
  }
  const trackingSince = trackingSinceOf(instances.values());
  return sorted({ trackingSince, rows: [...rows.values()], instances: [...instances.values()] });
}

const texts = ['', 'a', 'b "q" \\', "é'\u2028\r\n", '__proto__', '{}(other)', '🗝'.repeat(3_000)];

const anyRow = fc
  .record({
    client: fc.constantFrom(...texts),
    issuer: fc.constantFrom('', 'https://login.example', 'https://b.example/é'),
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
        skipped: fc.constantFrom(0, 0, 0, 1, 3),
        /** Minutes for which its clock went on, before it was told. */
        lasted: fc.integer({ min: -3, max: 90 }),
        from: fc.option(fc.integer({ min: -60, max: 2 }), { nil: undefined }),
        dropped: fc.nat(9),
        closed: fc.boolean(),
      }),
      { minLength: 1, maxLength: 5 },
    )
    .map((parts) => {
      let seq = 0;
      let minute = october;
      return parts.map(({ skipped, lasted, from, ...more }): UsageBatch => {
        seq += 1 + skipped;
        minute += lasted;
        const covered = from === undefined ? {} : { from: (minute + from) * 60_000 };
        return batch({ instance, seq, at: minute * 60_000, ...covered, ...more });
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

  test('what was told by day is held apart from the rows, so that lost rows are found', async () => {
    const store = await open();
    await store.add(
      batch({ rows: [row({ count: 3 }), row({ what: 'agent', day: '', detail: 'a' })] }),
    );
    const rows = [
      row({ count: 2 }),
      row({ key: '', what: 'claimed', detail: 'ERR_TOKEN_AUDIENCE' }),
    ];
    await store.add(
      batch({ seq: 2, rows: [...rows, row({ what: 'other', detail: 'key', count: 4 })] }),
    );
    expect((await store.read()).instances).toMatchObject([{ counted: { '2026-10-01': 9 } }]);
  });

  test('whom an instance does not count is known', async () => {
    const store = await open();
    await store.add(batch({ excludes: ['monitor', 'é"closed":true,'] }));
    expect((await store.read()).instances).toMatchObject([
      { excludes: ['monitor', 'é"closed":true,'], closed: false },
    ]);
  });

  test('a part of a flush covers no time without those before it', async () => {
    const from = (october - 5) * 60_000;
    const store = await open();
    await store.add(batch({ seq: 3, firstSeq: 1, from }));
    expect((await store.read()).trackingSince).toBe(batch().at);
    await store.add(batch({ seq: 4, firstSeq: 3, from }));
    expect((await store.read()).trackingSince).toBe(from);
  });

  test('a batch of another guard with the same name is refused, and nothing of it dropped silently', async () => {
    const store = await open();
    await store.add(batch());
    await store.add(batch());
    await store.add(batch({ seq: 2, at: (october + 2) * 60_000 }));
    for (const seq of [1, 2]) {
      const other = batch({ seq, at: (october + 3) * 60_000 });
      await expect(store.add(other)).rejects.toMatchObject({ code: 'ERR_USAGE_INSTANCE' });
    }
    expect((await store.read()).rows).toEqual([row({ count: 2 })]);
    expect((await store.read()).skipped).toBeUndefined();
  });

  test('a copy’s batch is refused, though it was made in the same millisecond or before what is held', async () => {
    const store = await open();
    const own = [1, 2, 3].map((seq) =>
      batch({ seq, at: (october + seq) * 60_000, tag: `own-${seq}`, rows: [row()] }),
    );
    for (const one of own) await store.add(one);
    for (const one of own) {
      const copied = { ...one, tag: 'copy', rows: [row({ client: 'night', count: 7 })] };
      await expect(store.add(copied)).rejects.toMatchObject({ code: 'ERR_USAGE_INSTANCE' });
    }
    // Its own newest batch comes again, whatever it says of its time: the clock was set meanwhile.
    await store.add({ ...batch({ seq: 3, tag: 'own-3' }), since: october * 60_000 });
    expect((await store.read()).rows).toEqual([row({ count: 3 })]);
    expect((await store.read()).instances).toMatchObject([{ seq: 3, tag: 'own-3', missing: 0 }]);
  });

  test('claims of a client have little room, and those that were not examined are never folded', async () => {
    const store = await open();
    const claim = (detail: string) => row({ key: '', what: 'claimed', detail });
    const codes = ['A', 'B', 'C', 'D', 'E'].map((one) => claim(`ERR_${one}`));
    await store.add(batch({ rows: [...codes, claim('UNEXAMINED')] }));
    const told = (await store.read()).rows.map(({ detail, count }) => `${detail} ${count}`).sort();
    // Which of one batch come first is the store's.
    expect(told).toHaveLength(5);
    expect(told).toEqual(expect.arrayContaining(['(other) 2', 'UNEXAMINED 1']));
  });

  test('counts add up, the first is the earliest and the last the latest', async () => {
    const store = await open();
    await store.add(batch({ rows: [row({ count: 2, first: october + 3, last: october + 5 })] }));
    const more = row({ count: 40, first: october + 1, last: october + 4 });
    const later = batch({ instance: 'two', since: october * 60_000, rows: [more] });
    await store.add(later);
    const { trackingSince, rows, instances } = sorted(await store.read());
    expect(rows).toEqual([row({ count: 42, first: october + 1, last: october + 5 })]);
    const [one, two] = recount([batch({ rows: [row({ count: 2 })] }), later]).instances;
    expect(instances).toEqual([one, two]);
    expect(trackingSince).toBe(batch().since);
  });

  test('the same client of another issuer is another one', async () => {
    const store = await open();
    const other = row({ issuer: 'https://b.example' });
    const untold = row({ issuer: '' });
    await store.add(batch({ rows: [row(), other, untold] }));
    await store.add(batch({ seq: 2, rows: [other] }));
    const { rows } = sorted(await store.read());
    expect(rows).toEqual(byName([row(), untold, { ...other, count: 2 }]));
  });

  const minutes = (many: number) => (october + many) * 60_000;
  const told = (seq: number, from: number, to: number) =>
    batch({ seq, since: minutes(0), from: minutes(from), at: minutes(to), rows: [] });
  const held = async (store: UsageStore) => {
    const { instances, trackingSince } = await store.read();
    const [{ watched, missing } = {}] = instances;
    return {
      watched: watched?.map((both) => both.map((time) => time / 60_000 - october)),
      missing,
      since: trackingSince && trackingSince / 60_000 - october,
    };
  };

  test('batches without a gap are one stretch that is watched', async () => {
    const store = await open();
    for (const one of [told(1, 0, 0), told(2, 0, 10), told(3, 10, 20)]) await store.add(one);
    expect(await held(store)).toEqual({ watched: [[0, 20]], missing: 0, since: 0 });
  });

  test('a number that is missing is time that nobody watched', async () => {
    const store = await open();
    for (const one of [told(1, 0, 10), told(3, 20, 30)]) await store.add(one);
    expect(await held(store)).toEqual({
      watched: [
        [0, 10],
        [20, 30],
      ],
      missing: 1,
      since: 0,
    });
  });

  test('a store that lost all it had knows what it is told from then on, and no more', async () => {
    for (const one of [told(1, 0, 10), told(2, 10, 20)]) await (await open()).add(one);
    await empty();
    const store = await open();
    await store.add(told(57, 20, 30));
    expect(await held(store)).toEqual({ watched: [[20, 30]], missing: 56, since: 20 });
    await store.add(told(58, 30, 40));
    expect(await held(store)).toEqual({ watched: [[20, 40]], missing: 56, since: 20 });
  });

  test('a batch that says nothing of its time goes on from the one before, if that is there', async () => {
    const store = await open();
    const plain = (seq: number, at: number) => {
      const { from: _, ...rest } = told(seq, 0, at);
      return rest;
    };
    for (const one of [plain(1, 5), plain(2, 10), plain(4, 30), plain(5, 40)]) await store.add(one);
    expect(await held(store)).toEqual({
      watched: [
        [0, 10],
        [30, 40],
      ],
      missing: 1,
      since: 0,
    });
  });

  test('an instance whose clock was set tells anew since when', async () => {
    const store = await open();
    await store.add({ ...told(1, 0, 0), since: 5_000, from: 5_000, at: 5_000 });
    await store.add(told(2, 0, 10));
    expect(await held(store)).toEqual({ watched: [[0, 10]], missing: 0, since: 0 });
  });

  test('the clients that came are told, and none that a token only claimed', async () => {
    const store = await open();
    const rows = [
      row(),
      row({ key: 'key_2' }),
      row({ client: 'refused', what: 'refused', detail: 'ERR_SCOPE_MISSING' }),
      row({ client: 'claimed', what: 'claimed', detail: 'ERR_TOKEN_AUDIENCE' }),
      row({ client: '', what: 'token', key: '' }),
    ];
    await store.add(batch({ rows }));
    const clients = await store.clients?.();
    if (!clients) return;
    const { issuer } = row();
    expect([...clients].sort((a, b) => (a.client < b.client ? -1 : 1))).toEqual([
      { client: 'billing', issuer },
      { client: 'refused', issuer },
    ]);
  });

  test('a batch is added once, however often it comes, and none that is older', async () => {
    const store = await open();
    const second = batch({ seq: 2, dropped: 3, closed: true });
    await Promise.all(Array.from({ length: 5 }, () => store.add(second)));
    await store.add(second);
    const older = store.add(batch({ seq: 1 }));
    await expect(older).rejects.toMatchObject({ code: 'ERR_USAGE_INSTANCE' });
    expect(sorted(await store.read())).toEqual(recount([second]));
  });

  test('of what had no room it is known which part has rows, and until when the rest came', async () => {
    const store = await open();
    const uncounted = { client: '', issuer: '', key: '', what: 'other', detail: 'lookup' } as const;
    const batches = [
      batch({ dropped: 5, rows: [row({ ...uncounted, count: 2 })] }),
      batch({ seq: 2, dropped: 6, rows: [row({ ...uncounted })], at: batch().at + 60_000 }),
      batch({ seq: 3, dropped: 6, rows: [], at: batch().at + 120_000 }),
    ];
    for (const one of batches) await store.add(one);
    const { instances } = sorted(await store.read());
    expect(instances).toMatchObject([{ droppedByDay: 3, droppedUntil: batch().at + 60_000 }]);
    expect(instances).toEqual(recount(batches).instances);
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
    ['no number of its own', { seq: 0 }],
    ['a day that there is not', { rows: [row({ day: '2026-02-30' })] }],
    ['a day of no month', { rows: [row({ day: '2026-99-99' })] }],
    ['no day where there must be one', { rows: [row({ day: '' })] }],
    ['a day where there must be none', { rows: [row({ what: 'route' })] }],
    ['two rows of one name', { rows: [row(), row()] }],
    ['more requests than there are', { rows: [row({ count: 1e15 })] }],
    ['a minute in seconds', { rows: [row({ last: 9e15 })] }],
    ['a time in microseconds', { since: Date.now() * 1000, at: Date.now() * 1000 }],
    ['a beginning without an end', { from: 1e300 }],
    ['a time before 1970', { sentAt: -1 }],
    ['a year for an interval', { every: 1e300 }],
    ['more dropped than came', { dropped: 9e15 }],
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

  test('what is added at its limits can be read again, and added to', async () => {
    const store = await open();
    const most = row({ count: 999_999_999_999_999, last: 4_223_371_679 });
    const end = 253_402_300_799_999;
    const extreme = batch({
      at: end,
      from: end,
      since: end,
      dropped: 999_999_999_999_999,
      rows: [most],
    });
    await store.add(extreme);
    await store.add({ ...extreme, seq: 2 });
    expect(sorted(await store.read())).toEqual(recount([extreme, { ...extreme, seq: 2 }]));
    expect((await store.read()).rows).toEqual([most]);
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
          await Promise.all(
            [...repeated, ...next].map((one) => store.add(one).catch(unlessOthers)),
          );
        }
        expect(sorted(await store.read())).toEqual(recount(added));
      }),
      { numRuns: runs(25, 5) },
    );
  }, 120_000);
}
