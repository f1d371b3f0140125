import { day, minute, readDate, readTime, readWeekday, week, weekdayOf } from '../base/dates.js';
import { isObject } from '../base/json.js';
import type { Sliced } from '../base/slices.js';
import { flag, integer, mistake, settingsOf } from '../base/validate.js';
import { plainSettings } from './plain-object.js';
import type { Brownout, BrownoutPlan, CohortPlan, Daily, DailyPlan } from './plan.js';

const names = ['start', 'end', 'daily', 'cohorts', 'exempt', 'paused', 'dryRun'] as const;

const mostBrownouts = 366;

/** What a brownout may name. */
interface Names {
  /** Returns a cohort that the plan defines, or throws. */
  cohortOf(where: string, value: unknown): CohortPlan;
  /** Returns the issuer of a client that is named, or throws. */
  issuerOf(where: string, value: unknown): string | undefined;
}

/** The brownouts of a plan, checked. */
export function* readBrownouts(
  where: string,
  given: unknown,
  known: Names,
): Sliced<BrownoutPlan[]> {
  if (!Array.isArray(given)) throw mistake(where, given, 'is no list of brownouts');
  if (given.length > mostBrownouts) {
    const meant = `brownouts are more than a plan may have: ${mostBrownouts}`;
    throw mistake(where, given.length, meant);
  }
  const brownouts: BrownoutPlan[] = [];
  for (let index = 0; index < given.length; index += 1) {
    brownouts.push(yield* readBrownout(`${where}[${index}]`, given[index], known));
    yield;
  }
  return brownouts;
}

function* readBrownout(where: string, given: unknown, known: Names): Sliced<BrownoutPlan> {
  const own: Partial<Brownout> = settingsOf(where, given, names);
  const start = readDate(`${where}.start`, own.start);
  const end = readDate(`${where}.end`, own.end);
  if (end <= start) throw mistake(`${where}.end`, own.end, 'is not later than start');
  const { cohorts, exempt, paused = false, dryRun = false } = own;
  const brownout = {
    start,
    end,
    daily: own.daily === undefined ? undefined : readDaily(`${where}.daily`, own.daily),
    cohorts:
      cohorts === undefined
        ? undefined
        : new Set(once(`${where}.cohorts`, cohorts, known.cohortOf).map(({ name }) => name)),
    exempt: exempt === undefined ? new Map() : yield* readExempt(`${where}.exempt`, exempt, known),
    paused: flag(`${where}.paused`, paused),
    dryRun: flag(`${where}.dryRun`, dryRun),
  };
  if (!everOpens(brownout)) {
    throw mistake(`${where}.daily`, own.daily, 'has no window that begins between start and end');
  }
  return brownout;
}

function readDaily(where: string, given: unknown): DailyPlan {
  const own: Partial<Daily> = settingsOf(where, given, ['at', 'minutes', 'days']);
  const { at, minutes, days } = own;
  const lengths = Array.isArray(minutes)
    ? each(`${where}.minutes`, minutes, readMinutes)
    : [readMinutes(`${where}.minutes`, minutes)];
  const numbers = days === undefined ? undefined : once(`${where}.days`, days, readWeekday);
  return {
    at: once(`${where}.at`, at, readTime),
    lengths,
    days: Array.from({ length: 7 }, (_, number) => numbers?.includes(number) ?? true),
  };
}

const readMinutes = (where: string, value: unknown): number =>
  integer(where, value, [1, 1439]) * minute;

const mostExempt = 100_000;

function* readExempt(
  where: string,
  given: unknown,
  { issuerOf }: Names,
): Sliced<BrownoutPlan['exempt']> {
  const exempt = new Map<string, Set<string | undefined>>();
  if (Array.isArray(given) && given.length > mostExempt) {
    throw mistake(where, given.length, `clients are more than a plan may have: ${mostExempt}`);
  }
  if (!Array.isArray(given) || given.length === 0) each(where, given, () => {});
  for (let index = 0; index < (given as unknown[]).length; index += 1) {
    const item = (given as unknown[])[index];
    const place = `${where}[${index}]`;
    const named = isObject(item) ? plainSettings(place, item, ['client', 'issuer']) : undefined;
    const id = named ? named.client : item;
    if (typeof id !== 'string' || id === '') throw mistake(place, item, 'is no client id');
    const issuer = issuerOf(place, named?.issuer);
    const issuers = exempt.get(id) ?? new Set();
    if (issuers.has(issuer)) throw mistake(place, id, 'stands twice in the list: keep one');
    exempt.set(id, issuers.add(issuer));
    yield;
  }
  return exempt;
}

function each<T>(where: string, given: unknown, read: (where: string, item: unknown) => T): T[] {
  if (!Array.isArray(given)) throw mistake(where, given, 'is no list: write […]');
  if (given.length === 0) throw mistake(where, given, 'is empty: name one, or leave it out');
  return Array.from(given, (item, index) => read(`${where}[${index}]`, item));
}

function once<T>(where: string, given: unknown, read: (where: string, item: unknown) => T): T[] {
  const seen = new Set<T>();
  return each(where, given, (place, item) => {
    const one = read(place, item);
    if (seen.has(one)) throw mistake(place, item, 'stands twice in the list: keep one');
    seen.add(one);
    return one;
  });
}

// All windows of a brownout are of the days from `start` on, week after week.
function everOpens({ start, end, daily }: BrownoutPlan): boolean {
  if (!daily) return true;
  const midnight = Math.floor(start / day) * day;
  for (let from = midnight; from < end && from <= midnight + week; from += day) {
    const opens = daily.at.some((at) => from + at >= start && from + at < end);
    if (opens && daily.days[weekdayOf(from)]) return true;
  }
  return false;
}

/**
 * The end of the window that is open at a time, and the last one's of several; undefined if none
 * is. A window belongs to the day and to the week in which it begins.
 */
export function openUntil(brownout: BrownoutPlan, now: number): number | undefined {
  const { start, end, daily } = brownout;
  if (now < start || now >= end) return undefined;
  if (!daily) return end;
  let latest = now;
  const today = Math.floor(now / day) * day;
  // A window is shorter than a day, so one that is open began today or yesterday.
  for (let from = today; from >= today - day; from -= day) {
    if (!daily.days[weekdayOf(from)]) continue;
    for (const at of daily.at) {
      const begin = from + at;
      if (begin < start || begin > now) continue;
      const age = Math.floor((begin - start) / week);
      const length = daily.lengths[Math.min(age, daily.lengths.length - 1)] ?? 0;
      latest = Math.max(latest, Math.min(begin + length, end));
    }
  }
  return latest > now ? latest : undefined;
}
