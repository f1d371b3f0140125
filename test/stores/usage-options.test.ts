import { readFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ConfigError } from '../../src/index.js';
import { postgresUsageStore, usageTables } from '../../src/postgres.js';
import { redisUsageStore } from '../../src/redis.js';
import { memoryUsageStore } from '../../src/usage.js';
import { batch } from './usage-contract.js';

// What a real server answers is in test/services. None of these reaches one.

const client = { sendCommand: () => Promise.reject(new Error('nothing may be sent')) };
const pool = { query: () => Promise.reject(new Error('nothing may be asked')) };
const long = 'u'.repeat(51);

describe('options are refused', () => {
  test.each<[string, () => unknown, RegExp]>([
    [
      'no client',
      () => redisUsageStore(undefined as never),
      /redisUsageStore needs a client of node-redis/,
    ],
    ['a name', () => redisUsageStore(client, { prefx: 'u' } as never), /use prefix, keep/],
    [
      'no prefix',
      () => redisUsageStore(client, { prefix: '' }),
      /redisUsageStore\.prefix must be a non-empty string/,
    ],
    [
      'a number',
      () => redisUsageStore(client, { prefix: 7 as never }),
      /redisUsageStore\.prefix must be a non-empty string/,
    ],
    [
      'no day',
      () => redisUsageStore(client, { keep: 0 }),
      /redisUsageStore\.keep must be a whole number of days/,
    ],
    ['a short time', () => redisUsageStore(client, { keep: 279 }), /at least 280 days; got 279/],
    ['a short time', () => postgresUsageStore(pool, { keep: 7 }), /at least 280 days; got 7/],
    [
      'a short time',
      () => memoryUsageStore({ keep: 279 }),
      /memoryUsageStore\.keep must be .*; got 279/,
    ],
    ['no pool', () => postgresUsageStore({} as never), /postgresUsageStore requires a pool/],
    ['a name', () => postgresUsageStore(pool, { tables: 'u' } as never), /use table, keep/],
    [
      'half a day',
      () => postgresUsageStore(pool, { keep: 0.5 }),
      /postgresUsageStore\.keep must be a whole/,
    ],
    [
      'no table',
      () => postgresUsageStore(pool, { table: '' }),
      /table must be a name of PostgreSQL/,
    ],
    [
      'two dots',
      () => postgresUsageStore(pool, { table: 'a.b.c' }),
      /must be table or schema.table/,
    ],
    ['a long table', () => postgresUsageStore(pool, { table: long }), /must be at most 50 bytes/],
    ['a long table', () => usageTables({ table: `a.${long}` }), /must be at most 50 bytes/],
    [
      'a number',
      () => usageTables({ table: 7 as never }),
      /usageTables\.table must be a name of PostgreSQL/,
    ],
    ['a name', () => usageTables({ keep: 3 } as never), /keep is not a known setting: use table/],
  ])('%s', (_, work, expected) => {
    expect(work).toThrow(ConfigError);
    expect(work).toThrow(expected);
  });
});

test('what cannot be meant reaches no server', async () => {
  for (const store of [redisUsageStore(client), postgresUsageStore(pool)]) {
    await expect(store.add(batch({ seq: 0.5 }))).rejects.toMatchObject({ code: 'ERR_USAGE_BATCH' });
    await expect(store.add(batch())).rejects.toThrow(/nothing may be/);
  }
});

test.each([null, 'a', {}, ['0'], ['0', 'a']])(
  'HSCAN answered by %j is an error',
  async (answer) => {
    const answers = { HSCAN: answer, ZRANGE: [] } as Record<string, unknown>;
    const store = redisUsageStore({ sendCommand: async ([command]) => answers[command ?? ''] });
    await expect(store.read()).rejects.toMatchObject({ code: 'ERR_USAGE_VALUE' });
  },
);

test.each([null, 'a', 7, {}])('days answered by %j are an error', async (answer) => {
  const answers = { HSCAN: ['0', []], ZRANGE: answer } as Record<string, unknown>;
  const store = redisUsageStore({ sendCommand: async ([command]) => answers[command ?? ''] });
  await expect(store.read()).rejects.toMatchObject({ code: 'ERR_USAGE_VALUE' });
});

test('an answer of the script that it does not give is an error', async () => {
  const store = redisUsageStore({ sendCommand: async () => null });
  await expect(store.add(batch())).rejects.toMatchObject({ code: 'ERR_USAGE_VALUE' });
});

test('what PostgreSQL deletes is told by its own clock, whatever this host says', async () => {
  const now = Date.UTC(2026, 9, 1);
  const deleted: unknown[] = [];
  const store = postgresUsageStore(
    {
      async query(text, values = []) {
        if (text.startsWith('delete')) deleted.push(values[0]);
        if (text.startsWith('select')) return { rows: [{ instance: null, time: String(now) }] };
        return { rows: text.startsWith('delete') ? [] : [{}] };
      },
    },
    { keep: 280 },
  );
  vi.useFakeTimers({ toFake: ['Date'], now: now + 730 * 86_400_000 });
  onTestFinished(() => void vi.useRealTimers());
  await store.add(batch({ at: Date.now() }));
  await vi.waitFor(() => expect(deleted).toHaveLength(4));
  const cutoff = now - 280 * 86_400_000;
  expect(deleted).toEqual(['2025-12-25', cutoff / 60_000, cutoff / 60_000, cutoff]);
});

test.each([undefined, '', 'soon', '0'])(
  '%j for the time of PostgreSQL is an error',
  async (time) => {
    const store = postgresUsageStore({ query: async () => ({ rows: [{ instance: null, time }] }) });
    await expect(store.add(batch())).rejects.toMatchObject({ code: 'ERR_USAGE_VALUE' });
  },
);

test('the SQL of the tables is the one in docs/usage.md', () => {
  const docs = readFileSync(new URL('../../docs/usage.md', import.meta.url), 'utf8');
  expect(docs).toContain(`\`\`\`sql${usageTables()}\`\`\``);
});
