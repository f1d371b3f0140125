import fc from 'fast-check';
import { expect, test } from 'vitest';
import { advanceInstance } from '../../src/core/usage/coverage.js';
import { dayOf } from '../../src/core/usage/usage.js';
import type { UsageBatch, UsageInstance } from '../../src/usage.js';
import { advanced } from '../stores/usage-contract.js';

// A process that counts, and a store that loses, repeats, refuses and goes back: what the store says that
// it knows of each minute, against a plain list of the minutes whose batch it has.

const start = Date.UTC(2030, 0, 1) / 60_000;

const anyStep = fc.oneof(
  { weight: 6, arbitrary: fc.record({ does: fc.constant('flush' as const), lasts: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('refuse' as const), lasts: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('repeat' as const), back: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('lose' as const) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('back up' as const) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('restore' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('jump' as const),
      by: fc.integer({ min: -90, max: 90 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant('start anew' as const), after: fc.nat(90) }),
  },
);

interface Store {
  readonly instances: ReadonlyMap<string, UsageInstance>;
  /** By instance: the minutes whose counts it holds, one by one. */
  readonly minutes: ReadonlyMap<string, ReadonlySet<number>>;
  readonly missing: ReadonlyMap<string, number>;
  readonly last: ReadonlyMap<string, number>;
}
const nothing: Store = {
  instances: new Map(),
  minutes: new Map(),
  missing: new Map(),
  last: new Map(),
};

function add(store: Store, batch: UsageBatch): Store {
  const { instance, seq, from = 0, at } = batch;
  const next = advanced(store.instances.get(instance), batch);
  const last = store.last.get(instance) ?? 0;
  expect(next === undefined).toBe(seq <= last);
  if (!next) return store;
  const minutes = new Set(store.minutes.get(instance));
  for (let minute = from / 60_000; minute < at / 60_000; minute += 1) minutes.add(minute);
  const missing = (store.missing.get(instance) ?? 0) + seq - last - 1;
  return {
    instances: new Map(store.instances).set(instance, next),
    minutes: new Map(store.minutes).set(instance, minutes),
    missing: new Map(store.missing).set(instance, missing),
    last: new Map(store.last).set(instance, seq),
  };
}

const minutesIn = ({ watched = [] }: UsageInstance): number[] =>
  watched.flatMap(([from, to]) =>
    Array.from({ length: (to - from) / 60_000 }, (_, i) => from / 60_000 + i),
  );

test('any history: a store says of each minute whether it holds its counts, and how many batches it misses', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 5, maxLength: 60 }), (steps) => {
      let store = nothing;
      let backup = nothing;
      let minute = start;
      let from = minute;
      let number = 1;
      let seq = 0;
      const told: UsageBatch[] = [];
      const make = (): UsageBatch => {
        seq += 1;
        const { every, dropped, closed } = { every: 60, dropped: 0, closed: false };
        const times = { since: start * 60_000, from: from * 60_000, at: minute * 60_000 };
        const batch = { instance: `i${number}`, seq, every, dropped, closed, rows: [], ...times };
        from = minute;
        told.unshift(batch);
        return batch;
      };
      for (const step of steps) {
        if (step.does === 'flush' || step.does === 'refuse') {
          minute += step.lasts;
          const batch = make();
          if (step.does === 'flush') store = add(store, batch);
        } else if (step.does === 'repeat') {
          const batch = told[step.back];
          // It comes again as long as no later one was stored; a store that went back may take it.
          if (batch && batch.seq > (store.last.get(batch.instance) ?? 0)) continue;
          if (batch) store = add(store, batch);
        } else if (step.does === 'lose') store = nothing;
        else if (step.does === 'back up') backup = store;
        else if (step.does === 'restore') store = backup;
        else if (step.does === 'jump') {
          minute += step.by;
          from = minute;
        } else {
          number += 1;
          seq = 0;
          minute += step.after;
          from = minute;
        }
        for (const [name, instance] of store.instances) {
          const minutes = [...(store.minutes.get(name) ?? [])].sort((a, b) => a - b);
          expect(minutesIn(instance)).toEqual(minutes);
          expect(instance.missing).toBe(store.missing.get(name));
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('no more than the newest hundred stretches are kept, and none that overlap', () => {
  let instance: UsageInstance | undefined;
  const batch = { instance: 'one', since: start, every: 60, dropped: 0, closed: false };
  for (let seq = 1; seq <= 250; seq += 1) {
    const at = start + seq * 10;
    instance = advanceInstance(instance, { ...batch, seq, from: at - 1, at });
  }
  expect(instance?.watched).toHaveLength(100);
  expect(instance?.watched?.[0]).toEqual([start + 1_509, start + 1_510]);
  expect(instance?.watched?.at(-1)).toEqual([start + 2_499, start + 2_500]);
});

test('until when requests came that have no row is never told too early, and not at all if there are none', () => {
  const anyStep = fc.record({ dated: fc.nat(2), undated: fc.nat(1), isLost: fc.boolean() });
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 1, maxLength: 12 }), (steps) => {
      let held: UsageInstance | undefined;
      let [dropped, last] = [0, undefined as number | undefined];
      for (const [i, { dated, undated, isLost }] of steps.entries()) {
        const at = start + (i + 1) * 60_000;
        dropped += dated + undated;
        // Of what the store has lost it has no row.
        if (undated > 0 || (isLost && dated > 0)) last = at;
        if (isLost) continue;
        const other = { client: '', issuer: '', key: '', what: 'other', detail: 'key' } as const;
        const minute = Math.floor(at / 60_000);
        const minutes = { first: minute, last: minute, day: dayOf(minute) };
        const rows = dated > 0 ? [{ ...other, ...minutes, count: dated }] : [];
        const state = { instance: 'one', since: start, every: 60, closed: false };
        held = advanceInstance(held, { ...state, seq: i + 1, at, dropped, rows });
        if (last === undefined) expect(held).not.toHaveProperty('droppedUntil');
        else expect(held?.droppedUntil).toBeGreaterThanOrEqual(last);
        if (dated + undated === 0 && i > 0 && !steps[i - 1]?.isLost && last !== undefined)
          expect(held?.droppedUntil).toBeLessThan(at);
      }
    }),
  );
});

test('what an earlier version has stored counts as watched from its beginning', () => {
  const old = {
    instance: 'one',
    seq: 4,
    since: 1_000,
    at: 9_000,
    every: 60,
    dropped: 0,
    closed: false,
  };
  expect(advanceInstance(old, { ...old, seq: 5, at: 12_000 })?.watched).toEqual([[1_000, 12_000]]);
  expect(advanceInstance(old, { ...old, seq: 7, at: 12_000 })?.watched).toEqual([[1_000, 9_000]]);
});

test.each([
  [-3_600_000, -3_600_000],
  [0, 0],
  [5_000.4, 5_000],
])('a clock that is off by %d is known to be, where the store has one', (ahead, skew) => {
  const told = { instance: 'one', seq: 1, since: 1, at: 1, every: 60, dropped: 0, closed: false };
  const sentAt = 4_000_000 + ahead;
  expect(advanceInstance(undefined, { ...told, sentAt }, 4_000_000)?.skew).toBe(skew);
  expect(advanceInstance(undefined, { ...told, sentAt })).not.toHaveProperty('skew');
  expect(advanceInstance(undefined, told, 4_000_000)).not.toHaveProperty('skew');
});

// Copies of a process that tell by one name until a store refuses it: each batch is counted once.

const anyCopyStep = fc.record({
  who: fc.nat(2),
  minutes: fc.nat(3),
  /** The store has it, and its answer is lost: so often it comes again. */
  again: fc.nat(2),
  /** The store is out of reach. */
  isLate: fc.boolean(),
});

test('any copies of a process: a batch is counted once, and none is taken for another one’s', () => {
  fc.assert(
    fc.property(fc.nat(3), fc.array(anyCopyStep, { maxLength: 40 }), (before, steps) => {
      const held = new Map<string, UsageInstance>();
      const counted: string[] = [];
      let minute = start;
      let names = 0;
      const add = (batch: UsageBatch): void => {
        const next = advanceInstance(held.get(batch.instance), batch);
        if (!next) return;
        held.set(batch.instance, next);
        counted.push(batch.tag ?? '');
      };
      const state = { every: 60, dropped: 0, closed: false, rows: [], since: start * 60_000 };
      const copies = [0, 1, 2].map((number) => {
        let instance = 'one';
        let seq = before;
        let made = 0;
        const waiting: { readonly tag: string; readonly at: number }[] = [];
        return {
          make: () => {
            made += 1;
            waiting.push({ tag: `${number}-${made}`, at: minute * 60_000 });
          },
          tell(again: number) {
            for (let first = waiting[0]; first; first = waiting[0]) {
              try {
                for (let times = 0; times <= again; times += 1) {
                  add({ ...state, instance, seq: seq + 1, ...first });
                }
                seq += 1;
                waiting.shift();
              } catch {
                names += 1;
                instance = `copy-${names}`;
                seq = 0;
              }
            }
          },
          all: () => Array.from({ length: made }, (_, i) => `${number}-${i + 1}`),
        };
      });
      for (let seq = 1; seq <= before; seq += 1) {
        add({ ...state, instance: 'one', seq, at: start * 60_000, tag: `before-${seq}` });
      }
      counted.splice(0);
      for (const { who, minutes, again, isLate } of steps) {
        minute += minutes;
        copies[who]?.make();
        if (!isLate) copies[who]?.tell(again);
      }
      for (const copy of copies) copy.tell(1);
      expect(counted.sort()).toEqual(copies.flatMap((copy) => copy.all()).sort());
      for (const { missing } of held.values()) expect(missing).toBe(0);
    }),
    { numRuns: 500 },
  );
});
