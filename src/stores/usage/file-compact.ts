import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withoutOld } from '../../core/usage/coverage.js';
import { foldDetails } from '../../core/usage/overflow.js';
import { opening, openOwn, ownerOnly } from './file-own.js';
import { newTold, readLines } from './file-read.js';

/** The bytes of a file that was made one line, as that says first of all; 0 if none was yet. */
export async function compactedSize(file: FileHandle): Promise<number> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(40), 0, 40, 0);
  const [, size] = /^\n\{"size":(\d{1,15}),/.exec(buffer.toString('latin1', 0, bytesRead)) ?? [];
  return Number(size ?? 0);
}

/**
 * Makes one line of all lines of an instance, without what is older than the cut-off, in
 * milliseconds. Whatever happens meanwhile, the file is the old one or the new one.
 */
export async function compact(path: string, cutoff: number): Promise<void> {
  const told = newTold();
  const own = await openOwn(path, opening.read);
  readLines(await own.readFile('utf8').finally(() => own.close()), told);
  const [instance, another] = told.instances.values();
  // Lines that are nobody's stay where they are.
  if (!instance || another || told.skipped > 0) return;
  const young = [...told.rows.values()].filter(({ last }) => last >= cutoff / 60_000);
  const rows = JSON.stringify([...foldDetails(young).values()]);
  const size = Buffer.byteLength(rows);
  const line = `\n${JSON.stringify({ size, ...withoutOld(instance, cutoff) }).slice(0, -1)},"rows":${rows}}`;
  // A name of its own, and made anew: nobody can have put a link there before.
  const made = `${path}.${globalThis.crypto.randomUUID()}.tmp`;
  try {
    const file = await open(made, 'wx', ownerOnly);
    try {
      await file.writeFile(line);
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

// Not every system can. It matters when the power fails only.
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined);
  await directory?.sync().catch(() => {});
  await directory?.close();
}
