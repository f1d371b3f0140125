import { withDeadline } from '../verify/deadline.js';
import type { TellMigration } from './changes.js';
import type { Counter } from './counter.js';
import { messageOf } from './keeper.js';
import type { UsageBatch, UsageStore } from './usage.js';

/** Tells a store what is counted, behind the requests. */
export interface Flusher {
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
  readonly counter: Counter;
  readonly now: () => number;
  readonly tell: TellMigration;
}

const mostRows = 1_000;
const patience = { milliseconds: 10_000 };
/** Beyond so many calls that a store does not answer, it is only waited for. */
const mostUnanswered = 3;

/**
 * A batch is told until the store has taken it, and only then the next one. Meanwhile requests are
 * counted on, so that nothing is lost, and nothing grows beyond what the counter holds.
 */
export function flushUsage(options: FlushOptions): Flusher {
  const { store, every, polls, counter, now, tell } = options;
  const instance = globalThis.crypto.randomUUID();
  const since = now();
  let seq = 0;
  let waiting: UsageBatch[] = [];
  let unanswered = 0;
  let flushing: Promise<void> | undefined;
  let failure: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let closing: Promise<void> | undefined;
  let ended = false;

  // Also one without rows: that somebody is there and has nothing to tell is worth knowing.
  function nextBatches(isLast: boolean): UsageBatch[] {
    const at = now();
    const rows = counter.take();
    const dropped = counter.dropped();
    const parts = Math.max(1, Math.ceil(rows.length / mostRows));
    return Array.from({ length: parts }, (_, part) => {
      seq += 1;
      return {
        ...{ instance, seq, since, at, every, dropped },
        closed: (isLast || ended) && part === parts - 1,
        rows: rows.slice(part * mostRows, (part + 1) * mostRows),
      };
    });
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
    for (let [batch] = waiting; batch; [batch] = waiting) {
      await add(batch);
      waiting.shift();
    }
  }

  async function send(isLast: boolean): Promise<void> {
    await drain();
    waiting = nextBatches(isLast);
    await drain();
    failure = undefined;
  }

  function flush(isLast = false): Promise<void> {
    flushing ??= send(isLast).finally(() => {
      flushing = undefined;
    });
    return flushing;
  }

  function report(error: unknown): void {
    const detail = `usage counts wait to be kept: ${messageOf(error)}`;
    // Once, and not again with every attempt for as long as it lasts.
    if (detail !== failure) tell({ time: now(), kind: 'usage-failed', detail });
    failure = detail;
  }

  function schedule(): void {
    if (closed || !polls) return;
    // A little earlier or later each time, so that processes do not write all at once; and never
    // later than is told of it.
    timer = setTimeout(() => void poll(), every * (800 + 200 * Math.random()));
    timer.unref?.(); // Workers have numbers for timers
  }

  // Whatever happens, even to the clock, it comes to a next time.
  async function poll(): Promise<void> {
    await flush()
      .catch(report)
      .catch(() => {});
    schedule();
  }

  async function sendLast(): Promise<void> {
    // Whoever asks for the counts meanwhile may begin another one.
    while (flushing) await flushing.catch(() => {});
    await flush(true);
  }

  async function end(): Promise<void> {
    try {
      await withDeadline(patience, sendLast);
    } catch (error) {
      const detail = `usage counts since the last flush are lost: ${messageOf(error)}`;
      tell({ time: now(), kind: 'usage-failed', detail });
    }
    // Who reads the counts later must not make it look alive.
    ended = true;
  }

  schedule();
  return {
    // What was counted while another flush was on its way is told too.
    async flush() {
      await flushing?.catch(() => {});
      await flush();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      closing ??= end();
      return closing;
    },
  };
}
