import { statSync } from 'node:fs';
import { join } from 'node:path';
import { checkBatch } from '../../core/usage/batch.js';
import { advanceInstance } from '../../core/usage/coverage.js';
import type { UsageBatch, UsageStore } from '../../index.js';
import { broken } from '../broken.js';
import { createClientReader } from './file-clients.js';
import { compact, compactedSize } from './file-compact.js';
import { forget } from './file-forget.js';
import { ending, instanceIn, isForeign, mostSeen, opening, openOwn } from './file-own.js';
import { countFilesIn, readUsage } from './file-read.js';
import { createTurns } from './file-turns.js';
import { keepOf, mistake, settingsOf } from './row.js';

/** For how long counts are in files. */
export interface FileUsageStoreOptions {
  /** Days, 280 at least. @default 400 */
  readonly keep?: number;
}

const where = 'fileUsageStore';

/** Bytes of a file, beyond which its lines are made one. */
const mostBytes = 1_048_576;
const hour = 3_600_000;
const day = 24 * hour;

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
  let tidiedAt = Number.NEGATIVE_INFINITY;
  /** Where it looked last among the names of others: it goes on from there. */
  let seenUpTo: string | undefined;

  /** Once a day, and not by an instance that has just begun: its clock may yet be set. */
  const isDue = ({ at, since }: UsageBatch): boolean =>
    at - since >= hour && Math.abs(at - tidiedAt) >= day;

  return {
    async add(given) {
      const batch = checkBatch(where, given);
      const { instance, at } = batch;
      const file = join(directory, fileName(instance));
      await inTurn(instance, async () => {
        const tidies = isDue(batch);
        const looks = tidies || batch.seq <= 1 || batch.closed;
        const saw = looks ? await othersIn(directory, instance, seenUpTo).catch(() => []) : [];
        seenUpTo = saw.at(-1) ?? seenUpTo;
        const isLong = await append(file, { batch, saw }, left);
        // What is added is added: should there be no room to tidy up, it is tried again next time.
        if (isLong) await compact(file, { at, keep }).catch(() => {});
        if (isLong || batch.closed) left.delete(file);
        if (!tidies) return;
        tidiedAt = at;
        await forget(directory, instance, { at, keep }).catch(() => {});
      });
    },
    read: () => readUsage(directory),
    clients: createClientReader(directory),
  };
}

/**
 * The instances that have a file, beside the given one: should one be lost, it will be missed. Of many,
 * each instance names those that come after its own name first, and the next ones next time: together
 * they name all.
 */
async function othersIn(directory: string, own: string, after = own): Promise<readonly string[]> {
  const names = (await countFilesIn(directory)).map(instanceIn);
  const others = names.filter((one): one is string => one !== undefined && one !== own);
  const next = others.filter((one) => one > after);
  return [...next, ...others.slice(0, others.length - next.length)].slice(0, mostSeen);
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
async function isNew(path: string, batch: UsageBatch): Promise<boolean> {
  const { instances } = await readUsage(path);
  const held = instances.find(({ instance }) => instance === batch.instance);
  return advanceInstance(held, batch) !== undefined;
}

interface Told {
  readonly batch: UsageBatch;
  /** Other instances that have a file. */
  readonly saw: readonly string[];
}

/** Appends a line by one write, and returns whether the file is too long by now. */
async function append(
  path: string,
  { batch, saw }: Told,
  left: Map<string, Left>,
): Promise<boolean> {
  // What may have been cut off before it, by a full disk, stays on a line of its own.
  const line = Buffer.from(`\n${JSON.stringify({ ...batch, ...(saw.length > 0 && { saw }) })}`);
  const file = await openOwn(path, opening.append);
  try {
    const { size: before } = await file.stat();
    const { bytes = 0, seq = 0 } = left.get(path) ?? {};
    if (before !== bytes && (await isForeign(file))) throw notOurs(path);
    if ((before === bytes && batch.seq > seq) || (await isNew(path, batch))) {
      const { bytesWritten } = await file.write(line);
      if (bytesWritten < line.length) {
        throw broken('ERR_USAGE_DISK', `${where}: only a part of the batch could be written`);
      }
    }
    await file.datasync();
    const { size } = await file.stat();
    left.set(path, { bytes: size, seq: Math.max(seq, batch.seq) });
    return size > mostBytes && size > 2 * (await compactedSize(file));
  } finally {
    await file.close();
  }
}

// The guard goes on by another name, and so in another file: nothing that it counts from then on is lost.
const notOurs = (path: string) =>
  broken(
    'ERR_USAGE_INSTANCE',
    `${where}: the file of the instance must begin with a batch; ${JSON.stringify(path)} was damaged, or written by something else. Restore it, or name its guard as gone in the report`,
  );
