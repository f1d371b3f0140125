import { day, minute } from '../../core/base/dates.js';
import type { UsageInstance } from '../../core/usage/usage.js';
import type { Clock } from './clock.js';
import { clip, type Stretch, union, without } from './stretches.js';
import { dayNumber, type StoredUsage } from './usage-check.js';

/**
 * What has become of a guard; `silent`: it neither tells nor was closed, and nobody has said that it
 * ended; `unreadable`: the same of one whose counts cannot be read.
 */
export type GuardState = 'reporting' | 'closed' | 'gone' | 'silent' | 'unreadable';

/** Why counts of a guard are missing for some time. */
export type BlindReason = 'unreadable' | 'clock' | 'silent' | 'not stored' | 'gone';

/** One guard, and for which time the store holds what it counted. */
export interface GuardTime {
  readonly instance: string;
  readonly state: GuardState;
  /** Milliseconds since 1970, and not beyond now; undefined if its clock cannot be trusted for it. */
  readonly lastTold: number | undefined;
  /** Milliseconds by which its clock is ahead of the store's, where that is too much. */
  readonly off: number;
  readonly missing: number;
  /** Batches of it are missing, and perhaps all that the store had held before. */
  readonly lostFirst: boolean;
  readonly dropped: number;
  /** Those of them of which the store was told by day; undefined of an older version. */
  readonly droppedByDay: number | undefined;
  /** Until when the others came, where that is known; milliseconds since 1970. */
  readonly droppedUntil: number | undefined;
  /** Seconds between two words of it. */
  readonly every: number;
  /** When it began, where the store says for which time it holds its counts; milliseconds since 1970. */
  readonly begun: number | undefined;
  /** Time whose counts the store holds. */
  readonly covered: readonly Stretch[];
  /** Time in which it was there, and of which the store holds nothing. */
  readonly blind: readonly Stretch[];
  /** Days, as rows have them, of which rows are lost that the store had taken. */
  readonly lostDays: readonly string[];
  /** When it ended, if a person has said so; milliseconds since 1970. */
  readonly goneAt: number | undefined;
  /** Its counts cannot be read. */
  readonly isUnreadable?: true;
}

/** Minutes by which clocks may differ without a word about it. */
export const tolerance = 5;

/** No guard counted before it; a clock that says so had not been set yet. */
const earliest = Date.UTC(2020, 0, 1);

/** The first time that a clock can have meant. */
export const plausibleFrom = ({ now }: Pick<Clock, 'now'>): number =>
  now < earliest ? 0 : earliest;

/** Three intervals may pass without a word, and 90 seconds however short they are. */
const patience = (every: number): number => Math.max(90, 3 * every) * 1000;

/** Milliseconds by which a guard's clock is off, if that is more than clocks may differ. */
export function clockError({ at, skew }: UsageInstance, { now }: Pick<Clock, 'now'>): number {
  const known = skew ?? 0;
  if (Math.abs(known) > tolerance * minute) return known;
  // Without the store's clock there is only the report's: a time to come was never told by now.
  const ahead = at - known - now;
  return ahead > tolerance * minute ? ahead + known : 0;
}

/** Judges the guards of a store: who tells, who ended how, and what the store holds of each. */
export function guardTimes(
  { instances, unreadable = [] }: StoredUsage,
  { gone, held }: Known,
  clock: Clock,
): GuardTime[] {
  const lost = lostDays(instances, held);
  const others = unreadable.map((name) => unreadableGuard(name, gone.get(name), clock));
  const guards = instances.map((one) => {
    const guard = guardTime(one, gone.get(one.instance), clock);
    const days = lost.filter(({ on }) => (one.counted?.[on] ?? 0) > 0);
    if (days.length === 0) return guard;
    const blind = union([...guard.blind, ...days.map(({ stretch }) => stretch)]);
    return { ...guard, blind: clip(blind, [0, clock.now]), lostDays: days.map(({ on }) => on) };
  });
  return [...guards, ...others];
}

/** A guard of unknown coverage: it may have been there from the beginning, until somebody says otherwise. */
const unreadableGuard = (
  instance: string,
  goneAt: number | undefined,
  { now }: Clock,
): GuardTime => ({
  ...{ instance, goneAt, isUnreadable: true, lastTold: undefined, begun: undefined },
  ...{ off: 0, missing: 0, lostFirst: false, dropped: 0, every: 0, covered: [], lostDays: [] },
  ...{ droppedByDay: undefined, droppedUntil: undefined },
  state: goneAt === undefined ? 'unreadable' : 'gone',
  blind: union([[0, goneAt ?? now]]),
});

/** What is known of guards beside what they say of themselves. */
interface Known {
  /** When guards ended, by their name, as people have said. */
  readonly gone: ReadonlyMap<string, number>;
  /** Requests in the rows of each day. */
  readonly held: ReadonlyMap<string, number>;
}

/** How many requests the store has taken, by day. */
function takenBy(instances: readonly UsageInstance[]): ReadonlyMap<string, number> {
  const taken = new Map<string, number>();
  for (const { counted = {} } of instances) {
    for (const [on, count] of Object.entries(counted)) taken.set(on, (taken.get(on) ?? 0) + count);
  }
  return taken;
}

/** How many days have rows that hold more than the store has taken. */
export function surplusDays({ instances }: StoredUsage, held: ReadonlyMap<string, number>): number {
  const begins = instances.map(({ watched = [] }) => watched[0]?.[0]);
  // An older version tells no sums.
  if (begins.includes(undefined)) return 0;
  // Stores forget the sums of a guard some days before they forget its rows.
  const isForgotten = (from: number) =>
    begins.some((begun = 0) => begun < from + day && from < begun + 3 * day);
  return [...takenBy(instances)].filter(
    ([on, count]) => (held.get(on) ?? 0) > count && !isForgotten(dayNumber(on) * day),
  ).length;
}

/** Days of which the store has taken more than its rows hold. */
function lostDays(instances: readonly UsageInstance[], held: ReadonlyMap<string, number>) {
  return [...takenBy(instances)]
    .filter(([on, count]) => (held.get(on) ?? 0) < count)
    .map(([on]) => {
      const from = dayNumber(on) * day;
      return { on, stretch: [from, from + day] as const };
    });
}

function guardTime(one: UsageInstance, goneAt: number | undefined, clock: Clock): GuardTime {
  const { now } = clock;
  const { instance, at, every, closed, dropped, skew, missing = 0, unbroken = 1 } = one;
  const off = clockError(one, clock);
  const isKnown = off === 0 || (skew !== undefined && at - skew - now <= tolerance * minute);
  const told = Math.min(now, Math.max(0, off === 0 ? at : at - off));
  const isSilent = !isKnown || now - told > patience(every);
  const state = closed
    ? 'closed'
    : goneAt !== undefined
      ? 'gone'
      : isSilent
        ? 'silent'
        : 'reporting';
  const ended = goneAt ?? (closed ? Math.max(at, at - off) : now);
  const { covered, from } = coverOf(one, off, clock);
  // What it has counted since is on its way: it tells it as it told what was before.
  const held = state === 'reporting' && off === 0 ? [...covered, [told, now] as const] : covered;
  const cover = union(held.map(([start, end]): Stretch => [start, Math.min(end, now)]));
  const alive: Stretch = [Math.min(from, cover[0]?.[0] ?? from), Math.min(ended, now)];
  return {
    ...{ instance, state, off, missing, dropped, every, goneAt, covered: cover, lostDays: [] },
    droppedByDay: one.droppedByDay,
    // By a clock that is off, it is no known time.
    droppedUntil: off === 0 ? one.droppedUntil : undefined,
    lostFirst: unbroken > 1,
    lastTold: isKnown ? told : undefined,
    begun: one.watched && off === 0 && one.since >= plausibleFrom(clock) ? one.since : undefined,
    blind: without(union([alive]), cover),
  };
}

/** What the store holds of a guard, as far as its clock can be believed, and since when it is there. */
function coverOf(one: UsageInstance, off: number, clock: Clock) {
  const { since, at, watched, missing = 0 } = one;
  // By a wrong clock it is there from the earlier of the two times, and nothing it tells has a time.
  if (off !== 0) return { covered: [], from: Math.min(since, since - off) };
  const floor = plausibleFrom(clock);
  // Without the stretches, missing batches could be anywhere.
  const held = watched ?? (missing > 0 ? [] : [[since, at] as const]);
  const covered = held.filter(([from, to]) => from >= floor && to >= from);
  if (since >= floor) return { covered, from: since };
  // Its clock was set later. When it began is known only if the store holds nothing of the time before.
  const wasSet = covered.length === held.length ? covered[0]?.[0] : undefined;
  return { covered, from: wasSet ?? floor };
}

/** Guards that tell, or were closed in the last 24 hours. */
export const reportingOf = (guards: readonly GuardTime[], { now }: Pick<Clock, 'now'>): number =>
  guards.filter(
    ({ state, lastTold = 0 }) =>
      state === 'reporting' || (state === 'closed' && now - lastTold < day),
  ).length;

/** Why some time of a guard is missing. */
export function blindReason(guard: GuardTime, [from]: Stretch): BlindReason {
  if (guard.isUnreadable) return 'unreadable';
  if (guard.off !== 0) return 'clock';
  const ended = Math.max(guard.covered.at(-1)?.[1] ?? 0, guard.lastTold ?? 0);
  if (from < ended) return 'not stored';
  return guard.state === 'silent' ? 'silent' : guard.state === 'gone' ? 'gone' : 'not stored';
}
