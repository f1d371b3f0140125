import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { legacyHash, sha256 } from '../../src/api-keys.js';
import { postgresApiKeys } from '../../src/postgres.js';
import { openPostgres, type PostgresServer, postgresPrograms, watch } from './postgres-server.js';
import { ask, createMaker, digestsIn, type MakeTable, only } from './postgres-tables.js';
import { describeWith } from './service.js';

describeWith(postgresPrograms, 'postgresApiKeys', () => {
  let server: PostgresServer;
  let pool: pg.Pool;
  let make: MakeTable;

  beforeAll(async () => {
    server = await openPostgres();
    pool = server.pool();
    make = createMaker(pool);
  });
  afterAll(() => server?.close());

  describe('a row', () => {
    test('of a table that is as it is expected to be', async () => {
      const table = await make(`id text primary key, digest text unique,
        client_id text, org_id text, subject text, scopes text[], expires_at timestamptz,
        disabled boolean, environment text, created_by text`);
      await pool.query(
        `insert into ${table} values ('key_1', $1, 'billing', 'org_1', 'user_1', '{a,b}',
          '2030-01-01T00:00:00Z', false, 'live', 'ann')`,
        [sha256.digest('one')],
      );
      await pool.query(`insert into ${table} values ('key_2', $1)`, [sha256.digest('two')]);
      const lookup = postgresApiKeys(pool, { table });
      expect(await ask(lookup, 'one')).toEqual({
        id: 'key_1',
        clientId: 'billing',
        orgId: 'org_1',
        subject: 'user_1',
        scopes: ['a', 'b'],
        expiresAt: Date.UTC(2030, 0) / 1000,
        disabled: false,
        environment: 'live',
        createdBy: 'ann',
      });
      expect(await ask(lookup, 'two')).toEqual({ id: 'key_2' });
      expect(await ask(lookup, 'three')).toBeUndefined();
      expect(await ask(lookup, sha256.digest('one'))).toBeUndefined();
    });

    test.each([
      ['clientId', 'text', "'a'", 'a'],
      ['clientId', 'varchar(9)', "'a'", 'a'],
      ['clientId', 'integer', '7', '7'],
      ['orgId', 'bigint', '9007199254740993', '9007199254740993'],
      [
        'orgId',
        'uuid',
        "'0b5c2d9e-2f0a-4d3c-8f8a-3d3b6d0c9a11'",
        '0b5c2d9e-2f0a-4d3c-8f8a-3d3b6d0c9a11',
      ],
      ['subject', 'text', 'null', undefined],
      ['environment', 'text', "'live'", 'live'],
      ['createdBy', 'smallint', '1', '1'],
      ['scopes', 'text[]', "'{orders:read,orders:write}'", ['orders:read', 'orders:write']],
      ['scopes', 'varchar[]', "'{a}'", ['a']],
      ['scopes', 'text[]', "'{}'", []],
      ['scopes', 'text', "'a b'", ['a', 'b']],
      ['scopes', 'text', "''", []],
      ['scopes', 'json', `'["a","b"]'`, ['a', 'b']],
      ['scopes', 'jsonb', `'["a","b"]'`, ['a', 'b']],
      ['scopes', 'jsonb', `'"a b"'`, ['a', 'b']],
      ['scopes', 'jsonb', "'null'", undefined],
      ['scopes', 'text[]', 'null', undefined],
      ['expiresAt', 'timestamptz', "'2030-01-01T01:00:00.5+01'", 1_893_456_000.5],
      ['expiresAt', 'timestamptz', "'infinity'", undefined],
      ['expiresAt', 'timestamptz', "'-infinity'", 0],
      ['expiresAt', 'timestamptz', "'9999-12-31T23:59:59Z'", 253_402_300_799],
      ['expiresAt', 'never', "'2030-01-01T00:00:00Z'", 1_893_456_000],
      ['expiresAt', 'text', "'1893456000'", 1_893_456_000],
      ['metadata', 'jsonb', `'{"plan":{"name":"gold"}}'`, { plan: { name: 'gold' } }],
      ['issuer', 'text', "'https://login.test'", 'https://login.test'],
      ['expiresAt', 'timestamptz', "'1066-10-14T00:00:00Z'", 0],
      ['expiresAt', 'timestamptz', 'null', undefined],
      ['expiresAt', 'integer', '1893456000', 1_893_456_000],
      ['expiresAt', 'bigint', '1893456000', 1_893_456_000],
      ['expiresAt', 'numeric', '1893456000.5', 1_893_456_000.5],
      ['expiresAt', 'double precision', '1893456000.5', 1_893_456_000.5],
      ['disabled', 'boolean', 'true', true],
      ['disabled', 'boolean', 'false', false],
      ['disabled', 'boolean', 'null', undefined],
      ['disabled', 'timestamptz', 'now()', true],
      ['disabled', 'timestamptz', "'infinity'", true],
      ['disabled', 'timestamptz', 'null', undefined],
    ] as const)('%s, %s, %s', async (member, type, literal, expected) => {
      await pool.query('create domain never as timestamptz').catch(() => {});
      const table = await make(`id text, digest text, it ${type}`);
      await pool.query(`insert into ${table} values ('key_1', $1, ${literal})`, [
        sha256.digest('one'),
      ]);
      const lookup = postgresApiKeys(pool, { table, columns: { ...only(), [member]: 'it' } });
      const found = await ask(lookup, 'one');
      expect(found).toEqual({ id: 'key_1', ...(expected !== undefined && { [member]: expected }) });
      expect(Object.keys(found ?? {})).toHaveLength(expected === undefined ? 1 : 2);
    });

    test.each([
      ['integer', '7', '7'],
      ['bigint', '9007199254740993', '9007199254740993'],
      ['uuid', "'0b5c2d9e-2f0a-4d3c-8f8a-3d3b6d0c9a11'", '0b5c2d9e-2f0a-4d3c-8f8a-3d3b6d0c9a11'],
      ['varchar(20)', "'key_1'", 'key_1'],
    ])('whose id is %s is found, and re-hashed', async (type, literal, id) => {
      const old = legacyHash('md5');
      const table = await make(`id ${type} primary key, digest varchar(64) unique`);
      await pool.query(`insert into ${table} values (${literal}, $1)`, [old.digest('one')]);
      const { pool: watched, updates } = watch(pool);
      const lookup = postgresApiKeys(watched, { table, columns: only(), hashes: [sha256, old] });
      expect(await ask(lookup, 'one')).toEqual({ id });
      expect(await updates(1)).toEqual(['done']);
      expect(await digestsIn(pool, table)).toEqual({ [id]: sha256.digest('one') });
    });

    test('whose digest is char(n), padded, is found and re-hashed', async () => {
      const old = legacyHash('md5');
      const table = await make('id text, digest char(64) unique');
      const digests = [old.digest('one'), sha256.digest('two')];
      await pool.query(`insert into ${table} values ('key_1', $1), ('key_2', $2)`, digests);
      const { pool: watched, updates } = watch(pool);
      const lookup = postgresApiKeys(watched, { table, columns: only(), hashes: [sha256, old] });
      expect(await ask(lookup, 'one')).toEqual({ id: 'key_1' });
      expect(await ask(lookup, 'two')).toEqual({ id: 'key_2' });
      expect(await updates(1)).toEqual(['done']);
      expect(await digestsIn(pool, table)).toMatchObject({ key_1: sha256.digest('one') });
    });

    test('is found by its index', async () => {
      for (const type of ['text', 'varchar(64)', 'char(64)']) {
        const table = await make(`id text, digest ${type} unique`);
        const texts: string[] = [];
        const lookup = postgresApiKeys(
          {
            query(text, values) {
              texts.push(text);
              return pool.query(text, values);
            },
          },
          { table, columns: only() },
        );
        await ask(lookup, 'one');
        const client = await pool.connect();
        try {
          await client.query('set enable_seqscan = off');
          const { rows } = await client.query(`explain ${texts[0]}`, [[sha256.digest('one')]]);
          expect(JSON.stringify(rows), type).toMatch(/Index Cond.*= ANY/);
        } finally {
          client.release(true);
        }
      }
    });
  });

  describe('a table', () => {
    test('whose columns have other names, and some of them none', async () => {
      await pool.query('create schema "Weird ""schema"');
      await pool.query(`create table "Weird ""schema"."Key's" ("the id" text, "Hash" text,
        "select" text, "a ""b""" text[], revoked_at timestamptz)`);
      const old = legacyHash('sha1');
      await pool.query(
        `insert into "Weird ""schema"."Key's" values ('key_1', $1, 'org_1', '{a}', null)`,
        [old.digest('one')],
      );
      const { pool: watched, updates } = watch(pool);
      const lookup = postgresApiKeys(watched, {
        table: 'Weird "schema.Key\'s',
        columns: {
          ...only(),
          id: 'the id',
          digest: 'Hash',
          orgId: 'select',
          scopes: 'a "b"',
          disabled: 'revoked_at',
        },
        hashes: [sha256, old],
      });
      const record = { id: 'key_1', orgId: 'org_1', scopes: ['a'] };
      expect(await ask(lookup, 'one')).toEqual(record);
      expect(await updates(1)).toEqual(['done']);
      expect(await ask(lookup, 'one')).toEqual(record);
      expect(await updates(0)).toEqual([]);
    });

    test('with one column for two members', async () => {
      const table = await make('id text, digest text, owner text');
      await pool.query(`insert into ${table} values ('key_1', $1, 'ann')`, [sha256.digest('one')]);
      const columns = { ...only(), clientId: 'owner', createdBy: 'owner' };
      const record = { id: 'key_1', clientId: 'ann', createdBy: 'ann' };
      expect(await ask(postgresApiKeys(pool, { table, columns }), 'one')).toEqual(record);
    });

    test('that is not there, or a column that is not, is Postgres’s own error', async () => {
      const table = await make('id text, digest text');
      await expect(ask(postgresApiKeys(pool, { table: 'nowhere' }), 'a')).rejects.toMatchObject({
        code: '42P01',
      });
      await expect(ask(postgresApiKeys(pool, { table }), 'a')).rejects.toMatchObject({
        code: '42703',
      });
      const injected = {
        table,
        columns: { ...only(), scopes: `x" from ${table}; drop table ${table}; --` },
      };
      await expect(ask(postgresApiKeys(pool, injected), 'a')).rejects.toMatchObject({
        code: '42703',
      });
      expect(await digestsIn(pool, table)).toEqual({});
    });

    test('whose digest is no text is an error, though no row is found', async () => {
      const table = await make('id text, digest bytea');
      const lookup = postgresApiKeys(pool, { table, columns: only() });
      await expect(ask(lookup, 'a')).rejects.toMatchObject({ code: '42883' });
    });

    test.each([
      ['scopes', 'mood[]', "'{sad}'"],
      ['scopes', 'boolean', 'true'],
      ['scopes', 'jsonb', `'{"a":true}'`],
      ['scopes', 'jsonb', "'[1]'"],
      ['scopes', 'text[]', "'{a,null}'"],
      ['expiresAt', 'text', "'2030-01-01'"],
      ['expiresAt', 'bigint', '1893456000000'],
      ['expiresAt', 'timestamptz', "'30000-01-01T00:00:00Z'"],
      ['metadata', 'jsonb', "'[]'"],
      ['issuer', 'text', "''"],
      ['expiresAt', 'boolean', 'false'],
      ['disabled', 'integer', '0'],
      ['disabled', 'text', "'f'"],
      ['clientId', 'text', "''"],
      ['clientId', 'jsonb', '\'{"name":"ann"}\''],
      ['id', 'integer', 'null'],
    ])('that has %s as %s %s is an error that names the column', async (member, type, literal) => {
      await pool.query("create type mood as enum ('sad')").catch(() => {});
      const table = await make(`id text default 'key_1', digest text, it ${type}`);
      await pool.query(`insert into ${table} (digest, it) values ($1, ${literal})`, [
        sha256.digest('one'),
      ]);
      const lookup = postgresApiKeys(pool, { table, columns: { ...only(), [member]: 'it' } });
      await expect(ask(lookup, 'one')).rejects.toThrow(TypeError);
      await expect(ask(lookup, 'one')).rejects.toThrow('postgresApiKeys: column "it"');
    });

    test.each([
      ['timestamp', 'timestamp without time zone'],
      ['date', 'date'],
      ['ends', 'timestamp without time zone'],
      ['real', 'real'],
    ])(
      'whose times are of the type %s is rejected by name at the first lookup',
      async (type, is) => {
        await pool.query('create domain ends as timestamp').catch(() => {});
        const table = await make(`id text, digest text, it ${type}`);
        const lookup = postgresApiKeys(pool, { table, columns: { ...only(), expiresAt: 'it' } });
        const says = `postgresApiKeys: column "it" must be timestamptz, or a number of seconds since 1970; got the type ${is}`;
        await expect(ask(lookup, 'nobody')).rejects.toThrow(says);
      },
    );

    test.each(['America/Los_Angeles', 'UTC', 'Pacific/Kiritimati'])(
      'is read alike by a process in %s',
      async (zone) => {
        const options = ['--import', 'tsx', 'test/services/zoned-process.ts', String(server.port)];
        const env = { ...process.env, TZ: zone };
        const { stdout } = await promisify(execFile)(process.execPath, options, { env });
        expect(JSON.parse(stdout)).toEqual({
          zone,
          ended: -60,
          lasting: 60,
          never: 253_402_300_799,
          infinity: 'none',
          zoneless: 'ERR_COLUMN_expiresAt',
        });
      },
    );

    test('with two rows for a key is an error, and nothing is re-hashed', async () => {
      const old = legacyHash('md5');
      const table = await make('id text, digest text');
      const digests = [sha256.digest('one'), sha256.digest('two'), old.digest('two')];
      await pool.query(
        `insert into ${table} values ('1', $1), ('2', $1), ('3', $2), ('4', $3)`,
        digests,
      );
      const { pool: watched, updates } = watch(pool);
      const lookup = postgresApiKeys(watched, { table, columns: only(), hashes: [sha256, old] });
      for (const value of ['one', 'two']) {
        await expect(ask(lookup, value)).rejects.toThrow(
          'postgresApiKeys: 2 rows contain the same key',
        );
      }
      expect(await updates(0)).toEqual([]);
    });
  });
});
