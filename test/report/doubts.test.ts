import { describe, expect, test } from 'vitest';
import type { UsageInstance, UsageRow } from '../../src/core/usage/usage.js';
import { migrationReport } from '../../src/report/analysis/build.js';
import type { ReportInput } from '../../src/report/analysis/input.js';
import type { MigrationReport } from '../../src/report/analysis/model.js';
import { ownReport, stillOnKeys } from '../../src/report.js';
import {
  claimed,
  day,
  guard,
  type Happened,
  iso,
  key,
  made,
  now,
  other,
  refused,
  rowsOf,
  token,
  usageOf,
} from './making.js';

const ago = (days: number): number => now - days * day;
const since = ago(100);
const of = (change: Partial<UsageInstance> = {}): UsageInstance => ({
  ...{ ...guard, since, at: now, watched: [[since, now]] },
  ...change,
});
type Rest = Omit<ReportInput, 'usage'> & { readonly instances?: readonly UsageInstance[] };
const reportOf = (things: readonly Happened[], { instances = [of()], ...rest }: Rest = {}) =>
  made({ usage: usageOf(things, { instances }), ...rest });
const cutOf = ({ clients }: MigrationReport, client = 'a') =>
  clients.find((one) => one.client === client)?.safeToCut;
const notes = ({ dataQuality }: MigrationReport): string => dataQuality.notes.join('\n');
const daily = (client: string, [from, to]: readonly [number, number]) =>
  key(
    client,
    Array.from({ length: from - to + 1 }, (_, index) => from - index),
  );
const clients = [{ client: 'a' }];
/** Somebody else, so that the store has a count. */
const someone = token('z', 50);

describe('a request that was counted for no client', () => {
  const uncounted = (days: number, detail = 'key') => other('other', days, { detail });

  test('may have been the key of each: none is safe until its own quiet days are over', () => {
    for (const [days, safe] of [
      [20, false],
      [34, false],
      [35, true],
    ] as const) {
      const report = reportOf([...someone, ...uncounted(days)], { clients });
      expect(cutOf(report)?.safe).toBe(safe);
      if (!safe) expect(cutOf(report)).toMatchObject({ known: false, from: iso(days - 35) });
      expect(report.safeToCut).toBe(safe);
    }
    const things = [...daily('a', [99, 30]), ...uncounted(13)];
    expect(cutOf(reportOf(things))).toMatchObject({ known: false, from: iso(13 - 14) });
    expect(cutOf(reportOf([...things, ...uncounted(2, 'token')]))?.from).toBe(iso(13 - 14));
  });

  test('also one without a row, until its guard told last', () => {
    const dropped = (days: number, rows: readonly Happened[] = []) =>
      reportOf([...someone, ...rows], {
        clients,
        instances: [of(), of({ instance: 'x', dropped: 1, at: ago(days), closed: true })],
      });
    expect(cutOf(dropped(20))).toMatchObject({ safe: false, known: false });
    expect(dropped(20).notKnown?.join()).toContain('it will be known on');
    expect(cutOf(dropped(40))?.safe).toBe(true);
    expect(cutOf(dropped(20, uncounted(50)))?.safe).toBe(true);
  });
});

describe('keys without an issuer', () => {
  const [a, b] = ['https://a.test', 'https://b.test'];
  const rows = (issuer: string, things: readonly Happened[]): UsageRow[] =>
    rowsOf(things).map((row) => ({ ...row, issuer }));
  const safeOf = (all: UsageRow[]) =>
    made({ usage: { ...usageOf([], { instances: [of()] }), rows: all } }).clients.map((one) => [
      ...[one.issuer, one.status, one.safeToCut.safe],
    ]);

  test('are those of each client of that id; tokens without one move nobody', () => {
    const own = [
      ...rows(a, [...daily('a', [99, 50]), ...token('a', 1)]),
      ...rows(b, token('z', 1)),
    ];
    expect(safeOf(own)).toContainEqual([a, 'migrated', true]);
    expect(safeOf([...own, ...rows('', key('a', 1))])).toContainEqual([a, 'in progress', false]);
    const onJwks = [...rows(a, daily('a', [99, 1])), ...rows(b, token('z', 1))];
    expect(safeOf([...onJwks, ...rows('', token('a', 0))])).toContainEqual([a, 'on keys', false]);
  });
});

describe('a store', () => {
  test('that has lost rows it had taken: those days were not watched', () => {
    const things = [...daily('b', [99, 0])];
    const counted = Object.fromEntries(
      Array.from({ length: 100 }, (_, days) => [iso(days).slice(0, 10), 1]),
    );
    const whole = reportOf(things, { clients, instances: [of({ counted })] });
    expect(whole.dataQuality.unwatched.seconds).toBe(0);
    expect(cutOf(whole)?.safe).toBe(true);
    const some = reportOf(things.slice(80), { clients, instances: [of({ counted })] });
    expect(cutOf(some)).toMatchObject({ safe: false, known: false });
    expect(some.dataQuality.unwatched.stretches[0]).toMatchObject({ why: 'not stored' });
    expect(notes(some)).toContain('of 80 days');
    const two = [of({ counted }), of({ instance: 'x', counted: { [iso(9).slice(0, 10)]: 1 } })];
    expect(reportOf(things, { instances: two }).dataQuality.unwatched.seconds).toBe(86_400);
  });

  test.each([100, 150])('that keeps %d days does not show what comes once in a quarter', (kept) => {
    const instances = [of({ since: ago(500), watched: [[ago(kept), now]] })];
    const usage = (last: number) => ({
      ...usageOf(key('a', last + 93 < kept ? [last + 93, last] : last), { instances }),
      trackingSince: ago(kept),
    });
    for (let last = 0; last < 93; last += 4) {
      expect(cutOf(made({ usage: usage(last) }))?.safe).toBe(false);
    }
    expect(notes(made({ usage: usage(62) }))).toContain(`deletes counts after ${kept} days`);
    // Who came all the time has shown how often it comes.
    const all = { ...usageOf(daily('a', [kept - 1, 14]), { instances }), trackingSince: ago(kept) };
    expect(cutOf(made({ usage: all }))).toMatchObject({ safe: true, quietDays: 14 });
  });

  test('in memory knows one process: nothing is safe to cut for all', () => {
    const report = reportOf(token('a', 1), { instances: [of({ temporary: true })] });
    expect(report.safeToCut).toBe(false);
    expect(report.notKnown?.join()).toContain('memory of one process');
    expect(notes(report)).toContain('memory of one process');
  });
});

describe('a guard', () => {
  test.each([-10, 10])('that told by a clock %d minutes off is not gone before that', (minutes) => {
    const skew = minutes * 60_000;
    const off = of({ instance: 'x', at: now + skew, skew });
    const gone = (days: number) => [{ instance: 'x', at: iso(days) }];
    const instances = [of(), { ...off, at: ago(30) + skew }];
    expect(() => reportOf([], { instances: [of(), off], gone: gone(75) })).toThrow('last flush');
    expect(() => reportOf([], { instances, gone: gone(30.01) })).toThrow('last flush');
    expect(reportOf([], { instances, gone: gone(29.9) }).dataQuality.lost).toHaveLength(1);
  });

  test('that does not count a client leaves it unknown, unless the report leaves it out', () => {
    const instances = [of(), of({ instance: 'x', excludes: ['a'] })];
    const report = reportOf(token('a', 1), { instances });
    expect(cutOf(report)).toMatchObject({ safe: false, known: false });
    expect(report.notKnown?.join()).toContain('A guard does not count a');
    expect(report).toMatchObject({
      clients: [{ status: 'unknown' }],
      clientsMigrated: { migrated: 0, left: 1, percent: 0 },
      projection: { state: 'no trend' },
    });
    const without = reportOf([...someone, ...token('a', 1)], { instances, exclude: ['a'] });
    expect(without.safeToCut).toBe(true);
    expect(notes(without)).not.toContain('do not count');
    const before = of({ instance: 'x', excludes: ['a'], at: ago(36), closed: true });
    expect(cutOf(reportOf(token('a', 1), { instances: [of(), before] }))?.safe).toBe(true);
  });
});

describe('a client', () => {
  test('some of whose refused tokens were not examined is not known for 14 days', () => {
    const of = (days: number) =>
      reportOf([...daily('a', [99, 60]), ...token('a', 50), ...claimed('a', days, 'UNEXAMINED')]);
    expect(cutOf(of(13))).toMatchObject({ safe: false, known: false });
    expect(cutOf(of(13))?.why).toContain('an attack or an overload');
    expect(of(13)).toMatchObject({ failing: [], clients: [{ status: 'unknown' }] });
    expect(of(14).clients[0]?.status).toBe('migrated');
    expect(cutOf(of(14))?.safe).toBe(true);
    // Anybody can have a forged token refused.
    const forged = [...daily('a', [99, 60]), ...token('a', 50), ...claimed('a', 1)];
    expect(cutOf(reportOf(forged))?.safe).toBe(true);
  });

  test('that sent two credentials has sent a key', () => {
    const both = refused('a', 3, ['', 'ERR_CREDENTIAL_AMBIGUOUS']);
    const report = reportOf([...daily('a', [99, 60]), ...token('a', 50), ...both]);
    expect(report.clients[0]).toMatchObject({ status: 'on keys', safeToCut: { safe: false } });
    const beside = other('both', 3, { client: 'a', key: 'k' });
    const kept = reportOf([...daily('a', [99, 60]), ...token('a', 1), ...beside]);
    expect(kept.clients[0]).toMatchObject({ status: 'in progress', safeToCut: { safe: false } });
  });
});

test('of more clients than there is room for, those that are not safe are listed', () => {
  const many = Array.from({ length: 10_000 }, (_, index) => key(`c${index}`, 70)).flat();
  const things = [...many, ...key('zz', [90, 30]), ...key('zy', [90, 40]), ...token('zy', 0)];
  const report = migrationReport({ usage: usageOf(things, { instances: [of()] }), now });
  expect([report.clients.length, report.leftOut]).toEqual([10_000, { clients: 2 }]);
  expect([...stillOnKeys(report)].sort()).toEqual(['zy', 'zz']);
  const cut = report.clients.find(({ client }) => !stillOnKeys(report).includes(client));
  expect(cut?.safeToCut.safe).toBe(true);
  for (const [client] of [...many, ...things]
    .map((one) => [one.client] as const)
    .slice(0, 10_000)) {
    if (!ownReport(report, client)) throw new Error(client);
  }
  const onJwks = Array.from({ length: 10_005 }, (_, index) => key(`k${index}`, 1)).flat();
  const all = migrationReport({ usage: usageOf(onJwks, { instances: [of()] }), now });
  expect(stillOnKeys(all).at(-1)).toBe('(+5 more)');
});
