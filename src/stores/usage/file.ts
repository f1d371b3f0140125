import { statSync } from 'node:fs';
import { join } from 'node:path';
import { checkBatch } from '../../core/usage/batch.js';
import { advanceInstance } from '../../core/usage/coverage.js';
import type { UsageBatch, UsageStore } from '../../index.js';
import { broken } from '../broken.js';
import { otherType } from '../settings.js';
import { createClientReader } from './file-clients.js';
import { compact, compactedSize } from './file-compact.js';
import { forget } from './file-forget.js';
import { ending, instanceIn, isForeign, mostSeen, opening, openOwn } from './file-own.js';
import { countFilesIn, readUsage } from './file-read.js';
import { createTurns } from './file-turns.js';
import { keepOf, mistake, settingsOf } from './row.js';

/** How long counts are stored in files. */
export interface FileUsageStoreOptions {
  /** Days, 280 at least. @default 400 */
  readonly keep?: number;
}

const where = 'fileUsageStore';

/** Bytes of a file beyond which its lines are merged into one. */
const mostBytes = 1_048_576;
const hour = 3_600_000;
const day = 24 * hour;

/**
 * Creates a store of counts in a directory of one host: one file per instance, one line per batch. A
 * batch is synced to disk before it counts as added.
 * @throws ConfigError for invalid options, and if the directory does not exist
 */
export function fileUsageStore(directory: string, options: FileUsageStoreOptions = {}): UsageStore {
  const given = settingsOf(where, options, ['keep']);
  const keep = keepOf(where, given.keep);
  checkDirectory(directory);
  const inTurn = createTurns();
  /** The size and last batch of each file after the last write. */
  const left = new Map<string, Left>();
  let tidiedAt = Number.NEGATIVE_INFINITY;
  /** Where it looked last among the names of others: it goes on from there. */
  let seenUpTo: string | undefined;

  /** Once a day, and not by an instance that has just started: its clock may still be corrected. */
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
        // The batch is added already; a cleanup that fails is tried again next time.
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
 * Returns the other instances that have a file, so that a lost file is noticed. Of many, each instance
 * lists those after its own name first, and the next ones the next time: together they list all.
 */
async function othersIn(directory: string, own: string, after = own): Promise<readonly string[]> {
  const names = (await countFilesIn(directory)).map(instanceIn);
  const others = names.filter((one): one is string => one !== undefined && one !== own);
  const next = others.filter((one) => one > after);
  return [...next, ...others.slice(0, others.length - next.length)].slice(0, mostSeen);
}

function checkDirectory(directory: unknown): asserts directory is string {
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw mistake(where, `requires the path of a directory; got ${otherType(directory)}`);
  }
  const found = statSync(directory, { throwIfNoEntry: false });
  // It is not created: if a disk was not mounted, counts would be lost with the container.
  if (found?.isDirectory()) return;
  const got = `${JSON.stringify(directory)}, which ${found ? 'is not a directory' : 'does not exist'}`;
  throw mistake(where, `requires an existing directory; got ${got}. Create it, or mount its disk`);
}

function fileName(instance: string): string {
  if (/^\w[\w.-]{0,99}$/.test(instance)) return instance + ending;
  throw broken(
    'ERR_USAGE_BATCH',
    `${where}: the instance name must be at most 100 letters, digits, _, . and -, because it becomes a file name`,
  );
}

interface Left {
  readonly bytes: number;
  /** The number of the last batch in it. */
  readonly seq: number;
}

// If something else wrote to the file, or a batch was cut off, another guard may have the same name.
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

/** Appends a line in one write, and resolves to whether the file is now too long. */
async function append(
  path: string,
  { batch, saw }: Told,
  left: Map<string, Left>,
): Promise<boolean> {
  // The line starts with a line end, so that a line cut off by a full disk stays separate.
  const line = Buffer.from(`\n${JSON.stringify({ ...batch, ...(saw.length > 0 && { saw }) })}`);
  const file = await openOwn(path, opening.append);
  try {
    const { size: before } = await file.stat();
    const { bytes = 0, seq = 0 } = left.get(path) ?? {};
    if (before !== bytes && (await isForeign(file))) throw notOurs(path);
    if ((before === bytes && batch.seq > seq) || (await isNew(path, batch))) {
      const { bytesWritten } = await file.write(line);
      if (bytesWritten < line.length) {
        throw broken(
          'ERR_USAGE_DISK',
          `${where}: only part of the batch was written: check that the disk has space`,
        );
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

// The guard continues under another name, and thus in another file, so later counts are not lost.
const notOurs = (path: string) =>
  broken(
    'ERR_USAGE_INSTANCE',
    `${where}: the file of the instance must begin with a batch; ${JSON.stringify(path)} was damaged, or written by something else. Restore it, or list its guard in \`gone\` of the report`,
  );
