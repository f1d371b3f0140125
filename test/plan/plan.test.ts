import { describe, expect, test } from 'vitest';
import { parsePlan } from '../../src/core/plan/parse.js';
import { checks, keyChecks } from '../../src/core/plan/plan.js';
import { examples } from './examples.js';

const at = (date: string) => Date.parse(date);
const enforcing = (of: readonly string[]) =>
  Object.fromEntries(of.map((check) => [check, 'enforce']));
const enforced = { checks: enforcing(keyChecks), tokenChecks: enforcing(checks) };

test('an empty plan is full of defaults', () => {
  const nothing = { issuer: undefined, mode: undefined, cohort: undefined, sunsetAt: undefined };
  const others = { ...nothing, ...enforced };
  expect(parsePlan('plan', {})).toEqual({
    mode: 'dual',
    deprecatedAt: undefined,
    sunsetAt: undefined,
    guide: undefined,
    refusedStatus: 401,
    cohort: undefined,
    clients: new Map(),
    others,
    cohorts: new Map(),
    brownouts: [],
    reports: false,
    deferred: new Set(),
  });
});

test('a plan with everything in it is read whole', () => {
  const [, given] = examples.find(([what]) => what.includes('everything')) ?? [];
  const plan = parsePlan('plan', given);
  const small = { name: 'small', mode: 'token-only', percent: 12.5, salt: 'second try' };
  const large = { name: 'large', mode: undefined, percent: 100, salt: 'large' };
  const sunsetAt = at('2027-06-30T22:00:00Z');
  const shared = {
    audience: 'report',
    type: 'enforce',
    scopes: 'report',
    organization: 'enforce',
    lifetime: 'report',
  };
  const cohorts = {
    small: { ...small, sunsetAt: undefined },
    large: { ...large, sunsetAt: at('2027-10-01T00:00:00Z') },
    internal: { ...large, name: 'internal', salt: 'internal', sunsetAt: undefined },
  };
  const rules = {
    checks: { scopes: 'report', organization: 'enforce' },
    tokenChecks: shared,
  };
  const others = { issuer: undefined, mode: undefined, cohort: cohorts.small, sunsetAt, ...rules };
  const hour = 3_600_000;
  expect(plan).toEqual({
    mode: 'deprecated',
    deprecatedAt: at('2027-01-01T00:00:00Z'),
    sunsetAt,
    guide: 'https://docs.example.com/@api/from-keys-to-tokens?lang=en#keys',
    refusedStatus: 410,
    cohort: 'small',
    clients: new Map<string, unknown>([
      ['acme', [{ ...others, mode: 'token-only' }]],
      [
        'bank "of" the \\ north',
        [
          {
            ...others,
            mode: 'extension',
            cohort: cohorts.large,
            sunsetAt: at('2028-01-01T04:59:59.999Z'),
          },
        ],
      ],
      ['robot', [{ ...others, tokenChecks: { ...shared, type: 'report', lifetime: 'enforce' } }]],
      ['empty', [others]],
    ]),
    others,
    cohorts: new Map(Object.entries(cohorts)),
    brownouts: [
      {
        start: at('2027-06-01T07:00:00Z'),
        end: at('2027-06-01T10:00:00Z'),
        daily: undefined,
        cohorts: undefined,
        exempt: new Map(),
        paused: true,
        dryRun: false,
      },
      {
        start: at('2027-06-07T00:00:00Z'),
        end: at('2027-07-01T00:00:00Z'),
        daily: {
          at: [0, 6 * hour, 12 * hour, 18 * hour],
          lengths: [hour / 4, hour / 2, hour],
          days: [false, true, true, true, true, true, false],
        },
        cohorts: new Set(['small', 'large']),
        exempt: new Map([['bank "of" the \\ north', new Set([undefined])]]),
        paused: true,
        dryRun: true,
      },
    ],
    reports: true,
    deferred: new Set(['audience', 'lifetime', 'type']),
  });
});

test.each(examples)('%s is the same as a text', (_, plan) => {
  const read = parsePlan('plan', plan);
  expect(parsePlan('plan', JSON.stringify(plan))).toEqual(read);
  expect(parsePlan('plan', JSON.stringify(plan, null, '\t'))).toEqual(read);
});

test('a plan is what it was when it was read', () => {
  const given = {
    clients: { acme: { mode: 'dual' as string, tokenChecks: { type: 'report' as string } } },
    brownouts: [{ start: '2027-06-01T00:00:00Z', end: '2027-06-02T00:00:00Z', exempt: ['acme'] }],
    checks: { scopes: 'report' as string },
  };
  const plan = parsePlan('plan', given);
  const before = structuredClone(plan);
  given.clients.acme.mode = 'token-only';
  given.clients.acme.tokenChecks.type = 'enforce';
  given.checks.scopes = 'enforce';
  given.brownouts[0]?.exempt.push('other');
  given.brownouts.length = 0;
  expect(plan).toEqual(before);
});

test('members of objects without a prototype are members', () => {
  const acme = Object.assign(Object.create(null), { mode: 'token-only' });
  const clients = Object.assign(Object.create(null), { acme });
  const plan = parsePlan('plan', Object.assign(Object.create(null), { clients }));
  expect(plan.clients.get('acme')?.[0]?.mode).toBe('token-only');
});

describe('a check waits for the signature', () => {
  test.each<[string, object, string[]]>([
    ['no check, if all are enforced', { tokenChecks: { type: 'enforce' } }, []],
    ['one that the plan reports', { tokenChecks: { type: 'report', scopes: 'report' } }, ['type']],
    [
      'one that a client has a rule for',
      { clients: { a: 'dual', b: { tokenChecks: { audience: 'report', type: 'enforce' } } } },
      ['audience'],
    ],
  ])('%s', (_, plan, expected) => {
    expect([...parsePlan('plan', plan).deferred].sort()).toEqual(expected);
  });
});

describe('a date', () => {
  test.each([
    ['2027-06-30T00:00:00Z', '2027-06-30T00:00:00.000Z'],
    ['2027-06-30T00:00Z', '2027-06-30T00:00:00.000Z'],
    ['2027-06-30T00:00:00+02:00', '2027-06-29T22:00:00.000Z'],
    ['2027-06-30T23:59:59.5-05:30', '2027-07-01T05:29:59.500Z'],
    ['2027-06-30T00:00:00.123456789Z', '2027-06-30T00:00:00.123Z'],
    ['2027-06-30T00:00:00-00:00', '2027-06-30T00:00:00.000Z'],
    ['2028-02-29T12:00:00+14:00', '2028-02-28T22:00:00.000Z'],
    ['2000-01-01T00:00:00+01:00', '1999-12-31T23:00:00.000Z'],
  ])('%s is %s', (written, time) => {
    expect(parsePlan('plan', { sunsetAt: written }).sunsetAt).toBe(Date.parse(time));
  });

  test.each([
    ...['2027-06-30 00:00:00Z', '2027-06-30T00:00:00z', '2027-06-30t00:00:00Z', '20270630T000000Z'],
    ...[
      '2027-06-30T00Z',
      '2027-06-30T00:00:00+0200',
      '2027-06-30T00:00:00+02',
      '2027-W26-3T00:00Z',
    ],
    ...['2027-181T00:00Z', '2027-06-30T00:00:00,5Z', '+2027-06-30T00:00:00Z', ' 2027-06-30T00:00Z'],
    ...[
      '2027-06-30T00:00:00Z\n',
      '2027-6-30T00:00:00Z',
      '1999-12-31T00:00:00Z',
      '3000-01-01T00:00Z',
    ],
    ...['2027-06-30T00:00:00Europe/Paris', '2027-06-30T00:00:00 UTC', '2027', 'now', '1798761600'],
  ])('%j is none', (written) => {
    expect(() => parsePlan('plan', { sunsetAt: written })).toThrow(/must be an ISO 8601 date-time/);
  });
});
