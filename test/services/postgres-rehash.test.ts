import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hmacSha256, type KeyHash, legacyHash, sha256 } from '../../src/api-keys.js';
import { postgresApiKeys } from '../../src/postgres.js';
import { openPostgres, type PostgresServer, postgresPrograms, watch } from './postgres-server.js';
import { ask, createMaker, digestsIn, type MakeTable, only } from './postgres-tables.js';
import { describeWith, until } from './service.js';

describeWith(postgresPrograms, 're-hashing by postgresApiKeys', () => {
  let server: PostgresServer;
  let pool: pg.Pool;
  let make: MakeTable;

  beforeAll(async () => {
    server = await openPostgres();
    pool = server.pool();
    make = createMaker(pool);
  });
  afterAll(() => server?.close());

  const slim = { columns: only('disabled', 'expiresAt') };

  /** A table with a key under each hash; the key is called like the hash. */
  async function filled(hashes: Readonly<Record<string, KeyHash>>, extra = ''): Promise<string> {
    const table = await make(
      'id text primary key, digest text unique, disabled boolean, expires_at timestamptz',
    );
    for (const [name, hash] of Object.entries(hashes)) {
      await pool.query(`insert into ${table} (id, digest) values ($1, $2)`, [
        name,
        hash.digest(name),
      ]);
    }
    if (extra) await pool.query(`update ${table} set ${extra}`);
    return table;
  }

  const pepper = hmacSha256('the first pepper');
  const schemes: Readonly<Record<string, KeyHash>> = {
    sha256,
    pepper,
    md5: legacyHash('md5'),
    sha1: legacyHash('sha1', { prefix: 'salt' }),
    sha384: legacyHash('sha384', { suffix: 'salt' }),
    sha512: legacyHash('sha512', { encoding: 'base64' }),
    'sha512-256': legacyHash('sha512-256', { encoding: 'base64url' }),
    own: { name: 'own', digest: (value) => `v1$${sha256.digest(`tenant\0${value}`)}` },
  };
  const names = Object.keys(schemes).sort();

  test('brings every scheme to the first one', async () => {
    const table = await filled(schemes);
    const today = hmacSha256('the second pepper');
    const { pool: watched, updates } = watch(pool);
    const { own: _, ...seven } = schemes;
    for (const accepted of [Object.values(seven), [schemes.own as KeyHash]]) {
      const lookup = postgresApiKeys(watched, { table, ...slim, hashes: [today, ...accepted] });
      for (const name of names) await ask(lookup, name);
    }
    expect(await updates(names.length)).toEqual(names.map(() => 'done'));
    expect(await digestsIn(pool, table)).toEqual(
      Object.fromEntries(names.map((name) => [name, today.digest(name)])),
    );
    const lookup = postgresApiKeys(watched, { table, ...slim, hashes: [today] });
    for (const name of names) expect(await ask(lookup, name)).toEqual({ id: name });
    expect(await updates(0)).toEqual([]);
  });

  test('lets a pepper be rotated, and the old one be forgotten', async () => {
    const table = await filled({ a: pepper, b: pepper });
    const today = hmacSha256('the second pepper');
    const { pool: watched, updates } = watch(pool);
    const during = postgresApiKeys(watched, { table, ...slim, hashes: [today, pepper] });
    expect(await ask(during, 'a')).toEqual({ id: 'a' });
    expect(await updates(1)).toEqual(['done']);
    const before = postgresApiKeys(pool, { table, ...slim, hashes: [pepper] });
    const after = postgresApiKeys(pool, { table, ...slim, hashes: [today] });
    expect([await ask(before, 'a'), await ask(before, 'b')]).toEqual([undefined, { id: 'b' }]);
    expect([await ask(after, 'a'), await ask(after, 'b')]).toEqual([{ id: 'a' }, undefined]);
  });

  test.each([
    ['disabled', 'disabled = true'],
    ['expired', "expires_at = '2000-01-01T00:00:00Z'"],
  ])('leaves a key alone that is %s', async (_, extra) => {
    const table = await filled({ a: pepper }, extra);
    const { pool: watched, updates } = watch(pool);
    const lookup = postgresApiKeys(watched, { table, ...slim, hashes: [sha256, pepper] });
    expect(await ask(lookup, 'a')).toMatchObject({ id: 'a' });
    expect(await updates(0)).toEqual([]);
  });

  test('leaves every key alone where it is off', async () => {
    const table = await filled({ a: pepper });
    const { pool: watched, updates } = watch(pool);
    const hashes = [sha256, pepper];
    const lookup = postgresApiKeys(watched, { table, ...slim, hashes, rehash: false });
    expect(await ask(lookup, 'a')).toEqual({ id: 'a' });
    expect(await updates(0)).toEqual([]);
    expect(await digestsIn(pool, table)).toEqual({ a: pepper.digest('a') });
  });

  test('of one key by many at once harms nobody', async () => {
    const table = await filled({ a: pepper });
    const { pool: watched, updates } = watch(pool);
    const lookup = postgresApiKeys(watched, { table, ...slim, hashes: [sha256, pepper] });
    const all = await Promise.all(Array.from({ length: 30 }, () => ask(lookup, 'a')));
    expect(all).toEqual(all.map(() => ({ id: 'a' })));
    expect(new Set(await updates(1))).toEqual(new Set(['done']));
    expect(await digestsIn(pool, table)).toEqual({ a: sha256.digest('a') });
  });

  test.each([
    ['a row', "update {table} set disabled = null where id = 'key_1'"],
    ['every row, for a bulk change', 'update {table} set disabled = null'],
    ['the table, for an index', 'create index on {table} (disabled)'],
    ['the table, for a trigger', 'lock table {table} in share row exclusive mode'],
  ])('takes nothing from look-ups while somebody holds a lock on %s', async (_, locks) => {
    const old = legacyHash('sha1');
    const ids = [...Array(20).keys()].map((i) => `key_${i}`);
    const table = await filled({ ...Object.fromEntries(ids.map((id) => [id, old])), new: sha256 });
    // With a single connection, even one write that waits keeps every look-up waiting.
    const narrow = server.pool({ max: 1 });
    const lookup = postgresApiKeys(narrow, { table, ...slim, hashes: [sha256, old] });
    const other = await pool.connect();
    try {
      await other.query('begin');
      await other.query(locks.replace('{table}', table));
      for (const id of [...ids, ...ids, 'new']) expect(await ask(lookup, id)).toEqual({ id });
      expect(narrow.waitingCount).toBe(0);
      await other.query('rollback');
    } finally {
      other.release();
    }
    await until(async () => {
      for (const id of ids) await ask(lookup, id);
      const stored = await digestsIn(pool, table);
      return ids.every((id) => stored[id] === sha256.digest(id));
    });
  });

  test('does not take place on a replica, and look-ups go on', async () => {
    const table = await filled({ a: pepper, b: sha256 });
    const replica = await openPostgres(server);
    try {
      const reading = replica.pool();
      const { rows } = await reading.query('select pg_is_in_recovery() as it');
      expect(rows).toEqual([{ it: true }]);
      const { pool: watched, updates } = watch(reading);
      const lookup = postgresApiKeys(watched, { table, ...slim, hashes: [sha256, pepper] });
      for (let i = 0; i < 3; i += 1) {
        expect(await ask(lookup, 'a')).toEqual({ id: 'a' });
        expect(await ask(lookup, 'b')).toEqual({ id: 'b' });
        // 25006 is read_only_sql_transaction.
        expect(await updates(1)).toEqual(['25006']);
      }
      const untouched = { a: pepper.digest('a'), b: sha256.digest('b') };
      expect(await digestsIn(reading, table)).toEqual(untouched);
      expect(await digestsIn(pool, table)).toEqual(untouched);
    } finally {
      await replica.close();
    }
  });
});
