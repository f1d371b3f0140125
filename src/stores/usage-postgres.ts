import { createHash } from 'node:crypto';
import { checkBatch, instanceOf, rowOf } from '../core/migration/usage-batch.js';
import { folded, roomFor, topicOf } from '../core/migration/usage-room.js';
import { mergeRows, nameOf, type UsageRow, type UsageStore } from '../index.js';
import { broken } from './broken.js';
import type { PostgresPool } from './postgres.js';
import { has } from './settings.js';
import { createTables, namesOf, statements } from './usage-postgres-sql.js';
import { cutoffOf, keepOf, mistake, settingsOf } from './usage-row.js';

/** Where counts are in PostgreSQL, and for how long. */
export interface PostgresUsageOptions extends UsageTablesOptions {
  /** Days. @default 400 */
  readonly keep?: number;
}

/** What the tables of counts are called. */
export interface UsageTablesOptions {
  /**
   * `table` or `schema.table`: that of the rows. Beside it there are three of the same name with
   * `_details`, `_instances` and `_since` behind. @default 'sallyport_usage'
   */
  readonly table?: string;
}

const where = 'postgresUsage';

/** Of so many batches of an instance, one forgets what is too old. */
const sweepEvery = 60;

/**
 * Keeps counts in tables, which {@link usageTables} makes, for all processes to add to. A batch is
 * one statement, so it is added whole or not at all; what cannot be told, by an error of Postgres
 * or a row that is nobody's count, is thrown.
 * @throws ConfigError for options that cannot be meant
 */
export function postgresUsage(pool: PostgresPool, options: PostgresUsageOptions = {}): UsageStore {
  if (!has(pool, 'query')) throw mistake(where, 'needs a pool: one of pg, or what has its query()');
  const given = settingsOf(where, options, ['table', 'keep']);
  const keep = keepOf(where, given.keep);
  const sql = statements(namesOf(`${where}.table`, given.table));

  return {
    async add(given) {
      const batch = checkBatch(where, given);
      const { instance, seq, since, at, every, dropped, closed } = batch;
      if (seq % sweepEvery === 1) {
        const cutoff = cutoffOf(at, keep);
        const minute = Math.floor(cutoff / 60_000);
        const day = new Date(Math.max(cutoff, 0)).toISOString().slice(0, 10);
        await pool.query(sql.prune, [day, minute, cutoff]);
      }
      const rows = storedRows(batch.rows);
      await pool.query(sql.add, [instance, seq, since, at, every, dropped, closed, rows]);
    },
    async read() {
      const since = await pool.query(sql.since, []);
      const instances = await pool.query(sql.instances, []);
      const rows = await pool.query(sql.rows, []);
      return {
        trackingSince: sinceIn(since.rows),
        instances: instances.rows.map((row) =>
          sure(instanceOf(withNumbers(row, ['seq', 'since', 'at', 'every', 'dropped']))),
        ),
        rows: rows.rows.map((row) => sure(rowOf(withNumbers(row, ['count', 'first', 'last'])))),
      };
    },
  };
}

/**
 * The SQL that makes the tables, for a migration: {@link postgresUsage} makes none by itself.
 * @throws ConfigError for a name that cannot be meant
 */
export function usageTables(options: UsageTablesOptions = {}): string {
  const { table } = settingsOf('usageTables', options, ['table']);
  return createTables(namesOf('usageTables.table', table));
}

type Row = Readonly<Record<string, unknown>>;

// Drivers differ in what they make of a bigint, and none in what they make of a text.
const withNumbers = (row: Row, names: readonly string[]): Row => ({
  ...row,
  ...Object.fromEntries(names.map((name) => [name, numberIn(row[name])])),
});

const numberIn = (text: unknown): number =>
  typeof text === 'string' && text !== '' ? Number(text) : Number.NaN;

function sinceIn([row]: readonly Row[]): number | undefined {
  if (!row) return undefined;
  const since = numberIn(row.since);
  return sure(Number.isFinite(since) ? since : undefined);
}

function sure<T>(value: T | undefined): T {
  if (value !== undefined) return value;
  throw broken('ERR_USAGE_VALUE', `${where}: what is stored in a table is no count`);
}

/** The rows as JSON, each by a name of one length: an index of Postgres takes no long one. */
function storedRows(given: readonly UsageRow[]): string {
  const rows = new Map<string, UsageRow>();
  mergeRows(rows, given.map(storable));
  const digests = new Map<string, string>();
  const digestOf = (text: string): string => {
    const digest = digests.get(text) ?? createHash('sha256').update(text).digest('base64url');
    digests.set(text, digest);
    return digest;
  };
  const stored = [...rows].map(([name, row]) => {
    const topic = topicOf(row);
    const known = topic === undefined ? null : digestOf(JSON.stringify([topic, row.detail]));
    return {
      ...row,
      name: digestOf(name),
      folded: digestOf(nameOf(folded(row))),
      topic: topic === undefined ? null : digestOf(topic),
      known,
      room: roomFor(row.what),
    };
  });
  return JSON.stringify(stored);
}

// Postgres keeps neither the character NUL nor half a character.
const storable = (row: UsageRow): UsageRow => ({
  ...row,
  client: storableText(row.client),
  key: storableText(row.key),
  detail: storableText(row.detail),
});

const storableText = (text: string): string => text.replace(/\0|\p{Surrogate}/gu, '\ufffd');
