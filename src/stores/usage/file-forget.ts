import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { watchedOf } from '../../core/usage/coverage.js';
import type { UsageInstance } from '../../index.js';
import { type Keeping, replace } from './file-compact.js';
import { newTold } from './file-lines.js';
import { ending, isOwnAndOld, leftover, opening, openOwn, tombstones } from './file-own.js';
import { readDirectory, readUsage } from './file-read.js';
import { fileCutoff } from './file-time.js';

/** How many files are deleted at a time. */
const mostForgotten = 100;
/** Bytes of the tombstone file beyond which its older half is dropped. */
const mostBytes = 1_048_576;

/**
 * Deletes files of this store, and leftovers of interrupted rewrites, that were not written to for
 * `keep` days. The counts of the other instances determine what is too old.
 */
export async function forget(
  directory: string,
  instance: string,
  { at, keep }: Keeping,
): Promise<void> {
  const told = newTold();
  await readDirectory(directory, told);
  const all = [...told.instances.values()].map((one) => one.instance);
  const witnesses = all.filter((one) => one.instance !== instance);
  const cutoff = fileCutoff({ at, witnesses, keep });
  let left = mostForgotten;
  for (const name of await readdir(directory)) {
    if (left === 0) break;
    if (!name.endsWith(ending) && !leftover.test(name)) continue;
    // Another process may have deleted it. Files that are not counts are not touched.
    const isGone = await forgetFile(directory, name, cutoff).catch(() => false);
    if (isGone) left -= 1;
  }
}

/** Deletes a file if it is too old; resolves to whether it was. */
async function forgetFile(directory: string, name: string, cutoff: number): Promise<boolean> {
  const path = join(directory, name);
  if (!(await isOwnAndOld(path, name, cutoff))) return false;
  if (name.endsWith(ending)) {
    const { instances } = await readUsage(path);
    // An instance that was not closed may still accept requests: only a person can say that it has ended.
    if (!instances.every(({ closed, at }) => closed && at < cutoff)) return false;
    await bury(directory, instances);
  }
  await rm(path, { force: true });
  return true;
}

/** Records that instances were deleted; otherwise instances that saw them would report them as lost. */
async function bury(directory: string, instances: readonly UsageInstance[]): Promise<void> {
  const path = join(directory, tombstones);
  const file = await openOwn(path, opening.append);
  try {
    for (const one of instances) await file.write(`\n${tombstoneOf(one)}`);
    await file.datasync();
    if ((await file.stat()).size <= mostBytes) return;
  } finally {
    await file.close();
  }
  const lines = (await readFile(path, 'utf8')).split('\n').filter(Boolean);
  await replace(path, lines.slice(-Math.ceil(lines.length / 2)).join('\n'));
}

function tombstoneOf(one: UsageInstance): string {
  const stretches = watchedOf(one);
  const [from, to] = [stretches[0]?.[0] ?? one.since, stretches.at(-1)?.[1] ?? one.at];
  return JSON.stringify({ forgotten: one.instance, from, to, counted: one.counted ?? {} });
}
