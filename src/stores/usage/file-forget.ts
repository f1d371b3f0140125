import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { watchedOf } from '../../core/usage/coverage.js';
import type { UsageInstance } from '../../index.js';
import { type Keeping, replace } from './file-compact.js';
import { newTold, readLines } from './file-lines.js';
import { ending, isOwnAndOld, leftover, opening, openOwn, tombstones } from './file-own.js';
import { readDirectory, readOwn, readUsage } from './file-read.js';
import { fileCutoff } from './file-time.js';

/** How many files are deleted at a time. */
const mostForgotten = 100;
/** Bytes of the tombstone file beyond which those of its older half are dropped that nobody needs. */
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
  if (left < mostForgotten) await clear(join(directory, tombstones), told.seen);
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
  } finally {
    await file.close();
  }
}

/**
 * Drops tombstones if there are many: of the older half, as a line that is being written may still name
 * one of the others, and only those that nobody has seen: one that was seen would be missed for ever.
 */
async function clear(path: string, seen: ReadonlySet<string>): Promise<void> {
  const own = await readOwn(path);
  if (typeof own !== 'object' || own.text.length <= mostBytes) return;
  const lines = own.text.split('\n').filter(Boolean);
  const older = lines.splice(0, Math.floor(lines.length / 2));
  const kept = older.filter((line) => [...namesOf(line)].some((name) => seen.has(name)));
  await replace(path, [...kept, ...lines].join('\n'));
}

function namesOf(line: string): ReadonlySet<string> {
  const told = newTold();
  readLines(line, told);
  return told.forgotten;
}

function tombstoneOf(one: UsageInstance): string {
  const stretches = watchedOf(one);
  const [from, to] = [stretches[0]?.[0] ?? one.since, stretches.at(-1)?.[1] ?? one.at];
  return JSON.stringify({ forgotten: one.instance, from, to });
}
