import { constants, type FileHandle, lstat, open } from 'node:fs/promises';
import { broken } from '../broken.js';

/** How the files of a directory end that hold counts. */
export const ending = '.ndjson';

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

const beginnings = ['{"size":', '{"instance":'];
const headLength = 4_096;

/** What a file begins with, without the line end before each line, and zeros a crash has left. */
async function headOf(file: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headLength), 0, headLength, 0);
  return buffer.toString('latin1', 0, bytesRead).replace(/^[\s\0]+/, '');
}

/** Tells whether a file begins as those that this store writes. An empty one may be anybody's. */
export async function holdsCounts(file: FileHandle): Promise<boolean> {
  const head = await headOf(file);
  // The first line may have been cut off, within its first word too.
  const [line = ''] = head.split('\n');
  return beginnings.some((one) => line.startsWith(one) || (line !== '' && one.startsWith(line)));
}

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
