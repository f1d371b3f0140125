import { latestTime } from '../../core/api-key/record.js';
import type { ApiKeyRecord } from '../../index.js';
import { broken } from '../broken.js';
import type { Columns, Member } from './columns.js';

type Row = Readonly<Record<string, unknown>>;

/** The types of which a time means the same whatever the driver and the time zone of a process. */
const timeTypes = [
  ...['timestamp with time zone', 'timestamptz'],
  ...['smallint', 'integer', 'bigint', 'numeric', 'double precision'],
  ...['text', 'character varying', 'character'],
];

/**
 * Refuses a column of times by its type: one without a time zone is read by drivers in the zone of the
 * process, so that a key would end hours too late or too early.
 * @throws TypeError that names the type
 */
export function checkTimeType(type: unknown, column: string | undefined): void {
  // What has only the look of Postgres may not tell.
  if (typeof type !== 'string' || timeTypes.includes(type)) return;
  const why = 'make it timestamptz, or seconds since 1970 in a number';
  throw broken(
    'ERR_COLUMN_expiresAt',
    `postgresApiKeys: column "${column}" is of the type ${type.slice(0, 80)}: ${why}`,
  );
}

/**
 * The record that a row holds; what is NULL is not in it.
 * @throws TypeError for a column of another type, naming it
 */
export function recordOf(row: Row, columns: Columns): ApiKeyRecord {
  const record: Record<string, unknown> = {};
  for (const [member, read] of Object.entries(readers)) {
    const column = columns[member as Member];
    const value = row[member];
    if (column === undefined || (isAbsent(member, value) && member !== 'id')) continue;
    const found = read(value);
    if (found === undefined) {
      const why = meant[member as keyof typeof meant];
      throw broken(`ERR_COLUMN_${member}`, `postgresApiKeys: column "${column}" ${why}`);
    }
    record[member] = found;
  }
  return record as unknown as ApiKeyRecord;
}

// What Postgres calls infinity, as a time, comes as the number.
const infinities: readonly unknown[] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

const isAbsent = (member: string, value: unknown): boolean =>
  value === null ||
  value === undefined ||
  (member === 'expiresAt' && value === Number.POSITIVE_INFINITY);

function text(value: unknown): string | undefined {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function scopes(value: unknown): readonly string[] | undefined {
  if (Array.isArray(value)) {
    return value.every((scope) => typeof scope === 'string') ? value : undefined;
  }
  // An array of a type that the driver does not know comes as {a,b}, JSON in a text as ["a"].
  if (typeof value !== 'string' || /^[{[]/.test(value)) return undefined;
  return value.split(/\s+/).filter((scope) => scope !== '');
}

function seconds(value: unknown): number | undefined {
  if (value instanceof Date) return seconds(value.getTime() / 1000);
  if (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) return seconds(Number(value));
  if (typeof value === 'bigint') return seconds(Number(value));
  return typeof value === 'number' && value <= latestTime ? Math.max(0, value) : undefined;
}

// What else may be wrong with its members is said by whoever reads the whole record.
const metadata = (value: unknown): object | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;

function disabled(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  return value instanceof Date || infinities.includes(value) ? true : undefined;
}

const readers = {
  id: text,
  clientId: text,
  orgId: text,
  subject: text,
  scopes,
  expiresAt: seconds,
  disabled,
  environment: text,
  createdBy: text,
  issuer: text,
  metadata,
} satisfies Record<keyof ApiKeyRecord, (value: unknown) => unknown>;

const name = 'holds neither a text with something in it nor a whole number';
const meant: Readonly<Record<keyof typeof readers, string>> = {
  id: name,
  clientId: name,
  orgId: name,
  subject: name,
  scopes: 'holds no scopes: make it text[], JSON, or a text with spaces between them',
  expiresAt:
    'holds no time up to the year 9999: make it timestamptz, or seconds since 1970, not milliseconds',
  disabled: 'says neither true nor false: make it boolean, or timestamptz for since when',
  environment: name,
  createdBy: name,
  issuer: name,
  metadata: 'holds no object: make it jsonb',
};
