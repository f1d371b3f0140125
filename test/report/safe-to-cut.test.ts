import { describe, expect, test } from 'vitest';
import {
  day,
  guard,
  iso,
  key,
  made,
  minute,
  now,
  onlyClient,
  other,
  refused,
  reportOf,
  token,
} from './making.js';

const aMinute = minute / day;
const clients = [{ client: 'a' }];
const safe = (...given: Parameters<typeof onlyClient>) => onlyClient(...given).safeToCut;

/** From the one day to the other, every so many days. */
const every = (days: number, [from, to]: readonly [number, number]): number[] =>
  Array.from({ length: Math.floor((from - to) / days) + 1 }, (_, index) => from - index * days);

describe('a client that comes every day', () => {
  const days = (last: number) => every(1, [last + 50, last]);

  test('is cut 14 days after its last key, and not a minute sooner', () => {
    expect(safe(key('a', days(14)), { tracked: 64 })).toStrictEqual({
      safe: true,
      why: 'A key was last used 14 days ago. It takes 14 days without one: the minimum, because there was never more than a week between two uses.',
      quietDays: 14,
      longestGapDays: 1,
    });
    expect(safe(key('a', days(14 - aMinute)), { tracked: 64 })).toMatchObject({
      safe: false,
      from: new Date(now + minute).toISOString(),
    });
  });

  test('a refused key is a use', () => {
    const things = [...key('a', days(20)), ...refused('a', 3, ['k'])];
    expect(safe(things, { tracked: 70 })).toMatchObject({
      safe: false,
      longestGapDays: 17,
      quietDays: 34,
      from: iso(3 - 34),
    });
  });

  test('a refused token is none; but whose tokens are all refused is failing, and never safe', () => {
    const moved = [...key('a', days(14)), ...token('a', 2)];
    expect(safe([...moved, ...refused('a', 3)], { tracked: 64 }).safe).toBe(true);
    for (const last of [14, 40, 60]) {
      const things = [...key('a', days(last)), ...refused('a', last - 3)];
      const one = safe(things, { tracked: 400 });
      expect(one).toMatchObject({
        safe: false,
        why: expect.stringContaining('all its tokens were rejected'),
      });
      expect(one.known).toBeUndefined();
      expect(reportOf(things, { tracked: 400 }).failing).toEqual(['a']);
    }
  });

  test('one stray refused token, older than the quiet days and than 35, does not block for ever', () => {
    for (const [ago, is] of [
      [35 - aMinute, true],
      [35, false],
      [200, false],
    ] as const) {
      const report = reportOf([...key('a', days(ago + 2)), ...refused('a', ago)], {
        tracked: ago + 53,
      });
      expect([report.failing, report.clients[0]?.safeToCut.safe]).toEqual([is ? ['a'] : [], !is]);
    }
  });

  test('a key beside a token is a use like any other', () => {
    const beside = other('both', 2, { client: 'a', key: 'k' });
    expect(safe([...key('a', days(20)), ...beside], { tracked: 70 })).toMatchObject({
      safe: false,
      quietDays: 36,
      longestGapDays: 18,
      from: iso(2 - 36),
      why: expect.stringContaining('A key was last used 2 days ago'),
    });
  });
});

describe('a job', () => {
  test('once a month is not cut between two runs', () => {
    const runs = (last: number) => key('a', [last + 61, last + 31, last]);
    expect(safe(runs(30), { tracked: 92 })).toStrictEqual({
      safe: false,
      why: 'A key was last used 30 days ago. It takes 62 days without one: twice the longest gap between two uses, 31 days.',
      quietDays: 62,
      longestGapDays: 31,
      from: iso(30 - 62),
    });
    expect(safe(runs(62 - aMinute), { tracked: 124 }).safe).toBe(false);
    expect(safe(runs(62), { tracked: 124 }).safe).toBe(true);
  });

  test('once a quarter is not cut between two runs', () => {
    const runs = (last: number) => key('a', [last + 92, last]);
    expect(safe(runs(91), { tracked: 190 })).toMatchObject({ safe: false, quietDays: 184 });
    expect(safe(runs(183.9), { tracked: 290 }).safe).toBe(false);
    expect(safe(runs(184), { tracked: 290 }).safe).toBe(true);
  });

  test('that was not seen for long before its first run was away at least that long', () => {
    expect(safe(key('a', [40, 39, 38]), { tracked: 70 })).toStrictEqual({
      safe: false,
      why: 'A key was last used 38 days ago. It takes 60 days without one: twice the 30 days before its first use. Keys were used within 3 days only, so how often they are used is not known.',
      quietDays: 60,
      from: iso(38 - 60),
    });
    expect(safe(key('a', [62, 61, 60]), { tracked: 92 }).safe).toBe(true);
  });

  test('with one run has no rhythm: 35 days, or twice the time before', () => {
    expect(safe(key('a', 35 - aMinute), { tracked: 36 })).toMatchObject({ safe: false });
    const one = safe(key('a', [35, 35.1]), { tracked: 36 });
    expect(one).toStrictEqual({
      safe: true,
      why: 'A key was last used 35 days ago. It takes 35 days without one: keys were used on one day only, so how often they are used is not known.',
      quietDays: 35,
    });
    expect(safe(key('a', 35), { tracked: 60 })).toStrictEqual({
      safe: false,
      why: 'A key was last used 35 days ago. It takes 50 days without one: twice the 25 days before its first use. Keys were used on one day only, so how often they are used is not known.',
      quietDays: 50,
      from: iso(35 - 50),
    });
  });

  test('that ran once, over midnight or on some days in a row, has shown no rhythm', () => {
    // 20.5 days ago it was midnight.
    for (const runs of [[20.5 + aMinute, 20.5 - aMinute], [20, 19], every(1, [26.9, 20])]) {
      const one = safe(key('a', runs), { tracked: 28 });
      expect(one).toMatchObject({ safe: false, quietDays: 35 });
      expect(one.longestGapDays).toBeUndefined();
      expect(one.why).toMatch(/keys were used within \d days only/);
    }
  });

  test('gaps are rounded up, and a gap of a week asks for no more than 14 days', () => {
    expect(safe(key('a', [27, 20]), { tracked: 28 })).toMatchObject({ quietDays: 14, safe: true });
    const more = safe(key('a', [27 + aMinute, 20]), { tracked: 28 });
    expect(more).toMatchObject({ longestGapDays: 8, quietDays: 16, safe: true });
  });

  test('the gaps are the client’s, whichever key it used', () => {
    const things = [...key('a', [60, 40], 'one'), ...key('a', [50, 30], 'two')];
    expect(safe(things, { tracked: 61 })).toMatchObject({ longestGapDays: 10, quietDays: 20 });
  });

  test('that came late may be new: no more than a month before its first run is a gap', () => {
    const late = (last: number) => key('a', [last + 3, last + 2, last]);
    expect(safe(late(62), { tracked: 96 })).toMatchObject({ quietDays: 62 });
    expect(safe(late(62), { tracked: 2000 })).toMatchObject({ quietDays: 62, safe: true });
    expect(safe(late(62 - aMinute), { tracked: 2000 })).toMatchObject({ safe: false });
    expect(safe(key('a', 62), { tracked: 2000 })).toMatchObject({ quietDays: 62, safe: true });
  });
});

describe('a client that never came with a key', () => {
  test('is cut after 35 days of tracking', () => {
    expect(safe(token('a', 1), { clients, tracked: 35 })).toStrictEqual({
      safe: true,
      why: 'No key was used in 35 days of tracking. It takes 35 days without one: a monthly job must have had time to run.',
      quietDays: 35,
    });
    expect(safe(token('a', 1), { tracked: 35 - aMinute })).toMatchObject({
      safe: false,
      from: new Date(now + minute).toISOString(),
    });
  });

  test('is never cut before anything was counted', () => {
    const usage = { trackingSince: undefined, rows: [], instances: [] };
    expect(made({ clients, usage }).clients[0]?.safeToCut).toStrictEqual({
      safe: false,
      known: false,
      why: 'Nothing has been counted yet.',
      quietDays: 35,
    });
  });
});

test('of two reasons for the same number of days, the gap is told', () => {
  const { quietDays, why } = safe(key('a', [40, 20]), { tracked: 60 });
  expect([quietDays, why]).toEqual([
    40,
    expect.stringContaining('twice the longest gap between two uses, 20 days'),
  ]);
});

describe('while no guard tells', () => {
  const silent = (days: number) => ({ instances: [{ ...guard, at: now - days * day }] });

  test('silence is no news of a client', () => {
    const things = key('a', every(1, [35, 28]));
    expect(safe(things, { tracked: 36 }).safe).toBe(true);
    expect(safe(things, { tracked: 36, ...silent(20) })).toStrictEqual({
      safe: false,
      known: false,
      why: 'A key was last used 28 days ago. It takes 14 days without one: the minimum, because there was never more than a week between two uses. For the last 20 days, no guard has flushed its counts.',
      quietDays: 14,
      longestGapDays: 1,
      from: iso(-6),
    });
    expect(safe(things, { tracked: 36, ...silent(14) }).safe).toBe(true);
    const why = 'For the last 1 day, no guard has flushed its counts.';
    expect(safe(things, { tracked: 36, ...silent(1) }).why).toContain(why);
    expect(safe(things, { tracked: 36, ...silent(1 - aMinute) }).why).not.toContain('no guard');
    expect(safe(things, { tracked: 36, instances: [] }).safe).toBe(false);
  });
});

describe('the report as a whole', () => {
  test('is safe once every client is', () => {
    const things = [...key('a', [35, 34, 33, 31, 28]), ...key('b', [30, 20])];
    expect(reportOf(things, { tracked: 36 }).safeToCut).toBe(true);
    expect(reportOf([...things, ...key('b', 19)], { tracked: 36 }).safeToCut).toBe(false);
  });

  test('is not while tracking is shorter than 35 days, or without a client', () => {
    expect(reportOf(token('a', 1), { tracked: 35 }).safeToCut).toBe(true);
    expect(reportOf(token('a', 1), { tracked: 35 - aMinute }).safeToCut).toBe(false);
    expect(reportOf([], { tracked: 35 }).safeToCut).toBe(false);
    expect(reportOf(key('a', [30, 29]), { tracked: 34 }).safeToCut).toBe(false);
  });

  test.each([
    ['key', 13, false],
    ['refused', 13, false],
    ['token', 13, true],
    ['key', 14, false],
    ['key', 34, false],
    ['key', 35, true],
  ])('a request with a %s, uncounted %i days ago: %s', (detail, days, expected) => {
    expect(reportOf([...token('a', 1), ...other('other', days, { detail })]).safeToCut).toBe(
      expected,
    );
  });
});
