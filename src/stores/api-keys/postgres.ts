import type { ApiKeyLookup } from '../../index.js';
import { broken } from '../broken.js';
import { quote, tableOf } from '../postgres-names.js';
import type { PostgresPool } from '../postgres-pool.js';
import { flag, has, mistake, settingsOf, typeName } from '../settings.js';
import { type Columns, columnsOf, type Member, type PostgresColumns } from './columns.js';
import { checkHashes, type HashOptions, sameDigest } from './hash.js';
import { createRehash, isValid } from './rehash.js';
import { checkTimeType, recordOf } from './row.js';

/** Options of {@link postgresApiKeys}: where the keys are stored, and their hashes. */
export interface PostgresApiKeysOptions extends HashOptions {
  /** `table` or `schema.table`, case-sensitive. @default 'api_keys' */
  readonly table?: string;
  /**
   * The name of the column for each member of the record, or `false` if the table does not have one.
   * The column of the digest must be of a text type and needs a unique index.
   * @default id, digest, client_id, org_id, subject, scopes, expires_at, disabled, environment,
   * created_by; `false` for `issuer` and `metadata`
   */
  readonly columns?: PostgresColumns;
  /** Whether to rehash a key that is found by an older hash with the first one. @default true */
  readonly rehash?: boolean;
}

/**
 * Returns a lookup in a PostgreSQL table, with one query per key. It rejects with the errors of
 * PostgreSQL, and with a `TypeError` if a column has an unsupported type or a key has two rows.
 * @throws ConfigError if an option is invalid
 */
export function postgresApiKeys(
  pool: PostgresPool,
  options: PostgresApiKeysOptions = {},
): ApiKeyLookup {
  const where = 'postgresApiKeys';
  if (!has(pool, 'query')) {
    throw mistake(where, `needs a pool with query(), such as a Pool of pg; got ${typeName(pool)}`);
  }
  const known = ['table', 'columns', 'hashes', 'rehash'] as const;
  const given = settingsOf(where, options, known);
  const { table = 'api_keys', rehash = true } = given;
  const hashes = checkHashes(`${where}.hashes`, given.hashes);
  const columns = columnsOf(`${where}.columns`, given.columns);
  const { select, locked, update } = statements(tableOf(`${where}.table`, table), columns);
  const rehashes = flag(`${where}.rehash`, rehash);
  const rehashLater = createRehash();

  return async ({ value }) => {
    const digests = hashes.map((hash) => hash.digest(value));
    const { rows } = await pool.query(select, [digests]);
    const found = rows.flatMap((row) => {
      checkTimeType(row[timeType], columns.expiresAt);
      const stored = row.digest;
      // No key was found, and the row only contains the types.
      if (stored === null) return [];
      if (typeof stored !== 'string') {
        const wanted = `${where}: column "${columns.digest}" must be of a text type`;
        throw broken('ERR_COLUMN_digest', `${wanted}; got ${typeName(stored)}`);
      }
      const digest = digests.find((one) => sameDigest(one, stored));
      return digest === undefined ? [] : [{ row, digest }];
    });
    if (found.length > 1) {
      const problem = `${found.length} rows contain the same key`;
      throw broken('ERR_KEY_TWICE', `${where}: ${problem}: delete all but one`);
    }
    const [one] = found;
    if (!one) return undefined;
    const record = recordOf(one.row, columns);
    const [current] = digests;
    if (rehashes && one.digest !== current && isValid(record)) {
      rehashLater(one.digest, async () => {
        const { rows: locks } = await pool.query(locked, []);
        if (locks.length === 0) await pool.query(update, [current, one.row.id, one.digest]);
      });
    }
    return record;
  };
}

/** The name, in a result row, of the type of the column for `expiresAt`. */
const timeType = 'type of expiresAt';

// The locks of a table for which an update would wait.
const lockModes = ['Share', 'ShareRowExclusive', 'Exclusive', 'AccessExclusive'];

function statements(table: string, columns: Columns) {
  const id = quote(columns.id);
  const digest = quote(columns.digest);
  const listed = (Object.entries(columns) as [Member, string][]).map(([member, column]) =>
    // rtrim, because char(n) is padded with spaces. Because it does not exist for bytea, a column of
    // that type, in which no digest would ever be found, causes an error.
    member === 'digest' ? `rtrim(${digest}) as "digest"` : `${quote(column)} as "${member}"`,
  );
  // coalesce with a second argument turns a domain into its base type.
  const time = columns.expiresAt && `coalesce(${quote(columns.expiresAt)}, null)`;
  if (time) listed.push(`pg_typeof(${time})::text as "${timeType}"`);
  const modes = lockModes.map((mode) => `'${mode}Lock'`).join(', ');
  return {
    // Returns a row even if there is no key, so that the first lookup can check the types.
    select: `select ${listed.join(', ')} from (select 1) as "sallyport one"
      left join ${table} on ${digest} = any($1)`,
    // Returns a row if an update would wait for a lock of the table, and occupy a connection.
    locked: `select 1 from pg_locks where relation = '${table.replaceAll("'", "''")}'::regclass
      and database = (select oid from pg_database where datname = current_database())
      and mode in (${modes}) limit 1`,
    // Skips the row if another transaction has locked it, rather than wait.
    update: `update ${table} set ${digest} = $1 where ${id} = $2 and ${digest} = (select ${digest}
      from ${table} where ${id} = $2 and ${digest} = $3 limit 1 for update skip locked)`,
  };
}
