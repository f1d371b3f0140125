import { day, minute, readDate, readTime, readWeekday, week, weekdayOf } from '../base/dates.js';
import { isObject } from '../base/json.js';
import type { Sliced } from '../base/slices.js';
import { flag, integer, mistake, optional } from '../base/validate.js';
import type { Mistakes } from './mistakes.js';
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
  readonly mistakes: Mistakes;
}

/** The brownouts of a plan, checked. */
export function* readBrownouts(
  where: string,
  given: unknown,
  known: Names,
): Sliced<BrownoutPlan[]> {
  if (given === undefined) return [];
  if (!Array.isArray(given)) throw mistake(where, given, 'is no list of brownouts');
  if (given.length > mostBrownouts) {
    const meant = `brownouts are more than a plan may have: ${mostBrownouts}`;
    throw mistake(where, given.length, meant);
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
    throw mistake(`${where}.end`, own.end, 'is not later than start');
  }
  if (!everOpens(brownout)) {
    throw mistake(`${where}.daily`, own.daily, 'has no window that begins between start and end');
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
  const list = listIn(where, given);
  if (list.length > mostExempt) {
    throw mistake(where, list.length, `clients are more than a plan may have: ${mostExempt}`);
  }
  for (let index = 0; index < list.length; index += 1) {
    const item = list[index];
    const place = `${where}[${index}]`;
    mistakes.attempt(() => {
      const { id, issuer } = readExempted(place, item, { issuerOf, mistakes });
      const issuers = exempt.get(id) ?? new Set();
      if (issuers.has(issuer)) throw mistake(place, id, 'stands twice in the list: keep one');
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
  if (typeof id !== 'string' || id === '') throw mistake(where, item, 'is no client id');
  return { id, issuer: issuerOf(where, named?.issuer) };
}

function listIn(where: string, given: unknown): readonly unknown[] {
  if (!Array.isArray(given)) throw mistake(where, given, 'is no list: write […]');
  if (given.length === 0) throw mistake(where, given, 'is empty: name one, or leave it out');
  return given;
}

/** How the items of a list are read, and where those that are wrong are added. */
interface Items<T> {
  readonly mistakes: Mistakes;
  readonly read: (where: string, item: unknown) => T;
}

function each<T>(where: string, given: unknown, { mistakes, read }: Items<T>): T[] {
  const items = Array.from(listIn(where, given), (item, index) =>
    mistakes.attempt(() => read(`${where}[${index}]`, item)),
  );
  return items.filter((item) => item !== undefined);
}

function once<T>(where: string, given: unknown, { mistakes, read }: Items<T>): T[] {
  const known = new Set<T>();
  const readOnce = (place: string, item: unknown): T => {
    const one = read(place, item);
    if (known.has(one)) throw mistake(place, item, 'stands twice in the list: keep one');
    known.add(one);
    return one;
  };
  return each(where, given, { mistakes, read: readOnce });
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
