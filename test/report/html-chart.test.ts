import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MigrationReport } from '../../src/report/analysis/model.js';
import {
  type Chart,
  layOut,
  short,
  ticksTo,
  weekly,
  wholeDays,
} from '../../src/report/page/chart-layout.js';
import { emptyReport, sampleReport } from './sample.js';

const size = { width: 500, height: 200, left: 50, right: 50, top: 20, bottom: 30 };

/** A report of days that ended with yesterday. */
const report = (
  counts: readonly (readonly [key: number, token: number])[],
  change: Partial<MigrationReport> = {},
): MigrationReport => {
  const dateOf = (i: number) => new Date(Date.UTC(2026, 8, 1 + i)).toISOString().slice(0, 10);
  return {
    ...emptyReport,
    generatedAt: `${dateOf(counts.length)}T08:00Z`,
    days: counts.map(([key, token], i) => ({ day: dateOf(i), key, token, refused: 0 })),
    ...change,
  };
};

const draw = (...given: Parameters<typeof report>): Chart => {
  const chart = layOut(report(...given), size);
  if (!chart) throw new Error('there is no chart');
  return chart;
};

const points = (path: string) =>
  path
    .slice(1)
    .split('L')
    .map((point) => point.split(' ').map(Number));

const flat = (days: number) => Array.from({ length: days }, () => [10, 10] as const);

describe('the lines', () => {
  test('go from the left to the end of the axis, each day at its noon, high counts up', () => {
    const { key, token } = draw([
      [100, 0],
      [50, 50],
      [0, 100],
      [0, 0],
    ]);
    expect(points(key.path)).toEqual([
      [100, 20],
      [200, 95],
      [300, 170],
      [400, 170],
    ]);
    expect(points(token.path)).toEqual([
      [100, 170],
      [200, 95],
      [300, 20],
      [400, 170],
    ]);
    expect(key.end).toEqual([400, 170]);
    expect(key.daily).toBeUndefined();
  });

  test('are means of seven days from fourteen days on, with the days beside them', () => {
    expect(draw(flat(13)).key.daily).toBeUndefined();
    const { key } = draw(flat(14));
    expect(points(key.daily ?? '')).toHaveLength(14);
    expect(points(key.path)).toHaveLength(8);
    expect(points(key.path).at(-1)).toEqual(points(key.daily ?? '').at(-1));
    expect(weekly([7, 0, 0, 0, 0, 0, 0, 14])).toEqual([1, 2]);
  });

  test('leave out the day that is not over, but if it is all there is', () => {
    const { days } = sampleReport;
    expect(wholeDays(sampleReport)).toEqual(days.slice(0, -1));
    expect(wholeDays({ ...sampleReport, days: days.slice(-1) })).toEqual(days.slice(-1));
    expect(wholeDays({ ...sampleReport, generatedAt: '2026-11-23T00:00Z' })).toEqual(days);
  });

  test('stay inside, whatever the counts are', () => {
    const counts = fc.array(fc.tuple(fc.nat(1e12), fc.nat(1e12)), { minLength: 1, maxLength: 90 });
    fc.assert(
      fc.property(counts, (days) => {
        const { key, token, y, end } = draw(days);
        for (const [x = Number.NaN, at = Number.NaN] of [
          ...points(key.path),
          ...points(token.path),
        ]) {
          expect(x >= size.left && x <= end && at >= size.top && at <= 170).toBe(true);
        }
        // Both are in tenths, whose difference is not exact.
        expect(Math.abs(key.labelAt - token.labelAt)).toBeGreaterThan(29.85);
        for (const { labelAt } of [key, token]) expect(labelAt >= 20 && labelAt <= 170).toBe(true);
        expect(y.at(0)?.at).toBe(170);
        expect(y.at(-1)?.at).toBe(20);
      }),
    );
  });
});

describe('the axes', () => {
  test.each([
    [0, [0, 1, 2, 3, 4]],
    [4, [0, 1, 2, 3, 4]],
    [5, [0, 2, 4, 6]],
    [22_950, [0, 10_000, 20_000, 30_000]],
    [1_000, [0, 500, 1_000]],
  ])('up to %d have the ticks %j', (max, ticks) => {
    expect(ticksTo(max)).toEqual(ticks);
  });

  test('have few ticks, all of them whole, and end at the highest count or just above', () => {
    fc.assert(
      fc.property(fc.nat(1e12), (max) => {
        const ticks = ticksTo(max);
        expect(ticks.length).toBeLessThanOrEqual(6);
        expect(ticks.every(Number.isInteger)).toBe(true);
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(max);
        expect(ticks.at(-2)).toBeLessThan(Math.max(max, 4));
      }),
    );
  });

  test('have dates in even steps, as many as there is room for', () => {
    expect(draw(flat(30)).x.map(({ label }) => label)).toEqual([
      '1 Sep',
      '8 Sep',
      '15 Sep',
      '22 Sep',
      '29 Sep',
    ]);
    expect(draw(flat(3)).x.map(({ label }) => label)).toEqual(['1 Sep', '2 Sep', '3 Sep']);
  });

  test.each([
    [999, '999'],
    [1_000, '1k'],
    [12_345, '12.3k'],
    [999_999, '999.9k'],
    [4_000_000, '4M'],
    [7.6e9, '7.6G'],
    [0, '0'],
  ])('%d is %s in short', (value, text) => {
    expect(short(value)).toBe(text);
  });
});

describe('the marks', () => {
  test('stand where their time is, and only inside the range', () => {
    const plan = {
      mode: 'dual',
      deprecatedAt: '2026-09-03T00:00Z',
      sunsetAt: '2026-09-04T12:00Z',
    } as const;
    const start = (at: string) => ({ start: at, refused: 1, clients: [] });
    const brownouts = [start('2026-09-02T06:00Z'), start('2026-08-31T23:00Z')];
    const chart = draw(flat(4), { plan, brownouts });
    expect(chart.deprecated).toBe(250);
    expect(chart.sunset).toBe(400);
    expect(chart.brownouts).toEqual([{ at: 175, label: '2 Sep 2026' }]);
    expect(draw(flat(4)).sunset).toBeUndefined();
    expect(
      draw(flat(4), { plan: { mode: 'dual', deprecatedAt: '2026-10-03' } }).deprecated,
    ).toBeUndefined();
  });

  test('the axis goes on to a sunset that is near, and not to a far one', () => {
    const until = (sunsetAt: string) => draw(flat(20), { plan: { mode: 'dual', sunsetAt } });
    const near = until('2026-10-01T00:00Z');
    expect(near.end).toBeGreaterThan(draw(flat(20)).end);
    expect(near.sunset).toBeGreaterThan(near.key.end[0]);
    expect(near.sunset).toBeLessThan(near.end);
    expect(until('2026-10-02T00:00Z').sunset).toBeUndefined();
  });
});

test('of no day, or of no date, there is no chart', () => {
  expect(layOut(emptyReport, size)).toBeUndefined();
  const days = [{ day: 'soon', key: 1, token: 1, refused: 0 }];
  expect(layOut({ ...emptyReport, days }, size)).toBeUndefined();
});
