import { tagOf } from './batch.js';
import type { UsageClock } from './clock.js';
import type { Counter } from './counter.js';
import { requestsIn } from './coverage.js';
import type { Exclusions } from './options.js';
import type { UsageBatch, UsageRow } from './usage.js';

/** The batches that a store has yet to take, the first one first. */
export interface Outbox {
  /** The batch that is told next, as it is handed over now. */
  first(): UsageBatch | undefined;
  /** The store has it. */
  shift(): void;
  /** It can never be stored: its number is missing from now on, and its time is not watched. */
  setApart(): UsageBatch | undefined;
  /** Another guard has its name: what waits is told by a new one, and covers no time. */
  rename(): void;
  /** The clock was behind by so many milliseconds: what is not told yet is told under the right dates. */
  correct(by: number): void;
  /** Whether something was counted since. */
  hasMore(): boolean;
  /** Makes batches of all that was counted so far. There may be none while the clock is wrong. */
  fill(closed: boolean): void;
}

interface OutboxOptions {
  readonly counter: Counter;
  readonly clock: UsageClock;
  /** Seconds. */
  readonly flushInterval: number;
  /** Clients that are not counted: of them nothing is known. */
  readonly exclude: Exclusions;
  /** When the earliest credential came of which it is not known yet whose it is, in milliseconds since 1970. */
  readonly waitsSince: () => number | undefined;
}

const mostRows = 1_000;

/** Numbers batches, and says for which time they hold all counts. */
export function createOutbox({
  counter,
  clock,
  flushInterval: every,
  exclude,
  waitsSince,
}: OutboxOptions): Outbox {
  // Made when it is needed: a Worker forbids random values while it starts.
  let instance: string | undefined;
  let seq = 0;
  const excludes = exclude.entries.length > 0 && { excludes: exclude.entries };
  let waiting: UsageBatch[] = [];
  /** When the time began that it counts by another name than before; until it tells, that is not watched. */
  let renamedAt = 0;
  /** The number of the newest batch that was handed to the store, which may have it. */
  let handed = 0;
  /** Requests in those. */
  let handedRequests = 0;
  /** Since when what came back, or still waits, was counted. */
  let resumedAt: number | undefined;
  /** Requests that were dropped, as far as the store has been told by this name, and by those before it. */
  let told = { dropped: 0, before: 0 };

  /** By this name: what the store was told by another one stays told. */
  const droppedSoFar = (): number => counter.dropped() - told.before;

  function batchOf(part: Partial<UsageBatch> & Pick<UsageBatch, 'at' | 'rows'>): UsageBatch {
    seq += 1;
    instance ??= globalThis.crypto.randomUUID();
    const since = Math.max(clock.since() ?? part.at, renamedAt);
    const dropped = droppedSoFar();
    const state = { instance, seq, since, every, dropped, closed: false, from: part.at };
    const batch = { ...state, ...excludes, ...part };
    return { ...batch, tag: tagOf(batch) };
  }

  return {
    first() {
      // First of all: a clock that was set may move what waits.
      const sentAt = clock.read();
      const [batch] = waiting;
      if (batch && batch.seq > handed) {
        handed = batch.seq;
        handedRequests += requestsIn(batch.rows);
      }
      return batch && (sentAt === undefined ? batch : { ...batch, sentAt });
    },
    shift() {
      const { dropped = told.dropped } = waiting.shift() ?? {};
      told = { ...told, dropped };
    },
    setApart() {
      const apart = waiting.shift();
      resumedAt = undefined;
      if (!apart) return undefined;
      counter.drop(apart.rows);
      // What waits was counted together: without this part no time is covered by the others.
      waiting = waiting.map((one) => ({ ...one, from: one.at, dropped: droppedSoFar() }));
      return apart;
    },
    rename() {
      instance = globalThis.crypto.randomUUID();
      seq = 0;
      handed = 0;
      told = { dropped: 0, before: told.before + told.dropped };
      resumedAt = undefined;
      renamedAt = Math.min(...waiting.map(({ from, at }) => from ?? at));
      waiting = waiting.map(({ at, rows, closed }) => batchOf({ at, rows, closed }));
    },
    correct(by) {
      const kept = waiting.filter((one) => one.seq <= handed);
      const back = waiting.slice(kept.length);
      counter.correct(by, { back: back.flatMap(({ rows }) => rows), wrong: handedRequests });
      handedRequests = 0;
      waiting = kept;
      seq -= back.length;
      if (renamedAt > 0) renamedAt += by;
      const begun = Math.min(
        ...back.map(({ from, at }) => from ?? at),
        resumedAt ?? Number.POSITIVE_INFINITY,
      );
      // Time whose counts are partly in a batch that the store may have is not watched.
      resumedAt = Number.isFinite(begun) && kept.length === 0 ? begun + by : undefined;
    },
    hasMore: counter.hasRows,
    fill(closed) {
      const now = clock.read() ?? (closed ? clock.latest() : undefined);
      if (now === undefined) return;
      const stretches = clock.take();
      const [begun = now] = stretches.at(-1) ?? [];
      const from = Math.min(begun, (stretches.length === 1 && resumedAt) || begun);
      // What waits is in a later batch, and that one covers the time since it came.
      const since = waitsSince() ?? now;
      const at = Math.max(from, Math.min(now, since));
      resumedAt = at < now ? at : undefined;
      const past = stretches
        .slice(0, -1)
        .map(([start, end]) => [start, Math.max(start, Math.min(end, since))] as const);
      const parts = partsOf(counter.take());
      const last = stretches.length > 1 ? [] : parts.pop();
      const firstSeq = seq + 1;
      // Only the last ones say which time is covered: by then the store has all that was counted in it.
      waiting = [
        ...parts.map((rows) => batchOf({ at, rows })),
        ...past.map(([start, end]) => batchOf({ from: start, at: end, rows: [] })),
        batchOf({ from, at, rows: last ?? [], closed }),
      ].map((one) => (one.seq > firstSeq ? { ...one, firstSeq } : one));
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
