import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { UsageInstance, UsageKind, UsageRow } from '../../src/core/usage/usage.js';
import type { ReportInput } from '../../src/report/analysis/input.js';
import type { MigrationReport } from '../../src/report/analysis/model.js';
import { renderHtml, renderText } from '../../src/report.js';
import { runs } from '../runs.js';
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
  rowsOf,
  token,
  usageOf,
} from './making.js';

const ago = (days: number): number => now - days * day;
const [a, b] = ['https://a.test', 'https://b.test'];
const rows = (issuer: string, things: readonly Happened[]): UsageRow[] =>
  rowsOf(things).map((row) => ({ ...row, issuer }));
const days = (from: number, to: number): number[] =>
  Array.from({ length: from - to + 1 }, (_, index) => from - index);
const of = (change: Partial<UsageInstance> = {}): UsageInstance => ({
  ...{ ...guard, since: ago(100), at: now, watched: [[ago(100), now]] },
  ...change,
});
type Rest = Omit<ReportInput, 'usage'> & {
  readonly instances?: readonly UsageInstance[];
  readonly unreadable?: readonly string[];
  readonly skipped?: number;
};
function report(given: readonly UsageRow[], rest: Rest = {}): MigrationReport {
  const { instances = [of()], unreadable, skipped, ...input } = rest;
  const more = { ...(unreadable && { unreadable }), ...(skipped !== undefined && { skipped }) };
  return made({ usage: { ...usageOf([], { instances }), rows: given, ...more }, ...input });
}
const cutOf = ({ clients }: MigrationReport, client = 'a') =>
  clients.find((one) => one.client === client)?.safeToCut;
const statusOf = ({ clients }: MigrationReport, client = 'a') =>
  clients.find((one) => one.client === client)?.status;
const notes = ({ dataQuality }: MigrationReport): string => dataQuality.notes.join('\n');

describe('what a stranger, or nobody, causes', () => {
  const lists = {
    clients: [{ client: 'shop', owner: 'Jo' }],
    keys: [{ id: 'shop-key', clientId: 'shop' }],
    exclude: ['support'],
  };
  const known = [
    ...rows(a, [...key('shop', days(90, 60)), ...token('shop', days(59, 1))]),
    ...rows(a, key('support', days(90, 0))),
  ];
  const strange = fc.record({
    what: fc.constantFrom<UsageKind>('claimed', 'other'),
    client: fc.constantFrom('', 'shop', 'support', 'new'),
    issuer: fc.constantFrom('', a, b, 'x'),
    detail: fc.constantFrom('ERR_TOKEN_ISSUER', 'UNEXAMINED', 'lookup', 'token', 'key'),
    days: fc.nat(99),
  });

  test('decides nothing: not who the clients are, and of no client more than a doubt', () => {
    const plain = report(known, lists);
    expect(plain.clients.map(({ client, owner }) => [client, owner])).toEqual([['shop', 'Jo']]);
    const facts = (one: MigrationReport) => ({
      ...{ issuers: one.issuers, failing: one.failing, topKeyUsers: one.topKeyUsers },
      ...{ halfMigrated: one.halfMigrated, silentKeys: one.silentKeys, risks: one.risks },
      ...{ orphanKeys: one.orphanKeys, excluded: one.dataQuality.excluded },
      unwatched: one.dataQuality.unwatched,
      clients: one.clients.map(({ unverified, safeToCut, status, leftOut, ...rest }) => rest),
    });
    fc.assert(
      fc.property(fc.array(strange, { maxLength: 6 }), (added) => {
        const more = added.flatMap(({ what, client, issuer, detail, days: on }) =>
          rows(issuer, other(what, on, { client: what === 'other' ? '' : client, detail })),
        );
        const changed = report([...known, ...more], lists);
        expect(facts(changed)).toStrictEqual(facts(plain));
        const isDoubt = more.some(
          ({ what, detail }) => what === 'other' || detail === 'UNEXAMINED',
        );
        if (isDoubt) expect(['migrated', 'unknown']).toContain(statusOf(changed, 'shop'));
        else {
          const { why, safe } = cutOf(changed, 'shop') ?? {};
          expect([statusOf(changed, 'shop'), safe]).toEqual(['migrated', true]);
          expect(why).toBe(cutOf(plain, 'shop')?.why);
          expect(changed.notKnown).toEqual(plain.notKnown);
          expect(notes(changed)).toBe(notes(plain));
        }
      }),
      { numRuns: runs(200) },
    );
  });

  test('rows of nobody make one issuer no several', () => {
    const nobody = rows('', other('other', 50, { detail: 'key' }));
    const told = report([...known, ...nobody, ...rows('', claimed('shop', 1))], lists);
    expect(told.issuers).toBeUndefined();
    expect(told.clients.map(({ client }) => client)).toEqual(['shop']);
  });
});

describe('without a client, or without a count', () => {
  test('it is not known, and the command says what to do', () => {
    for (const one of [
      report([]),
      report([], { clients: [{ client: 'a' }] }),
      report(rows('', token('a', 1)), { exclude: ['a'] }),
      report(rows('', token('a', 1)), { plan: { cohorts: { eu: {} } }, cohort: 'eu' }),
      report(rows('', claimed('a', 1)), { clients: [{ client: 'a' }] }),
    ]) {
      expect(one.safeToCut).toBe(false);
      expect(one.notKnown?.join()).toMatch(/No client|no counts of any client/);
      expect(one.projection.state).toBe('no trend');
      expect(renderText(one)).toMatch(/Safe to cut +Not known/);
    }
  });
});

describe('a client of which it is not known', () => {
  const moved = rows('', [...key('a', days(99, 60)), ...token('a', days(59, 0))]);

  test.each([
    ['another guard has no room', { more: other('other', 1, { detail: 'key' }) }],
    ['its key could not be looked up', { more: other('other', 1, { detail: 'lookup' }) }],
    ['tokens were not examined', { more: other('other', 1, { detail: 'UNEXAMINED' }) }],
    ['a guard does not count it', { instances: [of(), of({ excludes: ['a'] })] }],
    ['entries cannot be read', { skipped: 1 }],
  ])('is not migrated, and nothing is done: %s', (_, given: { more?: Happened[] } & Rest) => {
    const { more = [], ...rest } = given;
    expect(report(moved)).toMatchObject({
      ...{ safeToCut: true, projection: { state: 'done' } },
      clientsMigrated: { migrated: 1, left: 0, percent: 100 },
    });
    const one = report([...moved, ...rows('', more)], rest);
    expect(statusOf(one)).toBe('unknown');
    expect(one).toMatchObject({
      ...{ safeToCut: false, projection: { state: 'no trend' } },
      clientsMigrated: { migrated: 0, left: 1, percent: 0 },
    });
    expect(renderHtml(one)).toContain('not known</span>');
    expect(renderText(one, { width: 100 })).toMatch(/^a .* not known/m);
  });

  test('a key that could not be looked up may have been of anybody: days and cause are named', () => {
    const lookups = other('other', [3, 4, 5, 9], { detail: 'lookup' });
    const one = report([...moved, ...rows('', lookups)]);
    const on = [3, 4, 5].map((on) => iso(on).slice(0, 10)).join(', ');
    expect(cutOf(one)?.why).toContain(`On ${on} and 1 earlier day, until ${iso(3)}`);
    expect(cutOf(one)).toMatchObject({ known: false, from: iso(3 - 14) });
    expect(notes(one)).toContain('could not be looked up');
    expect(one.dataQuality.dropped).toBe(0);
    // Guards count such requests among those that they dropped.
    const told = report([...moved, ...rows('', lookups)], { instances: [of({ dropped: 4 })] });
    expect([told.dataQuality.dropped, cutOf(told)?.from]).toEqual([0, iso(3 - 14)]);
    const before = rows('', other('other', 35, { detail: 'lookup' }));
    expect(report([...moved, ...before]).safeToCut).toBe(true);
  });

  test('an entry that cannot be read is said with what to do', () => {
    const one = report(moved, { skipped: 2 });
    expect(one.notKnown?.join()).toContain('2 entries that cannot be read');
    expect(notes(one)).toContain('move them out of the store');
  });
});

describe('keys without an issuer', () => {
  const given = [
    ...rows('', key('shop', days(60, 0))),
    ...rows(a, token('shop', 60)),
    ...rows(b, token('z', 1)),
  ];
  const clients = { shop: [{ issuer: a, cohort: 'partners' }] };

  test('count in a cohort, and where the bare id is left out', () => {
    const plan = { cohorts: { partners: {} }, clients };
    const cohort = report(given, { plan, cohort: 'partners' });
    expect(cohort.clients.map(({ status, issuer }) => [status, issuer])).toEqual([['on keys', a]]);
    expect([cohort.safeToCut, cohort.trafficMonth.key]).toEqual([false, 0]);
    const without = report(given, { exclude: ['shop'] });
    expect(without.clients.find(({ issuer }) => issuer === a)?.status).toBe('on keys');
  });
});

describe('keys beside tokens', () => {
  const beside = (on: number[]) => other('both', on, { client: 'a', key: 'k' });
  const undated = (things: readonly Happened[]): UsageRow[] => [
    ...rows('', things)
      .reduce((all, row) => {
        const held = all.get(row.what);
        const sum = held && {
          first: Math.min(held.first, row.first),
          last: Math.max(held.last, row.last),
        };
        return all.set(row.what, { ...row, ...sum, day: '' });
      }, new Map<string, UsageRow>())
      .values(),
  ];

  test('show how often they come', () => {
    const quarterly = report(rows('', [...beside([99, 40]), ...token('a', [99, 40])]));
    expect(cutOf(quarterly)).toMatchObject({ safe: false, quietDays: 118, longestGapDays: 59 });
    expect(quarterly.clients[0]).toMatchObject({
      lastKeyUse: iso(40),
      keyRequests: { month: 0 },
      keys: [{ id: 'k', lastUse: iso(40), month: 0 }],
    });
  });

  test('of no day show none: 35 days, or twice the time between the first and the last', () => {
    const one = (on: number[]) => cutOf(report(undated(beside(on))));
    expect(one([99, 60])).toMatchObject({ safe: false, quietDays: 78 });
    expect(one([99, 60])?.why).toContain('the days were not recorded');
    expect(one([99, 60])?.longestGapDays).toBeUndefined();
    expect(one([99, 98])).toMatchObject({ safe: true, quietDays: 35 });
    const daily = rows('', key('a', days(99, 40)));
    expect(cutOf(report([...daily, ...undated(beside([99, 38]))]))).toMatchObject({
      ...{ safe: false, quietDays: 122 },
    });
  });

  test('are missed like others where the store has lost their rows', () => {
    const on = (ago: number) => iso(ago).slice(0, 10);
    const counted = { [on(50)]: 2, [on(3)]: 2 };
    const things = [...beside([50, 3]), ...token('a', [50, 3])];
    const whole = report(rows('', things), { instances: [of({ counted })] });
    expect(whole.dataQuality.unwatched.seconds).toBe(0);
    const lost = rows('', things).filter(({ what, day: at }) => what !== 'both' || at !== on(3));
    const some = report(lost, { instances: [of({ counted })] });
    expect(some.dataQuality.unwatched.stretches).toMatchObject([{ why: 'not stored' }]);
  });
});

describe('a store', () => {
  const moved = rows('', [...key('a', days(99, 60)), ...token('a', days(59, 0))]);

  test('with a guard that cannot be read: nothing is watched until somebody says when it ended', () => {
    const unreadable = ['c\u001b1.ndjson'];
    const one = report(moved, { unreadable });
    expect(statusOf(one)).not.toBe('migrated');
    expect(one).toMatchObject({ safeToCut: false, dataQuality: { daysWatched: 0, unreadable } });
    expect(one.dataQuality.unwatched.stretches).toMatchObject([{ why: 'unreadable' }]);
    expect(one.notKnown?.[0]).toContain('--gone c\u001b1.ndjson@<time>');
    expect(renderText(one)).not.toContain('\u001b');
    const [instance = ''] = unreadable;
    const safe = (at: number) =>
      report(moved, { unreadable, gone: [{ instance, at: iso(at) }] }).safeToCut;
    expect([safe(34), safe(35)]).toEqual([false, true]);
    const foreign = report(moved, { unreadable, gone: [{ instance, ours: false }] });
    expect(foreign).toMatchObject({ safeToCut: true, dataQuality: { daysWatched: 100 } });
    expect('unreadable' in foreign.dataQuality).toBe(false);
    expect(() => report(moved, { gone: [{ instance, ours: false }] })).toThrow(
      'must be the name of a guard',
    );
    expect(() => report(moved, { gone: [{ instance: 'one', ours: false }] })).toThrow('.ours');
    const wrong = [{ instance, ours: true }] as never;
    expect(() => report(moved, { unreadable, gone: wrong })).toThrow('must be false');
  });

  test('with a hundred and fifty such guards: nothing is safe until each of them is dealt with', () => {
    const unreadable = Array.from({ length: 150 }, (_, i) => `guard ${i}`);
    const gone = unreadable.map((instance) => ({ instance, at: iso(40) }));
    const safe = (count: number) =>
      report(moved, { unreadable, gone: gone.slice(0, count) }).safeToCut;
    expect([0, 20, 100, 149, 150].map(safe)).toEqual([false, false, false, false, true]);
    const { dataQuality } = report(moved, { unreadable, gone: gone.slice(0, 100) });
    expect(dataQuality).toMatchObject({ unreadableLeftOut: 30 });
  });

  test('that holds more than its guards have counted is named', () => {
    const on = iso(3).slice(0, 10);
    const twice = (count: number) =>
      report(moved, { instances: [of({ counted: { [on]: count } })] });
    expect(notes(twice(1))).not.toContain('twice');
    const copy = [...moved, ...rows('', token('a', 3))];
    const found = report(copy, { instances: [of({ counted: { [on]: 1 } })] });
    expect(notes(found)).toContain('The rows of 1 day contain more requests');
  });

  test('that was emptied has forgotten guards, and forgets nothing after 0 days', () => {
    const flushed = of({
      ...{ since: ago(90), watched: [[now - 60_000, now]], missing: 10, unbroken: 11 },
    });
    const usage = {
      ...usageOf(token('a', 0), { instances: [flushed] }),
      trackingSince: now - 60_000,
    };
    const one = made({ usage });
    expect(notes(one)).not.toContain('deletes counts after 0 days');
    expect(notes(one)).toContain('running unnoticed');
    expect(notes(one)).toContain('emptied or restored');
    expect(notes(report(moved))).not.toContain('unnoticed');
  });
});

test('a guard that leaves out a client of one issuer says nothing of another', () => {
  const given = [...rows(a, token('a', 1)), ...rows(b, token('a', 1))];
  const excludes = [{ client: 'a', issuer: a }] as never;
  const instances = [of(), of({ instance: 'x', excludes })];
  const one = report(given, { instances });
  expect(one.clients.map(({ issuer, status }) => [issuer, status])).toEqual([
    [a, 'unknown'],
    [b, 'migrated'],
  ]);
  expect(notes(one)).toContain('do not count 1 client');
  const exclude = [{ client: 'a', issuer: a }];
  const without = report(given, { instances, exclude });
  expect([without.safeToCut, notes(without)]).toEqual([
    true,
    expect.not.stringContaining('do not'),
  ]);
});
