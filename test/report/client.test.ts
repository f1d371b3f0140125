import { describe, expect, test } from 'vitest';
import type { MigrationPlan } from '../../src/index.js';
import type { MigrationReport } from '../../src/report/analysis/model.js';
import { claimed, iso, key, onlyClient, other, refused, reportOf, token } from './making.js';

const ids = ({ clients }: MigrationReport) => clients.map(({ client }) => client);

describe('clients', () => {
  test('are those that were seen, that the plan names, and that are handed in', () => {
    const report = reportOf(
      [
        ...key('key', 1),
        ...token('token', 1),
        ...refused('refused', 1),
        ...other('would-deny', 1, { client: 'would-deny', detail: 'ERR_SCOPE_MISSING' }),
        ...other('brownout', 1, { client: 'brownout', detail: iso(1) }),
        ...['route', 'agent', 'query', 'both'].flatMap((what) =>
          other(what as 'route', 1, { client: what }),
        ),
        ...claimed('claimed', 1),
        ...other('other', 1, { client: 'other', detail: 'token' }),
        ...token('', 1),
      ],
      {
        plan: { clients: { planned: 'dual', key: 'dual' } },
        clients: [{ client: 'known', owner: 'mia' }, { client: 'key' }],
        keys: [{ id: 'orphan' }, { id: 'k', clientId: 'holder' }, { id: 'k2', clientId: 'holder' }],
      },
    );
    const seen = ['key', 'token', 'refused', 'would-deny', 'brownout', 'route', 'agent', 'query'];
    const known = ['both', 'planned', 'known', 'orphan', 'holder'];
    expect(ids(report).sort()).toEqual([...seen, ...known].sort());
    expect(report.clients.find(({ client }) => client === 'known')).toMatchObject({
      owner: 'mia',
      status: 'inactive',
      keys: [],
    });
  });

  test('that only a refused token names are not made up, and those that came are told of it', () => {
    const { refusals, unverified, status } = onlyClient([...claimed('a', 3), ...claimed('b', 3)], {
      clients: [{ client: 'a' }],
    });
    // Nothing but refused tokens: the store has no count.
    expect(status).toBe('unknown');
    expect(refusals).toEqual([]);
    expect(unverified).toMatchObject([{ reason: 'ERR_TOKEN_EXPIRED', count: 1 }]);
  });

  test('are in order of urgency, then of key use, then by id', () => {
    const soon = { sunsetAt: iso(-3) };
    const plan: MigrationPlan = {
      cohorts: { soon },
      clients: { overdue: { cohort: 'soon' }, extended: { mode: 'extension', until: iso(-90) } },
    };
    const things = [
      ...token('migrated', 1),
      ...key('inactive', 30),
      ...key('extended', 1),
      ...key('in progress', 1),
      ...token('in progress', 1),
      ...key('b', [1, 2]),
      ...key('Z', [1, 2]),
      ...key('c', [1, 2, 3]),
      ...key('d', [1, 2, 40, 50]),
      ...key('blocked', 1),
      ...refused('blocked', 1),
      ...key('overdue', 1),
    ];
    const order = ['overdue', 'blocked', 'c', 'Z', 'b', 'd', 'in progress'];
    expect(ids(reportOf(things, { plan }))).toEqual([...order, 'extended', 'inactive', 'migrated']);
    expect(ids(reportOf(things.toReversed(), { plan }))).toEqual(ids(reportOf(things, { plan })));
  });

  test('have their first and last uses', () => {
    const things = [...key('a', [50, 9.3, 20]), ...token('a', [7, 30]), ...refused('a', 8, ['k2'])];
    expect(onlyClient(things)).toMatchObject({
      lastKeyUse: iso(8),
      firstTokenUse: iso(30),
      lastTokenUse: iso(7),
      keys: [
        { id: 'a-key', lastUse: iso(9.3), month: 2 },
        { id: 'k2', lastUse: iso(8), month: 1 },
      ],
    });
  });

  test('have what was refused in the last 30 days, by reason', () => {
    const { refusals, unverified, wouldDeny } = onlyClient([
      ...refused('a', [3, 29, 31], ['', 'ERR_SCOPE_MISSING']),
      ...refused('a', [2, 5], ['k', 'ERR_API_KEY_EXPIRED']),
      ...claimed('a', [1, 6, 8], 'ERR_SCOPE_MISSING'),
      ...other('would-deny', [4, 5, 40], { client: 'a', detail: 'ERR_TOKEN_TYPE' }),
    ]);
    expect(refusals).toStrictEqual([
      { reason: 'ERR_API_KEY_EXPIRED', count: 2, first: iso(5), last: iso(2) },
      { reason: 'ERR_SCOPE_MISSING', count: 2, first: iso(29), last: iso(3) },
    ]);
    expect(unverified).toStrictEqual([
      { reason: 'ERR_SCOPE_MISSING', count: 3, first: iso(8), last: iso(1) },
    ]);
    expect(wouldDeny).toStrictEqual([
      { reason: 'ERR_TOKEN_TYPE', count: 2, first: iso(5), last: iso(4) },
    ]);
  });

  test('have the routes and user agents of the last 30 days, the latest first, 50 at most', () => {
    const { routes, agents, leftOut } = onlyClient([
      ...other('route', [3, 80], { client: 'a', key: 'k1', detail: '/orders/:id' }),
      ...other('route', [5], { client: 'a', key: 'k2', detail: '/orders/:id' }),
      ...other('route', [1], { client: 'a', detail: '/users' }),
      ...other('route', [30], { client: 'a', detail: '/old' }),
      ...Array.from({ length: 60 }, (_, index) =>
        other('agent', [29 - index / 100], { client: 'a', detail: `curl/${index}` }),
      ).flat(),
    ]);
    expect(routes).toStrictEqual([
      { route: '/users', count: 1, first: iso(1), last: iso(1) },
      { route: '/orders/:id', count: 3, first: iso(80), last: iso(3) },
    ]);
    expect(agents).toHaveLength(50);
    expect(leftOut).toEqual({ agents: 10 });
    expect(agents[0]?.agent).toBe('curl/59');
  });
});

describe('lists of clients', () => {
  test('who uses keys most, 10 at most', () => {
    const things = Array.from({ length: 12 }, (_, index) =>
      key(`c${index}`, Array(index + 1).fill(1 + index / 100)),
    ).flat();
    const names = reportOf([...things, ...key('old', Array(99).fill(40))]).topKeyUsers;
    expect(names).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2].map((index) => `c${index}`));
    expect(reportOf(token('a', 1)).topKeyUsers).toEqual([]);
  });

  test('who uses both, and whose tokens are refused', () => {
    const things = [
      ...key('both', 13),
      ...token('both', 13),
      ...key('was both', 13),
      ...token('was both', 14),
      ...refused('failing', 29),
      ...claimed('was both', 2),
      ...refused('both', 2),
      ...refused('was both', 30),
      ...refused('key', 1, ['k']),
    ];
    const report = reportOf(things);
    expect(report.halfMigrated).toEqual(['both']);
    expect(report.failing).toEqual(['both', 'failing']);
  });

  test('extensions that have not run out, the next end first', () => {
    const until = (days: number) => ({ mode: 'extension', until: iso(-days) }) as const;
    const clients = { b: until(20), a: until(30), over: until(0), c: until(20) };
    expect(reportOf([], { plan: { clients } }).extensions).toEqual([
      { client: 'b', until: iso(-20) },
      { client: 'c', until: iso(-20) },
      { client: 'a', until: iso(-30) },
    ]);
  });
});
