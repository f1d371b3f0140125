import { withDeadline } from '../base/deadline.js';
import { messageOf } from '../base/thrown.js';
import type { EmitMigration } from '../plan/events.js';
import type { UsageClock } from './clock.js';
import type { Outbox } from './outbox.js';
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
  /** Counts what has waited, before all that was counted is handed over. */
  readonly settle: (isLast: boolean) => Promise<void>;
  readonly clock: UsageClock;
  readonly tell: EmitMigration;
}

/** `closing`: nothing is flushed by itself any more. `closed`: each batch says that it is the last. */
type State = 'open' | 'closing' | 'closed';

const patience = { milliseconds: 10_000 };
/** Beyond so many calls that a store does not answer, it is only waited for. */
const mostUnanswered = 3;
/** Before a batch that a store refuses for itself is set apart. */
const mostTries = 3;

/**
 * A batch is told until the store has taken it, and only then the next one. Meanwhile requests are
 * counted on, so that nothing is lost, and nothing grows beyond what the counter holds. A batch that
 * can never be stored makes way for the next.
 */
export function startFlushing(options: FlushOptions): Flusher {
  const { store, every, polls, outbox, settle, clock, tell } = options;
  let state: State = 'open';
  let started = !polls;
  /** Whether requests came while the last batch was on its way. */
  let isAsked = false;
  let hasEnded = false;
  let unanswered = 0;
  let flushing: Promise<void> | undefined;
  let ending: Promise<void> | undefined;
  let failure: string | undefined;
  let timer: NodeJS.Timeout | undefined;

  function report(detail: string): void {
    tell({ time: clock.latest() ?? Date.now(), kind: 'usage-failed', detail });
  }

  async function add(batch: UsageBatch): Promise<void> {
    if (unanswered >= mostUnanswered) throw new Error('the store does not answer');
    unanswered += 1;
    const answer = (async () => store.add(batch))();
    const settled = () => {
      unanswered -= 1;
    };
    answer.then(settled, settled);
    await withDeadline(patience, () => answer);
  }

  async function drain(): Promise<void> {
    let tries = 0;
    let renames = 0;
    for (let batch = outbox.first(); batch; batch = outbox.first()) {
      try {
        await add(batch);
        outbox.shift();
        tries = 0;
      } catch (error) {
        if (isOthersName(error) && renames < mostTries) {
          renames += 1;
          outbox.rename();
          report(`usage counts go on by another name: ${messageOf(error)}`);
          continue;
        }
        if (!isBatchRefused(error)) throw error;
        tries += 1;
        if (tries < mostTries) continue;
        tries = 0;
        const many = outbox.setApart()?.rows.length ?? 0;
        report(`a batch of ${many} usage counts can never be stored: ${messageOf(error)}`);
      }
    }
  }

  async function send(): Promise<void> {
    clock.read();
    await drain();
    await settle(state === 'closed');
    outbox.fill(state === 'closed');
    await drain();
    failure = undefined;
  }

  /** One at a time, however many ask. */
  function flush(): Promise<void> {
    flushing ??= send().finally(() => {
      flushing = undefined;
    });
    return flushing;
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
    await flush();
  }

  async function end(): Promise<void> {
    try {
      await withDeadline(patience, finish);
    } catch (error) {
      report(`usage counts since the last flush are lost: ${messageOf(error)}`);
    }
    state = 'closed';
    hasEnded = true;
    if (isAsked) reopen();
  }

  /** Requests are decided after all: no store may go on saying that this has ended. */
  function reopen(): void {
    isAsked = false;
    hasEnded = false;
    state = 'open';
    ending = undefined;
    if (polls) schedule();
    void Promise.resolve().then(flushUnasked);
  }

  return {
    start() {
      if (started && state === 'open') return;
      if (state === 'closed' && hasEnded) return reopen();
      // Until then, what is counted is in the batch that says that it is closed.
      if (state === 'closed') isAsked = true;
      if (state !== 'open') return;
      try {
        schedule();
      } catch {
        // A Worker that is being started may not set a timer: the first count tries it again.
        return;
      }
      started = true;
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
