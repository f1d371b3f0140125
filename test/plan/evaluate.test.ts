import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/core/base/errors.js';
import { evaluatePlan, isInPercent, keyRule, tokenRule } from '../../src/core/plan/evaluate.js';
import { parsePlan } from '../../src/core/plan/parse.js';
import type { Mode } from '../../src/core/plan/plan.js';
import { planWarnings } from '../../src/core/plan/warnings.js';
import { runs } from '../runs.js';
import { names } from './plans.js';

const client = (id: string) => ({ id, issuer: undefined });

const at = (date: string) => Date.parse(date);
const now = at('2027-06-01T12:00:00Z');
const modeOf = (plan: object, clientId: string, strictest?: Mode) =>
  evaluatePlan(parsePlan('plan', plan), client(clientId), { now, strictest }).mode;

describe('the mode of a client', () => {
  const plan = {
    mode: 'key-only',
    cohort: 'everyone',
    cohorts: {
      everyone: {},
      ready: { mode: 'token-only' },
      none: { mode: 'deprecated', percent: 0 },
      all: { mode: 'deprecated', percent: 100 },
    },
    clients: {
      own: { mode: 'dual', cohort: 'ready' },
      short: 'deprecated',
      ready: { cohort: 'ready' },
      none: { cohort: 'none' },
      all: { cohort: 'all' },
      bank: { mode: 'extension', until: '2027-12-01T00:00:00Z', cohort: 'ready' },
    },
  } as const;

  test.each([
    ["is its own before its cohort's", 'own', 'dual'],
    ['is its own, in short', 'short', 'deprecated'],
    ["is its cohort's before the plan's", 'ready', 'token-only'],
    ["is the plan's if the cohort draws nobody", 'none', 'key-only'],
    ["is the cohort's if it draws everybody", 'all', 'deprecated'],
    ['is an extension', 'bank', 'extension'],
    ["is the plan's if the plan does not name it", 'stranger', 'key-only'],
    ["is the plan's under a name that every object has", 'constructor', 'key-only'],
  ])('%s', (_, clientId, mode) => {
    expect(modeOf(plan, clientId)).toBe(mode);
  });

  test("is that of everyone's cohort", () => {
    expect(modeOf({ ...plan, cohort: 'ready' }, 'stranger')).toBe('token-only');
    expect(modeOf({ ...plan, cohort: 'ready' }, 'short')).toBe('deprecated');
  });

  test('is dual in an empty plan', () => {
    expect(modeOf({}, 'acme')).toBe('dual');
  });
});

describe('the stricter mode is in force', () => {
  const order = ['key-only', 'dual', 'deprecated', 'token-only'] as const;

  test.each(order.flatMap((own) => order.map((asked) => [own, asked] as const)))(
    'of %s and a route that asks for %s',
    (own, asked) => {
      const stricter = order[Math.max(order.indexOf(own), order.indexOf(asked))];
      expect(modeOf({ mode: own }, 'acme', asked)).toBe(stricter);
    },
  );

  test.each<[Mode, Mode]>([
    ['key-only', 'extension'],
    ['dual', 'extension'],
    ['deprecated', 'extension'],
    ['extension', 'extension'],
    ['token-only', 'token-only'],
  ])('of an extension and a route that asks for %s: %s', (asked, expected) => {
    const clients = { bank: { mode: 'extension', until: '2027-12-01T00:00:00Z' } };
    expect(modeOf({ clients }, 'bank', asked)).toBe(expected);
  });

  test('and no route extends', () => {
    expect(modeOf({ mode: 'dual' }, 'acme', 'extension')).toBe('deprecated');
    expect(modeOf({ mode: 'token-only' }, 'acme', 'extension')).toBe('token-only');
  });

  test('a route that is token-only refuses keys as migrated, extensions too', () => {
    const plan = parsePlan('plan', {
      clients: { bank: { mode: 'extension', until: '2027-12-01T00:00:00Z' } },
    });
    for (const clientId of ['bank', 'stranger']) {
      const stance = evaluatePlan(plan, client(clientId), { now, strictest: 'token-only' });
      expect(stance).toMatchObject({ mode: 'token-only', refusal: 'migrated' });
    }
  });
});

describe('the sunset', () => {
  const plan = parsePlan('plan', {
    sunsetAt: '2027-06-30T00:00:00Z',
    cohorts: { early: { sunsetAt: '2027-05-31T00:00:00Z' }, none: {} },
    clients: {
      early: { cohort: 'early' },
      none: { cohort: 'none' },
      keys: 'key-only',
      done: 'token-only',
      bank: { mode: 'extension', until: '2027-12-31T00:00:00Z', cohort: 'early' },
    },
  });
  const sunsets = {
    early: '2027-05-31T00:00:00Z',
    none: '2027-06-30T00:00:00Z',
    keys: '2027-06-30T00:00:00Z',
    stranger: '2027-06-30T00:00:00Z',
    bank: '2027-12-31T00:00:00Z',
  };

  test.each(Object.entries(sunsets))('of %s is %s, and that moment is behind it', (id, date) => {
    const before = evaluatePlan(plan, client(id), { now: at(date) - 1 });
    expect(before).toMatchObject({ sunsetAt: at(date), refusal: undefined, retryAt: undefined });
    expect(evaluatePlan(plan, client(id), { now: at(date) }).refusal).toBe('sunset');
    expect(evaluatePlan(plan, client(id), { now: at('2999-01-01T00:00Z') }).refusal).toBe('sunset');
  });

  test('is not why a client is refused that has migrated', () => {
    expect(evaluatePlan(plan, client('done'), { now: at('2028-01-01T00:00Z') }).refusal).toBe(
      'migrated',
    );
  });

  test('comes before a brownout', () => {
    const brown = parsePlan('plan', {
      sunsetAt: '2027-06-01T12:00:00Z',
      brownouts: [{ start: '2027-06-01T00:00:00Z', end: '2027-06-02T00:00:00Z' }],
    });
    expect(evaluatePlan(brown, client('acme'), { now: now - 1 }).refusal).toBe('brownout');
    const after = evaluatePlan(brown, client('acme'), { now });
    expect(after).toMatchObject({ refusal: 'sunset', retryAt: undefined });
  });

  test('is none where none is set', () => {
    const stance = evaluatePlan(parsePlan('plan', {}), client('acme'), {
      now: at('2999-01-01T00:00Z'),
    });
    expect(stance).toEqual({
      mode: 'dual',
      cohort: undefined,
      sunsetAt: undefined,
      refusal: undefined,
      retryAt: undefined,
      wouldRefuse: false,
    });
  });

  test('is told with the name of the cohort', () => {
    expect(evaluatePlan(plan, client('early'), { now }).cohort).toBe('early');
    expect(evaluatePlan(plan, client('bank'), { now }).cohort).toBe('early');
    expect(evaluatePlan(plan, client('stranger'), { now }).cohort).toBe(undefined);
  });
});

describe('a percentage', () => {
  const ids = Array.from({ length: 10_000 }, (_, index) => `client_${index}`);
  const cohort = (percent: number, salt = 'beta') => ({
    name: 'beta',
    mode: 'token-only' as const,
    percent,
    salt,
    sunsetAt: undefined,
  });
  const drawn = (percent: number, salt?: string) =>
    ids.filter((id) => isInPercent(cohort(percent, salt), id));

  test.each([1, 5, 12.5, 33, 50, 75, 99])('of %d draws about as many', (percent) => {
    expect(Math.abs(drawn(percent).length / 100 - percent)).toBeLessThan(3);
  });

  test('of 0 draws nobody, of 100 everybody', () => {
    expect(drawn(0)).toHaveLength(0);
    expect(drawn(100)).toHaveLength(ids.length);
  });

  test('is known in every process and every version: SHA-256 of salt, NUL and id', () => {
    // The first 32 bits for "beta" and "acme" are 0x7e84de42: 49.4214907… of 100.
    expect(isInPercent(cohort(49.42149), 'acme')).toBe(false);
    expect(isInPercent(cohort(49.421491), 'acme')).toBe(true);
  });

  test('keeps who is in while it grows', () => {
    const percent = fc.double({ min: 0, max: 100, noNaN: true });
    fc.assert(
      fc.property(names, names, percent, percent, (id, salt, one, other) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        const before = isInPercent(cohort(less, salt), id);
        expect(isInPercent(cohort(less, salt), id)).toBe(before);
        if (before) expect(isInPercent(cohort(more, salt), id)).toBe(true);
      }),
      { numRuns: runs(1000) },
    );
  });

  test('draws others with another salt, and in another cohort', () => {
    const [one, other] = [new Set(drawn(50)), drawn(50, 'again')];
    const both = other.filter((id) => one.has(id)).length;
    expect(Math.abs(both - 2_500)).toBeLessThan(300);

    const plan = parsePlan('plan', {
      cohorts: {
        beta: { mode: 'token-only', percent: 50 },
        twin: { mode: 'token-only', percent: 50, salt: 'beta' },
        other: { mode: 'token-only', percent: 50 },
      },
    });
    const modes = (name: string) =>
      ids.slice(0, 200).map((id) => {
        const everyone = { ...plan, others: { ...plan.others, cohort: plan.cohorts.get(name) } };
        return evaluatePlan(everyone, client(id), { now }).mode;
      });
    expect(modes('twin')).toEqual(modes('beta'));
    expect(modes('other')).not.toEqual(modes('beta'));
  });

  test('leaves sunset and brownouts of a cohort to all its clients', () => {
    const plan = parsePlan('plan', {
      cohort: 'beta',
      cohorts: { beta: { mode: 'token-only', percent: 0, sunsetAt: '2027-06-30T00:00:00Z' } },
      brownouts: [
        { start: '2027-06-01T00:00:00Z', end: '2027-06-02T00:00:00Z', cohorts: ['beta'] },
      ],
    });
    expect(evaluatePlan(plan, client('acme'), { now })).toMatchObject({
      mode: 'dual',
      sunsetAt: at('2027-06-30T00:00:00Z'),
      refusal: 'brownout',
    });
  });
});

describe('the rule of a check', () => {
  const plan = parsePlan('plan', {
    tokenChecks: { audience: 'report' },
    clients: {
      acme: { tokenChecks: { audience: 'enforce', scopes: 'report' } },
      other: { mode: 'dual' },
      short: 'dual',
    },
  });

  test.each([
    ["is the client's", 'audience', 'acme', 'enforce'],
    ["is the client's", 'scopes', 'acme', 'report'],
    ["is the plan's, where the client has none", 'type', 'acme', 'enforce'],
    ["is the plan's", 'audience', 'other', 'report'],
    ["is the plan's", 'audience', 'short', 'report'],
    ["is the plan's for a stranger", 'audience', 'stranger', 'report'],
    ["is the plan's for nobody", 'audience', undefined, 'report'],
    ["is the plan's for nobody", 'scopes', undefined, 'enforce'],
  ] as const)('%s: %s of %s', (_, check, clientId, rule) => {
    const whose = clientId === undefined ? undefined : client(clientId);
    expect(tokenRule(plan, check, whose)).toBe(rule);
  });
});

test('the rule of a check of API keys is not that of tokens', () => {
  const plan = parsePlan('plan', {
    checks: { scopes: 'report' },
    tokenChecks: { organization: 'report' },
    clients: { acme: { checks: { organization: 'report' } } },
  });
  const rulesOf = (id: string) =>
    (['scopes', 'organization', 'audience'] as const).map((check) => [
      keyRule(plan, check, client(id)),
      tokenRule(plan, check, client(id)),
    ]);
  expect(rulesOf('acme')).toEqual([
    ['report', 'enforce'],
    ['report', 'report'],
    ['enforce', 'enforce'],
  ]);
  expect(rulesOf('globex')).toEqual([
    ['report', 'enforce'],
    ['enforce', 'report'],
    ['enforce', 'enforce'],
  ]);
});

describe('a rule of several issuers', () => {
  const [one, other] = ['https://one.test', 'https://other.test'];
  const read = (plan: object) => parsePlan('plan', plan, [one, other]);
  const modeOf = (plan: object, id: string, issuer: string | undefined) =>
    evaluatePlan(read(plan), { id, issuer }, { now }).mode;

  test('concerns the client of its issuer alone', () => {
    for (const plan of [
      { clients: { acme: { mode: 'token-only', issuer: one } } },
      { issuer: one, clients: { acme: 'token-only' } },
      { issuer: other, clients: { acme: { mode: 'token-only', issuer: one } } },
    ]) {
      expect(modeOf(plan, 'acme', one)).toBe('token-only');
      expect(modeOf(plan, 'acme', other)).toBe('dual');
      expect(modeOf(plan, 'acme', undefined)).toBe('dual');
    }
  });

  test('may stand beside one of a namesake', () => {
    const acme = [
      { mode: 'token-only', issuer: one },
      { mode: 'deprecated', issuer: other },
    ];
    expect(modeOf({ clients: { acme } }, 'acme', one)).toBe('token-only');
    expect(modeOf({ clients: { acme } }, 'acme', other)).toBe('deprecated');
    const twice = { clients: { acme: [acme[0], acme[0]] } };
    expect(() => read(twice)).toThrow('plan.clients["acme"][1]');
  });

  test('exempts the client of its issuer alone from a brownout', () => {
    const brownout = { start: '2027-01-01T00:00:00Z', end: '2028-01-01T00:00:00Z' };
    const plan = read({ brownouts: [{ ...brownout, exempt: [{ client: 'acme', issuer: one }] }] });
    const refusal = (issuer: string) => evaluatePlan(plan, { id: 'acme', issuer }, { now }).refusal;
    expect([refusal(one), refusal(other)]).toEqual([undefined, 'brownout']);
  });

  test.each([
    [{ clients: { acme: 'token-only' } }, 'plan.clients["acme"]'],
    [{ clients: { acme: { mode: 'dual' } } }, 'plan.clients["acme"]'],
    [
      {
        brownouts: [{ start: '2027-01-01T00:00:00Z', end: '2028-01-01T00:00:00Z', exempt: ['a'] }],
      },
      'plan.brownouts[0].exempt[0]',
    ],
    [{ issuer: 'https://third.test' }, 'plan.issuer'],
    [{ clients: { acme: { issuer: 'https://third.test' } } }, 'plan.clients["acme"].issuer'],
  ])('that names no issuer, or another, is a ConfigError: %j', (plan, where) => {
    expect(() => read(plan)).toThrow(`${where} must `);
    expect(() => read(plan)).toThrow(ConfigError);
  });

  test('needs no name where there is one issuer', () => {
    const plan = parsePlan('plan', { clients: { acme: 'token-only' } }, [one]);
    expect(evaluatePlan(plan, { id: 'acme', issuer: one }, { now }).mode).toBe('token-only');
  });
});

describe('a warning', () => {
  const warnings = (plan: object, time = '2027-01-01T00:00:00Z') =>
    planWarnings(parsePlan('plan', plan), at(time));
  const removed =
    'plan: every sunset has passed and no extension is left; remove the apiKeys option';
  const brownout = (day: number, more: object = {}) => ({
    start: `2027-07-0${day}T00:00:00Z`,
    end: `2027-07-0${day + 1}T00:00:00Z`,
    ...more,
  });
  const idle = (index: number) =>
    `plan.brownouts[${index}] starts after the sunset, so it has no effect`;
  const short = (where: string, days: number, since: string) =>
    `${where} is less than ${days === 1 ? '1 day' : `${days} days`} ${since}; give clients at least 30 days' notice`;

  test.each<[string, object, string[]]>([
    ['none for an empty plan', {}, []],
    [
      'none for 30 days',
      { deprecatedAt: '2027-06-01T00:00:00Z', sunsetAt: '2027-07-01T00:00:00Z' },
      [],
    ],
    [
      'for a moment less',
      { deprecatedAt: '2027-06-01T00:00:00.001Z', sunsetAt: '2027-07-01T00:00:00Z' },
      [short('plan.sunsetAt', 30, 'after deprecatedAt')],
    ],
    [
      'for a sunset from one moment to the next',
      { deprecatedAt: '2027-06-01T00:00:00Z', sunsetAt: '2027-06-01T00:00:00Z' },
      [short('plan.sunsetAt', 1, 'after deprecatedAt')],
    ],
    ['none for 30 days from now', { sunsetAt: '2027-01-31T00:00:00Z' }, []],
    [
      'for less from now',
      { sunsetAt: '2027-01-30T12:00:00Z' },
      [short('plan.sunsetAt', 30, 'from now')],
    ],
    [
      'for each cohort',
      {
        deprecatedAt: '2027-06-01T00:00:00Z',
        cohorts: {
          a: { sunsetAt: '2027-06-11T00:00:00Z' },
          b: { sunsetAt: '2027-07-01T00:00:00Z' },
          'c "c"': { sunsetAt: '2027-06-02T00:00:00Z' },
          d: {},
        },
      },
      [
        short('plan.cohorts["a"].sunsetAt', 11, 'after deprecatedAt'),
        short('plan.cohorts["c \\"c\\""].sunsetAt', 2, 'after deprecatedAt'),
      ],
    ],
    [
      'for a brownout that begins with the sunset or later',
      {
        sunsetAt: '2027-07-02T00:00:00Z',
        brownouts: [brownout(1), brownout(2), brownout(3)],
      },
      [idle(1), idle(2)],
    ],
    [
      'for a brownout after the sunset of its cohorts',
      {
        sunsetAt: '2027-07-04T00:00:00Z',
        cohorts: { a: { sunsetAt: '2027-07-02T00:00:00Z' }, b: {} },
        brownouts: [
          brownout(3),
          brownout(3, { cohorts: ['a'] }),
          brownout(3, { cohorts: ['a', 'b'] }),
          brownout(4, { cohorts: ['a', 'b'] }),
        ],
      },
      [idle(1), idle(3)],
    ],
    [
      'none for a brownout before the sunset of a cohort',
      {
        sunsetAt: '2027-07-02T00:00:00Z',
        cohorts: { late: { sunsetAt: '2027-08-02T00:00:00Z' } },
        brownouts: [brownout(3)],
      },
      [],
    ],
    ['none for a brownout without a sunset', { brownouts: [brownout(1)] }, []],
  ])('%s', (_, plan, expected) => {
    expect(warnings(plan)).toEqual(expected);
  });

  test.each<[string, object, string[]]>([
    ['once the sunset has passed', {}, [removed]],
    ['not while an extension lasts', { clients: { bank: { until: '2027-07-02T00:00:00Z' } } }, []],
    ['but once it has ended', { clients: { bank: { until: '2027-07-01T00:00:00Z' } } }, [removed]],
    [
      'not before the sunset of a cohort',
      { cohorts: { a: { sunsetAt: '2027-07-02T00:00:00Z' } } },
      [],
    ],
    ['but after it', { cohorts: { a: { sunsetAt: '2027-07-01T00:00:00Z' } } }, [removed]],
  ])('that apiKeys can be removed: %s', (_, more, expected) => {
    const plan = { deprecatedAt: '2027-01-01T00:00:00Z', sunsetAt: '2027-06-30T00:00:00Z' };
    const { clients = {} } = more as { clients?: Record<string, object> };
    const extended = Object.entries(clients).map(([id, end]) => [
      id,
      { mode: 'extension', ...end },
    ]);
    expect(
      warnings({ ...plan, ...more, clients: Object.fromEntries(extended) }, '2027-07-01T00:00:00Z'),
    ).toEqual(expected);
  });

  test('that apiKeys can be removed: not if the plan has no sunset of its own', () => {
    expect(warnings({ cohorts: { a: { sunsetAt: '2026-01-01T00:00:00Z' } } })).toEqual([]);
  });

  test('is the same sentence no more once the sunset has passed', () => {
    const plan = { deprecatedAt: '2027-06-01T00:00:00Z', sunsetAt: '2027-06-02T00:00:00Z' };
    expect(warnings(plan, '2027-06-01T23:59:59Z')).toHaveLength(1);
    expect(warnings(plan, '2027-06-02T00:00:00Z')).toEqual([removed]);
  });

  test('is one of 20 at most, the gravest first', () => {
    const cohorts = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`c${index}`, { sunsetAt: '2027-01-11T00:00:00Z' }]),
    );
    const all = warnings({ sunsetAt: '2027-01-11T00:00:00Z', cohorts, brownouts: [brownout(1)] });
    expect(all).toHaveLength(20);
    expect(all.slice(0, 3)).toEqual([
      short('plan.sunsetAt', 11, 'from now'),
      idle(0),
      short('plan.cohorts["c0"].sunsetAt', 11, 'from now'),
    ]);
  });
});
