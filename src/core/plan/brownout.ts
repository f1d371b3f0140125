import { day, minute, readDate, readTime, readWeekday, week, weekdayOf } from '../base/dates.js';
import { isObject } from '../base/json.js';
import type { Sliced } from '../base/slices.js';
import { flag, integer, invalid, optional } from '../base/validate.js';
import type { Mistakes } from './mistakes.js';
import { plainSettings } from './plain-object.js';
import type { Brownout, BrownoutPlan, CohortPlan, Daily, DailyPlan } from './plan.js';

const names = ['start', 'end', 'daily', 'cohorts', 'exempt', 'paused', 'dryRun'] as const;

const mostBrownouts = 366;

/** Resolves the cohorts and clients that a brownout refers to. */
interface Names {
  /** Returns a cohort of the plan. @throws ConfigError if the plan does not define it */
  cohortOf(where: string, value: unknown): CohortPlan;
  /** Returns the issuer of a client. @throws ConfigError if it is unknown or missing */
  issuerOf(where: string, value: unknown): string | undefined;
  readonly mistakes: Mistakes;
}

/** Reads and validates the brownouts of a plan. */
export function* readBrownouts(
  where: string,
  given: unknown,
  known: Names,
): Sliced<BrownoutPlan[]> {
  if (given === undefined) return [];
  if (!Array.isArray(given)) throw invalid(where, given, { must: 'be an array of brownouts' });
  if (given.length > mostBrownouts) {
    throw invalid(where, given.length, { must: `have at most ${mostBrownouts} brownouts` });
  }
  const brownouts: BrownoutPlan[] = [];
  for (let index = 0; index < given.length; index += 1) {
    const brownout = yield* known.mistakes.attemptSliced(() =>
      readBrownout(`${where}[${index}]`, given[index], known),
    );
    if (brownout) brownouts.push(brownout);
    yield;
  }
  return brownouts;
}

function* readBrownout(where: string, given: unknown, known: Names): Sliced<BrownoutPlan> {
  const { mistakes } = known;
  const before = mistakes.found.length;
  const own: Partial<Brownout> = plainSettings({ where, names, mistakes }, given);
  const required = mistakes.required(before);
  const { cohorts, exempt, paused = false, dryRun = false } = own;
  const brownout = {
    start: required(own.start, () => readDate(`${where}.start`, own.start)) ?? 0,
    end: required(own.end, () => readDate(`${where}.end`, own.end)) ?? Infinity,
    daily: mistakes.attempt(() => optional(`${where}.daily`, own.daily, readDaily(mistakes))),
    cohorts: mistakes.attempt(() =>
      optional(`${where}.cohorts`, cohorts, (place, list) => {
        const named = once(place, list, { mistakes, read: known.cohortOf });
        return new Set(named.map(({ name }) => name));
      }),
    ),
    exempt:
      (yield* mistakes.attemptSliced(() => readExempt(`${where}.exempt`, exempt, known))) ??
      new Map(),
    paused: mistakes.attempt(() => flag(`${where}.paused`, paused)) ?? false,
    dryRun: mistakes.attempt(() => flag(`${where}.dryRun`, dryRun)) ?? false,
  };
  if (mistakes.found.length > before) return brownout;
  if (brownout.end <= brownout.start) {
    throw invalid(`${where}.end`, own.end, { must: 'be later than start' });
  }
  if (!everOpens(brownout)) {
    throw invalid(`${where}.daily`, own.daily, {
      must: 'have a window that begins between start and end',
      advice: 'Check "at", "days" and the times of start and end',
    });
  }
  return brownout;
}

const readDaily =
  (mistakes: Mistakes) =>
  (where: string, given: unknown): DailyPlan => {
    const before = mistakes.found.length;
    const own: Partial<Daily> = plainSettings(
      { where, names: ['at', 'minutes', 'days'], mistakes },
      given,
    );
    const required = mistakes.required(before);
    const { at, minutes, days } = own;
    const lengths = required(minutes, () =>
      Array.isArray(minutes)
        ? each(`${where}.minutes`, minutes, { mistakes, read: readMinutes })
        : [readMinutes(`${where}.minutes`, minutes)],
    );
    const numbers = mistakes.attempt(() =>
      optional(`${where}.days`, days, (place, list) =>
        once(place, list, { mistakes, read: readWeekday }),
      ),
    );
    return {
      at: required(at, () => once(`${where}.at`, at, { mistakes, read: readTime })) ?? [],
      lengths: lengths ?? [],
      days: Array.from({ length: 7 }, (_, number) => numbers?.includes(number) ?? true),
    };
  };

const readMinutes = (where: string, value: unknown): number =>
  integer(where, value, { min: 1, max: 1439 }) * minute;

const mostExempt = 100_000;

function* readExempt(
  where: string,
  given: unknown,
  { issuerOf, mistakes }: Names,
): Sliced<BrownoutPlan['exempt']> {
  const exempt = new Map<string, Set<string | undefined>>();
  if (given === undefined) return exempt;
  const list = arrayOf(where, given);
  if (list.length > mostExempt) {
    throw invalid(where, list.length, { must: `have at most ${mostExempt} clients` });
  }
  for (let index = 0; index < list.length; index += 1) {
    const item = list[index];
    const place = `${where}[${index}]`;
    mistakes.attempt(() => {
      const { id, issuer } = readExempted(place, item, { issuerOf, mistakes });
      const issuers = exempt.get(id) ?? new Set();
      if (issuers.has(issuer)) throw invalid(place, id, repeated);
      exempt.set(id, issuers.add(issuer));
    });
    yield;
  }
  return exempt;
}

function readExempted(
  where: string,
  item: unknown,
  { issuerOf, mistakes }: Pick<Names, 'issuerOf' | 'mistakes'>,
): { readonly id: string; readonly issuer: string | undefined } {
  const names = ['client', 'issuer'];
  const named = isObject(item) ? plainSettings({ where, names, mistakes }, item) : undefined;
  const id = named ? named.client : item;
  if (typeof id !== 'string' || id === '') {
    throw invalid(where, item, {
      must: 'be a client id, or an object with one',
      advice: 'For example "acme" or { "client": "acme" }',
    });
  }
  return { id, issuer: issuerOf(where, named?.issuer) };
}

const repeated = { must: 'not repeat an earlier item', advice: 'Remove one of the two' };

function arrayOf(where: string, given: unknown): readonly unknown[] {
  if (Array.isArray(given) && given.length > 0) return given;
  throw invalid(where, given, { must: 'be an array with at least one item' });
}

/** How to read an item of an array, and where to collect its errors. */
interface Items<T> {
  readonly mistakes: Mistakes;
  readonly read: (where: string, item: unknown) => T;
}

function each<T>(where: string, given: unknown, { mistakes, read }: Items<T>): T[] {
  const items = Array.from(arrayOf(where, given), (item, index) =>
    mistakes.attempt(() => read(`${where}[${index}]`, item)),
  );
  return items.filter((item) => item !== undefined);
}

function once<T>(where: string, given: unknown, { mistakes, read }: Items<T>): T[] {
  const known = new Set<T>();
  const readOnce = (place: string, item: unknown): T => {
    const one = read(place, item);
    if (known.has(one)) throw invalid(place, item, repeated);
    known.add(one);
    return one;
  };
  return each(where, given, { mistakes, read: readOnce });
}

// The weekdays repeat, so the days up to a week after `start` are enough.
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
 * Returns the end of the window that is open at a time, the latest end if several are open, and
 * undefined if none is. A window belongs to the day and the week in which it begins.
 */
export function openUntil(brownout: BrownoutPlan, now: number): number | undefined {
  const { start, end, daily } = brownout;
  if (now < start || now >= end) return undefined;
  if (!daily) return end;
  let latest = now;
  const today = Math.floor(now / day) * day;
  // A window is shorter than a day, so an open one began today or yesterday.
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
