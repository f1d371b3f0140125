import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { clientsIn } from '../../core/usage/overflow.js';
import type { UsageClient } from '../../index.js';
import { newTold, readLines, rowsOf } from './file-lines.js';
import { countFilesIn, readOwn } from './file-read.js';

/** The clients in a file, and the state of the file when they were read. */
interface Read {
  readonly state: string;
  readonly clients: readonly UsageClient[];
}

/** Returns a function that reads the clients of a directory, each file only if it has changed since. */
export function createClientReader(directory: string): () => Promise<readonly UsageClient[]> {
  let known: ReadonlyMap<string, Read> = new Map();

  async function readClients(name: string): Promise<Read | undefined> {
    const path = join(directory, name);
    const found = await lstat(path).catch(() => undefined);
    if (!found) return undefined;
    const state = `${found.ino} ${found.size} ${found.mtimeMs}`;
    const held = known.get(name);
    if (held?.state === state) return held;
    const own = await readOwn(path);
    if (typeof own !== 'object') return undefined;
    const told = newTold();
    readLines(own.text, told);
    return { state, clients: clientsIn(rowsOf(told)) };
  }

  return async () => {
    const read = new Map<string, Read>();
    for (const name of await countFilesIn(directory)) {
      const one = await readClients(name);
      if (one) read.set(name, one);
    }
    known = read;
    const clients = new Map<string, UsageClient>();
    for (const one of [...read.values()].flatMap((each) => each.clients)) {
      clients.set(JSON.stringify([one.client, one.issuer]), one);
    }
    return [...clients.values()];
  };
}
