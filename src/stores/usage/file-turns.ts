import { broken } from '../broken.js';

/** Whoever comes while so many are at it, or wait for it, is turned away. */
const mostAtOnce = 8;

/** Answers what does work on one thing after the other, and on different things at once. */
export function createTurns() {
  const turns = new Map<string, { last: Promise<unknown>; count: number }>();

  return async function inTurn(name: string, work: () => Promise<void>): Promise<void> {
    const turn = turns.get(name) ?? { last: Promise.resolve(), count: 0 };
    if (turn.count >= mostAtOnce) {
      throw broken(
        'ERR_USAGE_BUSY',
        'fileUsageStore: batches before this one are still being written',
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
