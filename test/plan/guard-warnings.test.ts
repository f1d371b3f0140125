import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  createGuard,
  type MigrationEvent,
  type MigrationPlan,
  type PlanSource,
} from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { requestOf } from '../rfc/ask.js';
import { now } from '../rfc/mint.js';

const issuer = await createTestIssuer({ now });
const settle = () => new Promise((done) => setImmediate(done));

function open(plan: MigrationPlan | PlanSource, onMigration?: (event: MigrationEvent) => void) {
  const guard = createGuard({
    ...issuer.options,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async () => ({ id: 'acme' }),
      plan,
      ...(onMigration && { onMigration }),
    },
  });
  onTestFinished(() => guard.close());
  return guard;
}

/** What operators are warned of when a plan comes into force at midnight of 1 January 2030. */
async function warnings(plan: MigrationPlan): Promise<string[]> {
  const events: MigrationEvent[] = [];
  open(plan, (event) => events.push(event));
  await settle();
  return events.flatMap((event) => (event.kind === 'warning' ? [event.detail] : []));
}

describe('operators are warned', () => {
  const past = '2029-06-01T00:00:00Z';
  const far = '2030-12-01T00:00:00Z';

  test.each<[string, MigrationPlan]>([
    ['an empty plan', {}],
    ['30 days from now on', { sunsetAt: '2030-01-31T00:00:00Z' }],
    ['30 days from the announcement on', { deprecatedAt: past, sunsetAt: '2030-01-02T00:00:00Z' }],
    [
      'a sunset that has passed for all but one',
      { sunsetAt: past, clients: { acme: { mode: 'extension', until: far } } },
    ],
    [
      'a sunset that is to come for a cohort',
      { sunsetAt: past, cohorts: { late: { sunsetAt: far } } },
    ],
    ['a cohort without a sunset', { cohorts: { early: { sunsetAt: past } } }],
    [
      'a brownout before the sunset',
      { sunsetAt: far, brownouts: [{ start: past, end: '2029-06-02T00:00:00Z' }] },
    ],
  ])('of nothing: %s', async (_, plan) => {
    expect(await warnings(plan)).toEqual([]);
  });

  test('of less than 30 days’ notice', async () => {
    expect(await warnings({ sunsetAt: '2030-01-30T23:59:59Z' })).toEqual([
      "plan.sunsetAt is less than 30 days from now; give clients at least 30 days' notice",
    ]);
    expect(await warnings({ sunsetAt: '2030-01-01T00:00:01Z' })).toEqual([
      "plan.sunsetAt is less than 1 day from now; give clients at least 30 days' notice",
    ]);
    const deprecatedAt = '2030-02-01T00:00:00Z';
    expect(await warnings({ deprecatedAt, sunsetAt: '2030-02-11T00:00:00Z' })).toEqual([
      "plan.sunsetAt is less than 11 days after deprecatedAt; give clients at least 30 days' notice",
    ]);
    const cohorts = { 'the first': { sunsetAt: '2030-01-08T00:00:00Z' } };
    expect(await warnings({ sunsetAt: far, cohorts })).toEqual([
      'plan.cohorts["the first"].sunsetAt is less than 8 days from now; give clients at least 30 days\' notice',
    ]);
  });

  test('that apiKeys can be removed', async () => {
    const over =
      'plan: every sunset has passed and no extension is left; remove the apiKeys option';
    expect(await warnings({ sunsetAt: past })).toEqual([over]);
    expect(await warnings({ sunsetAt: '2030-01-01T00:00:00Z' })).toEqual([over]);
    const until = '2029-12-31T23:59:59Z';
    const clients = { acme: { mode: 'extension', until } } as const;
    expect(await warnings({ sunsetAt: past, clients, cohorts: { first: {} } })).toEqual([over]);
  });

  test('of a brownout that refuses nobody', async () => {
    const late = 'plan.brownouts[1] starts after the sunset, so it has no effect';
    const brownouts = [
      { start: past, end: '2029-06-02T00:00:00Z' },
      { start: '2031-01-01T00:00:00Z', end: '2031-01-02T00:00:00Z' },
    ];
    expect(await warnings({ sunsetAt: far, brownouts })).toEqual([late]);
  });

  test('in 20 sentences at most', async () => {
    const sunsetAt = '2030-01-08T00:00:00Z';
    const names = Array.from({ length: 100 }, (_, number) => `cohort_${number}`);
    const cohorts = Object.fromEntries(names.map((name) => [name, { sunsetAt }]));
    expect(await warnings({ cohorts })).toHaveLength(20);
  });

  test('once for each plan, however often it is loaded', async () => {
    const events: MigrationEvent[] = [];
    let wake = () => {};
    const plan = { sunsetAt: '2030-01-08T00:00:00Z' };
    let loads = 0;
    const load = async () => {
      loads += 1;
      if (loads === 5) wake();
      return loads < 4 ? { ...plan } : { ...plan, mode: 'key-only' as const };
    };
    open({ load, pollInterval: 0.001 }, (event) => events.push(event));
    await new Promise<void>((done) => {
      wake = done;
    });
    expect(events.map(({ kind }) => kind)).toEqual(['plan', 'warning', 'plan', 'warning']);
  });
});

describe('without a listener', () => {
  const heard: Error[] = [];
  const hear = (warning: Error) => void heard.push(warning);
  beforeEach(() => void process.on('warning', hear));
  afterEach(() => {
    process.off('warning', hear);
    heard.length = 0;
  });

  test('a warning is one of the process', async () => {
    open({ sunsetAt: '2030-01-08T00:00:00Z' });
    await settle();
    expect(heard).toMatchObject([
      {
        name: 'SallyportWarning',
        message:
          "plan.sunsetAt is less than 8 days from now; give clients at least 30 days' notice",
      },
    ]);
  });

  test('a plan that cannot be loaded is one too', async () => {
    open({ load: () => Promise.reject(new Error('gone')) });
    await settle();
    expect(heard).toMatchObject([{ name: 'SallyportWarning', message: 'no plan is loaded: gone' }]);
  });

  test('a plan and a mode are not', async () => {
    let mode: 'dual' | 'token-only' = 'dual';
    let loads = 0;
    let wake = () => {};
    const guard = open({
      pollInterval: 0.001,
      load: async () => {
        loads += 1;
        if (loads >= 3) wake();
        return { mode };
      },
    });
    await guard.ready();
    await guard(requestOf({ 'x-api-key': 'k' }));
    mode = 'token-only';
    await new Promise<void>((done) => {
      wake = done;
    });
    await settle();
    expect(heard).toEqual([]);
  });

  test('a listener takes its place', async () => {
    open({ sunsetAt: '2030-01-08T00:00:00Z' }, () => {});
    await settle();
    expect(heard).toEqual([]);
  });
});
