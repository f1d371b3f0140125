import { broken } from '../broken.js';

/** If this many are running or waiting, another one is rejected. */
const mostAtOnce = 8;

/** Returns a function that runs work with the same name in sequence, and other work in parallel. */
export function createTurns() {
  const turns = new Map<string, { last: Promise<unknown>; count: number }>();

  return async function inTurn(name: string, work: () => Promise<void>): Promise<void> {
    const turn = turns.get(name) ?? { last: Promise.resolve(), count: 0 };
    if (turn.count >= mostAtOnce) {
      throw broken(
        'ERR_USAGE_BUSY',
        'fileUsageStore: earlier batches are still being written: check the disk',
      );
    }
    turns.set(name, turn);
    turn.count += 1;
    const mine = turn.last.then(work);
    turn.last = mine.catch(() => {});
    try {
      await mine;
    } finally {
      turn.count -= 1;
      if (turn.count === 0) turns.delete(name);
    }
  };
}
