import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/api-keys.js';
import { ConfigError } from '../../src/index.js';
import { type PostgresPool, postgresApiKeys } from '../../src/postgres.js';
import { settle } from '../api-key/scene.js';

// What a real server answers is in test/services. Here is what it cannot: values of types that a
// column of its own would not have, as a driver with parsers of its own would make them.

const value = 'sk_live_secret';
const digest = sha256.digest(value);
const none: PostgresPool = { query: async () => ({ rows: [] }) };

/** What a look-up makes of one row. */
function lookUp(row: Record<string, unknown>) {
  const pool: PostgresPool = { query: async () => ({ rows: [{ id: 'key_1', digest, ...row }] }) };
  return postgresApiKeys(pool)({ value, sha256: digest });
}

describe('a column of another type is an error that names it, and shows nothing', () => {
  const secret = 'a secret of the row';

  test.each([
    ['id', 'id', undefined, /column "id" must contain a non-empty string or an integer/],
    ['id', 'id', null, /column "id"/],
    ['id', 'id', '', /column "id"/],
    ['id', 'id', 1.5, /column "id"/],
    ['id', 'id', Buffer.from(secret), /column "id"/],
    ['digest', 'digest', undefined, /column "digest" must be of a text type/],
    ['digest', 'digest', Buffer.from(digest), /column "digest" must be of a text type/],
    ['client_id', 'clientId', '', /column "client_id" must contain a non-empty string/],
    ['client_id', 'clientId', [secret], /column "client_id"/],
    ['org_id', 'orgId', { secret }, /column "org_id"/],
    ['subject', 'subject', true, /column "subject"/],
    ['environment', 'environment', new Date(), /column "environment"/],
    ['created_by', 'createdBy', Number.NaN, /column "created_by"/],
    ['scopes', 'scopes', 1, /column "scopes" must be text\[\]/],
    ['scopes', 'scopes', { secret }, /column "scopes"/],
    ['scopes', 'scopes', [secret, null], /column "scopes"/],
    ['scopes', 'scopes', '{a,b}', /column "scopes"/],
    ['scopes', 'scopes', '["a"]', /column "scopes"/],
    ['expires_at', 'expiresAt', secret, /column "expires_at" must be timestamptz/],
    ['expires_at', 'expiresAt', '', /column "expires_at"/],
    ['expires_at', 'expiresAt', '2030-01-01 00:00:00+00', /column "expires_at"/],
    ['expires_at', 'expiresAt', true, /column "expires_at"/],
    ['expires_at', 'expiresAt', Number.NaN, /column "expires_at"/],
    ['expires_at', 'expiresAt', new Date('never'), /column "expires_at"/],
    ['expires_at', 'expiresAt', 1_924_992_000_000, /column "expires_at".*not milliseconds/],
    ['expires_at', 'expiresAt', '1924992000000', /column "expires_at"/],
    ['expires_at', 'expiresAt', 1_924_992_000_000n, /column "expires_at"/],
    ['disabled', 'disabled', 1, /column "disabled" must be boolean/],
    ['disabled', 'disabled', 'f', /column "disabled"/],
    ['disabled', 'disabled', '', /column "disabled"/],
    ['disabled', 'disabled', 0n, /column "disabled"/],
  ])('%s', async (_, member, wrong, expected) => {
    const error = await lookUp({ [member]: wrong }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ code: `ERR_COLUMN_${member}` });
    expect(String(error)).toMatch(expected);
    expect(inspect(error)).not.toContain(secret);
    expect(inspect(error)).not.toContain(digest);
  });

  test('by the name it has in the table', async () => {
    const rows = [{ id: 1, digest, scopes: 7 }];
    const lookup = postgresApiKeys(
      { query: async () => ({ rows }) },
      { columns: { scopes: 'Grants' } },
    );
    await expect(lookup({ value, sha256: digest })).rejects.toThrow(
      'column "Grants" must be text[]',
    );
  });
});

describe('what drivers make of a column', () => {
  test.each([
    [{ id: 7n }, { id: '7' }],
    [{ orgId: 12 }, { orgId: '12' }],
    [{ expiresAt: 1_900_000_000n }, { expiresAt: 1_900_000_000 }],
    [{ expiresAt: '1900000000.5' }, { expiresAt: 1_900_000_000.5 }],
    [{ expiresAt: -1 }, { expiresAt: 0 }],
    [{ scopes: '  a\tb  ' }, { scopes: ['a', 'b'] }],
    [{ scopes: '' }, { scopes: [] }],
    [{ clientId: undefined, disabled: undefined, scopes: null }, {}],
  ])('%o', async (row, record) => {
    expect(await lookUp(row)).toEqual({ id: 'key_1', ...record });
  });

  test('is an error where it is somebody else’s', async () => {
    const broken = new Error('the pool has ended');
    const rejecting = postgresApiKeys({ query: () => Promise.reject(broken) });
    await expect(rejecting({ value, sha256: digest })).rejects.toBe(broken);
  });

  test('is no key if its digest is another’s', async () => {
    expect(await lookUp({ digest: digest.toUpperCase() })).toBeUndefined();
    expect(await lookUp({ digest: '' })).toBeUndefined();
  });
});

describe('options are refused', () => {
  const long = 'é'.repeat(32);

  test.each<[unknown, RegExp]>([
    [
      { tabel: 'keys' },
      /postgresApiKeys\.tabel is not a known setting: use table, columns, hashes, rehash/,
    ],
    [{ table: '' }, /postgresApiKeys\.table must be a name of PostgreSQL; got an empty string/],
    [{ table: 'a.b.c' }, /must be table or schema.table; got 2 dots/],
    [{ table: 'a.' }, /table must be a name of PostgreSQL/],
    [{ table: 'a\0' }, /table must be a name of PostgreSQL/],
    [{ table: 7 }, /table must be a name of PostgreSQL/],
    [{ table: null }, /table must be a name of PostgreSQL/],
    [{ table: long }, /table must have at most 63 bytes; got/],
    [{ table: undefined }, /table must not be undefined: set/],
    [{ rehash: 'no' }, /rehash must be true or false; got a string/],
    [{ hashes: [] }, /postgresApiKeys\.hashes must have one to eight hashes/],
    [{ columns: [] }, /postgresApiKeys\.columns must be an object/],
    [
      { columns: { client_id: 'owner' } },
      /client_id is not a known setting: did you mean "clientId"\?/,
    ],
    [
      { columns: { label: 'name' } },
      /columns\.label is not a known setting: use id, digest, clientId/,
    ],
    [{ columns: { id: false } }, /columns\.id must be the name of a column; got false/],
    [{ columns: { digest: false } }, /columns\.digest must be the name of a column; got false/],
    [{ columns: { scopes: '' } }, /columns\.scopes must be a name of PostgreSQL/],
    [{ columns: { scopes: true } }, /columns\.scopes must be a name of PostgreSQL/],
    [{ columns: { scopes: null } }, /columns\.scopes must be a name of PostgreSQL/],
    [{ columns: { scopes: long } }, /columns\.scopes must have at most 63 bytes; got/],
    [{ columns: { scopes: undefined } }, /columns\.scopes must not be undefined/],
    ['api_keys', /must be an object/],
  ])('%j', (options, expected) => {
    expect(() => postgresApiKeys(none, options as never)).toThrow(ConfigError);
    expect(() => postgresApiKeys(none, options as never)).toThrow(expected);
  });

  test.each([undefined, null, 'postgres://localhost', {}])('and no pool: %j', (pool) => {
    expect(() => postgresApiKeys(pool as never)).toThrow(/needs a pool/);
  });

  test('and what a prototype has is no option', async () => {
    const prototype = Object.prototype as Record<string, unknown>;
    const asked: string[] = [];
    const pool: PostgresPool = {
      query: async (text) => {
        asked.push(text);
        return { rows: [] };
      },
    };
    prototype.table = 'other';
    prototype.id = 'other';
    try {
      await postgresApiKeys(pool)({ value, sha256: digest });
    } finally {
      delete prototype.table;
      delete prototype.id;
    }
    expect(asked).toHaveLength(1);
    expect(asked[0]).not.toContain('other');
  });
});

test('re-hashes run one at a time, and one that fails or never ends is nobody’s business', async () => {
  const old = { name: 'own', digest: (key: string) => sha256.digest(`old ${key}`) };
  const updates: unknown[] = [];
  const failing = new Set([old.digest('key 1')]);
  let waiting = 0;
  const pool: PostgresPool = {
    async query(text, values) {
      if (text.startsWith('update')) {
        updates.push(values[2]);
        waiting += 1;
        if (failing.has(values[2] as string)) throw new Error('the pool is ill');
        return new Promise(() => {});
      }
      if (text.includes('pg_locks')) return { rows: [] };
      const [[, digest]] = values as [[string, string]];
      return { rows: [{ id: 1, digest }] };
    },
  };
  const lookup = postgresApiKeys(pool, { hashes: [sha256, old] });
  for (let i = 1; i <= 300; i += 1) {
    expect(await lookup({ value: `key ${i}`, sha256: '' })).toEqual({ id: '1' });
  }
  await settle();
  // The first has failed, the second never ends, and the others wait for it.
  expect(updates).toEqual([old.digest('key 1'), old.digest('key 2')]);
  expect(waiting).toBe(2);
});

test('a re-hash that would wait for a lock of the table is left to another lookup', async () => {
  const old = { name: 'own', digest: (key: string) => sha256.digest(`old ${key}`) };
  const asked: string[] = [];
  const pool: PostgresPool = {
    async query(text) {
      asked.push(text.split(/\s/)[0] ?? '');
      return {
        rows: text.includes('pg_locks') ? [{ it: 1 }] : [{ id: 1, digest: old.digest('a') }],
      };
    },
  };
  await postgresApiKeys(pool, { hashes: [sha256, old] })({ value: 'a', sha256: '' });
  await settle();
  expect(asked).toEqual(['select', 'select']);
});

describe('the type of a column of times', () => {
  const typed = (type: unknown) => lookUp({ expiresAt: 1, 'type of expiresAt': type });

  test.each([
    'timestamp without time zone',
    'timestamp',
    'date',
    'time without time zone',
    'interval',
    'real',
    'json',
  ])('is refused by name, where its meaning is not its own: %s', async (type) => {
    const failure = typed(type);
    await expect(failure).rejects.toThrow(
      `column "expires_at" must be timestamptz, or a number of seconds since 1970; got the type ${type}`,
    );
    await expect(failure).rejects.toMatchObject({ code: 'ERR_COLUMN_expiresAt' });
  });

  test('is refused though no key is found', async () => {
    const row = { id: null, digest: null, 'type of expiresAt': 'timestamp without time zone' };
    const lookup = postgresApiKeys({ query: async () => ({ rows: [row] }) });
    await expect(lookup({ value: 'a', sha256: '' })).rejects.toThrow(/timestamp without time zone/);
  });

  test.each(['timestamp with time zone', 'bigint', 'numeric', 'text', undefined])(
    'may be %s',
    async (type) => {
      expect(await typed(type)).toEqual({ id: 'key_1', expiresAt: 1 });
    },
  );
});
