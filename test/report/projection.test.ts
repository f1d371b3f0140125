import { describe, expect, test } from 'vitest';
import { day, guard, iso, key, made, minute, now, other, reportOf, token } from './making.js';

const aMinute = minute / day;

/** So many clients with a key in each week, the last one first. */
const weekly = (counts: readonly number[]) =>
  counts.flatMap((clients, ago) =>
    Array.from({ length: clients }, (_, index) => key(`c${index}`, 7 * ago + 1)).flat(),
  );

const projected = (counts: readonly number[], tracked = 7 * counts.length) =>
  reportOf(weekly(counts), { tracked }).projection;

describe('a range', () => {
  test('is one date where every week is as the line has it', () => {
    expect(projected([4, 6, 8, 10, 12])).toStrictEqual({
      state: 'range',
      from: iso(-30),
      to: iso(-60),
    });
    // 20 clients, 2 fewer a week: 10 weeks.
    expect(projected([20, 22, 24, 26])).toStrictEqual({
      state: 'range',
      from: iso(-70),
      to: iso(-70),
    });
  });

  test('is as wide as the standard error of the slope', () => {
    // The line is 18.3 - 1.8 a week; it misses by 1.7, -3.1, 1.1 and 0.3, whose squares are 13.8.
    const error = Math.sqrt(13.8 / 2 / 5);
    const projection = projected([20, 17, 23, 24]);
    if (projection.state !== 'range') throw new Error(projection.state);
    const [soonest, latest] = [projection.from, projection.to].map(
      (at) => (Date.parse(at) - now) / (7 * day),
    );
    // Of the last week 20 are left, more than the line says.
    expect(soonest).toBeCloseTo(20 / (1.8 + error), 6);
    expect(latest).toBeCloseTo(20 / (1.8 - error), 6);
  });

  test('counts on whoever is left, however few the line says', () => {
    // A line through these is at -0.4 now, with one client left.
    expect(projected([1, 1, 1, 4, 9, 10])).toMatchObject({ state: 'range', from: iso(-30) });
  });

  test('looks back 12 weeks', () => {
    const falling = [20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 42];
    const dates = { state: 'range', from: iso(-70), to: iso(-70) };
    expect(projected([...falling, 0, 0, 0, 0])).toStrictEqual(dates);
    const long = Array.from({ length: 9 }, (_, ago) => key(`old${ago}`, 7 * (31 + ago) + 1)).flat();
    const things = [...weekly(falling), ...long];
    expect(reportOf(things, { tracked: 300 }).projection).toStrictEqual(dates);
  });
});

describe('no trend', () => {
  test.each([
    ['clients that stay', [5, 5, 5, 5, 5]],
    ['ever more clients', [9, 8, 7, 6]],
    ['clients that come and go', [3, 9, 2, 8, 3, 9]],
  ])('of %s', (_, counts) => {
    expect(projected(counts)).toStrictEqual({
      state: 'no trend',
      why: 'The number of clients with a key does not clearly fall from week to week.',
    });
  });

  test('in fewer than four whole weeks', () => {
    const why = 'It takes 4 whole weeks of tracking; there are 3.';
    expect(projected([1, 2, 3, 4], 28 - aMinute)).toStrictEqual({ state: 'no trend', why });
    expect(projected([1, 2, 3, 4], 28)).toMatchObject({ state: 'range' });
  });

  test('where it would take years', () => {
    expect(projected([300, 301, 302, 303])).toStrictEqual({
      state: 'no trend',
      why: 'At this pace, it takes more than two years.',
    });
  });

  test('before anything was counted', () => {
    const usage = { trackingSince: undefined, rows: [], instances: [] };
    expect(made({ usage }).projection).toStrictEqual({
      state: 'no trend',
      why: 'Nothing has been counted yet.',
    });
  });
});

describe('done', () => {
  test('once nobody came with a key for 14 days', () => {
    expect(reportOf(key('a', 14), { tracked: 20 }).projection).toStrictEqual({ state: 'done' });
    expect(reportOf(key('a', 14 - aMinute), { tracked: 20 }).projection.state).toBe('no trend');
  });

  test('never before 14 days of tracking', () => {
    expect(reportOf(token('a', 1), { tracked: 14 }).projection.state).toBe('done');
    expect(reportOf(token('a', 1), { tracked: 14 - aMinute }).projection.state).toBe('no trend');
  });

  test('never while no guard tells, or while keys were not counted by client', () => {
    const silent = [{ ...guard, at: now - 2 * day }];
    expect(reportOf(key('a', 20), { instances: silent }).projection.state).toBe('no trend');
    const uncounted = other('other', 2, { detail: 'key' });
    expect(reportOf(uncounted).projection.state).toBe('no trend');
  });
});

test('a day that is of two weeks counts in both', () => {
  // 7 days ago at noon one week ends and another begins.
  const noon = (weeks: number) => key('a', [7 * weeks + 0.1, 7 * weeks - 0.1]);
  const counted = reportOf([...noon(1), ...noon(2), ...noon(3)], { tracked: 28 });
  expect(counted.projection).toMatchObject({
    why: expect.stringContaining('does not clearly fall'),
  });
  const fewer = reportOf([...noon(2), ...noon(3), ...key('b', [22, 15]), ...key('a', 1)], {
    tracked: 28,
  });
  // 1, 1, 2, 2 clients.
  expect(fewer.projection.state).toBe('range');
});
