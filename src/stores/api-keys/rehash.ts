import type { ApiKeyRecord } from '../../index.js';

const maxWaiting = 100;

/** Returns whether a key is neither disabled nor expired. */
export function isValid({ disabled, expiresAt = Number.POSITIVE_INFINITY }: ApiKeyRecord): boolean {
  return !disabled && expiresAt * 1000 > Date.now();
}

/** Queues a write, unless one with this name is waiting. */
export type Rehash = (name: string, write: () => Promise<unknown>) => void;

/**
 * Returns a function that runs writes in the background, one at a time, so that they never use more
 * than one connection. A write that fails, or does not fit into the queue, is repeated by the next
 * lookup of its key.
 */
export function createRehash(): Rehash {
  const waiting = new Map<string, () => Promise<unknown>>();
  let running: string | undefined;

  async function run(): Promise<void> {
    for (const [name, write] of waiting) {
      waiting.delete(name);
      running = name;
      // Errors are ignored: lookups must keep working if the store is read-only.
      await (async () => write())().catch(() => {});
    }
    running = undefined;
  }

  return (name, write) => {
    if (name === running || waiting.has(name) || waiting.size >= maxWaiting) return;
    waiting.set(name, write);
    if (running === undefined) void run();
  };
}
