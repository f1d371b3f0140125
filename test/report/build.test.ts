import { describe, expect, test } from 'vitest';
import type { MigrationPlan } from '../../src/index.js';
import { migrationReport } from '../../src/report/analysis/build.js';
import type { MigrationReport } from '../../src/report/analysis/model.js';
import { inFull } from '../runs.js';
import {
  claimed,
  day,
  iso,
  key,
  made,
  minute,
  now,
  onlyClient,
  other,
  refused,
  reportOf,
  rowsOf,
  token,
  usageOf,
} from './making.js';

const ids = ({ clients }: MigrationReport) => clients.map(({ client }) => client);
/** The report was made at noon, so half a day ago it was midnight. */
const midnight = 0.5;
const aMinute = minute / day;

describe('windows are whole days of UTC', () => {
  test('today, and the 6 and the 29 before', () => {
    const days = [0, midnight, midnight + aMinute, 6 + midnight, 6 + midnight + aMinute];
    const far = [29 + midnight, 29 + midnight + aMinute];
    const recent = { day: 2, week: 4, month: 6 };
    const { keyRequests, tokenRequests, refusedRequests, keys } = onlyClient([
      ...key('a', [...days, ...far]),
      ...token('a', [...days, ...far]),
      ...refused('a', [...days, ...far]),
    ]);
    expect({ keyRequests, tokenRequests, refusedRequests }).toEqual({
      keyRequests: recent,
      tokenRequests: recent,
      refusedRequests: recent,
    });
    expect(keys).toEqual([{ id: 'a-key', lastUse: iso(0), month: 6 }]);
  });

  test('over a leap day, and at midnight', () => {
    const at = Date.parse('2028-03-01T00:00:00Z');
    const on = (text: string) => ({ ...key('a', 0)[0], at: Date.parse(text) }) as never;
    const things = [
      '2028-02-24T00:00Z',
      '2028-02-23T23:59Z',
      '2028-02-29T23:59Z',
      '2028-03-01T00:00Z',
    ];
    const usage = { ...usageOf([]), rows: rowsOf(things.map(on)), trackingSince: at - 10 * day };
    const report = made({ usage, now: at });
    expect(report.clients[0]?.keyRequests).toEqual({ day: 1, week: 3, month: 4 });
    expect(report.days.slice(-3)).toEqual([
      { day: '2028-02-28', key: 0, token: 0, refused: 0 },
      { day: '2028-02-29', key: 1, token: 0, refused: 0 },
      { day: '2028-03-01', key: 1, token: 0, refused: 0 },
    ]);
    expect(report.days).toHaveLength(11);
  });
});

describe('totals', () => {
  test('count what was let in, and a share that is rounded down', () => {
    const things = [
      ...key('a', [1, 20]),
      ...refused('a', 1, ['a-key']),
      ...token(
        'b',
        Array.from({ length: 199 }, (_, index) => index / 200),
      ),
      ...claimed('b', 1),
      ...other('would-deny', 1, { client: 'b', detail: 'ERR_SCOPE_MISSING' }),
    ];
    const report = reportOf(things);
    expect(report.trafficWeek).toStrictEqual({ key: 1, token: 199, percent: 99 });
    expect(report.trafficMonth).toStrictEqual({ key: 2, token: 199, percent: 99 });
    expect(reportOf(token('b', 1)).trafficWeek.percent).toBe(100);
    expect(reportOf([]).trafficWeek).toStrictEqual({ key: 0, token: 0 });
  });

  test('count requests without a client, and those there was no room for', () => {
    const things = [
      ...token('', 1),
      ...['key', 'token', 'refused'].flatMap((detail) => other('other', 1, { detail })),
    ];
    const report = reportOf(things);
    expect(report.trafficWeek).toEqual({ key: 1, token: 2, percent: 66 });
    expect(report.days.at(-2)).toEqual({ day: '2030-03-14', key: 1, token: 2, refused: 1 });
    expect(report.clients).toEqual([]);
    const plan = { cohorts: { eu: {} } };
    expect(reportOf(things, { plan, cohort: 'eu' }).trafficWeek).toEqual({ key: 0, token: 0 });
  });

  test('by day, 90 at most, none left out', () => {
    const report = reportOf([...key('a', [95, 89, 3]), ...refused('a', 3), ...token('b', 3)]);
    expect(report.days).toHaveLength(90);
    expect(report.days[0]).toEqual({ day: '2029-12-16', key: 1, token: 0, refused: 0 });
    expect(report.days[1]).toEqual({ day: '2029-12-17', key: 0, token: 0, refused: 0 });
    expect(report.days.at(-4)).toEqual({ day: '2030-03-12', key: 1, token: 1, refused: 1 });
    expect(reportOf([], { tracked: 2 }).days).toHaveLength(3);
    expect(reportOf(key('a', 5), { tracked: 2 }).days).toHaveLength(6);
    expect(made({ usage: { trackingSince: undefined, rows: [], instances: [] } }).days).toEqual([]);
  });

  test('of clients: migrated, and left, and those that fell silent are neither', () => {
    const things = [
      ...token('moved', 1),
      ...token('moved too', 40),
      ...key('gone', [80, 60]),
      ...key('monthly', [93, 62, 31]),
      ...key('on keys', 1),
    ];
    expect(reportOf(things).clientsMigrated).toStrictEqual({
      total: 5,
      migrated: 2,
      left: 2,
      percent: 40,
    });
    expect(reportOf(token('a', 1)).clientsMigrated.percent).toBe(100);
    expect(reportOf([]).clientsMigrated).toStrictEqual({ total: 0, migrated: 0, left: 0 });
  });
});

test('hostile names are names', () => {
  const names = [
    '__proto__',
    'constructor',
    'toString',
    'x'.repeat(10_000),
    'a\0b\n\u001b[31m',
    '\ud800',
  ];
  const things = names.flatMap((name) => [
    ...key(name, 1, name),
    ...token(name, 1),
    ...refused(name, 1, ['', name]),
    ...(['route', 'agent', 'query', 'both', 'brownout', 'would-deny'] as const).flatMap((what) =>
      other(what, 1, { client: name, key: name, detail: name }),
    ),
  ]);
  const keys = names.map((id) => ({ id, clientId: id, createdBy: id }));
  const clients = names.map((client) => ({ client, owner: client }));
  const report = migrationReport({ usage: usageOf(things), now, keys, clients });
  expect(ids(report).sort()).toEqual([...names].sort());
  for (const one of report.clients) {
    expect(one).toMatchObject({
      owner: one.client,
      keys: [{ id: one.client, month: 1 }],
      routes: [{ route: one.client, count: 1 }],
      refusals: [{ reason: one.client }],
    });
  }
  expect(report.brownouts).toHaveLength(names.length);
  expect(({} as { month?: number }).month).toBeUndefined();
  expect(reportOf([], { exclude: ['__proto__'], clients }).dataQuality.excluded).toBe(1);
});

test('the plan is told with its dates in UTC', () => {
  const plan: MigrationPlan = {
    mode: 'deprecated',
    deprecatedAt: '2030-01-01T00:00:00+01:00',
    sunsetAt: '2030-06-30T02:00:00+02:00',
    guide: 'https://example.com/guide#keys',
  };
  expect(reportOf([], { plan }).plan).toStrictEqual({
    mode: 'deprecated',
    deprecatedAt: '2029-12-31T23:00:00.000Z',
    sunsetAt: '2030-06-30T00:00:00.000Z',
    daysToSunset: 106,
    guide: 'https://example.com/guide#keys',
  });
});

test.runIf(inFull)('thousands of clients, through every list', () => {
  const things = Array.from({ length: 4_000 }, (_, index) => [
    ...key(`c${index}`, index % 60),
    ...token(`c${index}`, index % 50),
    ...other('query', 1, { client: `c${index}`, key: 'k' }),
    ...other('brownout', 1, { client: `c${index}`, key: 'k', detail: iso(2) }),
    ...other('route', 1, { client: 'c0', detail: `/${index}` }),
  ]).flat();
  const usage = usageOf(things);
  expect(usage.rows).toHaveLength(20_000);
  const report = migrationReport({ usage, now });
  expect(report.clients).toHaveLength(4_000);
  expect(report.clients.find(({ client }) => client === 'c0')?.routes).toHaveLength(50);
});

test('what it is made of is not changed', () => {
  const usage = usageOf([...key('a', [1, 1 + 1 / 24]), ...token('b', 2)]);
  const freeze = <T>(value: T): T => {
    if (typeof value === 'object' && value !== null)
      Object.values(Object.freeze(value)).map(freeze);
    return value;
  };
  const input = { usage, clients: [{ client: 'b' }], keys: [{ id: 'k' }], exclude: ['c'], now };
  expect(migrationReport(freeze(input))).toEqual(migrationReport(structuredClone(input)));
});
