import { invalid, oneOf } from './validate.js';

export const minute = 60_000;
export const minutesADay = 1440;
export const day = minutesADay * minute;
export const week = 7 * day;

const date = /^(2\d{3}-\d{2}-\d{2})T(\d{2}:\d{2})(:\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * Parses an ISO 8601 date-time with an offset, in the years 2000 to 2999.
 * @returns milliseconds since 1970
 * @throws ConfigError for anything else
 */
export function readDate(where: string, value: unknown): number {
  const time = typeof value === 'string' ? parseDate(value) : undefined;
  if (time === undefined) {
    const must = 'be an ISO 8601 date-time with an offset, such as "2027-06-30T00:00:00Z"';
    const advice = typeof value === 'string' ? dateAdvice(value) : undefined;
    throw invalid(where, value, advice === undefined ? { must } : { must, advice });
  }
  return time;
}

/** Returns undefined for another format, and for a date or time that does not exist. */
function parseDate(value: string): number | undefined {
  const [, on, at, seconds = ':00', offset] = date.exec(value) ?? [];
  if (on === undefined) return undefined;
  const time = Date.parse(`${on}T${at}${seconds}${offset}`);
  // Date.parse accepts 31 June and 24:00, and returns a time of the next day.
  const exists = new Date(Date.parse(`${on}T${at}Z`)).toJSON()?.startsWith(`${on}T${at}`);
  return exists && !Number.isNaN(time) ? time : undefined;
}

// Proposes a completed date only if it exists: "2027-06-31" is not valid with a time either.
function dateAdvice(value: string): string | undefined {
  const [withTime, withOffset] = [`${value}T00:00:00Z`, `${value}Z`];
  if (parseDate(withTime) !== undefined) return `Add a time and an offset: "${withTime}"`;
  if (parseDate(withOffset) !== undefined) {
    return `Add an offset: "${withOffset}" for UTC, or another one such as +02:00`;
  }
  if ([value, withTime, withOffset].some((one) => date.test(one))) {
    return 'This date does not exist: check the day, the time and the offset';
  }
  const inRange = parseDate(value.replace(/^\d{4}/, '2000')) !== undefined;
  return inRange ? 'The year must be from 2000 to 2999' : undefined;
}

/** Parses a time of day, `HH:MM`. Returns milliseconds since midnight. */
export function readTime(where: string, value: unknown): number {
  if (typeof value !== 'string' || !/^([01]\d|2[0-3]):[0-5]\d$/.test(value)) {
    throw invalid(where, value, {
      must: 'be a time of day between "00:00" and "23:59", in UTC',
      advice: 'Write hours and minutes with two digits each, and no offset',
    });
  }
  return (Number(value.slice(0, 2)) * 60 + Number(value.slice(3))) * minute;
}

/** The days of the week by number; Sunday is 0. */
export const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** Parses a day of the week. Returns its number; Sunday is 0. */
export const readWeekday = (where: string, value: unknown): number =>
  weekdays.indexOf(oneOf(where, value, weekdays));

/** Returns the number of the UTC day of the week; Sunday is 0. 1 January 1970 was a Thursday. */
export const weekdayOf = (time: number): number => (Math.floor(time / day) + 4) % 7;

/**
 * Parses a sunset date.
 * @throws ConfigError also if it is earlier than the deprecation date (RFC 9745 §4)
 */
export function readSunset(
  where: string,
  value: unknown,
  deprecatedAt: number | undefined,
): number {
  const time = readDate(where, value);
  if (deprecatedAt !== undefined && time < deprecatedAt) {
    throw invalid(where, value, {
      must: 'not be earlier than deprecatedAt (RFC 9745)',
      advice: 'Choose a later date, or an earlier deprecatedAt',
    });
  }
  return time;
}
