import { constants, type FileHandle, lstat, open } from 'node:fs/promises';
import { broken } from '../broken.js';

/** The file name extension of files with counts. */
export const ending = '.ndjson';

/** The file that lists the instances whose files were deleted because they were too old. */
export const tombstones = `forgotten${ending}`;

/** How many names of other instances one instance records at most. */
export const mostSeen = 1_000;

/** Returns whether a name has the form of the names that guards generate. */
export const isInstanceName = (name: string): boolean =>
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name);

/** Returns the instance whose file has this path or name; undefined if it is not a guard's file. */
export function instanceIn(path: string): string | undefined {
  const name = path.split(/[\\/]/).at(-1) ?? '';
  const instance = name.slice(0, -ending.length);
  return name.endsWith(ending) && isInstanceName(instance) ? instance : undefined;
}

// Systems without this flag have no links that another user could create.
const noFollow = constants.O_NOFOLLOW ?? 0;
const noWait = constants.O_NONBLOCK ?? 0;

/** The ways in which a file of counts is opened: none of them follows a link. */
export const opening = {
  read: constants.O_RDONLY | noFollow | noWait,
  append: constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | noFollow | noWait,
} as const;

/** Readable by the owner only, whatever the umask: client ids and user agents are confidential. */
export const ownerOnly = 0o600;

/**
 * Opens a file of counts, which must be a regular file and not a link.
 * @throws Error with the code `ERR_USAGE_FILE` otherwise
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
  broken(
    'ERR_USAGE_FILE',
    `fileUsageStore: ${JSON.stringify(path)} must be a regular file; got a link, or something else. Move it out of the directory`,
  );

const beginnings = ['{"size":', '{"instance":', '{"forgotten":'];
const headLength = 4_096;

/**
 * Reads the beginning of a file, without the line end before each line, zeros left by a crash, and the
 * byte order mark of an editor.
 */
async function headOf(file: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headLength), 0, headLength, 0);
  return buffer.toString('latin1', 0, bytesRead).replace(/^(?:[\s\0]|\xef\xbb\xbf)+/, '');
}

/** Returns whether a file begins like those that this store writes; false for an empty file. */
export async function holdsCounts(file: FileHandle): Promise<boolean> {
  const line = await firstLine(file);
  return line !== '' && isBeginning(line);
}

/** Returns whether a file cannot be from this store: it is damaged, or something else wrote it. */
export const isForeign = async (file: FileHandle): Promise<boolean> =>
  !isBeginning(await firstLine(file));

const firstLine = async (file: FileHandle): Promise<string> =>
  (await headOf(file)).split('\n')[0] ?? '';

// It may have been cut off, even within its first word.
const isBeginning = (line: string): boolean =>
  beginnings.some((one) => line.startsWith(one) || one.startsWith(line));

/**
 * Returns whether a file was written by this store, judging by its name, type and content, and was not
 * changed since `cutoff`, in milliseconds. Such a file may be deleted.
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

/** The names of files left by an interrupted rewrite; nothing else creates such names. */
export const leftover = /^\w[\w.-]{0,99}\.ndjson\.[0-9a-f-]{36}\.tmp$/;
