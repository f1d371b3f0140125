import type { ApiKeyRecord } from '../index.js';

const mostUnderWay = 100;

/** Whether a key is good by what is known of it alone: neither disabled nor expired. */
export function isGood({ disabled, expiresAt = Number.POSITIVE_INFINITY }: ApiKeyRecord): boolean {
  return !disabled && expiresAt * 1000 > Date.now();
}

/** Runs writes that nobody waits for. One that fails, or is one too many, comes again by itself. */
export function createRehash(): (write: () => Promise<unknown>) => void {
  let underWay = 0;
  return (write) => {
    if (underWay >= mostUnderWay) return;
    underWay += 1;
    const done = () => {
      underWay -= 1;
    };
    // What can only be read has to go on being read.
    (async () => write())().then(done, done);
  };
}
