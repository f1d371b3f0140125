import { withDeadline } from '../base/deadline.js';
import { messageOf } from '../base/thrown.js';
import type { EmitMigration } from '../plan/events.js';
import type { UsageClock } from './clock.js';
import type { Learner } from './learner.js';
import type { Outbox } from './outbox.js';
import { createStoreCaller } from './store-caller.js';
import type { UsageBatch, UsageStore } from './usage.js';

/** Sends counts to a store in the background. */
export interface Flusher {
  /**
   * Registers this process in the store and starts flushing, once. Called again after `close()`, because
   * requests still arrive, it marks the instance as open again.
   */
  start(): void;
  /** Resolves once everything counted so far is stored; rejects with the store's error. */
  flush(): Promise<void>;
  /** Flushes the rest and stops. What the store does not accept within ten seconds is lost. */
  close(): Promise<void>;
}

interface FlushOptions {
  readonly store: UsageStore;
  /** Seconds. */
  readonly every: number;
  /** Whether to flush periodically, and not only on `flush()`. */
  readonly polls: boolean;
  readonly outbox: Outbox;
  /** Attributes rejected tokens to clients. */
  readonly learner: Pick<Learner, 'examine' | 'ask' | 'askLast' | 'hasNews' | 'waits'>;
  readonly clock: UsageClock;
  readonly tell: EmitMigration;
}

/** `closing`: no periodic flushes any more. `closed`: batches are marked as the last. */
type State = 'open' | 'closing' | 'closed';

const patience = 10_000;
/** The part of it reserved for the last batch, after rejected tokens are attributed. */
const patienceForLast = 2_000;
/** How often a batch is tried before it is dropped, and how often an instance is renamed. */
const mostTries = 3;

/**
 * Sends one batch at a time, again until the store has accepted it. Counting continues meanwhile, within
 * the limits of the counter. A batch that can never be stored is dropped.
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
      // There is nowhere left to report it.
    }
  }

  async function drain(): Promise<void> {
    const faults = { renames: 0, rejections: 0 };
    let batch = outbox.first();
    while (batch) {
      try {
        await add(batch);
        outbox.shift();
        faults.rejections = 0;
      } catch (error) {
        handleRejection(error, faults);
      }
      batch = outbox.first();
    }
  }

  const add = (batch: UsageBatch): Promise<void> => call(patience, () => store.add(batch));

  /** Renames the instance or drops the batch. @throws the error if the store is unavailable */
  function handleRejection(error: unknown, faults: { renames: number; rejections: number }): void {
    if (isNameTaken(error) && faults.renames < mostTries) {
      faults.renames += 1;
      outbox.rename();
      report(`usage counting continues under a new instance name: ${messageOf(error)}`);
      return;
    }
    if (!isBatchRejected(error)) throw error;
    faults.rejections += 1;
    if (faults.rejections < mostTries) return;
    faults.rejections = 0;
    const rows = outbox.setApart()?.rows.length ?? 0;
    report(
      `a batch of ${rows} usage rows was dropped, because it can never be stored: ${messageOf(error)}`,
    );
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

  // Sends the counts first, so that a slow read of the store cannot lose them.
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

  /** Concurrent callers share one flush. */
  function flushOnce(): Promise<void> {
    flushing ??= (state === 'closed' ? flushFinal() : flushNext()).finally(() => {
      flushing = undefined;
    });
    return flushing;
  }

  // While closing, skips reading the store.
  async function flush(): Promise<void> {
    await flushOnce();
    if (state !== 'open') return;
    await learner.ask();
    if (learner.hasNews()) await flushOnce();
  }

  async function flushInBackground(): Promise<void> {
    try {
      await flush();
    } catch (error) {
      const detail = `usage counts could not be saved yet: ${messageOf(error)}`;
      // Emitted once per reason, not on every attempt.
      if (detail !== failure) report(detail);
      failure = detail;
    }
  }

  function schedule(): void {
    clearTimeout(timer);
    // Jitter, so that processes do not write at the same moment. Never later than `every`, which the
    // batches announce.
    timer = setTimeout(() => void poll(), every * (800 + 200 * Math.random()));
    timer.unref?.(); // On Workers, a timer is a number.
  }

  async function poll(): Promise<void> {
    await flushInBackground();
    if (state === 'open') schedule();
  }

  async function finish(): Promise<void> {
    // Reading the counts meanwhile may start another flush.
    while (flushing) await flushing.catch(() => {});
    // Later flushes must not make the instance look alive.
    state = 'closed';
    await flushOnce();
  }

  async function end(): Promise<void> {
    try {
      await withDeadline({ milliseconds: patience }, finish);
    } catch (error) {
      report(`usage counts since the last flush were lost: ${messageOf(error)}`);
    }
    state = 'closed';
  }

  /** Requests still arrive after `close()`, so the store must not keep showing it as closed. */
  function reopen(): void {
    state = 'open';
    ending = undefined;
    reopening = undefined;
    if (polls) schedule();
    void Promise.resolve().then(flushInBackground);
  }

  return {
    start() {
      // While closing, counts still go into the last batch; reopen after that.
      if (state === 'closed' && !reopening) reopening = ending?.then(reopen);
      if (state !== 'open' || timer !== undefined || !polls) return;
      try {
        schedule();
      } catch {
        // Workers allow no timers during startup; the first count tries again.
        return;
      }
      void Promise.resolve().then(flushInBackground);
    },
    // Waits for a running flush, which may not contain the latest counts.
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

const isNameTaken = (error: unknown): boolean =>
  (Object(error) as { readonly code?: unknown }).code === 'ERR_USAGE_INSTANCE';

/**
 * Returns whether a store rejects a batch because of its content, and not because of an outage: it would
 * reject it every time. PostgreSQL error class 22 is invalid data, 54 exceeds a limit.
 */
function isBatchRejected(error: unknown): boolean {
  const { code } = Object(error) as { readonly code?: unknown };
  return (
    code === 'ERR_USAGE_BATCH' || (typeof code === 'string' && /^(22|54)[\dA-Z]{3}$/.test(code))
  );
}
