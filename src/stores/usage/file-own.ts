import { constants, type FileHandle, lstat, open } from 'node:fs/promises';
import { broken } from '../broken.js';

/** How the files of a directory end that hold counts. */
export const ending = '.ndjson';

/** Where a directory remembers the instances whose files were deleted because they were too old. */
export const tombstones = `forgotten${ending}`;

/** Names that one instance writes down of others at most. */
export const mostSeen = 1_000;

/** Tells whether a name is one that guards give themselves. */
export const isInstanceName = (name: string): boolean =>
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name);

/** The instance whose file has this path or name, if a guard's file is named so. */
export function instanceIn(path: string): string | undefined {
  const name = path.split(/[\\/]/).at(-1) ?? '';
  const instance = name.slice(0, -ending.length);
  return name.endsWith(ending) && isInstanceName(instance) ? instance : undefined;
}

// Systems without it have no links that a stranger could make.
const noFollow = constants.O_NOFOLLOW ?? 0;
const noWait = constants.O_NONBLOCK ?? 0;

/** The ways in which a file of counts is opened: none of them follows a link. */
export const opening = {
  read: constants.O_RDONLY | noFollow | noWait,
  append: constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | noFollow | noWait,
} as const;

/** For the owner alone, whatever the umask: client ids and user agents are nobody else's business. */
export const ownerOnly = 0o600;

/**
 * Opens a file of counts, which is no link and nothing but a file.
 * @throws Error with the code `ERR_USAGE_FILE` for anything else that is there
 */
export async function openOwn(path: string, how: number): Promise<FileHandle> {
  const file = await open(path, how, ownerOnly).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ELOOP' || error.code === 'EMLINK' ? notOurs(path) : error;
  });
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw notOurs(path);
}

const notOurs = (path: string) =>
  broken('ERR_USAGE_FILE', `fileUsageStore: ${JSON.stringify(path)} is a link, or no file`);

const beginnings = ['{"size":', '{"instance":', '{"forgotten":'];
const headLength = 4_096;

/**
 * What a file begins with, without the line end before each line, zeros a crash has left, and the byte
 * order mark of an editor.
 */
async function headOf(file: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headLength), 0, headLength, 0);
  return buffer.toString('latin1', 0, bytesRead).replace(/^(?:[\s\0]|\xef\xbb\xbf)+/, '');
}

/** Tells whether a file begins as those that this store writes. An empty one may be anybody's. */
export async function holdsCounts(file: FileHandle): Promise<boolean> {
  const line = await firstLine(file);
  return line !== '' && isBeginning(line);
}

/** Tells whether a file begins as none that this store writes: it was damaged, or is another's. */
export const isForeign = async (file: FileHandle): Promise<boolean> =>
  !isBeginning(await firstLine(file));

const firstLine = async (file: FileHandle): Promise<string> =>
  (await headOf(file)).split('\n')[0] ?? '';

// It may have been cut off, within its first word too.
const isBeginning = (line: string): boolean =>
  beginnings.some((one) => line.startsWith(one) || one.startsWith(line));

/**
 * Tells whether this store has written a file, and nobody has since a time, in milliseconds: by its
 * name, what it is, and what stands in it. Such a file may be deleted.
 */
export async function isOwnAndOld(path: string, name: string, cutoff: number): Promise<boolean> {
  const found = await lstat(path);
  if (!found.isFile() || found.mtimeMs >= cutoff) return false;
  if (leftover.test(name)) return true;
  const file = await openOwn(path, opening.read);
  try {
    const head = await headOf(file);
    const written = /^\{(?:"size":\d+,)?"instance":"([\w.-]{1,100})"/.exec(head);
    return written !== null && name === written[1] + ending;
  } finally {
    await file.close();
  }
}

/** What a rewriting that was killed has left: a name that nothing else makes. */
export const leftover = /^\w[\w.-]{0,99}\.ndjson\.[0-9a-f-]{36}\.tmp$/;
