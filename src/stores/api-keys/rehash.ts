import type { ApiKeyRecord } from '../../index.js';

const mostWaiting = 100;

/** Whether a key is good by what is known of it alone: neither disabled nor expired. */
export function isGood({ disabled, expiresAt = Number.POSITIVE_INFINITY }: ApiKeyRecord): boolean {
  return !disabled && expiresAt * 1000 > Date.now();
}

/** Takes a write that nobody waits for, under a name by which it waits only once. */
export type Rehash = (name: string, write: () => Promise<unknown>) => void;

/**
 * Runs such writes one at a time, so that they never take more than one connection from the lookups.
 * One that fails, or that there is no room for, comes again with its key's next lookup.
 */
export function createRehash(): Rehash {
  const waiting = new Map<string, () => Promise<unknown>>();
  let running: string | undefined;

  async function run(): Promise<void> {
    for (const [name, write] of waiting) {
      waiting.delete(name);
      running = name;
      // A store that can only be read has to go on being read.
      await (async () => write())().catch(() => {});
    }
    running = undefined;
  }

  return (name, write) => {
    if (name === running || waiting.has(name) || waiting.size >= mostWaiting) return;
    waiting.set(name, write);
    if (running === undefined) void run();
  };
}
