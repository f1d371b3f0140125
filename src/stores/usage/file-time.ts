import { watchedOf } from '../../core/usage/coverage.js';
import type { UsageInstance } from '../../index.js';
import { cutoffOf } from './row.js';

const day = 86_400_000;
/** How many days with counts are needed before the oldest of them is trusted. */
const mostDays = 7;

/** The times from which a file store determines what is too old. */
interface Clocks {
  /** The instance's own clock, in milliseconds since 1970. */
  readonly at: number;
  /** The instances whose counts may be deleted, or others that counted at the same time. */
  readonly witnesses: Iterable<UsageInstance>;
  /** Days. */
  readonly keep: number;
}

/**
 * Returns the time, in milliseconds since 1970, before which counts in files are deleted. Files have no
 * clock, and all processes share that of the host, which may be wrong for hours. Therefore, the days are
 * counted back from the seventh newest day with counts: a clock that is wrong on fewer days deletes
 * nothing.
 */
export function fileCutoff({ at, witnesses, keep }: Clocks): number {
  const days = new Set<number>();
  for (const witness of witnesses) {
    for (const [from, to] of watchedOf(witness)) {
      const last = Math.floor(to / day);
      const first = Math.max(Math.floor(from / day), last - mostDays + 1);
      for (let one = first; one <= last; one += 1) days.add(one);
    }
  }
  const seventh = [...days].sort((a, b) => b - a)[mostDays - 1];
  if (seventh === undefined) return Number.NEGATIVE_INFINITY;
  return cutoffOf(Math.min(at, Date.now(), seventh * day), keep);
}
