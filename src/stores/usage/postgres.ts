import { createHash } from 'node:crypto';
import { checkBatch, instanceOf, rowOf } from '../../core/usage/batch.js';
import { trackingSinceOf, withoutOld } from '../../core/usage/coverage.js';
import { folded, roomFor, topicOf } from '../../core/usage/overflow.js';
import {
  mergeRows,
  nameOf,
  type UsageInstance,
  type UsageRow,
  type UsageStore,
} from '../../index.js';
import type { PostgresPool } from '../postgres-pool.js';
import { has, otherType } from '../settings.js';
import {
  columnMissing,
  createTables,
  isColumnMissing,
  namesOf,
  statements,
} from './postgres-sql.js';
import { addOnce, cutoffOf, damaged, keepOf, mistake, settingsOf, unreadIn } from './row.js';

/** Where counts are stored in PostgreSQL, and for how long. */
export interface PostgresUsageStoreOptions extends UsageTablesOptions {
  /** Days, 280 at least. @default 400 */
  readonly keep?: number;
}

/** The names of the tables for counts. */
export interface UsageTablesOptions {
  /**
   * The table for the rows: `table` or `schema.table`. Two more tables have the same name with
   * `_details` and `_instances` appended. @default 'sallyport_usage'
   */
  readonly table?: string;
}

const where = 'postgresUsageStore';

/** Old rows are deleted after the first of this many batches of an instance. */
const sweepEvery = 60;
/** Rows that one statement deletes, and statements of one kind at a time. */
const sweepRows = 1_000;
const mostSweeps = 10;

/**
 * Creates a store of counts in PostgreSQL tables that all processes share; {@link usageTables} returns
 * the SQL for the tables. A batch is one statement, so it is added completely or not at all. Its
 * functions reject with the errors of PostgreSQL. Rows that are not counts are skipped when it is read.
 * @throws ConfigError for invalid options
 */
export function postgresUsageStore(
  pool: PostgresPool,
  options: PostgresUsageStoreOptions = {},
): UsageStore {
  if (!has(pool, 'query'))
    throw mistake(
      where,
      `requires a pool of pg, or an object with the same query(); got ${otherType(pool)}`,
    );
  const given = settingsOf(where, options, ['table', 'keep']);
  const keep = keepOf(where, given.keep);
  const sql = statements(namesOf(`${where}.table`, given.table));
  const query = async (text: string, values: readonly unknown[] = []): Promise<readonly Row[]> => {
    try {
      return (await pool.query(text, [...values])).rows;
    } catch (error) {
      throw isColumnMissing(error) ? columnMissing(where, error) : error;
    }
  };

  // After the batch, so that a sweep that fails or waits does not prevent one.
  let isSweeping = false;
  let sweepAgainAt: number | undefined;
  let warned = '';
  async function sweep(time: number): Promise<void> {
    sweepAgainAt = time;
    if (isSweeping) return;
    isSweeping = true;
    while (sweepAgainAt !== undefined) {
      const now = sweepAgainAt;
      sweepAgainAt = undefined;
      await deleteOld(now).catch((error: unknown) => {
        const reason = messageOf(error);
        if (reason !== warned) warn(`${where}: old counts could not be deleted: ${reason}`);
        warned = reason;
      });
    }
    isSweeping = false;
  }

  /** @param time the database's time, in milliseconds: the clock of this process may be years ahead */
  async function deleteOld(time: number): Promise<void> {
    const cutoff = cutoffOf(time, keep);
    const minute = Math.floor(cutoff / 60_000);
    const day = new Date(Math.max(cutoff, 0)).toISOString().slice(0, 10);
    for (const [i, limit] of [day, minute, minute, cutoff].entries()) {
      for (let times = 0; times < mostSweeps; times += 1) {
        const gone = await query(sql.sweeps[i] as string, [limit, sweepRows]);
        if (gone.length < sweepRows) break;
      }
    }
  }

  return {
    async add(given) {
      const batch = checkBatch(where, given);
      const rows = storedRows(batch.rows);
      const addedAt = await addOnce(batch, keep, {
        async look() {
          const [row = {}] = await query(sql.look, [storableText(batch.instance)]);
          const held = row.instance === null ? undefined : instanceIn(row);
          if (row.instance !== null && !held) throw damaged(where, batch.instance);
          return { held, time: numberIn(row.time) };
        },
        async add(next, held) {
          const { instance, seq, since, at, every, dropped, closed, ...others } = next;
          const { watched = [], missing = 0, skew = null, ...more } = others;
          const added = await query(sql.add, [
            ...[storableText(instance), seq, since, at, every, dropped, closed],
            ...[JSON.stringify(watched), missing, skew, held?.seq ?? 0, rows],
            storableText(JSON.stringify(more)),
          ]);
          return added.length > 0;
        },
      });
      if (addedAt !== undefined && batch.seq % sweepEvery === 1) void sweep(addedAt);
    },
    async read() {
      const told = await query(sql.instances);
      const counted = await query(sql.rows);
      const unreadable: string[] = [];
      const instances = told.flatMap((row) => {
        const one = instanceIn(row);
        if (one) return [withoutOld(one, cutoffOf(numberIn(row.time), keep))];
        unreadable.push(textOf(row.instance));
        return [];
      });
      const rows = counted.map(rowIn).filter((one) => one !== undefined);
      const unread = unreadIn(counted.length - rows.length, unreadable);
      return { trackingSince: trackingSinceOf(instances), instances, rows, ...unread };
    },
    async clients() {
      const found = await query(sql.clients);
      return found.map((row) => ({ client: textOf(row.client), issuer: textOf(row.issuer) }));
    },
  };
}

function warn(detail: string): void {
  const code = 'SALLYPORT_USAGE_SWEEP';
  globalThis.process?.emitWarning?.(detail, { type: 'SallyportWarning', code });
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message.replace(/[^ -~]/g, ' ').slice(0, 300) : 'no Error';

/**
 * Returns the SQL that creates the tables, for your migrations: {@link postgresUsageStore} does not
 * create tables.
 * @throws ConfigError for an invalid table name
 */
export function usageTables(options: UsageTablesOptions = {}): string {
  const { table } = settingsOf('usageTables', options, ['table']);
  return createTables(namesOf('usageTables.table', table));
}

type Row = Readonly<Record<string, unknown>>;

// Drivers return a bigint in different types, but a text always as a string.
const withNumbers = (row: Row, names: readonly string[]): Row => ({
  ...row,
  ...Object.fromEntries(names.map((name) => [name, numberIn(row[name])])),
});

const numberIn = (text: unknown): number =>
  typeof text === 'string' && text !== '' ? Number(text) : Number.NaN;

function instanceIn(row: Row): UsageInstance | undefined {
  const { watched, skew, instance } = row;
  const numbers = withNumbers(row, ['seq', 'since', 'at', 'every', 'dropped', 'missing']);
  try {
    return instanceOf({
      ...(JSON.parse(textOf(row.more)) as object),
      ...numbers,
      instance: textOf(instance),
      watched: JSON.parse(String(watched)),
      skew: skew === null ? undefined : numberIn(skew),
    });
  } catch {
    return undefined;
  }
}

const rowIn = (row: Row): UsageRow | undefined =>
  rowOf({
    ...withNumbers(row, ['count', 'first', 'last']),
    client: textOf(row.client),
    issuer: textOf(row.issuer),
    key: textOf(row.key),
    what: textOf(row.what),
    detail: textOf(row.detail),
  });

/** Returns the rows as JSON. Their names are digests, because PostgreSQL cannot index long names. */
function storedRows(given: readonly UsageRow[]): string {
  const rows = new Map<string, UsageRow>();
  mergeRows(rows, given);
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
      ...storable(row),
      name: digestOf(name),
      folded: digestOf(nameOf(folded(row))),
      topic: topic === undefined ? null : digestOf(topic),
      known,
      room: roomFor(row.what),
    };
  });
  return JSON.stringify(stored);
}

const storable = (row: UsageRow): UsageRow => ({
  ...row,
  client: storableText(row.client),
  issuer: storableText(row.issuer),
  key: storableText(row.key),
  what: storableText(row.what) as UsageRow['what'],
  detail: storableText(row.detail),
});

// The encoding of a database may not be UTF-8, and none can store NUL or a lone surrogate. Escaped as
// ASCII, every string can be stored, so no batch is rejected because of one.
const storableText = (text: string): string =>
  text.replace(/[^ -[\]-~]/g, (one) =>
    one === '\\' ? '\\\\' : `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const textOf = (stored: unknown): string =>
  String(stored).replace(/\\(\\|u([0-9a-f]{4}))/g, (_, escaped: string, code?: string) =>
    code === undefined ? escaped : String.fromCharCode(Number.parseInt(code, 16)),
  );
