import { mistake, oneOf } from './validate.js';

export const minute = 60_000;
export const minutesADay = 1440;
export const day = minutesADay * minute;
export const week = 7 * day;

const date = /^(2\d{3}-\d{2}-\d{2})T(\d{2}:\d{2})(:\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/** An ISO 8601 date and time with an offset, years 2000 to 2999, in milliseconds since 1970. */
export function readDate(where: string, value: unknown): number {
  const time = typeof value === 'string' ? timeOf(value) : undefined;
  if (time === undefined) throw mistake(where, value, noDate(value));
  return time;
}

/** Returns undefined for what is not such a date, or one that does not exist. */
function timeOf(value: string): number | undefined {
  const [, on, at, seconds = ':00', offset] = date.exec(value) ?? [];
  if (on === undefined) return undefined;
  const time = Date.parse(`${on}T${at}${seconds}${offset}`);
  // A day that the month does not have, and 24:00, would roll over to another day.
  const kept = new Date(Date.parse(`${on}T${at}Z`)).toJSON()?.startsWith(`${on}T${at}`);
  return kept && !Number.isNaN(time) ? time : undefined;
}

const example = 'write one such as "2027-06-30T00:00:00Z"';

// What is advised must itself be a date: `2027-06-31` is none with a time either.
function noDate(value: unknown): string {
  if (typeof value !== 'string') return `is no date of the years 2000 to 2999: ${example}`;
  const [withTime, withOffset] = [`${value}T00:00:00Z`, `${value}Z`];
  if (timeOf(withTime) !== undefined) return `has no time and no offset: write "${withTime}"`;
  if (timeOf(withOffset) !== undefined) {
    return `has no offset: write "${withOffset}", or an offset such as +02:00`;
  }
  return [value, withTime, withOffset].some((one) => date.test(one))
    ? `does not exist: look at the day, the time and the offset; ${example}`
    : `is no date of the years 2000 to 2999: ${example}`;
}

/** `HH:MM`, in milliseconds since midnight. */
export function readTime(where: string, value: unknown): number {
  if (typeof value !== 'string' || !/^([01]\d|2[0-3]):[0-5]\d$/.test(value)) {
    throw mistake(where, value, 'is no time of day: write "00:00" to "23:59", in UTC');
  }
  return (Number(value.slice(0, 2)) * 60 + Number(value.slice(3))) * minute;
}

/** By their number, Sunday being 0. */
export const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** A day of the week by its number, Sunday being 0. */
export const readWeekday = (where: string, value: unknown): number =>
  weekdays.indexOf(oneOf(where, value, weekdays));

/** The number of a time's day of the week, in UTC. 1 January 1970 was a Thursday. */
export const weekdayOf = (time: number): number => (Math.floor(time / day) + 4) % 7;

/** Refuses a sunset that is earlier than the deprecation (RFC 9745 §4). */
export function readSunset(
  where: string,
  value: unknown,
  deprecatedAt: number | undefined,
): number {
  const time = readDate(where, value);
  if (deprecatedAt !== undefined && time < deprecatedAt) {
    throw mistake(where, value, 'is earlier than deprecatedAt, which RFC 9745 rules out');
  }
  return time;
}
