import { mistake, typeName } from './settings.js';

/** The part of a Node.js `Writable` that an audit log uses. */
export interface AuditStream {
  readonly writable: boolean;
  readonly writableNeedDrain: boolean;
  write(line: string, done: (error?: Error | null) => void): boolean;
  on(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

/**
 * Writes one line, which includes its line break. After `false`, the next line is written after a
 * delay; a promise is awaited before the next line is written.
 */
export type AuditWrite = (line: string) => unknown;

/** The destination of the lines. */
export interface Sink {
  /** Returns whether it accepts a line now (`ready`), later (`full`) or never again (`closed`). */
  state(): 'ready' | 'full' | 'closed';
  /** Writes a line and calls `done` once, synchronously or later. */
  write(line: string, done: (written: boolean) => void): void;
  /** Ends the current delay, if the sink waits for one. */
  skipDelay(): void;
  /** Removes the listeners from the stream, and ends the current delay. */
  detach(): void;
}

/** Creates a sink, which calls `wake` when it accepts lines again. */
export type SinkMaker = (wake: () => void) => Sink;

/**
 * Returns a sink for a stream. It never closes the stream, and listens for its errors, so that they
 * do not crash the process.
 * @throws ConfigError if it is not a `Writable`
 */
export function intoStream(where: string, stream: AuditStream): SinkMaker {
  const { write, on, off, writable, writableNeedDrain } = Object(stream) as Partial<AuditStream>;
  // pino.destination() lacks these members, and does not report when a line is written.
  const isWritable = typeof writable === 'boolean' && typeof writableNeedDrain === 'boolean';
  if (!isWritable || [write, on, off].some((one) => typeof one !== 'function')) {
    const advice = 'pass one, or write: (line) => …';
    throw mistake(where, `must be a Writable stream; got ${typeName(stream)}: ${advice}`);
  }
  return (wake) => {
    let full = false;
    const onDrain = () => {
      full = false;
      wake();
    };
    stream.on('drain', onDrain);
    stream.on('close', wake);
    stream.on('error', wake);
    return {
      state() {
        if (!stream.writable) return 'closed';
        return full || stream.writableNeedDrain ? 'full' : 'ready';
      },
      write(line, done) {
        const settle = once(done);
        try {
          full = stream.write(line, (error) => settle(!error)) === false;
        } catch {
          settle(false);
        }
      },
      skipDelay() {},
      detach() {
        stream.off('drain', onDrain);
        stream.off('close', wake);
      },
    };
  };
}

/** The delays after a `write` function returned `false`, in milliseconds. */
const delays = { first: 10, longest: 60_000 } as const;

/** Returns a sink for a function. */
export function intoFunction(write: AuditWrite): SinkMaker {
  return (wake) => {
    let waiting = false;
    let delay: number = delays.first;
    let timer: NodeJS.Timeout | undefined;

    function endDelay(): void {
      clearTimeout(timer);
      timer = undefined;
      waiting = false;
    }
    function onWritten(result: unknown, done: (written: boolean) => void): void {
      waiting = result === false;
      if (!waiting) delay = delays.first;
      else {
        // There is no event for a function that accepts lines again, so it is tried after a delay.
        timer = setTimeout(() => {
          endDelay();
          wake();
        }, delay);
        timer.unref?.(); // on Workers, timers are numbers
        delay = Math.min(delay * 2, delays.longest);
      }
      done(true);
    }
    function onFailed(done: (written: boolean) => void): void {
      waiting = false;
      done(false);
    }
    return {
      state: () => (waiting ? 'full' : 'ready'),
      write(line, done) {
        // Set before the call: the function may itself cause a decision, whose line must wait.
        waiting = true;
        let result: unknown;
        try {
          result = write(line);
        } catch {
          return onFailed(done);
        }
        if (typeof result !== 'object' || result === null) return onWritten(result, done);
        Promise.resolve(result).then(
          (value) => onWritten(value, done),
          () => onFailed(done),
        );
      },
      skipDelay() {
        if (timer) endDelay();
      },
      detach: endDelay,
    };
  };
}

function once(done: (written: boolean) => void): (written: boolean) => void {
  let called = false;
  return (written) => {
    if (called) return;
    called = true;
    done(written);
  };
}
