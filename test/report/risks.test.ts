import { expect, test } from 'vitest';
import type { MigrationPlan } from '../../src/index.js';
import { claimed, day, iso, key, minute, now, other, reportOf } from './making.js';

const aMinute = minute / day;
const soon = (clients: string, where = 'The sunset', days = '12 days') =>
  `${where} is ${days} away, and ${clients} used a key in the last 14 days.`;

test('keys in a URL, with the last day', () => {
  const said = { client: 'a', key: 'k' };
  const things = [...other('query', [90, 40, 39.9], said), ...key('a', 90, 'k')];
  expect(reportOf(things).risks).toStrictEqual([
    {
      kind: 'key-in-url',
      client: 'a',
      key: 'k',
      detail:
        'This key was sent in the URL of 3 requests, last on 2030-02-03: it is in logs and caches.',
    },
  ]);
});

test('keys beside tokens, in the last 30 days', () => {
  const beside = (days: number) => reportOf(other('both', days, { client: 'a', key: 'k' })).risks;
  expect(beside(29)).toStrictEqual([
    {
      kind: 'key-beside-token',
      client: 'a',
      detail:
        'A key was sent together with a token in 1 request, last on 2030-02-14: the key can be omitted.',
    },
  ]);
  expect(beside(29.6)).toEqual([]);
});

test('keys that a person made, while they are good', () => {
  const made = { clientId: 'a', createdBy: 'mia@example.com' };
  const keys = [
    { id: 'k2', ...made, expiresAt: now / 1000 + 1 },
    { id: 'k1', ...made },
    { id: 'k3', ...made, disabled: true },
    { id: 'k4', ...made, expiresAt: now / 1000 },
    { id: 'k5', clientId: 'a' },
  ];
  const { risks } = reportOf([], { keys });
  expect(risks.map(({ kind, client, key: id }) => [kind, client, id])).toEqual([
    ['personal-key', 'a', 'k1'],
    ['personal-key', 'a', 'k2'],
  ]);
  expect(JSON.stringify(risks)).not.toContain('mia');
});

test('a sunset that is too near for whoever is on keys', () => {
  const plan = (days: number): MigrationPlan => ({
    sunsetAt: iso(-days),
    cohorts: { late: { sunsetAt: iso(-20.5) }, same: {} },
    clients: {
      l: { cohort: 'late' },
      s: { cohort: 'same' },
      x: { mode: 'extension', until: iso(-25) },
    },
  });
  const things = ['l', 's', 'x', 'y'].flatMap((client) => key(client, 3));
  expect(reportOf(things, { plan: plan(12) }).risks).toStrictEqual([
    { kind: 'short-notice', detail: soon('2 clients') },
    { kind: 'short-notice', detail: soon('1 client', 'The sunset of cohort "late"', '20 days') },
    {
      kind: 'short-notice',
      client: 'x',
      detail: soon('1 client', 'The end of the extension', '25 days'),
    },
  ]);
  const details = (days: number, ago: number) =>
    reportOf(key('y', ago), { plan: { sunsetAt: iso(-days) } }).risks;
  expect(details(30 - aMinute, 3)).toHaveLength(1);
  expect(details(30, 3)).toEqual([]);
  expect(details(0, 3)).toEqual([]);
  expect(details(12, 14)).toEqual([]);
});

test('a check that was only reported for more than 30 days', () => {
  const denied = (client: string, days: readonly number[], detail: string) =>
    other('would-deny', days, { client, detail });
  const things = [
    ...denied('a', [31, 1], 'ERR_TOKEN_AUDIENCE'),
    ...denied('b', [60, 50], 'ERR_TOKEN_AUDIENCE'),
    ...denied('a', [30], 'ERR_SCOPE_MISSING'),
    ...denied('a', [40], 'ERR_TOKEN_TYPE'),
    ...denied('b', [40], 'ERR_ORG_MISMATCH'),
    ...denied('b', [40], 'ERR_API_KEY_BROWNOUT'),
  ];
  const plan: MigrationPlan = {
    tokenChecks: { audience: 'report', scopes: 'report', organization: 'report' },
    clients: { b: { tokenChecks: { organization: 'enforce' } } },
  };
  expect(reportOf(things, { plan }).risks).toStrictEqual([
    {
      kind: 'late-check',
      detail:
        'The check "audience" has been report-only since 2030-01-14 or earlier, and would have rejected 2 clients: enforce it, or help these clients.',
    },
  ]);
  expect(reportOf(things).risks).toEqual([]);
  const one = { clients: { a: { tokenChecks: { type: 'report' } } } } as const;
  expect(reportOf(things, { plan: one }).risks).toHaveLength(1);
});

test('each check in report mode has its codes', () => {
  const checks = {
    audience: 'report',
    type: 'report',
    scopes: 'report',
    organization: 'report',
    lifetime: 'report',
  } as const;
  const codes = ['ERR_TOKEN_AUDIENCE', 'ERR_TOKEN_TYPE', 'ERR_SCOPE_MISSING', 'ERR_TOKEN_LIFETIME'];
  const orgs = ['ERR_ORG_MISSING', 'ERR_ORG_MISMATCH', 'ERR_ORG_UNRESOLVED'];
  const risks = (found: readonly string[]) =>
    reportOf(
      found.flatMap((detail) => other('would-deny', 31, { client: 'a', detail })),
      {
        plan: { tokenChecks: checks },
      },
    ).risks.length;
  expect([...codes, ...orgs].map((code) => risks([code]))).toEqual([1, 1, 1, 1, 1, 1, 1]);
  expect(risks([...codes, ...orgs])).toBe(5);
});

test('no risk of a token that only says so', () => {
  expect(reportOf(claimed('a', 1)).risks).toEqual([]);
});
