import { day, minute } from '../core/migration/dates.js';
import { type Clock, daysIn, knownDays, recentDays, several } from './clock.js';
import type { SafeToCut } from './model.js';

/** For which time there are counts, in milliseconds since 1970. */
export interface Watch {
  /** Undefined: nothing was counted yet. */
  readonly since: number | undefined;
  /** Now, if guards are telling; else when the last of them did. */
  readonly until: number;
}

/** When a client came with a key, in minutes since 1970. */
export interface KeyTimes {
  /** From when to when, for each day or part of it. */
  readonly uses: readonly (readonly [first: number, last: number])[];
  /** When one last came beside a token, which was no use but would be missed. */
  readonly beside: number | undefined;
}

/**
 * Days before the first use that count as a gap, at most: a monthly job had not had its turn. A client
 * may also have been new then, so that a longer time says nothing.
 */
const longestBefore = 31;

/**
 * Tells whether a client's keys can be cut. It takes 14 days without one, or twice the longest gap
 * between two uses; the time from the beginning of tracking to the first use is a gap too, of up to 31
 * days. A client that came on one day only, or never, has shown no rhythm: 35 days at least. Only time
 * that was watched counts.
 */
export function safeToCut(
  { uses, beside = -1 }: KeyTimes,
  { since, until }: Watch,
  { now }: Clock,
): SafeToCut {
  if (since === undefined) {
    return { safe: false, why: 'Nothing has been counted yet.', quietDays: knownDays };
  }
  const rhythm = rhythmOf(uses, since);
  const { quietDays, last = -1 } = rhythm;
  const quietSince = Math.max(since, last * minute, beside * minute);
  const left = quietDays * day - (until - quietSince);
  return {
    safe: left <= 0,
    why: why(rhythm, { came: Math.max(last, beside) >= 0, quietSince, until, now }),
    quietDays,
    ...(rhythm.gap !== undefined && { longestGapDays: rhythm.gap }),
    ...(left > 0 && { from: new Date(now + left).toISOString() }),
  };
}

interface Rhythm {
  readonly quietDays: number;
  /** Days; undefined with use on fewer than two. */
  readonly gap: number | undefined;
  /** Days from the beginning of tracking to the first use. */
  readonly before: number;
  /** Minutes since 1970. */
  readonly last: number | undefined;
}

function rhythmOf(given: readonly (readonly [number, number])[], since: number): Rhythm {
  const uses = [...given].sort(([one], [other]) => one - other);
  const [first] = uses;
  if (!first) return { quietDays: knownDays, gap: undefined, before: 0, last: undefined };
  let last = first[0];
  let longest = 0;
  for (const [from, to] of uses) {
    longest = Math.max(longest, from - last);
    last = Math.max(last, to);
  }
  const before = Math.min(longestBefore, wholeDays(first[0] * minute - since));
  if (dayOf(first[0]) === dayOf(last)) {
    return { quietDays: Math.max(knownDays, 2 * before), gap: undefined, before, last };
  }
  const gap = wholeDays(longest * minute);
  return { quietDays: Math.max(recentDays, 2 * gap, 2 * before), gap, before, last };
}

/** Days, rounded up. */
const wholeDays = (milliseconds: number): number => Math.max(0, Math.ceil(milliseconds / day));

const dayOf = (minutes: number): number => Math.floor((minutes * minute) / day);

interface Times {
  readonly came: boolean;
  readonly quietSince: number;
  readonly until: number;
  readonly now: number;
}

function why({ quietDays, gap, before, last }: Rhythm, times: Times): string {
  const { came, quietSince, until, now } = times;
  const quiet = daysIn(now - quietSince);
  const lately = came
    ? quiet < 1
      ? 'A key came less than a day ago.'
      : `The last key came ${several(quiet, 'day')} ago.`
    : `No key has come in ${several(quiet, 'day')} of tracking.`;
  const takes = `It takes ${several(quietDays, 'day')} without one: ${reason()}.`;
  const unwatched = daysIn(now - until);
  const blind =
    unwatched < 1 ? '' : ` For the last ${several(unwatched, 'day')} no guard has told anything.`;
  return `${lately} ${takes}${blind}`;

  function reason(): string {
    if (last === undefined) return 'what runs once a month has to have had its turn';
    if (quietDays === recentDays)
      return 'the least there is, for it was never away for longer than a week';
    if (quietDays === 2 * before && before > (gap ?? 0))
      return before === longestBefore
        ? `twice ${several(before, 'day')}, the most that the time before its first counts for`
        : `twice the ${several(before, 'day')} before its first`;
    return gap === undefined
      ? 'keys came on one day only, so how often they come is not known'
      : `twice its longest gap, ${several(gap, 'day')}`;
  }
}
