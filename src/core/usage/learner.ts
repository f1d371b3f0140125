import { clientsIn } from './overflow.js';
import type { RefusedTokens } from './refused-tokens.js';
import { createStoreCaller } from './store-caller.js';
import type { Usage, UsageClient, UsageStore } from './usage.js';

/** Finds out whose refused tokens are. */
export interface Learner {
  /** Reads the store. */
  read(): Promise<Usage>;
  /** The store's clients were read. True if there is something to tell of them. */
  learn(clients: Iterable<UsageClient>): boolean;
  /** Examines refused tokens; with `isLast`, what is not examined by then is given up. */
  examine(isLast: boolean): Promise<void>;
  /**
   * Asks the store for its clients, at the beginning, and later where refused tokens wait for that;
   * settles once no more of them is known than before, or as much as the store tells.
   */
  ask(): Promise<void>;
  /** Asks for the last time, in so many milliseconds; what waits in vain is counted without its client. */
  askLast(milliseconds: number): Promise<void>;
  /** Whether it is not known yet of a refused token whose it is. */
  waits(): boolean;
  /** Whether there is something to tell. */
  hasNews(): boolean;
}

interface Learning {
  readonly refusals: RefusedTokens;
  /** Milliseconds. */
  readonly stopwatch: () => number;
  readonly minute: () => number | undefined;
}

/** Large stores take a while to be read, and none takes for ever. */
const patience = 12_000;
/** Between two times at which a store is asked who its clients are. */
const learnEvery = 600_000;

export function createLearner(
  store: UsageStore,
  { refusals, stopwatch, minute }: Learning,
): Learner {
  const call = createStoreCaller();
  let isTaught = false;
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;

  const read = (milliseconds = patience): Promise<Usage> => call(milliseconds, () => store.read());

  async function clients(milliseconds: number): Promise<readonly UsageClient[]> {
    const told = store.clients && (await call(milliseconds, async () => store.clients?.()));
    return told ?? clientsIn((await read(milliseconds)).rows);
  }

  function learn(learned: Iterable<UsageClient>): boolean {
    for (const client of learned) refusals.know(client);
    isTaught = true;
    askedAt = stopwatch();
    refusals.conclude();
    return refusals.hasRows();
  }

  // What it cannot tell now it is asked again; what waits has its own bound.
  function askOnce(): Promise<void> {
    askedAt = stopwatch();
    asking ??= clients(patience)
      .then(learn)
      .then(
        () => {},
        () => {},
      )
      .finally(() => {
        asking = undefined;
      });
    return asking;
  }

  const isDue = (): boolean => Math.abs(stopwatch() - askedAt) >= learnEvery;

  return {
    read,
    learn,
    examine: (isLast) => refusals.settle(minute(), isLast),
    async ask() {
      const waits = refusals.waits();
      if (waits && (asking || !isTaught || isDue())) await askOnce();
      // Before anything waits: nobody waits for it either.
      else if (!isTaught && isDue()) void askOnce();
    },
    async askLast(milliseconds) {
      if (!refusals.waits()) return;
      await clients(milliseconds).then(learn, refusals.giveUp);
    },
    waits: () => refusals.examinesSince() !== undefined || refusals.waits(),
    hasNews: refusals.hasRows,
  };
}
