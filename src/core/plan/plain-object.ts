import { isObject } from '../base/json.js';
import type { Sliced } from '../base/slices.js';
import { mistake, settingsOf } from '../base/validate.js';
import { entry } from './json-lines.js';
import type { Mistakes } from './mistakes.js';

/** A member of the plan with an entry for each name. */
interface Entries {
  readonly where: string;
  /** What an entry is. */
  readonly what: string;
  readonly most: number;
  readonly mistakes: Mistakes;
}

/** Reads the entries of a plain object, each under its own name. */
export function* mapOf<T>(
  { where, what, most, mistakes }: Entries,
  given: unknown,
  read: (where: string, value: unknown, name: string) => T,
): Sliced<ReadonlyMap<string, T>> {
  if (given === undefined) return new Map();
  // The entries of a Map, and what a class has in its prototype, would be passed over in silence.
  if (!isObject(given) || !isPlain(given)) {
    throw mistake(where, given, `is no plain object: write each ${what} under its name`);
  }
  const names = Object.keys(given);
  if (names.length > most) {
    throw mistake(where, names.length, `${what}s are more than a plan may have: ${most}`);
  }
  const map = new Map<string, T>();
  for (const name of names) {
    const value = given[name];
    const place = entry(where, name);
    const one = mistakes.attempt(() => {
      if (name === '' || name === '__proto__') throw mistake(place, name, `names no ${what}`);
      return read(place, value, name);
    });
    if (one !== undefined) map.set(name, one);
    yield;
  }
  return map;
}

/**
 * The settings of a plain object. A Response, a Promise or a Map has no members of its own: it would
 * be a plan that says nothing, and opens every door again.
 */
export function plainSettings(
  { where, names, mistakes }: Settings,
  given: unknown,
): Readonly<Record<string, unknown>> {
  try {
    const own = settingsOf(where, given, names);
    if (isPlain(given as object)) return own;
  } catch (error) {
    if (!isObject(given) || !isPlain(given)) throw error;
    // Each member that is wrong is reported; the others are read.
    const parts = Object.entries(given).map(([name, value]) =>
      mistakes.attempt(() => settingsOf(where, { [name]: value }, names)),
    );
    return Object.assign({}, ...parts);
  }
  throw mistake(where, given, 'is no plain object: give what JSON.parse answers, or its text');
}

/** An object of the plan, and the names that it may have. */
interface Settings {
  readonly where: string;
  readonly names: readonly string[];
  readonly mistakes: Mistakes;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
