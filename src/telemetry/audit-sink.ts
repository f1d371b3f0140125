import { mistake } from './settings.js';

/** What an audit log needs of a stream: any `Writable` of Node has it. */
export interface AuditStream {
  readonly writable: boolean;
  readonly writableNeedDrain: boolean;
  write(line: string, done: (error?: Error | null) => void): boolean;
  on(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

/**
 * Takes one line, its end included. `false` says that it was taken, and that the next should wait a
 * while; a promise, that the next has to wait for it.
 */
export type AuditWrite = (line: string) => unknown;

/** Where lines go, one after the other. */
export interface Sink {
  /** Whether it takes a line now, later, or never again. */
  state(): 'ready' | 'full' | 'over';
  /** Hands a line over; says once, at once or later, whether it was written. */
  hand(line: string, done: (written: boolean) => void): void;
  /** Takes a line now, even if it wanted to wait a while. */
  hurry(): void;
  /** Lets go of the stream. */
  release(): void;
}

/** Makes a sink, which calls `wake` when it takes lines again. */
export type SinkMaker = (wake: () => void) => Sink;

/**
 * Lines for a stream, which stays its owner's. Its errors are counted here: they end no process.
 * @throws ConfigError for what is no stream
 */
export function intoStream(where: string, stream: AuditStream): SinkMaker {
  const { write, on, off, writable, writableNeedDrain } = Object(stream) as Partial<AuditStream>;
  // Pino's destination has no such member, and never says that a line is written.
  const isWritable = typeof writable === 'boolean' && typeof writableNeedDrain === 'boolean';
  if (!isWritable || [write, on, off].some((one) => typeof one !== 'function')) {
    throw mistake(where, 'is no Writable stream: give one, or write: (line) => …');
  }
  return (wake) => {
    let full = false;
    const drained = () => {
      full = false;
      wake();
    };
    stream.on('drain', drained);
    stream.on('close', wake);
    stream.on('error', wake);
    return {
      state() {
        if (!stream.writable) return 'over';
        return full || stream.writableNeedDrain ? 'full' : 'ready';
      },
      hand(line, done) {
        const tell = once(done);
        try {
          full = stream.write(line, (error) => tell(!error)) === false;
        } catch {
          tell(false);
        }
      },
      hurry() {},
      release() {
        stream.off('drain', drained);
        stream.off('close', wake);
      },
    };
  };
}

/** Milliseconds: how long a function that answers `false` is left alone. */
const pauses = { first: 10, longest: 60_000 } as const;

/** Lines for a function. */
export function intoFunction(write: AuditWrite): SinkMaker {
  return (wake) => {
    let waiting = false;
    let pause: number = pauses.first;
    let timer: NodeJS.Timeout | undefined;

    function proceed(): void {
      clearTimeout(timer);
      timer = undefined;
      waiting = false;
    }
    function taken(answer: unknown, done: (written: boolean) => void): void {
      waiting = answer === false;
      if (!waiting) pause = pauses.first;
      else {
        // Nothing says when it has room again. One that never has is asked once a minute.
        timer = setTimeout(() => {
          proceed();
          wake();
        }, pause);
        timer.unref?.(); // Workers have numbers for timers
        pause = Math.min(pause * 2, pauses.longest);
      }
      done(true);
    }
    function failed(done: (written: boolean) => void): void {
      waiting = false;
      done(false);
    }
    return {
      state: () => (waiting ? 'full' : 'ready'),
      hand(line, done) {
        // Whatever the function does meanwhile, its next line comes after this one.
        waiting = true;
        let answer: unknown;
        try {
          answer = write(line);
        } catch {
          return failed(done);
        }
        if (typeof answer !== 'object' || answer === null) return taken(answer, done);
        Promise.resolve(answer).then(
          (late) => taken(late, done),
          () => failed(done),
        );
      },
      hurry() {
        if (timer) proceed();
      },
      release: proceed,
    };
  };
}

function once(done: (written: boolean) => void): (written: boolean) => void {
  let told = false;
  return (written) => {
    if (told) return;
    told = true;
    done(written);
  };
}
