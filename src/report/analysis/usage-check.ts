import {
  type Usage,
  type UsageInstance,
  type UsageRow,
  usageKinds,
} from '../../core/usage/usage.js';
import type { ConfigError } from '../../index.js';
import { otherType, typeName } from '../../stores/settings.js';
import { wrong as mistake } from './input-values.js';
import type { RowIssuers } from './refs.js';

/** What a store has read, with what it could not read. */
export type StoredUsage = Usage & {
  /** Names of instances that are in the store and cannot be read. @default none */
  readonly unreadable?: readonly string[];
};

/**
 * Holds what a store has read against its form. A kind that is not known is a newer guard's, and
 * none of a report's business.
 * @throws ConfigError for the first mistake
 */
export function* checkUsage(usage: StoredUsage): Generator<undefined, RowIssuers> {
  if (typeof usage !== 'object' || usage === null)
    throw wrong('', `must be an object; got ${typeName(usage)}`);
  const { trackingSince, rows, instances } = usage;
  if (trackingSince !== undefined && !isNumber(trackingSince)) {
    throw wrong(
      '.trackingSince',
      `must be a time in milliseconds since 1970; got ${otherType(trackingSince)}`,
    );
  }
  if (!Array.isArray(rows)) throw wrong('.rows', `must be an array; got ${typeName(rows)}`);
  if (!Array.isArray(instances))
    throw wrong('.instances', `must be an array; got ${typeName(instances)}`);
  const told = new Set<string>();
  let old = false;
  for (const [index, row] of rows.entries()) {
    if (index % slice === 0) yield;
    const name = mistakeIn(row);
    if (name !== undefined) throw wrong(`.rows[${index}]${name}`, 'is invalid');
    if (!isVerified(row.what) || row.client === '') continue;
    if (row.issuer === undefined) old = true;
    else told.add(row.issuer);
  }
  checkSkipped(usage);
  for (const [index, instance] of instances.entries()) {
    const name = mistakeOf(instance);
    if (name !== undefined) throw wrong(`.instances[${index}]${name}`, 'is invalid');
  }
  return { told, old };
}

function checkSkipped({ skipped, unreadable }: StoredUsage): void {
  if (skipped !== undefined && !isCount(skipped))
    throw wrong('.skipped', `must be a number of entries; got ${otherType(skipped)}`);
  if (unreadable !== undefined && !(Array.isArray(unreadable) && unreadable.every(isText))) {
    throw wrong('.unreadable', 'must be an array of names');
  }
}

/** Rows after which others may have their turn. */
export const slice = 5_000;

const wrong = (where: string, problem: string): ConfigError =>
  mistake(`report.usage${where}`, `${problem}: pass what a store's read() returns`);

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
  if (row.issuer !== undefined && typeof row.issuer !== 'string') return '.issuer';
  return isDated(row) && !(dayNumber(row.day) >= 0) ? '.day' : undefined;
}

const told = ['since', 'at', 'every'] as const;

function mistakeOf(instance: UsageInstance): string | undefined {
  if (typeof instance !== 'object' || instance === null) return '';
  for (const name of told) if (!isNumber(instance[name])) return `.${name}`;
  if (!isCount(instance.dropped)) return '.dropped';
  if (typeof instance.instance !== 'string') return '.instance';
  const { watched, missing, skew } = instance;
  if (watched !== undefined && !(Array.isArray(watched) && watched.every(isStretch)))
    return '.watched';
  if (missing !== undefined && !isCount(missing)) return '.missing';
  if (skew !== undefined && !Number.isFinite(skew)) return '.skew';
  const { droppedByDay, droppedUntil } = instance;
  if (droppedByDay !== undefined && !isCount(droppedByDay)) return '.droppedByDay';
  if (droppedUntil !== undefined && !isNumber(droppedUntil)) return '.droppedUntil';
  const { counted, excludes, temporary } = instance;
  if (counted !== undefined && !isCounted(counted)) return '.counted';
  if (excludes !== undefined && !(Array.isArray(excludes) && excludes.every(isExcluded)))
    return '.excludes';
  if (temporary !== undefined && typeof temporary !== 'boolean') return '.temporary';
  return typeof instance.closed === 'boolean' ? undefined : '.closed';
}

const isText = (value: unknown): boolean => typeof value === 'string';

function isExcluded(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return isText(value);
  const { client, issuer = '' }: { readonly client?: unknown; readonly issuer?: unknown } = value;
  return isText(client) && isText(issuer);
}

const isCounted = (given: unknown): boolean =>
  typeof given === 'object' &&
  given !== null &&
  Object.entries(given).every(([on, count]) => dayNumber(on) >= 0 && isCount(count));

function isStretch(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [from, to]: readonly unknown[] = value;
  return isNumber(from) && isNumber(to) && from <= to;
}

const byDay: readonly string[] = ['key', 'token', 'refused', 'claimed', 'would-deny', 'other'];
const known: readonly string[] = usageKinds;

/** Tells whether a row must name a day. Older versions did not date keys beside tokens. */
const isDated = ({ what, day }: UsageRow): boolean =>
  what === 'both' ? day !== '' : byDay.includes(what);

/** Tells whether rows of this kind can be told of. */
export const isKnown = (what: string): boolean => known.includes(what);

/**
 * Tells whether a valid credential made a row of this kind. All others are what strangers can cause:
 * they may raise doubts, and decide nothing.
 */
export const isVerified = (what: string): boolean =>
  isKnown(what) && what !== 'claimed' && what !== 'other';

// Hundreds of thousands of rows are of a few hundred days.
const dayNumbers = new Map<string, number>();

/** `YYYY-MM-DD` in days since 1970; NaN for anything else. */
export function dayNumber(text: string): number {
  if (typeof text !== 'string' || text.length !== 10) return Number.NaN;
  const known = dayNumbers.get(text);
  if (known !== undefined) return known;
  const number = /^\d{4}-\d\d-\d\d$/.test(text)
    ? Date.parse(`${text}T00:00:00Z`) / 86_400_000
    : Number.NaN;
  if (dayNumbers.size >= 5_000) dayNumbers.clear();
  dayNumbers.set(text, number);
  return number;
}
