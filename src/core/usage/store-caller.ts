import { withDeadline } from '../base/deadline.js';

/** With this many unfinished calls, further calls fail at once. */
const mostPending = 3;

/** Calls a store. @throws what the store throws, and an Error if it takes too long */
export type CallStore = <T>(milliseconds: number, call: () => Promise<T>) => Promise<T>;

export function createStoreCaller(): CallStore {
  let pending = 0;
  return async (milliseconds, call) => {
    if (pending >= mostPending) throw new Error('the usage store does not respond');
    pending += 1;
    // The async wrapper turns a synchronous throw into a rejection.
    const result = (async () => call())();
    const settled = () => {
      pending -= 1;
    };
    result.then(settled, settled);
    return withDeadline({ milliseconds }, () => result);
  };
}
