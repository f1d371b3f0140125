import { describe, expect, test } from 'vitest';
import type { MigrationReport } from '../../src/report/analysis/model.js';
import {
  claimed,
  day,
  guard,
  iso,
  key,
  minute,
  now,
  other,
  refused,
  reportOf,
  token,
} from './making.js';

const ids = ({ clients }: MigrationReport) => clients.map(({ client }) => client);
const aMinute = minute / day;

describe('keys that were handed in', () => {
  const keys = [
    { id: 'used', clientId: 'a', createdBy: 'mia' },
    { id: 'silent', clientId: 'a' },
    { id: 'off', clientId: 'a', disabled: true },
    { id: 'over', clientId: 'a', expiresAt: now / 1000 },
    { id: 'orphan' },
    { id: 'own name', clientId: 'own name' },
  ];
  const things = [...key('a', 3, 'used'), ...key('own name', 3, 'own name'), ...key('x', 3, 'x')];

  test('are told of with their client', () => {
    const a = reportOf(things, { keys }).clients.find(({ client }) => client === 'a');
    expect(a?.keys).toStrictEqual([
      { id: 'used', lastUse: iso(3), month: 1, createdBy: 'mia' },
      { id: 'off', month: 0 },
      { id: 'over', month: 0 },
      { id: 'silent', month: 0 },
    ]);
  });

  test('are silent if they never came in 35 days, accepted or not', () => {
    const report = reportOf(things, { keys, tracked: 35 });
    expect(report.silentKeys).toEqual([
      { client: 'a', key: 'silent' },
      { client: 'orphan', key: 'orphan' },
    ]);
    const came = [...things, ...refused('a', 20, ['silent'])];
    expect(reportOf(came, { keys, tracked: 35 }).silentKeys).toHaveLength(1);
  });

  test('cannot be known to be silent before, nor if none were handed in', () => {
    expect('silentKeys' in reportOf(things, { keys, tracked: 35 - aMinute })).toBe(false);
    expect('silentKeys' in reportOf(things, { tracked: 35 })).toBe(false);
    const instances = [{ ...guard, at: now - day }];
    expect('silentKeys' in reportOf(things, { keys, tracked: 35, instances })).toBe(false);
  });

  test('are orphans if they have no client, or came as their own', () => {
    expect(reportOf(things, { keys }).orphanKeys).toEqual(['orphan', 'x']);
    expect(reportOf(things).orphanKeys).toEqual(['own name', 'x']);
  });
});

describe('clients that are left out', () => {
  const things = [
    ...key('a', 1),
    ...key('tool', 1),
    ...other('query', 1, { client: 'tool', key: 'k' }),
    ...refused('tool', 1),
    ...token('tool', 1),
    ...claimed('tool', 1),
    ...other('brownout', 1, { client: 'tool', key: 'k', detail: iso(2) }),
  ];
  const clients = [{ client: 'tool' }, { client: 'tool 2' }, { client: 'a' }];
  const keys = [{ id: 'k', clientId: 'tool', createdBy: 'mia' }, { id: 'tool 3' }];
  const plan = { clients: { 'tool 4': { mode: 'extension', until: iso(-9) } } } as const;
  const exclude = ['tool', 'tool 2', 'tool 3', 'tool 4', 'nobody'];

  test('are the team’s own: nothing is told of them but how many', () => {
    const report = reportOf(things, { clients, keys, plan, exclude });
    expect(ids(report)).toEqual(['a']);
    expect(report.trafficWeek).toEqual({ key: 1, token: 0, percent: 0 });
    expect(report.dataQuality.excluded).toBe(4);
    expect(JSON.stringify(report)).not.toContain('tool');
  });

  test('are of other cohorts', () => {
    const cohorts = { eu: { sunsetAt: iso(-40), mode: 'deprecated' }, us: {} } as const;
    const of = {
      sunsetAt: iso(-90),
      cohorts,
      clients: { a: { cohort: 'eu' }, tool: { cohort: 'us' } },
    };
    const report = reportOf(things, { plan: of, clients, cohort: 'eu' });
    expect(ids(report)).toEqual(['a']);
    expect(report).toMatchObject({
      onlyCohort: 'eu',
      plan: { mode: 'deprecated', sunsetAt: iso(-40), daysToSunset: 40 },
      trafficWeek: { key: 1, token: 0 },
      dataQuality: { excluded: 0 },
    });
    expect(JSON.stringify(report)).not.toContain('tool');
  });
});
