import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withoutOld } from '../../core/usage/coverage.js';
import { foldDetails } from '../../core/usage/overflow.js';
import { newTold, readLines } from './file-lines.js';
import { mostSeen, opening, openOwn, ownerOnly } from './file-own.js';
import { fileCutoff } from './file-time.js';

/** Returns the size of the merged line, which its first member states; 0 if there is none yet. */
export async function compactedSize(file: FileHandle): Promise<number> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(40), 0, 40, 0);
  const [, size] = /^\n\{"size":(\d{1,15}),/.exec(buffer.toString('latin1', 0, bytesRead)) ?? [];
  return Number(size ?? 0);
}

/** The time of a rewrite by the clock of its instance, and for how many days counts are stored. */
export interface Keeping {
  readonly at: number;
  readonly keep: number;
}

/**
 * Merges all lines of an instance into one, without old counts. At any time, the file is either the
 * old one or the new one.
 */
export async function compact(path: string, { at, keep }: Keeping): Promise<void> {
  const told = newTold();
  const own = await openOwn(path, opening.read);
  readLines(await own.readFile('utf8').finally(() => own.close()), told);
  const [counted, another] = told.instances.values();
  // A file with lines that this store did not write is not changed.
  if (!counted || another || told.skipped > 0) return;
  const { instance } = counted;
  const cutoff = fileCutoff({ at, witnesses: [instance], keep });
  const young = [...counted.rows.values()].filter(({ last }) => last >= cutoff / 60_000);
  const rows = JSON.stringify([...foldDetails(young).values()]);
  const saw = [...told.seen].slice(-mostSeen);
  const head = {
    size: Buffer.byteLength(rows),
    ...withoutOld(instance, cutoff),
    ...(saw.length > 0 && { saw }),
  };
  await replace(path, `\n${JSON.stringify(head).slice(0, -1)},"rows":${rows}}`);
}

/** Replaces the content of a file atomically: a reader sees either the old or the new content. */
export async function replace(path: string, text: string): Promise<void> {
  // A new random name each time, so that no one can have created a link there.
  const made = `${path}.${globalThis.crypto.randomUUID()}.tmp`;
  try {
    const file = await open(made, 'wx', ownerOnly);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(made, path);
  } catch (error) {
    await rm(made, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

// Not supported on every system; it matters only after a power failure.
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined);
  await directory?.sync().catch(() => {});
  await directory?.close();
}
