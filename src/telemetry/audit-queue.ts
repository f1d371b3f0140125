import type { Sink, SinkMaker } from './audit-sink.js';

/** How many lines wait at most, and how large they are together. */
export interface QueueBounds {
  readonly lines: number;
  readonly bytes: number;
}

/** Lines that are missing: how many, how many of them could not be written, and from when to when. */
export interface Gap {
  readonly count: number;
  readonly failed: number;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** What a queue knows beside its sink. */
export interface QueueSetup {
  readonly bounds: QueueBounds;
  /** Milliseconds since 1970. */
  now(): number;
  /** The line that tells of a gap. */
  tellGap(gap: Gap): string;
}

/** Lines on their way out. */
export interface Queue {
  /** Takes a line, or drops and counts it: never waits, never throws. */
  push(line: string): void;
  /** Resolves when nothing is left to write: `true`; or after that many milliseconds: `false`. */
  flush(milliseconds: number): Promise<boolean>;
  /** The same, and drops what is left and what still comes. */
  close(milliseconds: number): Promise<boolean>;
  /** Lines, without those that tell of gaps. */
  counts(): { written: number; waiting: number; dropped: number; failed: number };
}

interface Entry {
  readonly line: string;
  readonly bytes: number;
  readonly gap?: Gap;
}

/** Lines that are written in one go: then requests have a turn. */
const linesPerTurn = 256;

/** A bounded queue before a sink. What finds no room is dropped, counted, and told of in a line. */
export function createQueue(makeSink: SinkMaker, { bounds, now, tellGap }: QueueSetup): Queue {
  let entries: Entry[] = [];
  let next = 0;
  let bytes = 0;
  let underWay = 0;
  let gap: Gap | undefined;
  let pumping = false;
  let resting = false;
  let over = false;
  let closing: Promise<boolean> | undefined;
  const told = { written: 0, waiting: 0, dropped: 0, failed: 0 };
  const idlers = new Set<() => void>();
  const sink: Sink = makeSink(pump);

  const waiting = () => entries.length - next;
  const hasRoom = (share: number, more = 0) =>
    waiting() < bounds.lines * share && bytes + more <= bounds.bytes * share;

  function pump(): void {
    if (pumping || resting) return;
    pumping = true;
    let turns = linesPerTurn;
    while (waiting() > 0 && sink.state() !== 'full') {
      if (turns === 0) {
        resting = true;
        setImmediate(() => {
          resting = false;
          pump();
        });
        break;
      }
      turns -= 1;
      const entry = take();
      if (sink.state() === 'over') lose(entry, 'failed');
      else hand(entry);
    }
    pumping = false;
    if (waiting() === 0 && underWay === 0) for (const idle of idlers) idle();
  }

  function hand(entry: Entry): void {
    underWay += 1;
    sink.hand(entry.line, (written) => {
      underWay -= 1;
      if (!written) lose(entry, 'failed');
      else if (!entry.gap) count('written');
      if (written) tellOfGap();
      pump();
    });
  }

  /** Half of the room has to be free: else every other line would tell of a gap. */
  function tellOfGap(): void {
    if (!gap || over || !hasRoom(0.5)) return;
    const line = tellGap(gap);
    add({ line, bytes: Buffer.byteLength(line), gap });
    gap = undefined;
  }

  function add(entry: Entry): void {
    entries.push(entry);
    bytes += entry.bytes;
  }

  function take(): Entry {
    const entry = entries[next] as Entry;
    next += 1;
    bytes -= entry.bytes;
    // Seldom enough to cost nothing, often enough that what was written is let go.
    if (next === entries.length || next >= 1024) {
      entries = entries.slice(next);
      next = 0;
    }
    return entry;
  }

  function count(what: 'written' | 'dropped' | 'failed'): void {
    told.waiting -= 1;
    told[what] += 1;
  }

  function lose(entry: Entry, why: 'dropped' | 'failed'): void {
    if (!entry.gap) count(why);
    const time = now();
    const failed = why === 'failed' ? 1 : 0;
    const lost = entry.gap ?? { count: 1, failed, since: time, until: time };
    gap = gap
      ? {
          count: gap.count + lost.count,
          failed: gap.failed + lost.failed,
          since: Math.min(gap.since, lost.since),
          until: Math.max(gap.until, lost.until),
        }
      : lost;
  }

  function flush(milliseconds: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (done: boolean) => {
        clearTimeout(timer);
        idlers.delete(idle);
        resolve(done);
      };
      const idle = () => settle(true);
      const timer = setTimeout(settle, milliseconds, false);
      idlers.add(idle);
      sink.hurry();
      pump();
    });
  }

  async function close(milliseconds: number): Promise<boolean> {
    const done = await flush(milliseconds);
    over = true;
    while (waiting() > 0) lose(take(), 'dropped');
    sink.release();
    return done;
  }

  return {
    push(line) {
      const entry = { line, bytes: Buffer.byteLength(line) };
      told.waiting += 1;
      if (closing || !hasRoom(1, entry.bytes)) return lose(entry, 'dropped');
      add(entry);
      pump();
    },
    flush,
    close(milliseconds) {
      closing ??= close(milliseconds);
      return closing;
    },
    counts: () => ({ ...told }),
  };
}
