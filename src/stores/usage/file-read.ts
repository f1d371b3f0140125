import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { trackingSinceOf } from '../../core/usage/coverage.js';
import { foldDetails } from '../../core/usage/overflow.js';
import type { Usage } from '../../index.js';
import { newTold, readLines, rowsOf, type Told } from './file-lines.js';
import { ending, holdsCounts, instanceIn, opening, openOwn, tombstones } from './file-own.js';
import { unreadIn } from './row.js';

/**
 * Reads counts from a file, or from all `.ndjson` files of a directory. A batch that occurs more than
 * once is counted once, in any order. A line that is not a batch, and a file that has none or is a link,
 * is skipped and counted in `skipped`. If it has the name of a guard's file, or if another guard saw
 * such a file and it is missing, the guard is listed in `unreadable`.
 * @throws the error of the file system if the path cannot be read
 */
export async function readUsage(path: string): Promise<Usage> {
  const told = newTold();
  if ((await stat(path)).isDirectory()) await readDirectory(path, told);
  else readLines(await readNamed(path), told);
  for (const name of told.seen) {
    if (!told.instances.has(name) && !told.forgotten.has(name)) told.unreadable.add(name);
  }
  const instances = [...told.instances.values()].map(({ instance }) => instance);
  return {
    trackingSince: trackingSinceOf(instances),
    rows: [...foldDetails(rowsOf(told)).values()],
    instances,
    ...unreadIn(told.skipped, told.unreadable),
  };
}

// The caller named this file, so a link is followed.
async function readNamed(path: string): Promise<string> {
  const file = await open(path, 'r');
  return file.readFile('utf8').finally(() => file.close());
}

/** Returns the sorted names of the files of a directory that may contain counts. */
export async function countFilesIn(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  return names.filter((one) => one.endsWith(ending) && one[0] !== '.').sort();
}

/** Reads all files of a directory. */
export async function readDirectory(directory: string, told: Told): Promise<void> {
  const names = await countFilesIn(directory);
  /** Of each guard that has a file, how many of its lines are nobody's counts. */
  const expected = new Map<string, number>();
  for (const name of names) {
    const own = await readOwn(join(directory, name));
    if (own === 'gone') continue;
    const instance = instanceIn(name);
    const skipped = told.skipped;
    // In a guard's own file, intact lines may follow a damaged beginning.
    if (typeof own === 'object' && (own.holdsCounts || instance)) readLines(own.text, told);
    if (instance) expected.set(instance, told.skipped - skipped);
    if (typeof own === 'object' && own.holdsCounts) continue;
    if (instance) told.unreadable.add(instance);
    else told.skipped += 1;
  }
  for (const [one, skipped] of expected) {
    if (!told.instances.has(one)) told.unreadable.add(one);
    // Its name says it all: whoever has said when that guard ended is not asked for its lines as well.
    if (told.unreadable.has(one)) told.skipped -= skipped;
  }
  // Again, and last: a file that was there when the others were read may have been forgotten since.
  const graves = await readOwn(join(directory, tombstones));
  if (typeof graves === 'object') readLines(graves.text, newTombs(told));
}

const newTombs = ({ forgotten }: Told): Told => ({ ...newTold(), forgotten });

/** The content of a file; `gone` if it was just deleted, `foreign` if it is not a regular file. */
type OwnFile = { readonly text: string; readonly holdsCounts: boolean } | 'gone' | 'foreign';

/** Reads a file of a directory, whatever is there. */
export async function readOwn(path: string): Promise<OwnFile> {
  try {
    const file = await openOwn(path, opening.read);
    try {
      const { size } = await file.stat();
      const isKnown = size === 0 || (await holdsCounts(file));
      return {
        text: isKnown || instanceIn(path) ? await readAll(file, size) : '',
        holdsCounts: isKnown,
      };
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'gone';
    if (code === 'ERR_USAGE_FILE') return 'foreign';
    throw error;
  }
}

// With explicit positions, because the beginning was read before.
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
