import { day as dayLength, minute as minuteLength } from '../base/dates.js';
import type { Stretch } from './usage.js';

/** The clock of a counting guard. It may be wrong at first, and may be set. */
export interface UsageClock {
  /** Returns whole milliseconds since 1970; undefined while the clock is implausible. */
  read(): number | undefined;
  /** Returns the latest plausible reading. */
  latest(): number | undefined;
  /** Returns the latest plausible minute since 1970. */
  minute(): number | undefined;
  /** Returns when counting started, by the corrected clock. */
  since(): number | undefined;
  /** Calls the listener with the milliseconds by which the clock was behind, before returning corrected times. */
  onCorrected(listener: (by: number) => void): void;
  /** Returns the intervals since the last call. The clock was not set within any of them. */
  take(): readonly Stretch[];
}

interface Clocks {
  readonly now: () => number;
  /** A monotonic clock in milliseconds; `now` itself if that was given as an option. */
  readonly stopwatch: () => number;
}

interface Reading {
  readonly time: number;
  readonly measured: number;
}

/** 2000 to 2999, as in a plan. */
const earliest = Date.UTC(2000, 0, 1);
const latest = Date.UTC(3000, 0, 1) - 1;

/** Smaller corrections and pauses of the process are ignored. */
const tolerance = 5 * minuteLength;
/** A longer time between two readings means that the clock was set or the process was suspended. */
const longestPause = 31 * 24 * 60 * minuteLength;
/** A clock that is set this soon after the start, and not forward by hours, was wrong until then. */
const settling = 60 * minuteLength;
/** The most intervals between two flushes. */
const mostStretches = 20;

/**
 * Detects when the clock is set or the process was suspended, because nothing was counted in that time. A
 * clock that is set soon after the start was wrong until then, so `since` and earlier counts are moved.
 */
export function createUsageClock({ now, stopwatch }: Clocks): UsageClock {
  let since: number | undefined;
  let from = 0;
  let past: Stretch[] = [];
  let last: Reading | undefined;
  let lived = 0;
  let rawMinute = Number.NaN;
  let onCorrection = (_by: number): void => {};

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
    onCorrection(by);
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
    // If the stopwatch is `now` itself, they never differ.
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
        // Treated like an implausible time.
      }
      // Full checks only once a minute, because this runs on every request.
      if (raw !== rawMinute) {
        rawMinute = raw;
        read();
      }
      return minuteOf(last?.time);
    },
    since: () => since,
    onCorrected(listener) {
      onCorrection = listener;
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
