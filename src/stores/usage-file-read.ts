import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { instanceOf, rowOf } from '../core/migration/usage-batch.js';
import { foldDetails } from '../core/migration/usage-room.js';
import { mergeRows, type Usage, type UsageInstance, type UsageRow } from '../index.js';
import { broken } from './broken.js';

/** What lines have told so far. */
export interface Told {
  readonly instances: Map<string, UsageInstance>;
  readonly rows: Map<string, UsageRow>;
}

export const newTold = (): Told => ({ instances: new Map(), rows: new Map() });

/** How the files of a directory end that hold counts. */
export const ending = '.ndjson';

/**
 * Reads counts of a file, or of all files of a directory that end in `.ndjson`. A batch that is in
 * them more than once is counted once.
 * @throws TypeError for a line that is nobody's batch, with its number, and the error of the file
 * system for what cannot be read
 */
export async function readUsage(path: string): Promise<Usage> {
  const told = newTold();
  for (const file of await filesAt(path)) {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      // Its instance was forgotten just now.
      if (file !== path && error.code === 'ENOENT') return '';
      throw error;
    });
    readLines(file, text, told);
  }
  const instances = [...told.instances.values()];
  const since = instances.map((one) => one.since);
  return {
    trackingSince: since.length === 0 ? undefined : since.reduce((a, b) => Math.min(a, b)),
    rows: [...foldDetails(told.rows.values()).values()],
    instances,
  };
}

async function filesAt(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => name.endsWith(ending) && name[0] !== '.');
  return names.sort().map((name) => join(path, name));
}

/** Reads the lines of a file in their order. What a crash or a full disk cut off is left out. */
export function readLines(file: string, text: string, { instances, rows }: Told): void {
  // Not by readline: it takes what may be in a user agent for the end of a line.
  for (const [index, line] of text.split('\n').entries()) {
    const given = jsonIn(line);
    if (given === undefined) continue;
    const batch = batchOf(given);
    if (!batch) {
      const why = `line ${index + 1} of ${JSON.stringify(file)} is no batch of counts`;
      throw broken('ERR_USAGE_VALUE', `fileUsage: ${why}`);
    }
    const { instance, rows: counted } = batch;
    const before = instances.get(instance.instance);
    if (before && before.seq >= instance.seq) continue;
    instances.set(instance.instance, instance);
    mergeRows(rows, counted);
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

function batchOf(given: unknown) {
  const instance = instanceOf(given);
  const list = (given as { readonly rows?: unknown } | null)?.rows;
  if (!instance || !Array.isArray(list)) return undefined;
  const rows: UsageRow[] = [];
  for (const one of list) {
    const row = rowOf(one);
    if (!row) return undefined;
    rows.push(row);
  }
  return { instance, rows };
}
