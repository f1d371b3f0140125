import type { Sink, SinkMaker } from './audit-sink.js';

/** The maximum size of the queue: the number of lines, and their total size in bytes. */
export interface QueueBounds {
  readonly lines: number;
  readonly bytes: number;
}

/** Lost lines: how many, how many of them could not be written, and when the first and last were lost. */
export interface Gap {
  readonly count: number;
  readonly failed: number;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** Options of a queue. */
export interface QueueOptions {
  readonly bounds: QueueBounds;
  /** Milliseconds since 1970. */
  now(): number;
  /** Returns the line that reports a gap. */
  gapLine(gap: Gap): string;
}

/** A queue of lines to write. */
export interface Queue {
  /** Adds a line, or drops and counts it. Never waits or throws. */
  push(line: string): void;
  /** Resolves to `true` when the queue is empty, or to `false` after this many milliseconds. */
  flush(milliseconds: number): Promise<boolean>;
  /** Flushes, then drops the remaining and all later lines. */
  close(milliseconds: number): Promise<boolean>;
  /** Returns how many lines were written, are waiting or were lost, without those that report gaps. */
  counts(): { written: number; waiting: number; dropped: number; failed: number };
}

interface Entry {
  readonly line: string;
  readonly bytes: number;
  readonly gap?: Gap;
}

/** The number of lines to write before yielding to the event loop, so that requests are served. */
const linesPerTurn = 256;

/** Creates a bounded queue in front of a sink. Dropped lines are counted and reported in a line. */
export function createQueue(makeSink: SinkMaker, { bounds, now, gapLine }: QueueOptions): Queue {
  let entries: Entry[] = [];
  let next = 0;
  let bytes = 0;
  let writing = 0;
  let gap: Gap | undefined;
  let pumping = false;
  let yielding = false;
  let closed = false;
  let closing: Promise<boolean> | undefined;
  const counts = { written: 0, waiting: 0, dropped: 0, failed: 0 };
  const idleListeners = new Set<() => void>();
  const sink: Sink = makeSink(pump);

  const waiting = () => entries.length - next;
  const hasRoom = (share: number, more = 0) =>
    waiting() < bounds.lines * share && bytes + more <= bounds.bytes * share;

  function pump(): void {
    if (pumping || yielding) return;
    pumping = true;
    let turns = linesPerTurn;
    while (waiting() > 0 && sink.state() !== 'full') {
      if (turns === 0) {
        yielding = true;
        setImmediate(() => {
          yielding = false;
          pump();
        });
        break;
      }
      turns -= 1;
      const entry = take();
      if (sink.state() === 'closed') lose(entry, 'failed');
      else write(entry);
    }
    pumping = false;
    if (waiting() === 0 && writing === 0) for (const idle of idleListeners) idle();
  }

  function write(entry: Entry): void {
    writing += 1;
    sink.write(entry.line, (written) => {
      writing -= 1;
      if (!written) lose(entry, 'failed');
      else if (!entry.gap) count('written');
      if (written) reportGap();
      pump();
    });
  }

  /** Waits until half of the queue is free; otherwise every other line would report a gap. */
  function reportGap(): void {
    if (!gap || closed || !hasRoom(0.5)) return;
    const line = gapLine(gap);
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
    // Removing each entry would copy the array each time; keeping all would hold on to their memory.
    if (next === entries.length || next >= 1024) {
      entries = entries.slice(next);
      next = 0;
    }
    return entry;
  }

  function count(what: 'written' | 'dropped' | 'failed'): void {
    counts.waiting -= 1;
    counts[what] += 1;
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
        idleListeners.delete(idle);
        resolve(done);
      };
      const idle = () => settle(true);
      const timer = setTimeout(settle, milliseconds, false);
      idleListeners.add(idle);
      sink.skipDelay();
      pump();
    });
  }

  async function close(milliseconds: number): Promise<boolean> {
    const done = await flush(milliseconds);
    closed = true;
    while (waiting() > 0) lose(take(), 'dropped');
    sink.detach();
    return done;
  }

  return {
    push(line) {
      const entry = { line, bytes: Buffer.byteLength(line) };
      counts.waiting += 1;
      if (closing || !hasRoom(1, entry.bytes)) return lose(entry, 'dropped');
      add(entry);
      pump();
    },
    flush,
    close(milliseconds) {
      closing ??= close(milliseconds);
      return closing;
    },
    counts: () => ({ ...counts }),
  };
}
