import { day as dayLength, minute as minuteLength } from '../base/dates.js';
import type { Stretch } from './usage.js';

/** The clock of a guard that counts, which may be wrong for a while, or be set. */
export interface UsageClock {
  /** Milliseconds since 1970, whole; undefined while the clock cannot be right. */
  read(): number | undefined;
  /** The latest reading that could be right. */
  latest(): number | undefined;
  /** Minutes since 1970, for a count: the latest that could be right. */
  minute(): number | undefined;
  /** When it began to count, by the clock as it is now: if it was set soon after that, it was wrong until then. */
  since(): number | undefined;
  /** Calls back, with the milliseconds by which the clock was behind, before it returns another time. */
  onCorrected(listener: (by: number) => void): void;
  /** The time that was counted since the last call: each stretch by a clock that was not set meanwhile. */
  take(): readonly Stretch[];
}

interface Clocks {
  readonly now: () => number;
  /** Milliseconds from some beginning, of a clock that nobody sets; `now` itself if that was given. */
  readonly stopwatch: () => number;
}

interface Reading {
  readonly time: number;
  readonly measured: number;
}

/** 2000 to 2999, as in a plan. */
const earliest = Date.UTC(2000, 0, 1);
const latest = Date.UTC(3000, 0, 1) - 1;

/** By how much a clock may be corrected, or the process be held up, and the time still counts. */
const tolerance = 5 * minuteLength;
/** Nothing is read from a clock for so long only where it was set, or the process did not run. */
const longestPause = 31 * 24 * 60 * minuteLength;
/** A clock that is set so soon after the beginning, and not by some hours forward, was wrong until then. */
const settling = 60 * minuteLength;
/** Times at which a clock was set since the last flush: more are one. */
const mostStretches = 20;

/**
 * Notices when a clock is set, or the process was suspended: neither is time in which anything was
 * counted. A clock that is set soon after the process began was wrong until then: the process began as
 * long ago as it has lived, whatever the clock said, and what was counted is to be moved.
 */
export function createUsageClock({ now, stopwatch }: Clocks): UsageClock {
  let since: number | undefined;
  let from = 0;
  let past: Stretch[] = [];
  let last: Reading | undefined;
  let lived = 0;
  let rawMinute = Number.NaN;
  let tellCorrected = (_by: number): void => {};

  function plausible(): number | undefined {
    try {
      const time = Math.floor(now());
      return time >= earliest && time <= latest ? time : undefined;
    } catch {
      return undefined;
    }
  }

  function correct(by: number): void {
    since = (since ?? 0) + by;
    from += by;
    tellCorrected(by);
  }

  function read(): number | undefined {
    const time = plausible();
    if (time === undefined) return undefined;
    const measured = stopwatch();
    const before = last;
    last = { time, measured };
    if (before) follow(before, last);
    else {
      since = time;
      from = time;
    }
    return time;
  }

  function follow(before: Reading, now: Reading): void {
    const elapsed = now.time - before.time;
    const passed = now.measured - before.measured;
    const isSet = Math.abs(elapsed - passed) > tolerance;
    if (!isSet && elapsed >= -tolerance && elapsed <= longestPause) {
      lived += Math.max(0, elapsed);
      return;
    }
    // Where the stopwatch is the clock itself, it agrees whatever happens.
    const isOwnStopwatch = Math.abs(now.measured - now.time) < tolerance;
    const by = isSet ? elapsed - passed : elapsed;
    // A clock that is ahead by hours of one that stood still: the machine was suspended meanwhile.
    const wasSuspended = by > 0 && by < dayLength;
    if (lived < settling && !wasSuspended && (isSet || isOwnStopwatch)) {
      correct(by);
      if (isSet) lived += Math.max(0, passed);
      return;
    }
    if (past.length < mostStretches) past.push([from, Math.max(from, before.time)]);
    from = now.time;
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
    onCorrected(listener) {
      tellCorrected = listener;
    },
    take() {
      if (!last) return [];
      const stretches: Stretch[] = [...past, [Math.min(from, last.time), last.time]];
      past = [];
      from = last.time;
      return stretches;
    },
  };
}
