import { describe, expect, test } from 'vitest';
import type { UsageInstance } from '../../src/core/usage/usage.js';
import {
  day,
  guard,
  iso,
  key,
  made,
  minute,
  now,
  other,
  reportOf,
  rowsOf,
  token,
} from './making.js';

const aMinute = minute / day;
const quality = (...given: Parameters<typeof reportOf>) => reportOf(...given).dataQuality;
const instance = (name: string, change: Partial<UsageInstance>): UsageInstance => ({
  ...guard,
  instance: name,
  ...change,
});
const second = 1000;

test('a report without trouble says nothing of it', () => {
  expect(quality([...key('a', 99), ...key('a', 1)])).toStrictEqual({
    trackingSince: iso(100),
    daysTracked: 100,
    daysWatched: 100,
    reporting: 1,
    lastTold: new Date(now - 20_000).toISOString(),
    unwatched: { seconds: 0, stretches: [], leftOut: 0 },
    lost: [],
    missingBatches: 0,
    dropped: 0,
    withoutClient: 0,
    excluded: 0,
    notes: [],
  });
});

test('nothing counted yet', () => {
  const usage = { trackingSince: undefined, rows: [], instances: [] };
  expect(made({ usage }).dataQuality).toStrictEqual({
    ...{ daysTracked: 0, daysWatched: 0, reporting: 0, lost: [], dropped: 0, withoutClient: 0 },
    ...{ excluded: 0, missingBatches: 0, unwatched: { seconds: 0, stretches: [], leftOut: 0 } },
    notes: ['Nothing has been counted yet: no guard has flushed counts to this store.'],
  });
});

describe('short tracking', () => {
  test.each([
    [0.5, ['Tracking began 0 days ago: a monthly job may not have run yet.']],
    [1, ['Tracking began 1 day ago: a monthly job may not have run yet.']],
    [34.9, ['Tracking began 34 days ago: a monthly job may not have run yet.']],
    [35, ['Tracking began 35 days ago: a quarterly job may not have run yet.']],
    [92.9, ['Tracking began 92 days ago: a quarterly job may not have run yet.']],
    [93, []],
  ])('of %d days', (tracked, notes) => {
    expect(quality(key('a', tracked), { tracked }).notes).toEqual(notes);
  });

  test('by a store that forgets', () => {
    const short =
      'Tracking began 300 days ago, and the oldest count is 90 days old: if the store deletes counts so early, this report does not know rarer clients.';
    expect(quality(key('a', 90), { tracked: 300 }).notes).toEqual([short]);
    expect(quality(key('a', 265), { tracked: 300 }).notes).toEqual([]);
    expect(quality(key('a', 264), { tracked: 300 }).notes).toHaveLength(1);
    expect(quality(key('a', 399), { tracked: 2000 }).notes).toEqual([]);
  });
});

describe('guards', () => {
  const things = [...key('a', 99), ...key('a', 1)];
  const of = (...changes: Partial<UsageInstance>[]) =>
    quality(things, { instances: changes.map((change, at) => instance(`g${at}`, change)) });

  test('report while they tell within three intervals, and 90 seconds at least', () => {
    const told = (every: number, seconds: number) => ({ every, at: now - seconds * second });
    const quiet = of(told(10, 90), told(10, 90.001), told(60, 180), told(60, 180.001));
    expect(quiet.reporting).toBe(2);
    expect(quiet.lost.map(({ instance: name }) => name)).toEqual(['g1', 'g3']);
  });

  test('report if they were closed in the last 24 hours', () => {
    const closed = (at: number) => of({ closed: true, at });
    expect(closed(now - day + 1)).toMatchObject({ reporting: 1, lost: [] });
    expect(closed(now - day)).toMatchObject({ reporting: 0, lost: [] });
  });

  test('are lost if they end without a word, until somebody says that they are gone', () => {
    const told = of(
      { at: now - 30 * day, every: 60 },
      { at: now - 30 * day - 1 },
      { at: now - 2 * day },
      { at: now - 3 * day, closed: true },
      {},
    );
    expect(told).toMatchObject({ reporting: 1, lastTold: new Date(now - 20_000).toISOString() });
    expect(told.lost).toStrictEqual([
      {
        ...{ instance: 'g2', lastTold: iso(2), atMostSeconds: 2 * 86_400 },
        earliestEnd: new Date(now - 2 * day + 30 * second).toISOString(),
      },
      {
        ...{ instance: 'g0', lastTold: iso(30), atMostSeconds: 30 * 86_400 },
        earliestEnd: new Date(now - 30 * day + 60 * second).toISOString(),
      },
      {
        instance: 'g1',
        lastTold: new Date(now - 30 * day - 1).toISOString(),
        atMostSeconds: 30 * 86_400 + 1,
        earliestEnd: new Date(now - 30 * day - 1 + 30 * second).toISOString(),
      },
    ]);
    expect(told.notes[1]).toMatch(
      /^Guard g2 has not flushed its counts since .*--gone g2@2030-03-13T12:00:30/,
    );
    expect(told.notes).toHaveLength(5);
  });

  test('of whom none reports', () => {
    expect(of({ at: now - 2 * day, closed: true }).notes).toEqual([
      `No guard has flushed its counts since ${iso(2)}: this report does not know later requests.`,
      `Not watched: 1 period, 2 days in total; the longest is ${iso(2)} to ${iso(0)} (2 days). This does not count as time without a key.`,
    ]);
    expect(of().notes).toEqual([
      'Tracking began 100 days ago, and 0 days of that were watched: a monthly job may not have run yet.',
      'No guard has flushed its counts yet: this report does not know later requests.',
      expect.stringMatching(/^Not watched: 1 period, 100 days in total/),
    ]);
  });

  test('drop what there is no room for', () => {
    const dropped = of({ dropped: 3 }, { dropped: 4 });
    expect(dropped.dropped).toBe(7);
    expect(dropped.notes).toEqual([
      '7 requests could not be counted by client, because a limit was reached: a client that looks inactive may be active.',
      expect.stringMatching(/^Until 2030-03-15T11:59.* were not counted for any client/),
    ]);
  });
});

test('what a store had no room for is dropped too', () => {
  const uncounted = [40, 41].flatMap((days) => other('other', days, { detail: 'key' }));
  const { dropped, notes } = quality([...key('a', 99), ...uncounted]);
  expect(dropped).toBe(2);
  expect(notes).toHaveLength(1);
  // The guard has told of the same two.
  const instances = [{ ...guard, dropped: 2 }];
  expect(quality([...key('a', 99), ...uncounted], { instances }).dropped).toBe(2);
  const late = quality([...key('a', 99), ...other('other', 13, { detail: 'key' })]).notes;
  expect(late[1]).toBe(
    `Until ${iso(13)}, some requests, perhaps with API keys, were not counted for any client. For this reason, the report as a whole is not safe to cut.`,
  );
});

test('requests without a client are told of for 30 days', () => {
  const things = [...key('a', 99), ...token('', [29, 1, 30])];
  expect(quality(things)).toMatchObject({
    withoutClient: 2,
    notes: [
      "2 requests of the last 30 days had no client id, so no client's numbers include them.",
    ],
  });
});

describe('a clock that is ahead', () => {
  const usage = (ahead: number) => ({
    trackingSince: now - 100 * day,
    rows: rowsOf([...key('a', 99), ...key('a', -ahead * aMinute), ...token('b', -ahead * aMinute)]),
    instances: [guard],
  });

  test('is told of, and its counts are of now', () => {
    const report = made({ usage: usage(3 * 1440) });
    expect(report.dataQuality.notes).toEqual([
      "A clock is wrong: some counts are 4320 minutes ahead of this report's clock, and are treated as new.",
    ]);
    const [a, b] = report.clients;
    expect(a).toMatchObject({ lastKeyUse: iso(0), keyRequests: { day: 1 }, status: 'on keys' });
    expect(b).toMatchObject({ firstTokenUse: iso(0), lastTokenUse: iso(0) });
    expect(report.days.at(-1)).toEqual({ day: '2030-03-15', key: 1, token: 1, refused: 0 });
  });

  test('by five minutes is nothing', () => {
    expect(made({ usage: usage(5) }).dataQuality.notes).toEqual([]);
    expect(made({ usage: usage(6) }).dataQuality.notes).toHaveLength(1);
  });

  test('of a guard, or of the first one', () => {
    const at = now + 10 * minute;
    const told = quality(key('a', 99), { instances: [instance('g', { at })] });
    // A time to come is no sign of life.
    expect(told).toMatchObject({
      ...{ reporting: 0, daysWatched: 0 },
      clocks: [{ instance: 'g', aheadSeconds: 600 }],
    });
    expect(told.notes.join()).toContain('The clock of guard g is 10 minutes ahead');
    const later = quality([], { tracked: -1 });
    expect(later).toMatchObject({ trackingSince: iso(0), daysTracked: 0 });
  });
});

test('rows of a kind that is not known are left out, and told of', () => {
  const usage = {
    trackingSince: now - 100 * day,
    rows: [...rowsOf(key('a', 99)), { ...rowsOf(key('b', 1))[0], what: 'brand-new' }],
    instances: [guard],
  };
  const report = made({ usage: usage as never });
  expect(report.clients.map(({ client }) => client)).toEqual(['a']);
  expect(report.dataQuality.notes).toEqual([
    'This version cannot interpret 1 row: a newer version counted it.',
  ]);
});
