import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/index.js';
import { sha256 } from '../../src/keys.js';
import { type PostgresPool, postgresKeys } from '../../src/postgres.js';

// What a real server answers is in test/services. Here is what it cannot: values of types that a
// column of its own would not have, as a driver with parsers of its own would make them.

const value = 'sk_live_secret';
const digest = sha256.digest(value);
const none: PostgresPool = { query: async () => ({ rows: [] }) };

/** What a look-up makes of one row. */
function lookUp(row: Record<string, unknown>) {
  const pool: PostgresPool = { query: async () => ({ rows: [{ id: 'key_1', digest, ...row }] }) };
  return postgresKeys(pool)({ value, sha256: digest });
}

describe('a column of another type is an error that names it, and shows nothing', () => {
  const secret = 'a secret of the row';

  test.each([
    ['id', 'id', undefined, /column "id" holds neither a text/],
    ['id', 'id', null, /column "id"/],
    ['id', 'id', '', /column "id"/],
    ['id', 'id', 1.5, /column "id"/],
    ['id', 'id', Buffer.from(secret), /column "id"/],
    ['digest', 'digest', undefined, /column "digest" holds no text/],
    ['digest', 'digest', Buffer.from(digest), /column "digest" holds no text/],
    ['client_id', 'clientId', '', /column "client_id" holds neither/],
    ['client_id', 'clientId', [secret], /column "client_id"/],
    ['org_id', 'orgId', { secret }, /column "org_id"/],
    ['subject', 'subject', true, /column "subject"/],
    ['environment', 'environment', new Date(), /column "environment"/],
    ['created_by', 'createdBy', Number.NaN, /column "created_by"/],
    ['scopes', 'scopes', 1, /column "scopes" holds no scopes/],
    ['scopes', 'scopes', { secret }, /column "scopes"/],
    ['scopes', 'scopes', [secret, null], /column "scopes"/],
    ['scopes', 'scopes', '{a,b}', /column "scopes"/],
    ['scopes', 'scopes', '["a"]', /column "scopes"/],
    ['expires_at', 'expiresAt', secret, /column "expires_at" holds no time/],
    ['expires_at', 'expiresAt', '', /column "expires_at"/],
    ['expires_at', 'expiresAt', '2030-01-01 00:00:00+00', /column "expires_at"/],
    ['expires_at', 'expiresAt', true, /column "expires_at"/],
    ['expires_at', 'expiresAt', Number.NaN, /column "expires_at"/],
    ['expires_at', 'expiresAt', new Date('never'), /column "expires_at"/],
    ['disabled', 'disabled', 1, /column "disabled" says neither true nor false/],
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
    const lookup = postgresKeys(
      { query: async () => ({ rows }) },
      { columns: { scopes: 'Grants' } },
    );
    await expect(lookup({ value, sha256: digest })).rejects.toThrow(
      'column "Grants" holds no scopes',
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
    const rejecting = postgresKeys({ query: () => Promise.reject(broken) });
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
    [{ tabel: 'keys' }, /postgresKeys\.tabel is not known: use table, columns, hashes, rehash/],
    [{ table: '' }, /postgresKeys\.table is no name of Postgres/],
    [{ table: 'a.b.c' }, /has more than one dot/],
    [{ table: 'a.' }, /table is no name/],
    [{ table: 'a\0' }, /table is no name/],
    [{ table: 7 }, /table is no name/],
    [{ table: null }, /table is no name/],
    [{ table: long }, /table is over 63 bytes/],
    [{ table: undefined }, /table is undefined: is a variable not set/],
    [{ rehash: 'no' }, /rehash is neither true nor false/],
    [{ hashes: [] }, /postgresKeys\.hashes has 0 entries/],
    [{ columns: [] }, /postgresKeys\.columns is no object/],
    [{ columns: { client_id: 'owner' } }, /client_id is not known: did you mean "clientId"\?/],
    [{ columns: { label: 'name' } }, /columns\.label is not known: use id, digest, clientId/],
    [{ columns: { id: false } }, /columns\.id cannot be left out/],
    [{ columns: { digest: false } }, /columns\.digest cannot be left out/],
    [{ columns: { scopes: '' } }, /columns\.scopes is no name/],
    [{ columns: { scopes: true } }, /columns\.scopes is no name/],
    [{ columns: { scopes: null } }, /columns\.scopes is no name/],
    [{ columns: { scopes: long } }, /columns\.scopes is over 63 bytes/],
    [{ columns: { scopes: undefined } }, /columns\.scopes is undefined/],
    ['api_keys', /is no object/],
  ])('%j', (options, expected) => {
    expect(() => postgresKeys(none, options as never)).toThrow(ConfigError);
    expect(() => postgresKeys(none, options as never)).toThrow(expected);
  });

  test.each([undefined, null, 'postgres://localhost', {}])('and no pool: %j', (pool) => {
    expect(() => postgresKeys(pool as never)).toThrow(/needs a pool/);
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
      await postgresKeys(pool)({ value, sha256: digest });
    } finally {
      delete prototype.table;
      delete prototype.id;
    }
    expect(asked).toHaveLength(1);
    expect(asked[0]).not.toContain('other');
  });
});

test('a re-hash that fails at once, or never ends, is nobody’s business; 100 run at most', async () => {
  const md5 = { name: 'own', digest: (key: string) => sha256.digest(`old ${key}`) };
  let updates = 0;
  const pool: PostgresPool = {
    query(text) {
      if (text.startsWith('select')) {
        return Promise.resolve({ rows: [{ id: 1, digest: md5.digest(value) }] });
      }
      updates += 1;
      if (updates === 1) throw new Error('the pool is ill');
      return new Promise(() => {});
    },
  };
  const lookup = postgresKeys(pool, { hashes: [sha256, md5] });
  for (let i = 0; i < 150; i += 1) {
    expect(await lookup({ value, sha256: digest })).toEqual({ id: '1' });
  }
  expect(updates).toBe(101);
});
