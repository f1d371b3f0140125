/** Work that can pause: it yields wherever something else may run. */
export type Sliced<T> = Generator<void, T>;

/** Does the work in one go. */
export function doNow<T>(work: Sliced<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** Milliseconds that one slice takes: requests wait for it. */
const longestSlice = 10;
/** Steps between two looks at the clock, which costs more than most steps. */
const stepsAtOnce = 64;

/**
 * Does the work in slices of some 10 ms, between which requests are answered.
 * @throws whatever the work throws, and the signal's reason once that is aborted
 */
export async function doInSlices<T>(work: Sliced<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    const end = performance.now() + longestSlice;
    do {
      for (let step = 0; step < stepsAtOnce; step += 1) {
        const { done, value } = work.next();
        if (done) return value;
      }
    } while (performance.now() < end);
    await nextTurn();
    signal.throwIfAborted();
  }
}

const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
