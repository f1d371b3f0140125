import { day, minute } from '../../core/base/dates.js';
import { type Clock, daysIn, durationOf, isoOf, knownDays, recentDays, several } from './clock.js';
import { type Doubt, openDoubts } from './doubts.js';
import type { SafeToCut } from './model.js';
import { type KeyUses, longestBefore, type Rhythm, rhythmOf } from './rhythm.js';
import { type Watch, watchedAfter, withinWatched } from './watch.js';

/** When a client came with a key, in minutes since 1970. */
export interface KeyTimes extends KeyUses {
  /** The last refused token, if it was let in on no day since; undefined otherwise. */
  readonly lockedOut: number | undefined;
  readonly doubts: readonly Doubt[];
}

/**
 * Tells whether a client's keys can be cut. It takes 14 days without one, or twice the longest gap
 * between two uses; the time from the beginning of tracking to the first use is a gap too, of up to 31
 * days. A client whose uses are all within 7 days, or that never came, has shown no rhythm: 35 days at
 * least. Only days that were watched count as days without a key; a gap counts in full, since it may
 * have been one. A client whose tokens are all refused has not moved, and is not safe for as long. Nor
 * is one that may have come without being counted.
 */
export function safeToCut(
  { uses, undated, lockedOut, doubts }: KeyTimes,
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
  const rhythm = rhythmOf({ uses, undated }, { since, forgets: watch.forgets });
  const { quietDays, last } = rhythm;
  const failing = isFailing(lockedOut, quietDays, watch);
  const came = last !== undefined;
  // Counts may be held of before the time that is known to be watched: of a store that lost who told.
  const quietSince = came ? last * minute : since;
  const quietLeft = quietDays * day - watchedAfter(watch, quietSince);
  const open = openDoubts(doubts, quietDays, watch);
  const left = Math.max(quietLeft, ...open.map((one) => one.left));
  // Long enough by the calendar, or never seen: it is the watching that was too short.
  const isUnwatched = !came || clock.now - quietSince >= quietDays * day;
  const isUnknown = !failing && left > 0 && (quietLeft <= 0 || isUnwatched);
  const ends = !open.some(({ doubt }) => doubt.lasts);
  const times = { came, quietSince, watch, now: clock.now, failing };
  return {
    safe: left <= 0 && !failing,
    ...(isUnknown && { known: false }),
    why: [why(rhythm, times), ...open.map(({ doubt }) => doubt.why)].join(' '),
    quietDays,
    ...(rhythm.gap !== undefined && { longestGapDays: rhythm.gap }),
    ...(left > 0 && !failing && ends && { from: new Date(clock.now + left).toISOString() }),
  };
}

/**
 * Tells whether a client is failing: its last refused token is no older than its keys have to be, and
 * 35 watched days at least, for it may come once a month. One that is older says nothing of today.
 */
export const isFailing = (
  lockedOut: number | undefined,
  quietDays: number,
  watch: Watch,
): boolean => withinWatched(lockedOut, Math.max(quietDays, knownDays), watch);

const hour = 60 * minute;

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
      ? 'A key was used less than a day ago.'
      : `A key was last used ${several(quiet, 'day')} ago.`
    : `No key was used in ${several(quiet, 'day')} of tracking.`;
  const takes = `It takes ${several(quietDays, 'day')} without one: ${reason()}.`;
  return [
    lately,
    takes,
    ...(isOneDay() ? [`${brief(rhythm)}, so how often they are used is not known.`] : []),
    ...blindness(times),
    ...(failing
      ? [
          'Since its last accepted request, all its tokens were rejected: it tries to migrate, and cannot.',
        ]
      : []),
  ].join(' ');

  // Not said again if it is the reason.
  function isOneDay(): boolean {
    const isShort = last !== undefined && gap === undefined && !rhythm.undated;
    return isShort && !reason().startsWith('keys were');
  }

  function reason(): string {
    if (rhythm.forgets !== undefined)
      return `the store has counts of only ${several(rhythm.forgets, 'day')}, although a guard has run for longer, so a quarterly job could not be recognized`;
    if (rhythm.undated !== undefined) return undatedReason(rhythm.undated);
    if (last === undefined) return 'a monthly job must have had time to run';
    if (quietDays === recentDays)
      return 'the minimum, because there was never more than a week between two uses';
    if (quietDays === 2 * before && before > (gap ?? 0))
      return before === longestBefore
        ? `twice ${several(before, 'day')}, the maximum for the time before its first use`
        : `twice the ${several(before, 'day')} before its first use`;
    return gap === undefined
      ? `${brief(rhythm).replace('Keys', 'keys')}, so how often they are used is not known`
      : `twice the longest gap between two uses, ${several(gap, 'day')}`;
  }
}

const undatedReason = ({ first, last }: { readonly first: number; readonly last: number }) =>
  `keys were sent together with tokens from ${isoOf(first).slice(0, 10)} to ${isoOf(last).slice(0, 10)}, and the days were not recorded`;

/** For how short a time it came. */
const brief = ({ days }: Rhythm): string =>
  days > 1
    ? `Keys were used within ${several(days, 'day')} only`
    : 'Keys were used on one day only';

/** What of the time without a key was not watched. */
function blindness({ quietSince, watch, now }: Times): string[] {
  const { until } = watch;
  const tail = now - until;
  const inside = Math.max(0, until - quietSince) - watchedAfter(watch, quietSince);
  return [
    ...(inside >= hour ? [`Not watched in that time: ${durationOf(inside)}.`] : []),
    ...(tail >= day ? [`For the last ${several(daysIn(tail), 'day')}, ${silence(watch)}.`] : []),
  ];
}

const silence = ({ reporting }: Watch): string =>
  reporting === 0
    ? 'no guard has flushed its counts'
    : 'not every guard that is not closed has flushed its counts';
