import { describe, expect, onTestFinished, test } from 'vitest';
import {
  createGuard,
  type MigrationPlan,
  memoryUsageStore,
  nameOf,
  type UsageOptions,
  type UsageRow,
} from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { bearing, requestOf } from '../rfc/ask.js';
import { batch, october, row } from '../stores/usage-contract.js';
import { createClock } from '../token/jwks-server.js';

const issuer = await createTestIssuer({ now: createClock().now });

/** Any key is good but one that begins with "no", and a client of its own. */
function openScene(usage: UsageOptions = {}, plan: MigrationPlan = {}) {
  const clock = createClock();
  const guard = createGuard({
    ...issuer.options,
    now: clock.now,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async ({ value }) => ({ id: value, disabled: value.startsWith('no') }),
      cache: { ttl: 0 },
      plan,
      usage,
      onMigration: () => {},
    },
  });
  onTestFinished(() => guard.close());
  const come = (key: string, more: Readonly<Record<string, string>> = {}) =>
    guard(requestOf({ 'x-api-key': key, ...more }));
  const claim = async (clientId: string) =>
    guard(bearing(await issuer.token({ clientId, audience: 'https://other' })));
  const counts = async (...kinds: readonly string[]) =>
    (await guard.usage()).rows
      .filter(({ what }) => kinds.includes(what))
      .map(({ client, what, detail, count }) => [client, what, detail, count].join(' '))
      .sort();
  return { clock, guard, come, claim, counts };
}

describe('clients that are counted apart', () => {
  test('all that there is no room for is counted as let in or refused, and nothing else of it', async () => {
    const { guard, come, claim, counts } = openScene({ max: 1 });
    await come('first');
    await come('second', { 'user-agent': 'curl/8' });
    await come('not-good', { 'user-agent': 'curl/8' });
    await guard(bearing(await issuer.token({ clientId: 'third' })));
    await claim('second');
    await come('first');
    expect(await counts('key', 'token', 'refused', 'claimed', 'agent', 'other')).toEqual([
      ' other key 1',
      ' other refused 1',
      ' other token 1',
      'first agent  2',
      'first key  2',
      // Refused tokens have room of their own.
      'second refused ERR_TOKEN_AUDIENCE 1',
    ]);
    expect((await guard.usage()).instances.map(({ dropped }) => dropped)).toEqual([3]);
  });

  test('are remembered after a flush while half of the room is left', async () => {
    const { guard, come, claim, counts } = openScene({ max: 6 });
    await come('first');
    await come('second');
    await guard.usage();
    await claim('first');
    expect(await counts('refused')).toEqual(['first refused ERR_TOKEN_AUDIENCE 1']);
    await come('third');
    await come('fourth');
    await guard.usage();
    await claim('first');
    expect(await counts('refused')).toEqual(['first refused ERR_TOKEN_AUDIENCE 2']);
    // All the room is there again, and no more than that.
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) await come(key);
    expect(await counts('other')).toEqual([' other key 1']);
  });

  test('a plan that names clients without end makes its clients known, and no others', async () => {
    const clients = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`c${i}`, {}]));
    const { claim, counts } = openScene({ max: 2 }, { clients });
    for (const client of ['c1', 'c2', 'c3', 'stranger']) await claim(client);
    expect(await counts('refused', 'claimed', 'other')).toEqual([
      'c1 refused ERR_TOKEN_AUDIENCE 1',
      'c2 refused ERR_TOKEN_AUDIENCE 1',
      'c3 refused ERR_TOKEN_AUDIENCE 1',
    ]);
  });
});

describe('what nobody has asked for', () => {
  test('is kept for so many days of a key, and today', async () => {
    const { clock, guard, come, counts } = openScene();
    for (let i = 0; i < 450; i += 1) {
      if (i > 0) clock.advance(86_400);
      await come('first');
    }
    const days = (await guard.usage()).rows.filter(({ what }) => what === 'key');
    expect(days.length).toBeLessThanOrEqual(401);
    expect(days.some(({ day }) => day === new Date(clock.time).toISOString().slice(0, 10))).toBe(
      true,
    );
    // What is not told by day takes none of that room.
    expect(await counts('route')).toEqual(['first route  450']);
  });

  test('is told once, and begins anew', async () => {
    const { clock, guard, come, counts } = openScene();
    for (let i = 0; i < 3; i += 1) {
      await come('first');
      await come('not-good');
      clock.advance(86_400);
    }
    const { rows } = await guard.usage();
    expect((await guard.usage()).rows).toEqual(rows);
    await come('first');
    const [, , , last] = (await guard.usage()).rows.filter(({ what }) => what === 'key');
    const minute = Math.floor(clock.time / 60_000);
    expect(last).toMatchObject({ count: 1, first: minute, last: minute });
    expect(await counts('refused')).toEqual(
      Array(3).fill('not-good refused ERR_API_KEY_DISABLED 1'),
    );
  });
});

describe('what a key came with', () => {
  test('that is counted already has its room, however many others come', async () => {
    const { come, counts } = openScene();
    for (let i = 0; i < 60; i += 1) await come('first', { 'user-agent': `agent/${i}` });
    for (const one of [0, 49, 50]) await come('first', { 'user-agent': `agent/${one}` });
    const agents = await counts('agent');
    expect(agents).toHaveLength(51);
    expect(agents.filter((told) => !told.endsWith(' 1'))).toEqual([
      ...['first agent (other) 11', 'first agent agent/0 2', 'first agent agent/49 2'],
    ]);
  });

  test('by a clock that is set back is counted from the earliest minute to the latest', async () => {
    const { clock, guard, come } = openScene();
    clock.advance(600);
    for (const seconds of [0, -120, 60, 180, -60]) {
      clock.advance(seconds);
      await come('first');
    }
    const minute = Math.floor(Date.UTC(2030, 0, 1) / 60_000);
    for (const one of (await guard.usage()).rows) {
      expect(one).toMatchObject({ count: 5, first: minute + 8, last: minute + 12 });
    }
  });
});

describe('a request that cannot be read to the end', () => {
  test('is decided, and counted as what it was', async () => {
    const { guard, counts } = openScene();
    const request = requestOf({ 'x-api-key': 'first' });
    const header = (name: string) => {
      if (name === 'user-agent') throw new Error('nobody knows');
      return request.header(name);
    };
    expect((await guard({ ...request, header })).allowed).toBe(true);
    expect(await counts('key', 'agent', 'route')).toEqual(['first key  1']);
  });
});

describe('counts in this process', () => {
  const many = (length: number, more: Partial<UsageRow> = {}) =>
    Array.from({ length }, (_, i) => row({ ...more, detail: `${i}` }));

  test('of so many instances: who told longest ago is forgotten', async () => {
    const store = memoryUsageStore();
    const tell = (i: number, seq: number) => store.add(batch({ instance: `i${i}`, seq, rows: [] }));
    for (let i = 0; i < 1_000; i += 1) await tell(i, 1);
    await tell(0, 2);
    await tell(1_000, 1);
    const names = (await store.read()).instances.map(({ instance }) => instance);
    expect(names).toHaveLength(1_000);
    expect([names.includes('i0'), names.includes('i1'), names.includes('i1000')]).toEqual([
      ...[true, false, true],
    ]);
  });

  test('are forgotten after so many days, to the minute of a new one', async () => {
    const store = memoryUsageStore({ keep: 280 });
    await store.add(batch({ rows: [row(), row({ key: 'key_2', last: october + 1 })] }));
    const tell = (seq: number, minute: number) =>
      store.add(batch({ seq, at: minute * 60_000, rows: [] }));
    await tell(2, october + 403_201);
    expect((await store.read()).rows.map(({ key }) => key)).toEqual(['key_2']);
    // Time whose counts are forgotten is not watched any more.
    expect((await store.read()).trackingSince).toBe((october + 1) * 60_000);
    // It is looked once a day.
    await tell(3, october + 404_639);
    expect((await store.read()).rows).toHaveLength(1);
    await tell(4, october + 404_640);
    expect((await store.read()).rows).toEqual([]);
  });

  test('of details that are kept leave no room for others on the next day either', async () => {
    const store = memoryUsageStore();
    const agents = { what: 'agent', day: '' } as const;
    await store.add(batch({ rows: many(100, agents) }));
    const tomorrow = { seq: 2, at: (october + 1_440) * 60_000 };
    const fresh = row({ ...agents, detail: 'fresh' });
    await store.add(batch({ ...tomorrow, rows: [fresh, ...many(100, agents)] }));
    const { rows } = await store.read();
    expect(rows).toHaveLength(101);
    expect(rows.map(({ detail }) => detail)).toContain('(other)');
    expect(new Set(rows.map(nameOf)).size).toBe(101);
  });

  test('that there is no room for are somebody’s who was let in or refused, by day', async () => {
    const store = memoryUsageStore();
    for (let seq = 1; seq <= 100; seq += 1) {
      const rows = Array.from({ length: 1_000 }, (_, i) => row({ client: `${seq}-${i}` }));
      await store.add(batch({ seq, rows }));
    }
    const day = '2026-10-02';
    const last = october + 1_440;
    const late = { client: 'late', first: last, last, day };
    const rows = [
      row({ ...late, count: 2 }),
      row({ ...late, key: '', what: 'token', count: 3 }),
      row({ ...late, what: 'refused', detail: 'ERR_SCOPE_MISSING', count: 4 }),
      row({ ...late, what: 'claimed', detail: 'ERR_TOKEN_AUDIENCE', count: 5 }),
      row({ ...late, what: 'would-deny', detail: 'ERR_SCOPE_MISSING', count: 6 }),
    ];
    await store.add(batch({ seq: 101, rows }));
    const told = (await store.read()).rows.slice(100_000);
    expect(
      told.map((one) => [one.client, one.key, one.what, one.detail, one.day, one.count]),
    ).toEqual([
      ['', '', 'other', 'key', day, 2],
      ['', '', 'other', 'token', day, 3],
      ['', '', 'other', 'refused', day, 4],
      // Nobody knows whose they are, and they are not gone.
      ['', '', 'claimed', '(other)', day, 5],
    ]);
  });
});
