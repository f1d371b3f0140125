import { day, minute } from '../../core/base/dates.js';
import { knownDays, recentDays } from './clock.js';
import { quarter, type Watch } from './watch.js';

/**
 * Days before the first use that count as a gap, at most: a monthly job had not had its turn. A client
 * may also have been new then, so that a longer time says nothing.
 */
export const longestBefore = 31;

/** Uses within a shorter time are those of one run, over midnight perhaps: they show no rhythm. */
const shortestSpan = 7 * day;

/** How often a client's keys come, as far as it shows. */
export interface Rhythm {
  /** Days without a key that it takes. */
  readonly quietDays: number;
  /** Days; undefined if all uses are within 7 days. */
  readonly gap: number | undefined;
  /** Days from the beginning of tracking to the first use. */
  readonly before: number;
  /** Days, by the calendar, from the first use to the last. */
  readonly days: number;
  /** Minutes since 1970. */
  readonly last: number | undefined;
  /** Days after which the store forgets, where it is that which makes it take so long. */
  readonly forgets?: number;
  /** From when to when keys came that were not told by day. */
  readonly undated?: { readonly first: number; readonly last: number };
}

type Tracked = Pick<Watch, 'forgets'> & { readonly since: number };

/** When keys came, in minutes since 1970: each use, and what is known of uses that were not told by day. */
export interface KeyUses {
  readonly uses: readonly (readonly [first: number, last: number])[];
  readonly undated?: { readonly first: number; readonly last: number } | undefined;
}

export function rhythmOf({ uses, undated }: KeyUses, tracked: Tracked): Rhythm {
  if (!undated) return datedRhythm(uses, tracked);
  const { first, last } = undated;
  const all = datedRhythm([...uses, [first, first], [last, last]], tracked);
  // There may have been a use on each day between them, or none.
  const least = Math.max(knownDays, 2 * wholeDays((last - first) * minute));
  return { ...all, quietDays: Math.max(all.quietDays, least), gap: undefined, undated };
}

function datedRhythm(given: KeyUses['uses'], { since, forgets }: Tracked): Rhythm {
  const uses = [...given].sort(([one], [other]) => one - other);
  const [first] = uses;
  if (!first) {
    // Where the store forgets too early, a whole quarter has to be there without one.
    const quietDays = forgets === undefined ? knownDays : quarter;
    return {
      ...{ quietDays, gap: undefined, before: 0, days: 0, last: undefined },
      ...of(forgets),
    };
  }
  let last = first[0];
  let longest = 0;
  for (const [from, to] of uses) {
    longest = Math.max(longest, from - last);
    last = Math.max(last, to);
  }
  const away = wholeDays(first[0] * minute - since);
  const before = Math.min(longestBefore, away);
  const hasRhythm = (last - first[0]) * minute >= shortestSpan;
  const gap = hasRhythm ? wholeDays(longest * minute) : undefined;
  const least = Math.max(hasRhythm ? recentDays : knownDays, 2 * (gap ?? 0), 2 * before);
  const days = dayOf(last) - dayOf(first[0]) + 1;
  // The use before the first may be one that the store has forgotten.
  const isCut = forgets !== undefined && (gap === undefined || away > gap);
  const quietDays = isCut ? Math.max(least, 2 * quarter) : least;
  return { ...{ quietDays, gap, before, days, last }, ...of(isCut ? forgets : undefined) };
}

const of = (forgets: number | undefined): Pick<Rhythm, 'forgets'> =>
  forgets === undefined ? {} : { forgets };

/** Days, rounded up. */
const wholeDays = (milliseconds: number): number => Math.max(0, Math.ceil(milliseconds / day));

const dayOf = (minutes: number): number => Math.floor((minutes * minute) / day);
