import { latestTime } from '../../core/api-key/record.js';
import type { ApiKeyRecord } from '../../index.js';
import { broken } from '../broken.js';
import { otherType } from '../settings.js';
import type { Columns, Member } from './columns.js';

type Row = Readonly<Record<string, unknown>>;

/** The types whose value does not depend on the driver or the time zone of the process. */
const timeTypes = [
  'timestamp with time zone',
  'timestamptz',
  'smallint',
  'integer',
  'bigint',
  'numeric',
  'double precision',
  'text',
  'character varying',
  'character',
];

/**
 * Checks the type of the column for `expiresAt`. Drivers read a timestamp without time zone in the zone
 * of the process, so that a key would expire hours too late or too early.
 * @throws TypeError if the type is not supported
 */
export function checkTimeType(type: unknown, column: string | undefined): void {
  // Databases that are compatible with PostgreSQL may not return the type.
  if (typeof type !== 'string' || timeTypes.includes(type)) return;
  const wanted = 'must be timestamptz, or a number of seconds since 1970';
  throw broken(
    'ERR_COLUMN_expiresAt',
    `postgresApiKeys: column "${column}" ${wanted}; got the type ${type.slice(0, 80)}`,
  );
}

/**
 * Returns the record in a row, without the members that are NULL.
 * @throws TypeError if a column has an unsupported type, naming the column
 */
export function recordOf(row: Row, columns: Columns): ApiKeyRecord {
  const record: Record<string, unknown> = {};
  for (const [member, read] of Object.entries(readers)) {
    const column = columns[member as Member];
    const value = row[member];
    if (column === undefined || (isAbsent(member, value) && member !== 'id')) continue;
    const found = read(value);
    if (found === undefined) {
      const problem = `${required[member as keyof typeof required]}; got ${otherType(value)}`;
      throw broken(`ERR_COLUMN_${member}`, `postgresApiKeys: column "${column}" ${problem}`);
    }
    record[member] = found;
  }
  return record as unknown as ApiKeyRecord;
}

// pg returns the timestamps infinity and -infinity as numbers.
const infinities: readonly unknown[] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

const isAbsent = (member: string, value: unknown): boolean =>
  value === null ||
  value === undefined ||
  (member === 'expiresAt' && value === Number.POSITIVE_INFINITY);

function identifier(value: unknown): string | undefined {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function scopes(value: unknown): readonly string[] | undefined {
  if (Array.isArray(value)) {
    return value.every((scope) => typeof scope === 'string') ? value : undefined;
  }
  // pg returns an array of an unknown type as '{a,b}', and JSON in a text column as '["a"]'.
  if (typeof value !== 'string' || /^[{[]/.test(value)) return undefined;
  return value.split(/\s+/).filter((scope) => scope !== '');
}

function seconds(value: unknown): number | undefined {
  if (value instanceof Date) return seconds(value.getTime() / 1000);
  if (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) return seconds(Number(value));
  if (typeof value === 'bigint') return seconds(Number(value));
  return typeof value === 'number' && value <= latestTime ? Math.max(0, value) : undefined;
}

// The members of the object are checked with the record.
const metadata = (value: unknown): object | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;

function disabled(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  return value instanceof Date || infinities.includes(value) ? true : undefined;
}

const readers = {
  id: identifier,
  clientId: identifier,
  orgId: identifier,
  subject: identifier,
  scopes,
  expiresAt: seconds,
  disabled,
  environment: identifier,
  createdBy: identifier,
  issuer: identifier,
  metadata,
} satisfies Record<keyof ApiKeyRecord, (value: unknown) => unknown>;

const anIdentifier = 'must contain a non-empty string or an integer';
const required: Readonly<Record<keyof typeof readers, string>> = {
  id: anIdentifier,
  clientId: anIdentifier,
  orgId: anIdentifier,
  subject: anIdentifier,
  scopes: 'must be text[], JSON, or text with spaces between the scopes',
  expiresAt: 'must be timestamptz, or seconds (not milliseconds) since 1970, up to the year 9999',
  disabled: 'must be boolean, or timestamptz for the time since when the key is disabled',
  environment: anIdentifier,
  createdBy: anIdentifier,
  issuer: anIdentifier,
  metadata: 'must be jsonb and contain an object',
};
