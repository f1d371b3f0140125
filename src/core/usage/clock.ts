import { minute as minuteLength } from '../base/dates.js';
import type { Stretch } from './usage.js';

/** The clock of a guard that counts, which may be wrong for a while, or be set. */
export interface UsageClock {
  /** Milliseconds since 1970, whole; undefined while the clock cannot be right. */
  read(): number | undefined;
  /** The latest reading that could be right. */
  latest(): number | undefined;
  /** Minutes since 1970, for a count: the latest that could be right. */
  minute(): number | undefined;
  /** When it began to count; later, if the clock was set soon after that. */
  since(): number | undefined;
  /** The time that was counted since the last call: each stretch by a clock that was not set meanwhile. */
  take(): readonly Stretch[];
}

interface Clocks {
  readonly now: () => number;
  /** Milliseconds from some beginning, of a clock that nobody sets; `now` itself if that was given. */
  readonly stopwatch: () => number;
}

/** 2000 to 2999, as in a plan. */
const earliest = Date.UTC(2000, 0, 1);
const latest = Date.UTC(3000, 0, 1) - 1;

/** By how much a clock may be corrected, or the process be held up, and the time still counts. */
const tolerance = 5 * minuteLength;
/** Nothing is read from a clock for so long only where it was set, or the process did not run. */
const longestPause = 31 * 24 * 60 * minuteLength;
/** A clock that is set so soon after the beginning was wrong until then. */
const settling = 60 * minuteLength;
/** Times at which a clock was set since the last flush: more are one. */
const mostStretches = 20;

/**
 * Notices when a clock is set, or the process was suspended: neither is time in which anything was
 * counted. A clock that was wrong when the process began, until it was set, makes no past watched.
 */
export function createUsageClock({ now, stopwatch }: Clocks): UsageClock {
  let since: number | undefined;
  let from = 0;
  let past: Stretch[] = [];
  let last: { readonly time: number; readonly measured: number } | undefined;
  let lived = 0;
  let rawMinute = Number.NaN;

  function plausible(): number | undefined {
    try {
      const time = Math.floor(now());
      return time >= earliest && time <= latest ? time : undefined;
    } catch {
      return undefined;
    }
  }

  function begin(time: number): void {
    since = time;
    from = time;
    past = [];
  }

  function read(): number | undefined {
    const time = plausible();
    if (time === undefined) return undefined;
    const measured = stopwatch();
    if (!last) begin(time);
    else {
      const elapsed = time - last.time;
      const isSet = Math.abs(elapsed - (measured - last.measured)) > tolerance;
      if (isSet || elapsed < -tolerance || elapsed > longestPause) {
        if (lived < settling) begin(time);
        else if (past.length < mostStretches) past.push([from, Math.max(from, last.time)]);
        from = time;
      } else lived += Math.max(0, elapsed);
    }
    last = { time, measured };
    return time;
  }

  const minuteOf = (time: number | undefined) => time && Math.floor(time / minuteLength);

  return {
    read,
    latest: () => last?.time,
    minute() {
      let raw = Number.NaN;
      try {
        raw = Math.floor(now() / minuteLength);
      } catch {
        // As one that cannot be right.
      }
      // Looked at closely once a minute: that is cheap enough for each request.
      if (raw !== rawMinute) {
        rawMinute = raw;
        read();
      }
      return minuteOf(last?.time);
    },
    since: () => since,
    take() {
      if (!last) return [];
      const stretches: Stretch[] = [...past, [Math.min(from, last.time), last.time]];
      past = [];
      from = last.time;
      return stretches;
    },
  };
}
