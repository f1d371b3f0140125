import { statSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkBatch } from '../../core/usage/batch.js';
import { advanceInstance } from '../../core/usage/coverage.js';
import type { UsageBatch, UsageStore } from '../../index.js';
import { broken } from '../broken.js';
import { compact, compactedSize } from './file-compact.js';
import { ending, isOwnAndOld, leftover, opening, openOwn } from './file-own.js';
import { readUsage } from './file-read.js';
import { createTurns } from './file-turns.js';
import { cutoffOf, keepOf, mistake, settingsOf } from './row.js';

/** For how long counts are in files. */
export interface FileUsageStoreOptions {
  /** Days, 280 at least. @default 400 */
  readonly keep?: number;
}

const where = 'fileUsageStore';

/** Bytes of a file, beyond which its lines are made one. */
const mostBytes = 1_048_576;
/** Files of other instances that are forgotten at a time. */
const mostForgotten = 100;

/**
 * Keeps counts in a directory of one host: a file for each instance, a line for each batch. A batch
 * is on the disk once it is added.
 * @throws ConfigError for options that cannot be meant, and for a path where no directory is
 */
export function fileUsageStore(directory: string, options: FileUsageStoreOptions = {}): UsageStore {
  const given = settingsOf(where, options, ['keep']);
  const keep = keepOf(where, given.keep);
  checkDirectory(directory);
  const inTurn = createTurns();
  /** The files as they were left. */
  const left = new Map<string, Left>();

  return {
    async add(given) {
      const batch = checkBatch(where, given);
      const file = join(directory, fileName(batch.instance));
      await inTurn(batch.instance, async () => {
        const isLong = await append(file, batch, left);
        const cutoff = cutoffOf(batch.at, keep);
        // What is added is added: should there be no room to tidy up, it is tried again next time.
        if (isLong) await compact(file, cutoff).catch(() => {});
        if (isLong || batch.closed) left.delete(file);
        if (isLong || batch.seq <= 1) await forget(directory, cutoff).catch(() => {});
      });
    },
    read: () => readUsage(directory),
  };
}

function checkDirectory(directory: unknown): asserts directory is string {
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw mistake(where, 'is given no path of a directory');
  }
  const found = statSync(directory, { throwIfNoEntry: false });
  // It is not made: where a disk should have been mounted, counts would be lost with the container.
  if (!found) throw mistake(where, `is given ${JSON.stringify(directory)}, which is not there`);
  if (!found.isDirectory()) {
    throw mistake(where, `is given ${JSON.stringify(directory)}, which is no directory`);
  }
}

function fileName(instance: string): string {
  if (/^\w[\w.-]{0,99}$/.test(instance)) return instance + ending;
  throw broken('ERR_USAGE_BATCH', `${where}: the instance's name cannot be a file's`);
}

interface Left {
  readonly bytes: number;
  /** The number of the last batch in it. */
  readonly seq: number;
}

// Where somebody else has written, or a batch was cut off: another guard may have the same name.
async function checkHeld(path: string, batch: UsageBatch): Promise<void> {
  const { instances } = await readUsage(path);
  const held = instances.find(({ instance }) => instance === batch.instance);
  advanceInstance(held, batch);
}

/** Appends a line by one write, and answers whether the file is too long by now. */
async function append(path: string, batch: UsageBatch, left: Map<string, Left>): Promise<boolean> {
  // What may have been cut off before it, by a full disk, stays on a line of its own.
  const line = Buffer.from(`\n${JSON.stringify(batch)}`);
  const file = await openOwn(path, opening.append);
  try {
    const { size: before } = await file.stat();
    const { bytes = 0, seq = 0 } = left.get(path) ?? {};
    if (before !== bytes || batch.seq <= seq) await checkHeld(path, batch);
    const { bytesWritten } = await file.write(line);
    if (bytesWritten < line.length) {
      throw broken('ERR_USAGE_DISK', `${where}: only a part of the batch could be written`);
    }
    await file.datasync();
    const { size } = await file.stat();
    left.set(path, { bytes: size, seq: Math.max(seq, batch.seq) });
    return size > mostBytes && size > 2 * (await compactedSize(file));
  } finally {
    await file.close();
  }
}

// One that was not closed may still let requests in: only a person can say that it is gone.
const isClosed = async (path: string): Promise<boolean> =>
  (await readUsage(path)).instances.every(({ closed }) => closed);

/** Deletes files of this store, and what was left of making one, that nobody has written to for long. */
async function forget(directory: string, cutoff: number): Promise<void> {
  let left = mostForgotten;
  for (const name of await readdir(directory)) {
    if (!name.endsWith(ending) && !leftover.test(name)) continue;
    const path = join(directory, name);
    // Another process may have deleted it, and what is no file of counts is none of our business.
    if (!(await isOwnAndOld(path, name, cutoff).catch(() => false))) continue;
    if (name.endsWith(ending) && !(await isClosed(path).catch(() => false))) continue;
    await rm(path, { force: true });
    left -= 1;
    if (left === 0) return;
  }
}
