import { day, minute } from '../../core/base/dates.js';

/** The time of a report. Its windows are whole days of UTC: today, and the 6 or the 29 before. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Minutes since 1970. */
  readonly minute: number;
  /** Days since 1970. */
  readonly today: number;
}

export const clockAt = (now: number): Clock => ({
  now,
  minute: Math.floor(now / minute),
  today: Math.floor(now / day),
});

/** Minutes since 1970, as ISO 8601 in UTC. */
export const isoOf = (minutes: number): string => new Date(minutes * minute).toISOString();

/** For how long a client counts as on keys after its last one. */
export const recentDays = 14;

/** How long it takes until what never came is taken for what never comes. */
export const knownDays = 35;

/** Whole days, rounded down. */
export const daysIn = (milliseconds: number): number => Math.floor(milliseconds / day);

/** Whole days until a time; negative once it is over. */
export function daysUntil(time: number, { now }: Clock): number {
  const left = daysIn(time - now);
  return time > now ? left : Math.min(-1, left);
}

/** `1 day`, `2 days`. */
export const several = (count: number, what: string, many = `${what}s`): string =>
  `${count} ${count === 1 ? what : many}`;

/** A length of time in its largest whole unit: `3 days`, `1 hour`, `0 seconds`. */
export function durationOf(milliseconds: number): string {
  const units = [
    [day, 'day'],
    [60 * minute, 'hour'],
    [minute, 'minute'],
  ] as const;
  const [length, what] = units.find(([one]) => milliseconds >= one) ?? [1000, 'second'];
  return several(Math.floor(milliseconds / length), what);
}

/** Orders texts by their code units: the same everywhere, whatever the locale. */
export const byText = (one: string, other: string): number =>
  one < other ? -1 : one > other ? 1 : 0;
