import { describe, expect, test } from 'vitest';
import type { UsageInstance } from '../../src/core/usage/usage.js';
import type { ReportInput } from '../../src/report/analysis/input.js';
import type { ClientReport, MigrationReport } from '../../src/report/analysis/model.js';
import { renderHtml, renderMarkdown, renderText } from '../../src/report.js';
import { day, guard, hour, iso, key, made, minute, now, rowsOf, usageOf } from './making.js';

/** From the one day to the other, every so many days. */
const every = (days: number, [from, to]: readonly [number, number]): number[] =>
  Array.from({ length: Math.floor((from - to) / days) + 1 }, (_, index) => from - index * days);

const ago = (days: number): number => now - days * day;
const of = (change: Partial<UsageInstance>): UsageInstance => ({
  ...guard,
  since: ago(100),
  ...change,
});

/** The report of these counts and guards, tracked for 100 days. */
const reportOf = (
  things: Parameters<typeof usageOf>[0],
  instances: readonly UsageInstance[],
  rest: Omit<ReportInput, 'usage'> = {},
): MigrationReport => made({ usage: usageOf(things, { instances }), ...rest });

const clientOf = ({ clients }: MigrationReport, client = 'daily'): ClientReport =>
  clients.find((one) => one.client === client) as ClientReport;

const notes = ({ dataQuality }: MigrationReport): string => dataQuality.notes.join('\n');

describe('time that nobody watched', () => {
  const things = [...key('daily', every(1, [99, 51])), ...key('weekly', every(7, [99, 57]))];
  const before = of({ instance: 'before', at: ago(50), closed: true });
  const after = of({ instance: 'after', since: now - minute, at: now });
  const report = reportOf(things, [before, after]);

  test('is not silence: nobody becomes safe, inactive or silent by it', () => {
    expect(report.safeToCut).toBe(false);
    for (const { safeToCut, status } of report.clients) {
      expect([safeToCut.safe, safeToCut.known, status]).toEqual([false, false, 'on keys']);
      expect(safeToCut.why).toContain('Not watched in that time: 49 days.');
    }
    expect(report.dataQuality).toMatchObject({ daysTracked: 100, daysWatched: 50 });
    expect(report.dataQuality.unwatched).toEqual({
      seconds: 50 * 86_400 - 60,
      stretches: [
        {
          ...{ from: iso(50), to: new Date(now - minute).toISOString() },
          ...{ seconds: 50 * 86_400 - 60, why: 'no guard', instances: [] },
        },
      ],
      leftOut: 0,
    });
  });

  test('is said to be not known, everywhere, with what to do', () => {
    const known = /not known/i;
    expect(report.notKnown?.join()).toMatch(/it will be known on 2030-/);
    for (const text of [renderText(report), renderHtml(report), renderMarkdown(report)]) {
      expect(text).toMatch(known);
      expect(text).not.toContain('API keys can be switched off.');
    }
    expect(renderText(report, { width: 400 })).toContain('Not watched: 24 Jan 2030, 12:00 UTC to');
  });

  test('is no fall of the number of clients, and no end of them', () => {
    expect(report.projection.state).toBe('no trend');
  });

  test('counts again once it is watched', () => {
    const again = of({ instance: 'after', since: ago(14), at: now });
    // 49 days were watched since, and 13 + 1 of them without a key.
    expect(clientOf(reportOf(things, [before, again])).safeToCut.safe).toBe(true);
  });
});

describe('a guard that fell silent', () => {
  const things = key('daily', every(1, [99, 31]));
  const silent = of({ instance: 'keys-api', at: ago(31) });
  const other = of({ instance: 'staging', since: ago(40) });

  test.each([29, 31, 99])('for %i days ends the watched time of all', (days) => {
    const gone = of({ instance: 'keys-api', at: ago(days) });
    const report = reportOf(things, [gone, other]);
    expect(report.safeToCut).toBe(false);
    expect(report.dataQuality.lost).toMatchObject([{ instance: 'keys-api', lastTold: iso(days) }]);
    expect(notes(report)).toContain(`--gone keys-api@${iso(days - guard.every / 86_400)}`);
  });

  test('is believed to be gone when somebody says so', () => {
    const gone = [{ instance: 'keys-api', at: iso(30) }];
    const report = reportOf(things, [silent, other], { gone });
    expect(clientOf(report).safeToCut).toMatchObject({ safe: true });
    expect(report.dataQuality.lost).toEqual([
      { instance: 'keys-api', lastTold: iso(31), atMostSeconds: 86_400, gone: iso(30) },
    ]);
    expect(report.dataQuality.unwatched.stretches).toMatchObject([
      { why: 'gone', seconds: 86_400 },
    ]);
  });

  test.each([
    ['nobody', iso(30), 'must be the name of a guard in this store'],
    ['keys-api', iso(32), 'must not be before the last flush'],
    ['keys-api', iso(-1), 'must not be in the future'],
    ['keys-api', 'yesterday', 'must be an ISO 8601 date-time'],
    ['keys-api', undefined, 'must be an ISO 8601 date-time'],
  ])('%s at %s: %s', (instance, at, says) => {
    const gone = [{ instance, at }] as never;
    expect(() => reportOf(things, [silent, other], { gone })).toThrow(says);
  });

  test('has lost what it counted since it told last, not what it counts in an interval', () => {
    const killed = of({ instance: 'killed', at: now - 3 * hour - 10 * minute });
    const { lost } = reportOf(things, [killed, other]).dataQuality;
    expect(lost[0]?.atMostSeconds).toBe(3 * 3600 + 600);
  });

  test('and others that did: the list is bounded, and says what it left out', () => {
    const many = Array.from({ length: 500 }, (_, index) =>
      of({ instance: `p${index}`, since: ago(2), at: ago(1), seq: 1 }),
    );
    const { lost, lostLeftOut } = reportOf(things, [...many, other]).dataQuality;
    expect([lost.length, lostLeftOut]).toEqual([20, 480]);
  });
});

describe('a store', () => {
  const things = key('daily', every(5, [99, 5]));

  test('that lost everything begins anew, whatever its guards say', () => {
    const watched = [[ago(1), now]] as const;
    const usage = {
      trackingSince: ago(1),
      rows: [],
      instances: [of({ seq: 57, at: now, watched, missing: 56 })],
    };
    const report = made({ usage, keys: [{ id: 'k', clientId: 'daily' }] });
    expect(report.safeToCut).toBe(false);
    expect(report.dataQuality).toMatchObject({ trackingSince: iso(1), missingBatches: 56 });
    expect(notes(report)).toContain('56 batches of 1 guard never reached the store');
  });

  test('that went back to an older backup has a hole', () => {
    const watched = [
      [ago(100), ago(16)],
      [ago(1), now],
    ] as const;
    const rows = key('daily', every(5, [99, 20]));
    const report = reportOf(rows, [of({ at: now, watched, missing: 15 })]);
    expect(clientOf(report).safeToCut).toMatchObject({ safe: false, known: false });
    expect(report.dataQuality.unwatched.stretches).toEqual([
      {
        ...{ from: iso(16), to: iso(1), seconds: 15 * 86_400 },
        ...{ why: 'not stored', instances: ['one'] },
      },
    ]);
  });

  test('that keeps too little says so', () => {
    expect(notes(reportOf([], [of({ at: now })]))).toContain('the store has no counts');
    expect(notes(reportOf(things, [of({ at: now })]))).not.toContain('the store has no counts');
  });
});

describe('a clock', () => {
  const things = key('daily', every(1, [99, 21]));

  test('that is behind makes no old key of one that came now', () => {
    const slow = of({ instance: 'vm', since: ago(20), at: ago(20), skew: -20 * day });
    const report = reportOf([...things, ...key('daily', 20)], [of({ at: now }), slow]);
    expect(report.safeToCut).toBe(false);
    expect(clientOf(report)).toMatchObject({ status: 'on keys', safeToCut: { safe: false } });
    expect(report.dataQuality.clocks).toEqual([{ instance: 'vm', aheadSeconds: -20 * 86_400 }]);
    expect(notes(report)).toContain('The clock of guard vm is 20 days behind');
  });

  test.each([false, true])('of a time to come is no sign of life, closed: %s', (closed) => {
    const dead = of({ instance: 'dead', at: ago(40) });
    const odd = of({ instance: 'odd', at: now + 300 * day, closed });
    const report = reportOf(key('weekly', every(7, [99, 45])), [dead, odd]);
    expect(report.safeToCut).toBe(false);
    expect(report.projection.state).toBe('no trend');
    expect(report.dataQuality.daysWatched).toBe(0);
  });

  test('of 1970 makes nothing watched', () => {
    const usage = { trackingSince: 5_000, rows: [], instances: [of({ since: 5_000, at: now })] };
    const report = made({ usage, keys: [{ id: 'k', clientId: 'a' }] });
    expect(report.safeToCut).toBe(false);
    expect(report.dataQuality.daysWatched).toBe(0);
    const later = {
      ...usage,
      instances: [of({ since: 5_000, at: now, watched: [[ago(1), now]] })],
    };
    expect(made({ usage: later }).dataQuality).toMatchObject({
      trackingSince: iso(1),
      daysWatched: 1,
    });
  });
});

test('a client that came on one day only is said to have', () => {
  const usage = { trackingSince: ago(150), rows: rowsOf(key('rare', 105)), instances: [guard] };
  expect(made({ usage }).clients[0]?.safeToCut.why).toContain('Keys were used on one day only');
});

test('counts of before all that is known to be watched: when a key came last is said as it was', () => {
  const again = of({ since: ago(10), at: now });
  const report = reportOf(key('daily', every(1, [99, 70])), [again]);
  const { safeToCut } = clientOf(report);
  expect(safeToCut).toMatchObject({ safe: false, known: false });
  expect(safeToCut.why).toMatch(
    /^A key was last used 70 days ago\..*Not watched in that time: 60 days/,
  );
});
