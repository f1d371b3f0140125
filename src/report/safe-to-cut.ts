import { day, minute } from '../core/migration/dates.js';
import { type Clock, daysIn, durationOf, knownDays, recentDays, several } from './clock.js';
import type { SafeToCut } from './model.js';
import { type Watch, watchedAfter } from './watch.js';

/** When a client came with a key, in minutes since 1970. */
export interface KeyTimes {
  /** From when to when, for each day or part of it. */
  readonly uses: readonly (readonly [first: number, last: number])[];
  /** When one last came beside a token, which was no use but would be missed. */
  readonly beside: number | undefined;
  /** All its requests since it was last let in were tokens that were refused. */
  readonly failing: boolean;
}

/**
 * Days before the first use that count as a gap, at most: a monthly job had not had its turn. A client
 * may also have been new then, so that a longer time says nothing.
 */
const longestBefore = 31;

/**
 * Tells whether a client's keys can be cut. It takes 14 days without one, or twice the longest gap
 * between two uses; the time from the beginning of tracking to the first use is a gap too, of up to 31
 * days. A client that came on one day only, or never, has shown no rhythm: 35 days at least. Only days
 * that were watched count as days without a key; a gap counts in full, since it may have been one. A
 * client whose tokens are all refused has not moved, and is never safe.
 */
export function safeToCut(
  { uses, beside = -1, failing }: KeyTimes,
  watch: Watch,
  clock: Clock,
): SafeToCut {
  const { since } = watch;
  if (since === undefined) {
    return {
      ...{ safe: false, known: false },
      why: 'Nothing has been counted yet.',
      quietDays: knownDays,
    };
  }
  const rhythm = rhythmOf(uses, since);
  const { quietDays, last = -1 } = rhythm;
  const quietSince = Math.max(since, last * minute, beside * minute);
  const left = quietDays * day - watchedAfter(watch, quietSince);
  const came = Math.max(last, beside) >= 0;
  // Long enough by the calendar, or never seen: it is the watching that was too short.
  const isUnknown = !failing && left > 0 && (!came || clock.now - quietSince >= quietDays * day);
  return {
    safe: left <= 0 && !failing,
    ...(isUnknown && { known: false }),
    why: why(rhythm, { came, quietSince, watch, now: clock.now, failing }),
    quietDays,
    ...(rhythm.gap !== undefined && { longestGapDays: rhythm.gap }),
    ...(left > 0 && !failing && { from: new Date(clock.now + left).toISOString() }),
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

const hour = 60 * minute;

const dayOf = (minutes: number): number => Math.floor((minutes * minute) / day);

interface Times {
  readonly came: boolean;
  readonly quietSince: number;
  readonly watch: Watch;
  readonly now: number;
  readonly failing: boolean;
}

function why(rhythm: Rhythm, times: Times): string {
  const { quietDays, gap, before, last } = rhythm;
  const { came, quietSince, watch, now, failing } = times;
  const quiet = daysIn(came ? now - quietSince : watchedAfter(watch, quietSince));
  const lately = came
    ? quiet < 1
      ? 'A key came less than a day ago.'
      : `The last key came ${several(quiet, 'day')} ago.`
    : `No key has come in ${several(quiet, 'day')} of tracking.`;
  const takes = `It takes ${several(quietDays, 'day')} without one: ${reason()}.`;
  return [
    lately,
    takes,
    ...(isOneDay() ? ['Keys came on one day only, so how often they come is not known.'] : []),
    ...blindness(times),
    ...(failing
      ? ['Every token that came since it was last let in was refused: it is failing, not gone.']
      : []),
  ].join(' ');

  // Where that is the reason, it has been said.
  function isOneDay(): boolean {
    return last !== undefined && gap === undefined && !reason().startsWith('keys came');
  }

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

/** What of the time without a key was not watched. */
function blindness({ quietSince, watch, now }: Times): string[] {
  const { until } = watch;
  const tail = now - until;
  const inside = Math.max(0, until - quietSince) - watchedAfter(watch, quietSince);
  return [
    ...(inside >= hour ? [`Not watched of that time: ${durationOf(inside)}.`] : []),
    ...(tail >= day ? [`For the last ${several(daysIn(tail), 'day')} ${silence(watch)}.`] : []),
  ];
}

const silence = ({ reporting }: Watch): string =>
  reporting === 0
    ? 'no guard has told anything'
    : 'not every guard that was not closed has told anything';
