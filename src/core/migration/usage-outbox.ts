import type { Counter } from './counter.js';
import type { UsageBatch, UsageRow } from './usage.js';
import type { UsageClock } from './usage-clock.js';

/** The batches that a store has yet to take, the first one first. */
export interface Outbox {
  /** The batch that is told next, as it is handed over now. */
  first(): UsageBatch | undefined;
  /** The store has it. */
  shift(): void;
  /** It can never be stored: its number is missing from now on, and its time is not watched. */
  setApart(): UsageBatch | undefined;
  /** Makes batches of all that was counted so far. There may be none while the clock is wrong. */
  fill(closed: boolean): void;
}

interface OutboxOptions {
  readonly counter: Counter;
  readonly clock: UsageClock;
  /** Seconds. */
  readonly every: number;
}

const mostRows = 1_000;

/** Numbers batches, and says for which time they hold all counts. */
export function createOutbox({ counter, clock, every }: OutboxOptions): Outbox {
  // Made when it is needed: a Worker forbids random values while it starts.
  let instance: string | undefined;
  let seq = 0;
  let waiting: UsageBatch[] = [];

  function batchOf(part: Partial<UsageBatch> & Pick<UsageBatch, 'at' | 'rows'>): UsageBatch {
    seq += 1;
    instance ??= globalThis.crypto.randomUUID();
    const since = clock.since() ?? part.at;
    const dropped = counter.dropped();
    return { instance, seq, since, every, dropped, closed: false, from: part.at, ...part };
  }

  return {
    first() {
      const [batch] = waiting;
      const sentAt = clock.read();
      return batch && (sentAt === undefined ? batch : { ...batch, sentAt });
    },
    shift() {
      waiting.shift();
    },
    setApart() {
      const apart = waiting.shift();
      if (!apart) return undefined;
      counter.drop(apart.rows);
      // What waits was counted together: without this part no time is covered by the others.
      waiting = waiting.map((one) => ({ ...one, from: one.at, dropped: counter.dropped() }));
      return apart;
    },
    fill(closed) {
      const at = clock.read() ?? (closed ? clock.latest() : undefined);
      if (at === undefined) return;
      const stretches = clock.take();
      const [from = at] = stretches.at(-1) ?? [];
      const parts = partsOf(counter.take());
      const last = stretches.length > 1 ? [] : parts.pop();
      // Only the last ones say which time is covered: by then the store has all that was counted in it.
      waiting = [
        ...parts.map((rows) => batchOf({ at, rows })),
        ...stretches.slice(0, -1).map((past) => batchOf({ from: past[0], at: past[1], rows: [] })),
        batchOf({ from, at, rows: last ?? [], closed }),
      ];
    },
  };
}

/** Never none: that somebody is there and has nothing to tell is worth knowing. */
function partsOf(rows: readonly UsageRow[]): (readonly UsageRow[])[] {
  const parts = Array.from({ length: Math.ceil(rows.length / mostRows) }, (_, i) =>
    rows.slice(i * mostRows, (i + 1) * mostRows),
  );
  return parts.length > 0 ? parts : [[]];
}
