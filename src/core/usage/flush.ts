import { withDeadline } from '../base/deadline.js';
import { messageOf } from '../base/thrown.js';
import type { EmitMigration } from '../plan/events.js';
import type { UsageClock } from './clock.js';
import type { Learner } from './learner.js';
import type { Outbox } from './outbox.js';
import { createStoreCaller } from './store-caller.js';
import type { UsageBatch, UsageStore } from './usage.js';

/** Tells a store what is counted, behind the requests. */
export interface Flusher {
  /**
   * Announces this process to the store, and begins to flush; once, and only where that is possible.
   * Called again after `close()`, because requests still come, it takes back that it was closed.
   */
  start(): void;
  /** Settles once everything counted so far is told; rejects with what the store says. */
  flush(): Promise<void>;
  /** Tells the rest, and ends; what the store does not take within ten seconds is lost. */
  close(): Promise<void>;
}

interface FlushOptions {
  readonly store: UsageStore;
  /** Seconds. */
  readonly every: number;
  /** Whether to flush from time to time, and not only when asked. */
  readonly polls: boolean;
  readonly outbox: Outbox;
  /** Finds out whose the refused tokens are that wait. */
  readonly learner: Pick<Learner, 'examine' | 'ask' | 'askLast' | 'hasNews' | 'waits'>;
  readonly clock: UsageClock;
  readonly tell: EmitMigration;
}

/** `closing`: nothing is flushed by itself any more. `closed`: each batch says that it is the last. */
type State = 'open' | 'closing' | 'closed';

const patience = 10_000;
/** Of that, what is left for the last batch once all refused tokens are learned of. */
const patienceForLast = 2_000;
/** Before a batch that a store refuses for itself is set apart, or one of another's name kept. */
const mostTries = 3;

/**
 * A batch is told until the store has taken it, and only then the next one. Meanwhile requests are
 * counted on, so that nothing is lost, and nothing grows beyond what the counter holds. A batch that
 * can never be stored makes way for the next.
 */
export function startFlushing(options: FlushOptions): Flusher {
  const { store, every, polls, outbox, learner, clock, tell } = options;
  const call = createStoreCaller();
  let state: State = 'open';
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> | undefined;
  let ending: Promise<void> | undefined;
  let reopening: Promise<void> | undefined;
  let failure: string | undefined;

  function report(detail: string): void {
    try {
      tell({ time: clock.latest() ?? Date.now(), kind: 'usage-failed', detail });
    } catch {
      // Nobody can be told.
    }
  }

  async function drain(): Promise<void> {
    const faults = { renames: 0, refusals: 0 };
    let batch = outbox.first();
    while (batch) {
      try {
        await add(batch);
        outbox.shift();
        faults.refusals = 0;
      } catch (error) {
        overcome(error, faults);
      }
      batch = outbox.first();
    }
  }

  const add = (batch: UsageBatch): Promise<void> => call(patience, () => store.add(batch));

  /** Makes way for what comes next. @throws the error, where the store is down */
  function overcome(error: unknown, faults: { renames: number; refusals: number }): void {
    if (isOthersName(error) && faults.renames < mostTries) {
      faults.renames += 1;
      outbox.rename();
      report(`usage counts go on by another name: ${messageOf(error)}`);
      return;
    }
    if (!isBatchRefused(error)) throw error;
    faults.refusals += 1;
    if (faults.refusals < mostTries) return;
    faults.refusals = 0;
    const many = outbox.setApart()?.rows.length ?? 0;
    report(`a batch of ${many} usage counts can never be stored: ${messageOf(error)}`);
  }

  async function send(isLast: boolean): Promise<void> {
    outbox.fill(isLast);
    await drain();
  }

  async function flushNext(): Promise<void> {
    clock.read();
    await drain();
    await learner.examine(false);
    await send(false);
    failure = undefined;
  }

  // What is counted goes first: no store that is slow to be read may lose it.
  async function flushFinal(): Promise<void> {
    const until = performance.now() + patience;
    clock.read();
    await drain();
    // None says that all is told while something waits: the process may end in between.
    const isAll = !learner.waits();
    // And it would, if it had nothing else to do.
    const alive = isAll ? undefined : setTimeout(() => {}, patience);
    try {
      await send(isAll);
      await learner.examine(true);
      await learner.askLast(Math.max(0, until - performance.now() - patienceForLast));
      if (!isAll || outbox.hasMore()) await send(true);
    } finally {
      clearTimeout(alive);
    }
  }

  /** One at a time, however many ask. */
  function flushOnce(): Promise<void> {
    flushing ??= (state === 'closed' ? flushFinal() : flushNext()).finally(() => {
      flushing = undefined;
    });
    return flushing;
  }

  // Who closes the guard waits for no flush that only reads the store.
  async function flush(): Promise<void> {
    await flushOnce();
    if (state !== 'open') return;
    await learner.ask();
    if (learner.hasNews()) await flushOnce();
  }

  async function flushUnasked(): Promise<void> {
    try {
      await flush();
    } catch (error) {
      const detail = `usage counts wait to be kept: ${messageOf(error)}`;
      // Once, and not again with every attempt for as long as it lasts.
      if (detail !== failure) report(detail);
      failure = detail;
    }
  }

  function schedule(): void {
    clearTimeout(timer);
    // A little earlier or later each time, so that processes do not write all at once; and never
    // later than is told of it.
    timer = setTimeout(() => void poll(), every * (800 + 200 * Math.random()));
    timer.unref?.(); // Workers have numbers for timers
  }

  async function poll(): Promise<void> {
    await flushUnasked();
    if (state === 'open') schedule();
  }

  async function finish(): Promise<void> {
    // Whoever asks for the counts meanwhile may begin another one.
    while (flushing) await flushing.catch(() => {});
    // Who reads the counts later must not make it look alive.
    state = 'closed';
    await flushOnce();
  }

  async function end(): Promise<void> {
    try {
      await withDeadline({ milliseconds: patience }, finish);
    } catch (error) {
      report(`usage counts since the last flush are lost: ${messageOf(error)}`);
    }
    state = 'closed';
  }

  /** Requests are decided after all: no store may go on saying that this has ended. */
  function reopen(): void {
    state = 'open';
    ending = undefined;
    reopening = undefined;
    if (polls) schedule();
    void Promise.resolve().then(flushUnasked);
  }

  return {
    start() {
      // Until it has ended, what is counted is in the batch that says that it is closed.
      if (state === 'closed' && !reopening) reopening = ending?.then(reopen);
      if (state !== 'open' || timer !== undefined || !polls) return;
      try {
        schedule();
      } catch {
        // A Worker that is being started may not set a timer: the first count tries it again.
        return;
      }
      void Promise.resolve().then(flushUnasked);
    },
    // What was counted while another flush was on its way is told too.
    async flush() {
      await flushing?.catch(() => {});
      await flush();
    },
    close() {
      if (state === 'open') state = 'closing';
      clearTimeout(timer);
      ending ??= end();
      return ending;
    },
  };
}

const isOthersName = (error: unknown): boolean =>
  (Object(error) as { readonly code?: unknown }).code === 'ERR_USAGE_INSTANCE';

/**
 * Tells whether a store refuses a batch for what is in it, and not because it is down: then it would
 * refuse it for ever. PostgreSQL's class 22 is data that it cannot keep, 54 is beyond its limits.
 */
function isBatchRefused(error: unknown): boolean {
  const { code } = Object(error) as { readonly code?: unknown };
  return (
    code === 'ERR_USAGE_BATCH' || (typeof code === 'string' && /^(22|54)[\dA-Z]{3}$/.test(code))
  );
}
