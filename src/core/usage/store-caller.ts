import { withDeadline } from '../base/deadline.js';

/** Beyond so many calls that a store does not answer, it is only waited for. */
const mostUnanswered = 3;

/** Calls a store. @throws what the store throws, and an Error if it takes too long */
export type CallStore = <T>(milliseconds: number, call: () => Promise<T>) => Promise<T>;

export function createStoreCaller(): CallStore {
  let unanswered = 0;
  return async (milliseconds, call) => {
    if (unanswered >= mostUnanswered) throw new Error('the store does not answer');
    unanswered += 1;
    // Some throw at once, and return no promise.
    const answer = (async () => call())();
    const settled = () => {
      unanswered -= 1;
    };
    answer.then(settled, settled);
    return withDeadline({ milliseconds }, () => answer);
  };
}
