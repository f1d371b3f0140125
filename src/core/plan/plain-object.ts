import { isObject } from '../base/json.js';
import type { Sliced } from '../base/slices.js';
import { mistake, settingsOf } from '../base/validate.js';
import { entry } from './json-lines.js';

/** The entries of a plain object, each read under its own name; of at most `most`. */
export function* mapOf<T>(
  { where, what, most }: { readonly where: string; readonly what: string; readonly most: number },
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
    if (name === '' || name === '__proto__') throw mistake(place, name, `names no ${what}`);
    map.set(name, read(place, value, name));
    yield;
  }
  return map;
}

/**
 * The settings of a plain object. A Response, a Promise or a Map has no members of its own: it would
 * be a plan that says nothing, and opens every door again.
 */
export function plainSettings(where: string, given: unknown, names: readonly string[]) {
  const own = settingsOf(where, given, names);
  if (isPlain(given as object)) return own;
  throw mistake(where, given, 'is no plain object: give what JSON.parse answers, or its text');
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
