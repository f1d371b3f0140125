import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { createGuard, memoryUsageStore, type UsageRow, type UsageStore } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { dayOf } from '../../src/usage.js';
import { requestOf } from '../rfc/ask.js';
import { runs } from '../runs.js';

// A guard whose clock is wrong until somebody sets it, in its first hour: what it has told in the end,
// against a list of the true minutes at which it let requests in.

afterEach(() => void vi.restoreAllMocks());

const start = Date.UTC(2030, 0, 1) / 60_000;
const issuer = await createTestIssuer();

const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: fc.constant('ask' as const), client: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('wait' as const), minutes: fc.nat(9) }) },
);
type Steps = readonly (typeof anyStep extends fc.Arbitrary<infer S> ? S : never)[];

/** The minutes after the start at which the clock can be read. */
function minutesOf(before: Steps, after: Steps): readonly number[] {
  const all = [0];
  const wait = (minutes: number, most: number) =>
    all.push(Math.max(all.at(-1) ?? 0, Math.min((all.at(-1) ?? 0) + minutes, most)));
  for (const step of before) if (step.does === 'wait') wait(step.minutes, 59);
  for (const step of after) if (step.does === 'wait') wait(step.minutes, Number.POSITIVE_INFINITY);
  return all;
}

const anyRecord = fc.record({
  before: fc.array(anyStep, { minLength: 1, maxLength: 25 }),
  after: fc.array(anyStep, { maxLength: 15 }),
  /** The true minute of the day at which it begins: an hour before midnight, or any. */
  at: fc.oneof(fc.integer({ min: 1_380, max: 1_439 }), fc.nat(1_439)),
  /**
   * Minutes by which the clock is wrong: beyond what is tolerated, and less than counts are kept. Where
   * it is behind by less than a day, it may as well have been right, and its machine suspended.
   */
  off: fc.oneof(fc.integer({ min: 6, max: 3_000_000 }), fc.integer({ min: -500_000, max: -1_440 })),
});

// A clock that is set back by exactly what has passed since it was read shows the same minute again, and
// is not looked at: a request costs no second clock.
const anyHistory = anyRecord.filter(({ before, after, off }) => {
  const minutes = minutesOf(before, after);
  return !minutes.some((from) => minutes.includes(from + off));
});

interface Asked {
  readonly client: string;
  readonly minute: number;
}

/** A guard, the store that it tells, and both clocks of its machine: one can be set, the other cannot. */
function open({ at, off }: { readonly at: number; readonly off: number }) {
  const state = { born: start + at, minute: start + at, off, isDown: false };
  vi.spyOn(Date, 'now').mockImplementation(() => (state.minute + state.off) * 60_000);
  vi.spyOn(performance, 'now').mockImplementation(() => (state.minute - start) * 60_000);
  const kept = memoryUsageStore();
  const store: UsageStore = {
    ...kept,
    async add(batch) {
      if (state.isDown) throw new Error('down');
      await kept.add(batch);
    },
  };
  const guard = createGuard({
    ...issuer.options,
    now: Date.now,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async ({ value }) => ({ id: value, clientId: value }),
      usage: { store },
      onMigration: () => {},
    },
  });
  const asked: Asked[] = [];
  async function run(steps: Steps, most = Number.POSITIVE_INFINITY): Promise<void> {
    for (const step of steps) {
      if (step.does === 'wait') state.minute = Math.min(state.minute + step.minutes, most);
      else {
        const client = `c${step.client}`;
        await guard(requestOf({ 'x-api-key': client }));
        asked.push({ client, minute: state.minute });
      }
    }
  }
  return { state, kept, guard, asked, run };
}

const sum = (rows: readonly UsageRow[]): number =>
  rows.reduce((total, { count }) => total + count, 0);

/** Of each client on each day, when it came first and last, and on how many days how often in all. */
function recount(asked: readonly Asked[]) {
  const clients = [...new Set(asked.map(({ client }) => client))].sort();
  return clients.map((client) => {
    const minutes = asked.filter((one) => one.client === client).map(({ minute }) => minute);
    const days = [...new Set(minutes.map(dayOf))].sort();
    return {
      client,
      days,
      first: Math.min(...minutes),
      last: Math.max(...minutes),
      count: minutes.length,
    };
  });
}

function told(rows: readonly UsageRow[]) {
  const clients = [...new Set(rows.map(({ client }) => client))].sort();
  return clients.map((client) => {
    const own = rows.filter((one) => one.client === client);
    const days = own.map(({ day }) => day).sort();
    const first = Math.min(...own.map((one) => one.first));
    return { client, days, first, last: Math.max(...own.map((one) => one.last)), count: sum(own) };
  });
}

test('any clock that is set right in the first hour: all that was not told yet is told under the right days', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, async ({ before, after, at, off }) => {
      const { state, kept, guard, asked, run } = open({ at, off });
      // It announces itself by a wrong clock.
      await guard.usage();
      await run(before, state.born + 59);
      state.off = 0;
      await run(after);
      await guard.close();
      const { rows, instances } = await kept.read();
      expect(told(rows.filter(({ what }) => what === 'key'))).toEqual(recount(asked));
      expect(
        told(rows.filter(({ what }) => what === 'agent')).map(({ count, first, last }) => ({
          count,
          first,
          last,
        })),
      ).toEqual(recount(asked).map(({ count, first, last }) => ({ count, first, last })));
      const [born, now] = [state.born * 60_000, state.minute * 60_000];
      expect(instances).toMatchObject([
        { since: born, at: now, watched: [[born, now]], dropped: 0, missing: 0, closed: true },
      ]);
    }),
    { numRuns: runs(300) },
  );
});

test('a machine that is suspended for some hours in the first hour: the counts keep their day, and the time is not watched', async () => {
  const { state, kept, guard, run } = open({ at: 600, off: 0 });
  await run([
    { does: 'wait', minutes: 9 },
    { does: 'ask', client: 0 },
  ]);
  await guard.usage();
  const suspendedAt = state.minute * 60_000;
  // The clock that measures stands still meanwhile.
  state.off = 120;
  await run([{ does: 'wait', minutes: 1 }]);
  const resumedAt = (state.minute + state.off) * 60_000;
  await guard.usage();
  await guard.close();
  const { rows, instances } = await kept.read();
  expect(rows.filter(({ what }) => what === 'other')).toEqual([]);
  expect(instances).toMatchObject([
    {
      ...{ since: state.born * 60_000, at: resumedAt, dropped: 0 },
      watched: [[state.born * 60_000, suspendedAt]],
    },
  ]);
});

test('any clock that is set right later than it told: what was told wrongly is doubted, nothing is lost, and no more time is watched', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, fc.boolean(), fc.nat(25), async (history, isDown, when) => {
      const { state, kept, guard, asked, run } = open(history);
      await guard.usage();
      await run(history.before.slice(0, when), state.born + 59);
      state.isDown = isDown;
      await guard.usage().catch(() => {});
      const wrong = asked.length;
      const toldAt = state.minute * 60_000;
      await run(history.before.slice(when), state.born + 59);
      state.off = 0;
      // Whoever reads the clock next moves what can be moved.
      await run(history.after);
      state.isDown = false;
      await guard.usage();
      await guard.close();
      const { rows, instances } = await kept.read();
      expect(sum(rows.filter(({ what }) => what === 'key'))).toBe(asked.length);
      const misdated = rows.filter(({ detail }) => detail === 'MISDATED');
      expect(sum(misdated)).toBe(wrong);
      for (const { first } of misdated) expect(first * 60_000).toBeGreaterThanOrEqual(toldAt);
      const late = recount(asked.slice(wrong));
      const days = new Set(rows.map(({ client, day }) => `${client} ${day}`));
      for (const one of late)
        for (const day of one.days) expect(days).toContain(`${one.client} ${day}`);
      const [instance] = instances;
      expect(instance).toMatchObject({ since: state.born * 60_000, missing: 0, dropped: wrong });
      for (const [from, to] of instance?.watched ?? []) {
        expect(from).toBeGreaterThanOrEqual(wrong > 0 ? toldAt : state.born * 60_000);
        expect(to).toBeLessThanOrEqual(state.minute * 60_000);
      }
    }),
    { numRuns: runs(300) },
  );
});
