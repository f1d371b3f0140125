import { day, minute } from '../../core/base/dates.js';
import { type Clock, daysIn } from './clock.js';
import {
  type BlindReason,
  blindReason,
  type GuardTime,
  plausibleFrom,
  reportingOf,
} from './guards.js';
import { clip, lengthOf, type Stretch, union, without } from './stretches.js';

/**
 * The time for which the counts are known. At such a time there was a guard, and of every guard that
 * was there the store holds what it counted: any other time may have had uses that nobody knows of.
 */
export interface Watch {
  /** Milliseconds since 1970: the first time that counts are held of; undefined: there is none. */
  readonly since: number | undefined;
  /** The end of the last watched stretch. */
  readonly until: number;
  readonly watched: readonly Stretch[];
  /** From `since` until now, what is not watched. */
  readonly unwatched: readonly Stretch[];
  /** Guards that tell, or were closed in the last 24 hours. */
  readonly reporting: number;
  /** Watched milliseconds. */
  readonly total: number;
  /**
   * Days after which the store forgets counts, where that is too early to show what comes once in three
   * months; undefined if it is not, or not known.
   */
  readonly forgets: number | undefined;
  /** Watched milliseconds from the beginning of each watched stretch on. */
  readonly sums: readonly number[];
}

export function watchOf(
  trackingSince: number | undefined,
  guards: readonly GuardTime[],
  clock: Clock,
): Watch {
  const { now } = clock;
  const reporting = reportingOf(guards, clock);
  if (trackingSince === undefined)
    return watchIn([], { since: undefined, now, reporting, forgets: undefined });
  const covered = union(guards.flatMap((one) => one.covered));
  const first = covered[0]?.[0] ?? trackingSince;
  const since = Math.min(now, Math.max(plausibleFrom(clock), trackingSince, first));
  const blind = union(guards.flatMap((one) => one.blind));
  return watchIn(clip(without(covered, blind), [since, now]), {
    ...{ since, now, reporting },
    forgets: forgetsAfter(since, guards, clock),
  });
}

/** What runs once in three months is away for so many days. */
export const quarter = 93;

/** A guard that was there before the first time that is held shows how early a store forgets. */
function forgetsAfter(
  since: number,
  guards: readonly GuardTime[],
  clock: Clock,
): number | undefined {
  const kept = clock.now - since;
  if (kept >= 2 * quarter * day) return undefined;
  const older = guards.some(({ begun }) => begun !== undefined && begun < since - day);
  return older ? daysIn(kept) : undefined;
}

interface Surroundings extends Pick<Watch, 'since' | 'reporting' | 'forgets'> {
  readonly now: number;
}

/** A watch of these stretches. */
export function watchIn(
  watched: readonly Stretch[],
  { since, now, reporting, forgets }: Surroundings,
): Watch {
  const sums: number[] = [];
  let total = 0;
  for (const [from, to] of watched.toReversed()) {
    total += to - from;
    sums.unshift(total);
  }
  const unwatched = since === undefined ? [] : without(union([[since, now]]), watched);
  const until = watched.at(-1)?.[1] ?? since ?? now;
  return { since, until, watched, unwatched, reporting, forgets, total, sums };
}

/** How much of the time after another was watched, in milliseconds. */
export function watchedAfter({ watched, sums, total }: Watch, time: number): number {
  const [first] = watched;
  if (!first || time <= first[0]) return total;
  let [low, high] = [0, watched.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((watched[middle]?.[0] ?? 0) <= time) low = middle;
    else high = middle;
  }
  const [, end] = watched[low] ?? first;
  return (sums[low + 1] ?? 0) + Math.max(0, end - time);
}

/**
 * Tells whether something was last seen, in minutes since 1970, less than so many watched days ago.
 * What was not watched is no news: who was on keys before it still is.
 */
export const withinWatched = (last: number | undefined, days: number, watch: Watch): boolean =>
  last !== undefined && watchedAfter(watch, last * minute) < days * day;

/** How much of a stretch was watched, in milliseconds. */
export const watchedIn = (watch: Watch, [from, to]: Stretch): number =>
  watchedAfter(watch, from) - watchedAfter(watch, to);

/** Time that was not watched, and why. */
export interface Gap {
  readonly stretch: Stretch;
  /** `no guard`: there was none. */
  readonly why: BlindReason | 'no guard';
  /** Those whose counts are missing. */
  readonly instances: readonly string[];
}

const severity: readonly Gap['why'][] = [
  ...(['unreadable', 'clock', 'silent', 'not stored', 'gone', 'no guard'] as const),
];

/** Tells of an unwatched stretch why it is one. */
export function gapOf(stretch: Stretch, guards: readonly GuardTime[]): Gap {
  let why: Gap['why'] = 'no guard';
  const instances: string[] = [];
  for (const guard of guards) {
    const blind = clip(guard.blind, stretch);
    if (lengthOf(blind) === 0) continue;
    instances.push(guard.instance);
    for (const one of blind) {
      const reason = blindReason(guard, one);
      if (severity.indexOf(reason) < severity.indexOf(why)) why = reason;
    }
  }
  return { stretch, why, instances };
}
