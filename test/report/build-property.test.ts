import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeRows, type Usage, type UsageRow } from '../../src/core/usage/usage.js';
import type { MigrationPlan } from '../../src/index.js';
import type { MigrationReport } from '../../src/report/analysis/model.js';
import { runs } from '../runs.js';
import { day, guard, type Happened, made, minute, rowOf } from './making.js';
import { type Facts, recount } from './recount.js';

const slow = { timeout: 60_000 };

/** Noon, both sides of midnight, and the leap day. */
const nows = fc
  .constantFrom(
    ...['2028-02-29T00:00:00.000Z', '2028-02-29T23:59:59.999Z', '2028-03-01T00:00:00.000Z'],
    ...['2028-03-14T00:00:30.000Z', '2030-03-15T12:00:00.000Z', '2030-01-01T00:00:00.000Z'],
  )
  .map((at) => Date.parse(at));

/** How long ago something was: anything, or close to where a rule changes its mind. */
const agos = fc.oneof(
  fc.integer({ min: 0, max: 130 * day }),
  fc
    .record({
      days: fc.constantFrom(0, 1, 6, 7, 13, 14, 15, 28, 29, 30, 35, 62, 70),
      more: fc.constantFrom(-minute, -1, 0, 1, minute, 30_000),
    })
    .map(({ days, more }) => Math.max(0, days * day + more)),
);

const clients = fc.constantFrom('a', 'b', 'c', '__proto__');
const keys = fc.constantFrom('k1', 'k2');
const starts = fc.constantFrom('2028-01-01T00:00:00.000Z', '2028-02-01T08:00:00.000Z');
const text = (detail: string) => fc.constant(detail);

const kinds = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('key'), key: keys, detail: text('') }) },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant('token'), key: text(''), detail: text('') }),
  },
  fc.record({ what: fc.constant('refused'), key: keys, detail: text('ERR_API_KEY_RETIRED') }),
  fc.record({ what: fc.constant('refused'), key: text(''), detail: text('ERR_SCOPE_MISSING') }),
  fc.record({ what: fc.constant('claimed'), key: text(''), detail: text('ERR_TOKEN_EXPIRED') }),
  fc.record({ what: fc.constant('brownout'), key: keys, detail: starts }),
  fc.record({ what: fc.constant('both'), key: keys, detail: text('') }),
);

/** Jobs of a rhythm, beside what comes at random. */
const jobs = fc
  .record({
    client: clients,
    first: agos,
    every: fc.constantFrom(1, 7, 8, 30, 31, 35),
    runs: fc.nat(6),
  })
  .map(({ client, first, every, runs }) =>
    Array.from({ length: runs }, (_, run) => ({
      ago: first - run * every * day,
      ...{ what: 'key', client, key: 'k1', detail: '' },
    })).filter(({ ago }) => ago >= 0),
  );
const chance = fc.record({ ago: agos, client: clients, kind: kinds }).map(({ kind, ...one }) => ({
  ...kind,
  ...one,
}));

/** Where each thing was counted: by which guard, and in which of its batches. */
const places = fc.record({ guard: fc.nat(2), batch: fc.nat(3), order: fc.nat() });

const facts = fc
  .record({
    now: nows,
    tracked: fc.oneof(agos, fc.constant(120 * day)),
    things: fc
      .tuple(fc.array(chance, { maxLength: 25 }), fc.array(jobs, { maxLength: 3 }))
      .map(([random, regular]) => [...random, ...regular.flat()]),
    sunset: fc.option(fc.constantFrom(-1, 0, 29, 30, 31, 400), { nil: undefined }),
  })
  .map(({ now, tracked, things, sunset }): Facts => {
    const happened = things
      .filter(({ ago }) => ago <= tracked)
      .map(({ ago, ...thing }) => ({ ...thing, at: now - ago }) as Happened);
    const sunsetAt = sunset === undefined ? undefined : new Date(now + sunset * day).toISOString();
    return {
      things: happened,
      now,
      since: now - tracked,
      sunsets: sunsetAt ? { b: sunsetAt } : {},
    };
  });

const cohortOf = (sunsets: Facts['sunsets']): MigrationPlan =>
  sunsets.b === undefined
    ? {}
    : { cohorts: { its: { sunsetAt: sunsets.b } }, clients: { b: { cohort: 'its' } } };

/** Counts in several guards and batches, which a store then adds up in some order. */
function counted({ things, now, since }: Facts, where: readonly Place[]): Usage {
  const batches = new Map<string, UsageRow[]>();
  for (const [index, thing] of things.entries()) {
    const {
      guard: by,
      batch,
      order,
    } = where[index % where.length] ?? { guard: 0, batch: 0, order: 0 };
    const name = `${order % 7} ${by} ${batch}`;
    batches.set(name, [...(batches.get(name) ?? []), rowOf(thing)]);
  }
  const kept = new Map<string, UsageRow>();
  for (const name of [...batches.keys()].sort()) {
    const batch = new Map<string, UsageRow>();
    mergeRows(batch, batches.get(name) ?? []);
    mergeRows(kept, batch.values());
  }
  return { trackingSince: since, rows: [...kept.values()], instances: [{ ...guard, at: now }] };
}
interface Place {
  readonly guard: number;
  readonly batch: number;
  readonly order: number;
}

/** What the recount has an opinion on, in its order. */
function comparable(report: MigrationReport, wanted: ReturnType<typeof recount>) {
  const { percent: _, ...share } = report.clientsMigrated;
  const names = new Set(wanted.clients.map(({ client }) => client));
  return {
    trafficWeek: { key: report.trafficWeek.key, token: report.trafficWeek.token },
    trafficMonth: { key: report.trafficMonth.key, token: report.trafficMonth.token },
    clientsMigrated: share,
    clients: report.clients
      .filter(({ client }) => names.has(client))
      .map((one) => ({
        client: one.client,
        status: one.status,
        safeToCut: {
          safe: one.safeToCut.safe,
          quietDays: one.safeToCut.quietDays,
          longestGapDays: one.safeToCut.longestGapDays,
          from: one.safeToCut.from,
        },
        lastKeyUse: one.lastKeyUse,
        lastTokenUse: one.lastTokenUse,
        firstTokenUse: one.firstTokenUse,
        keyRequests: one.keyRequests,
        tokenRequests: one.tokenRequests,
        refusedRequests: one.refusedRequests,
        keys: [...one.keys].sort((a, b) => (a.id < b.id ? -1 : 1)),
      }))
      .sort((a, b) => (a.client < b.client ? -1 : 1)),
    brownouts: report.brownouts.map(({ start, refused, clients: those }) => ({
      start,
      refused,
      clients: those,
    })),
  };
}

const sorted = (wanted: ReturnType<typeof recount>) => ({
  ...wanted,
  brownouts: wanted.brownouts.map((one) => ({
    ...one,
    clients: one.clients.sort(
      (a, b) =>
        ['key', 'never', 'token'].indexOf(a.cameBack) -
          ['key', 'never', 'token'].indexOf(b.cameBack) ||
        b.refused - a.refused ||
        (a.client < b.client ? -1 : 1),
    ),
  })),
});

test('a report says what a recount of everything that happened says', slow, () => {
  fc.assert(
    fc.property(facts, fc.array(places, { minLength: 1, maxLength: 9 }), (given, where) => {
      const plan = cohortOf(given.sunsets);
      // Who is only in the plan has no counts: the recount does not know of it.
      const named =
        given.sunsets.b === undefined ||
        given.things.some(({ client, what }) => client === 'b' && what !== 'claimed');
      fc.pre(named);
      const report = made({ usage: counted(given, where), plan, now: given.now });
      const wanted = recount(given);
      expect(comparable(report, wanted)).toEqual(sorted(wanted));
    }),
    { numRuns: runs(1_500) },
  );
});

test('neither the order of rows nor that of clients and keys says anything', slow, () => {
  fc.assert(
    fc.property(facts, fc.array(places, { minLength: 1, maxLength: 9 }), (given, where) => {
      const usage = counted(given, where);
      const known = ['a', 'b', 'c', 'd'].map((client) => ({ client }));
      const held = ['k1', 'k2', 'k3'].map((id) => ({ id, clientId: 'a', createdBy: 'mia' }));
      const input = { plan: cohortOf(given.sunsets), now: given.now };
      const report = made({ ...input, usage, clients: known, keys: held });
      const turned = made({
        ...input,
        usage: { ...usage, rows: usage.rows.toReversed() },
        clients: known.toReversed(),
        keys: held.toReversed(),
      });
      expect(turned).toStrictEqual(report);
    }),
    { numRuns: runs(300) },
  );
});
