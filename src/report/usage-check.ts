import {
  type Usage,
  type UsageInstance,
  type UsageRow,
  usageKinds,
} from '../core/migration/usage.js';
import { ConfigError } from '../index.js';

/**
 * Holds what a store has read against its form. A kind that is not known is a newer guard's, and
 * none of a report's business.
 * @throws ConfigError for the first mistake
 */
export function checkUsage(usage: Usage): void {
  if (typeof usage !== 'object' || usage === null) throw wrong('', 'is no object');
  const { trackingSince, rows, instances } = usage;
  if (trackingSince !== undefined && !isNumber(trackingSince)) {
    throw wrong('.trackingSince', 'is no time in milliseconds');
  }
  if (!Array.isArray(rows)) throw wrong('.rows', 'are no list');
  if (!Array.isArray(instances)) throw wrong('.instances', 'are no list');
  for (const [index, row] of rows.entries()) {
    const name = mistakeIn(row);
    if (name !== undefined) throw wrong(`.rows[${index}]${name}`, 'is not what a store keeps');
  }
  for (const [index, instance] of instances.entries()) {
    const name = mistakeOf(instance);
    if (name !== undefined) throw wrong(`.instances[${index}]${name}`, 'is not what a store keeps');
  }
}

const wrong = (where: string, meant: string): ConfigError =>
  new ConfigError(
    `report.usage${where}: ${meant}: give what a store's read() answers (see ReportInput of sallyport/report)`,
  );

const isNumber = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= 8.64e15;

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && isNumber(value);

const texts = ['client', 'key', 'what', 'detail'] as const;
const numbers = ['count', 'first', 'last'] as const;

function mistakeIn(row: UsageRow): string | undefined {
  if (typeof row !== 'object' || row === null) return '';
  for (const name of texts) if (typeof row[name] !== 'string') return `.${name}`;
  for (const name of numbers) if (!isCount(row[name])) return `.${name}`;
  if (row.last < row.first) return '.last';
  return isByDay(row.what) && !(dayNumber(row.day) >= 0) ? '.day' : undefined;
}

const told = ['since', 'at', 'every'] as const;

function mistakeOf(instance: UsageInstance): string | undefined {
  if (typeof instance !== 'object' || instance === null) return '';
  for (const name of told) if (!isNumber(instance[name])) return `.${name}`;
  if (!isCount(instance.dropped)) return '.dropped';
  if (typeof instance.instance !== 'string') return '.instance';
  return typeof instance.closed === 'boolean' ? undefined : '.closed';
}

const byDay: readonly string[] = ['key', 'token', 'refused', 'claimed', 'would-deny', 'other'];
const known: readonly string[] = usageKinds;

/** Tells whether rows of this kind are told by day. */
const isByDay = (what: string): boolean => byDay.includes(what);

/** Tells whether rows of this kind can be told of. */
export const isKnown = (what: string): boolean => known.includes(what);

/** `YYYY-MM-DD` in days since 1970; NaN for anything else. */
export const dayNumber = (text: string): number =>
  typeof text === 'string' && /^\d{4}-\d\d-\d\d$/.test(text)
    ? Date.parse(`${text}T00:00:00Z`) / 86_400_000
    : Number.NaN;
