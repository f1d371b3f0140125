import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inFull, runs } from '../runs.js';
import {
  end,
  goneOf,
  type History,
  hours,
  isWatched,
  type Life,
  timeOf,
  usageOf,
} from './history.js';
import { day, hour, made, minute } from './making.js';

const slow = { timeout: 120_000 };
const hourOf = fc.integer({ min: 0, max: hours - 1 });

const lives: fc.Arbitrary<Life> = fc
  .record({
    from: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, hourOf),
    long: fc.oneof(
      { weight: 2, arbitrary: fc.constant(hours) },
      fc.integer({ min: 3, max: hours }),
    ),
    dies: fc.constantFrom<'closed' | 'killed'>('closed', 'killed'),
    ahead: fc.oneof(
      { weight: 20, arbitrary: fc.constant(0) },
      fc.constantFrom(4 * minute, -20 * day, -3 * hour, 6 * minute, 30 * day),
    ),
    unset: fc.oneof({ weight: 25, arbitrary: fc.constant(false) }, fc.constant(true)),
    declared: fc.option(fc.integer({ min: 0, max: 48 })),
  })
  .map(({ from, long, dies, ahead, unset, declared }) => {
    const to = Math.min(hours, from + long);
    const ends = to === hours ? 'runs' : dies;
    const said = declared ?? undefined;
    return { from, to, ends, ahead: unset ? 0 : ahead, unset, measured: true, declared: said };
  });

const troubles = fc
  .record({
    from: hourOf,
    long: fc.integer({ min: 1, max: 30 * 24 }),
    what: fc.constantFrom<'waits' | 'drops' | 'loses'>('waits', 'drops', 'loses'),
  })
  .map(({ from, long, what }) => ({ from, to: Math.min(hours, from + long), what }));

const jobs = fc
  .record({
    client: fc.constantFrom('a', 'b', 'c'),
    first: hourOf,
    every: fc.constantFrom(24, 7 * 24, 31 * 24),
    runs: fc.nat(60),
    by: fc.nat(3),
  })
  .map(({ client, first, every, runs, by }) =>
    Array.from({ length: runs }, (_, run) => ({ at: first + run * every, client, by })).filter(
      ({ at }) => at < hours,
    ),
  );

const histories: fc.Arbitrary<History> = fc
  .record({
    lives: fc.array(lives, { minLength: 1, maxLength: 4 }),
    troubles: fc.array(troubles, { maxLength: 2 }),
    uses: fc.array(jobs, { minLength: 1, maxLength: 4 }).map((all) => all.flat()),
  })
  // What never told anything to the store cannot be known to have been there.
  .filter((history) => usageOf(history).instances.length === history.lives.length);

const reportOf = (history: History) =>
  made({ usage: usageOf(history), gone: goneOf(history), now: end });

const allHours = Array.from({ length: hours }, (_, at) => at);

test(
  'who is said to be safe has brought no key on as many days as it takes, all watched by all',
  slow,
  () => {
    let safe = 0;
    fc.assert(
      fc.property(histories, (history) => {
        const watched = allHours.map((at) => isWatched(history, at));
        for (const { client, safeToCut, status } of reportOf(history).clients) {
          const used = history.uses.filter((use) => use.client === client && watched[use.at]);
          const last = Math.max(-1, ...used.map(({ at }) => at));
          const quiet = watched.filter((is, at) => is && at > last).length / 24;
          // The hour that runs, and that of the last use, are not whole.
          const slack = 4 / 24;
          if (safeToCut.safe) expect(quiet + slack).toBeGreaterThanOrEqual(safeToCut.quietDays);
          if (status === 'inactive') expect(quiet + slack).toBeGreaterThanOrEqual(14);
          if (safeToCut.safe) safe += 1;
        }
      }),
      { numRuns: runs(120) },
    );
    // The property says something: there are those that are safe.
    if (inFull) expect(safe).toBeGreaterThan(5);
  },
);

test('every hour that was not watched is in a stretch that is named, with its length', slow, () => {
  fc.assert(
    fc.property(histories, (history) => {
      const { trackingSince, unwatched, daysWatched } = reportOf(history).dataQuality;
      if (trackingSince === undefined) return;
      const { stretches, leftOut, seconds } = unwatched;
      expect(leftOut).toBe(0);
      const named = stretches.map(({ from, to, seconds: long }) => {
        expect(long).toBe(Math.ceil((Date.parse(to) - Date.parse(from)) / 1000));
        return [Date.parse(from), Date.parse(to)] as const;
      });
      // A guard that tells every hour may be three behind.
      const recent = end - 4 * hour;
      const missed = allHours
        .filter((at) => !isWatched(history, at))
        .map((at) => timeOf(at))
        .filter((time) => time >= Date.parse(trackingSince) && time < recent);
      for (const time of missed) {
        const middle = time + hour / 2;
        expect(named.some(([from, to]) => from <= middle && middle < to)).toBe(true);
      }
      const all = named.reduce((sum, [from, to]) => sum + to - from, 0);
      expect(Math.abs(all / 1000 - seconds)).toBeLessThan(stretches.length + 1);
      const tracked = (end - Date.parse(trackingSince)) / 1000 - seconds;
      expect(daysWatched).toBe(Math.floor((tracked + 1) / 86_400));
    }),
    { numRuns: runs(80) },
  );
});

test(
  'where all clocks are right and all ends are known, what is named is no more than that',
  slow,
  () => {
    const tidy = histories
      .map((history) => ({
        ...history,
        lives: history.lives.map((life) => ({ ...life, ahead: 0, unset: false, declared: 0 })),
      }))
      .filter((history) => usageOf(history).instances.length === history.lives.length);
    fc.assert(
      fc.property(tidy, (history) => {
        const silent = reportOf(history).dataQuality.lost.some(({ gone }) => gone === undefined);
        fc.pre(!silent);
        const { trackingSince, unwatched } = reportOf(history).dataQuality;
        const since = Date.parse(trackingSince ?? '');
        const missed = allHours.filter(
          (at) => timeOf(at) >= since && !isWatched(history, at),
        ).length;
        expect(unwatched.seconds / 3600).toBeLessThanOrEqual(missed + 1);
        expect(unwatched.seconds / 3600).toBeGreaterThanOrEqual(missed - 4);
      }),
      { numRuns: runs(80) },
    );
  },
);
