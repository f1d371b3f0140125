import { instanceOf, rowOf, toldOf } from '../../core/usage/batch.js';
import { advanceInstance } from '../../core/usage/coverage.js';
import { mergeRows, type UsageBatch, type UsageInstance, type UsageRow } from '../../index.js';
import { isInstanceName, mostSeen } from './file-own.js';

/** The counts of one instance. */
export interface Counted {
  readonly instance: UsageInstance;
  readonly rows: Map<string, UsageRow>;
}

/** The content of the lines that were read. */
export interface Told {
  readonly instances: Map<string, Counted>;
  /** Names of instances whose files others have seen. */
  readonly seen: Set<string>;
  /** Names of instances whose files were deleted because they were too old. */
  readonly forgotten: Set<string>;
  /** Names of instances whose files cannot be read. */
  readonly unreadable: Set<string>;
  /** Lines and files that are not counts. */
  skipped: number;
}

export const newTold = (): Told => ({
  ...{ instances: new Map(), seen: new Set(), forgotten: new Set(), unreadable: new Set() },
  skipped: 0,
});

/** All rows, instance by instance. */
export function* rowsOf({ instances }: Told): Iterable<UsageRow> {
  for (const { rows } of instances.values()) yield* rows.values();
}

/** A batch, or several merged batches together with the instance after them (`made`). */
interface Line {
  readonly batch: UsageBatch;
  readonly made?: UsageInstance;
  readonly saw: readonly string[];
}

/**
 * Reads the lines of a file, or of several files that were concatenated in any order. The lines of an
 * instance are sorted by number. A line that a crash or a full disk cut off is skipped: its batch was
 * written again on another line, or its number is missing.
 */
export function readLines(text: string, told: Told): void {
  const lines: Line[] = [];
  // Not with readline: it treats characters that a user agent may contain as line ends.
  for (const one of text.split('\n')) {
    const given = jsonIn(one);
    if (given === undefined || isTombstone(given, told)) continue;
    const line = lineOf(given);
    if (line) lines.push(line);
    else told.skipped += 1;
  }
  for (const line of lines.sort(byNumber)) {
    for (const name of line.saw) told.seen.add(name);
    if (!addLine(line, told)) told.skipped += 1;
  }
}

// A merged line includes the batch with the same number.
const byNumber = (a: Line, b: Line): number =>
  a.batch.seq - b.batch.seq || Number(b.made !== undefined) - Number(a.made !== undefined);

/** Parses a line. Returns undefined if it is empty or was cut off: no part of an object is valid JSON. */
function jsonIn(line: string): unknown {
  // An editor may have added a byte order mark, and the file may then have been appended to another.
  const text = line.replace(/^\ufeff+|\ufeff+$/g, '');
  try {
    return JSON.parse(text);
  } catch {
    // After a crash, some file systems leave zeros in place of lost data.
    return /^[\0\s]*(\{|$)/.test(text) ? undefined : null;
  }
}

function isTombstone(given: unknown, { forgotten }: Told): boolean {
  const { forgotten: name } = Object(given) as { readonly forgotten?: unknown };
  if (typeof name !== 'string') return false;
  forgotten.add(name);
  return true;
}

function lineOf(given: unknown): Line | undefined {
  const batch = toldOf(given);
  const rows = rowsIn(given);
  if (!batch || !rows) return undefined;
  const line = { batch: { ...batch, rows }, saw: sawIn(given) };
  if (!Object.hasOwn(Object(given), 'watched')) return line;
  const made = instanceOf(given);
  return made && { ...line, made };
}

function rowsIn(given: unknown): UsageRow[] | undefined {
  const { rows } = Object(given) as { readonly rows?: unknown };
  if (!Array.isArray(rows)) return undefined;
  const found = rows.map(rowOf);
  return found.every((row) => row !== undefined) ? found : undefined;
}

function sawIn(given: unknown): readonly string[] {
  const { saw } = Object(given) as { readonly saw?: unknown };
  if (!Array.isArray(saw)) return [];
  return saw.slice(0, mostSeen).filter((one) => typeof one === 'string' && isInstanceName(one));
}

/** Adds a line; returns false if it is from another guard with the same name. */
function addLine({ batch, made }: Line, { instances }: Told): boolean {
  const held = instances.get(batch.instance);
  if (made) {
    // An older copy contains lines that the newer one has merged: both together would count twice.
    if (isNewer(made, held?.instance)) instances.set(made.instance, countedOf(made, batch.rows));
    return true;
  }
  if (held && batch.seq < held.instance.seq) return true;
  try {
    const next = advanceInstance(held?.instance, batch);
    if (next) instances.set(next.instance, countedOf(next, batch.rows, held?.rows));
    return true;
  } catch {
    return false;
  }
}

const isNewer = (made: UsageInstance, held: UsageInstance | undefined): boolean =>
  made.seq > (held?.seq ?? 0) ||
  (made.seq === held?.seq && (made.missing ?? 0) < (held.missing ?? 0));

function countedOf(
  instance: UsageInstance,
  rows: readonly UsageRow[],
  into = new Map<string, UsageRow>(),
): Counted {
  mergeRows(into, rows);
  return { instance, rows: into };
}
