import { watchedOf } from '../../core/usage/coverage.js';
import type { UsageInstance } from '../../index.js';
import { cutoffOf } from './row.js';

const day = 86_400_000;
/** On so many days something must have been counted, until the first of them is believed to be over. */
const mostDays = 7;

/** What a file store may go by, to tell what is too old. */
interface Clocks {
  /** The instance's own clock, in milliseconds since 1970. */
  readonly at: number;
  /** What is known of those whose counts are at stake, or of others who have counted beside them. */
  readonly witnesses: Iterable<UsageInstance>;
  /** Days. */
  readonly keep: number;
}

/**
 * Before this, in milliseconds since 1970, counts in files are too old to keep. Files have no clock of
 * their own, and all processes share that of the host, which may be wrong for hours. So the time is the
 * seventh newest day on which anything was counted: a clock that is wrong on fewer days deletes nothing.
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
