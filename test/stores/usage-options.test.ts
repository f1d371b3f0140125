import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/index.js';
import { postgresUsage, usageTables } from '../../src/postgres.js';
import { redisUsage } from '../../src/redis.js';
import { memoryUsage } from '../../src/usage.js';
import { batch } from './usage-contract.js';

// What a real server answers is in test/services. None of these reaches one.

const client = { sendCommand: () => Promise.reject(new Error('nothing may be sent')) };
const pool = { query: () => Promise.reject(new Error('nothing may be asked')) };
const long = 'u'.repeat(51);

describe('options are refused', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['no client', () => redisUsage(undefined as never), /redisUsage needs a client of node-redis/],
    ['a name', () => redisUsage(client, { prefx: 'u' } as never), /use prefix, keep/],
    ['no prefix', () => redisUsage(client, { prefix: '' }), /redisUsage\.prefix is no text/],
    ['a number', () => redisUsage(client, { prefix: 7 as never }), /redisUsage\.prefix is no text/],
    [
      'no day',
      () => redisUsage(client, { keep: 0 }),
      /redisUsage\.keep must be a whole number of days/,
    ],
    ['a short time', () => redisUsage(client, { keep: 279 }), /at least 280 days; got 279/],
    ['a short time', () => postgresUsage(pool, { keep: 7 }), /at least 280 days; got 7/],
    ['a short time', () => memoryUsage({ keep: 279 }), /memoryUsage\.keep: 279/],
    ['no pool', () => postgresUsage({} as never), /postgresUsage needs a pool/],
    ['a name', () => postgresUsage(pool, { tables: 'u' } as never), /use table, keep/],
    ['half a day', () => postgresUsage(pool, { keep: 0.5 }), /postgresUsage\.keep must be a whole/],
    ['no table', () => postgresUsage(pool, { table: '' }), /table is no name of Postgres/],
    ['two dots', () => postgresUsage(pool, { table: 'a.b.c' }), /more than one dot/],
    ['a long table', () => postgresUsage(pool, { table: long }), /is over 50 bytes/],
    ['a long table', () => usageTables({ table: `a.${long}` }), /is over 50 bytes/],
    ['a number', () => usageTables({ table: 7 as never }), /usageTables\.table is no name/],
    ['a name', () => usageTables({ keep: 3 } as never), /keep is not known: use table/],
  ])('%s', (_, work, expected) => {
    expect(work).toThrow(ConfigError);
    expect(work).toThrow(expected);
  });
});

test('what cannot be meant reaches no server', async () => {
  for (const store of [redisUsage(client), postgresUsage(pool)]) {
    await expect(store.add(batch({ seq: 0.5 }))).rejects.toMatchObject({ code: 'ERR_USAGE_BATCH' });
    await expect(store.add(batch())).rejects.toThrow(/nothing may be/);
  }
});

test.each([null, 'a', {}, ['0'], ['0', 'a']])(
  'HSCAN answered by %j is an error',
  async (answer) => {
    const answers = { HSCAN: answer, ZRANGE: [] } as Record<string, unknown>;
    const store = redisUsage({ sendCommand: async ([command]) => answers[command ?? ''] });
    await expect(store.read()).rejects.toMatchObject({ code: 'ERR_USAGE_VALUE' });
  },
);

test.each([null, 'a', 7, {}])('days answered by %j are an error', async (answer) => {
  const answers = { HSCAN: ['0', []], ZRANGE: answer } as Record<string, unknown>;
  const store = redisUsage({ sendCommand: async ([command]) => answers[command ?? ''] });
  await expect(store.read()).rejects.toMatchObject({ code: 'ERR_USAGE_VALUE' });
});

test('an answer of the script that it does not give is an error', async () => {
  const store = redisUsage({ sendCommand: async () => null });
  await expect(store.add(batch())).rejects.toMatchObject({ code: 'ERR_USAGE_VALUE' });
});

test('the SQL of the tables is the one in docs/usage.md', () => {
  const docs = readFileSync(new URL('../../docs/usage.md', import.meta.url), 'utf8');
  expect(docs).toContain(`\`\`\`sql${usageTables()}\`\`\``);
});
