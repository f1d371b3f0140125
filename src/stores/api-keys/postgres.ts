import type { ApiKeyLookup } from '../../index.js';
import { broken } from '../broken.js';
import { quote, tableOf } from '../postgres-names.js';
import type { PostgresPool } from '../postgres-pool.js';
import { flag, has, mistake, settingsOf } from '../settings.js';
import { type Columns, columnsOf, type Member, type PostgresColumns } from './columns.js';
import { checkHashes, type HashOptions, sameDigest } from './hash.js';
import { createRehash, isGood } from './rehash.js';
import { checkTimeType, recordOf } from './row.js';

/** Where the keys are, and how they are digested. */
export interface PostgresApiKeysOptions extends HashOptions {
  /** `table` or `schema.table`, in the case it was made in. @default 'api_keys' */
  readonly table?: string;
  /**
   * What the columns are called, by the member of the record that they hold; `false` where there
   * is none. The digest has to be text, and needs a unique index.
   * @default id, digest, client_id, org_id, subject, scopes, expires_at, disabled, environment,
   * created_by; `false` for `issuer` and `metadata`
   */
  readonly columns?: PostgresColumns;
  /** Whether a key that is not stored by the first hash is stored by it when used. @default true */
  readonly rehash?: boolean;
}

/**
 * Looks keys up in a table, by one query each. What cannot be told, by an error of Postgres, a
 * column of another type or two rows for one key, is thrown.
 * @throws ConfigError for options that cannot be meant
 */
export function postgresApiKeys(
  pool: PostgresPool,
  options: PostgresApiKeysOptions = {},
): ApiKeyLookup {
  const where = 'postgresApiKeys';
  if (!has(pool, 'query')) throw mistake(where, 'needs a pool: one of pg, or what has its query()');
  const known = ['table', 'columns', 'hashes', 'rehash'] as const;
  const given = settingsOf(where, options, known);
  const { table = 'api_keys', rehash = true } = given;
  const hashes = checkHashes(`${where}.hashes`, given.hashes);
  const columns = columnsOf(`${where}.columns`, given.columns);
  const { select, locked, update } = statements(tableOf(`${where}.table`, table), columns);
  const rehashes = flag(`${where}.rehash`, rehash);
  const behind = createRehash();

  return async ({ value }) => {
    const digests = hashes.map((hash) => hash.digest(value));
    const { rows } = await pool.query(select, [digests]);
    const found = rows.flatMap((row) => {
      checkTimeType(row[timeType], columns.expiresAt);
      const stored = row.digest;
      // The row that is there to say the types, where no key is.
      if (stored === null) return [];
      if (typeof stored !== 'string') {
        const why = `${where}: column "${columns.digest}" holds no text`;
        throw broken('ERR_COLUMN_digest', why);
      }
      const digest = digests.find((one) => sameDigest(one, stored));
      return digest === undefined ? [] : [{ row, digest }];
    });
    if (found.length > 1) {
      throw broken('ERR_KEY_TWICE', `${where}: ${found.length} rows hold the same key`);
    }
    const [one] = found;
    if (!one) return undefined;
    const record = recordOf(one.row, columns);
    const [today] = digests;
    if (rehashes && one.digest !== today && isGood(record)) {
      behind(one.digest, async () => {
        const { rows: locks } = await pool.query(locked, []);
        if (locks.length === 0) await pool.query(update, [today, one.row.id, one.digest]);
      });
    }
    return record;
  };
}

/** What the type of the column of times is called in a row. */
const timeType = 'type of expiresAt';

// They wait for nobody who writes, or keep who does waiting.
const lockModes = ['Share', 'ShareRowExclusive', 'Exclusive', 'AccessExclusive'];

function statements(table: string, columns: Columns) {
  const [id, digest] = [quote(columns.id), quote(columns.digest)];
  const listed = (Object.entries(columns) as [Member, string][]).map(([member, column]) =>
    // char(n) pads with spaces. And there is no rtrim(bytea): a column in which nothing would ever
    // be found, as the digests are text, is an error instead.
    member === 'digest' ? `rtrim(${digest}) as "digest"` : `${quote(column)} as "${member}"`,
  );
  // With a second argument, a domain counts as the type that it is made of.
  const time = columns.expiresAt && `coalesce(${quote(columns.expiresAt)}, null)`;
  if (time) listed.push(`pg_typeof(${time})::text as "${timeType}"`);
  const modes = lockModes.map((mode) => `'${mode}Lock'`).join(', ');
  return {
    // There is a row even if there is no key, so that the first lookup of all sees the types.
    select: `select ${listed.join(', ')} from (select 1) as "sallyport one"
      left join ${table} on ${digest} = any($1)`,
    /** A row if an update would wait for a lock of the whole table, and a connection with it. */
    locked: `select 1 from pg_locks where relation = '${table.replaceAll("'", "''")}'::regclass
      and database = (select oid from pg_database where datname = current_database())
      and mode in (${modes}) limit 1`,
    // Where another transaction has locked the row, there is nothing to do, and no wait.
    update: `update ${table} set ${digest} = $1 where ${id} = $2 and ${digest} = (select ${digest}
      from ${table} where ${id} = $2 and ${digest} = $3 limit 1 for update skip locked)`,
  };
}
