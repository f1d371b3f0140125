import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { instanceOf, rowOf, toldOf } from '../../core/usage/batch.js';
import { advanceInstance, trackingSinceOf } from '../../core/usage/coverage.js';
import { foldDetails } from '../../core/usage/overflow.js';
import {
  mergeRows,
  type Usage,
  type UsageBatch,
  type UsageInstance,
  type UsageRow,
} from '../../index.js';
import { ending, holdsCounts, opening, openOwn } from './file-own.js';

/** What lines have told so far. */
export interface Told {
  readonly instances: Map<string, UsageInstance>;
  readonly rows: Map<string, UsageRow>;
  /** Lines and files that are nobody's counts. */
  skipped: number;
}

export const newTold = (): Told => ({ instances: new Map(), rows: new Map(), skipped: 0 });

/**
 * Reads counts of a file, or of all files of a directory that end in `.ndjson`. A batch that is in
 * them more than once is counted once; a line that is no batch, and a file that holds none or is a
 * link, is left out, and counted in `skipped`.
 * @throws the error of the file system for what cannot be read
 */
export async function readUsage(path: string): Promise<Usage> {
  const told = newTold();
  if ((await stat(path)).isDirectory()) await readDirectory(path, told);
  else readLines(await readNamed(path), told);
  const instances = [...told.instances.values()];
  return {
    trackingSince: trackingSinceOf(instances),
    rows: [...foldDetails(told.rows.values()).values()],
    instances,
    ...(told.skipped > 0 && { skipped: told.skipped }),
  };
}

// It was named, so a link to it is what is meant.
async function readNamed(path: string): Promise<string> {
  const file = await open(path, 'r');
  return file.readFile('utf8').finally(() => file.close());
}

async function readDirectory(directory: string, told: Told): Promise<void> {
  const names = await readdir(directory);
  for (const name of names.filter((one) => one.endsWith(ending) && one[0] !== '.').sort()) {
    const text = await readOwn(join(directory, name));
    if (text === undefined) told.skipped += 1;
    else readLines(text, told);
  }
}

/** The text of a file of counts; undefined if it is none, and empty if it was deleted just now. */
async function readOwn(path: string): Promise<string | undefined> {
  try {
    const file = await openOwn(path, opening.read);
    try {
      const { size } = await file.stat();
      if (size === 0) return '';
      return (await holdsCounts(file)) ? await readAll(file, size) : undefined;
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return '';
    if (code === 'ERR_USAGE_FILE') return undefined;
    throw error;
  }
}

// By positions: the head was read before.
async function readAll(file: Awaited<ReturnType<typeof open>>, size: number): Promise<string> {
  const bytes = Buffer.alloc(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await file.read(bytes, length, size - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.toString('utf8', 0, length);
}

/**
 * Reads the lines of a file in their order. What a crash or a full disk cut off is left out: its batch
 * was written again on a line of its own, or its number is missing.
 */
export function readLines(text: string, told: Told): void {
  // Not by readline: it takes what may be in a user agent for the end of a line.
  for (const line of text.split('\n')) {
    const given = jsonIn(line);
    if (given === undefined) continue;
    if (!addLine(given, told)) told.skipped += 1;
  }
}

/** What a line says; undefined for one that is empty, or was cut off: no part of an object is JSON. */
function jsonIn(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Zeros are what some file systems leave where a crash has lost what was written.
    return /^[\0\s]*(\{|$)/.test(line) ? undefined : null;
  }
}

/** Adds what a line says; whether it is a batch, or what was made of several. */
function addLine(given: unknown, { instances, rows }: Told): boolean {
  const batch = toldOf(given);
  const counted = rowsIn(given);
  if (!batch || !counted) return false;
  const held = instances.get(batch.instance);
  const next = nextOf(given, { held, batch: { ...batch, rows: counted } });
  if (next === 'another') return false;
  if (!next) return !isCompacted(given) || instanceOf(given) !== undefined;
  instances.set(batch.instance, next);
  mergeRows(rows, counted);
  return true;
}

/** What is known of an instance after a line; `another`: it is of another guard with the same name. */
function nextOf(
  given: unknown,
  { held, batch }: { readonly held: UsageInstance | undefined; readonly batch: UsageBatch },
): UsageInstance | undefined | 'another' {
  if (isCompacted(given)) return compactedOf(given, held);
  // A copy of a file says again what was read before.
  if (held && batch.seq < held.seq) return undefined;
  try {
    return advanceInstance(held, batch);
  } catch {
    return 'another';
  }
}

const isCompacted = (given: unknown): boolean => Object.hasOwn(Object(given), 'watched');

/** Of a line that was made of several, what is known of its instance then. */
function compactedOf(given: unknown, held: UsageInstance | undefined): UsageInstance | undefined {
  const made = instanceOf(given);
  return made && (held?.seq ?? 0) < made.seq ? made : undefined;
}

function rowsIn(given: unknown): UsageRow[] | undefined {
  const { rows } = Object(given) as { readonly rows?: unknown };
  if (!Array.isArray(rows)) return undefined;
  const found = rows.map(rowOf);
  return found.every((row) => row !== undefined) ? found : undefined;
}
