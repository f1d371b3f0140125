import { isObject } from '../base/json.js';
import type { Sliced } from '../base/slices.js';
import { invalid, settingsOf } from '../base/validate.js';
import { entry } from './json-lines.js';
import type { Mistakes } from './mistakes.js';

/** A member of the plan that maps names to values. */
interface Entries {
  readonly where: string;
  /** What a name stands for: `client`. */
  readonly what: string;
  /** A valid value, for error messages. */
  readonly example: string;
  readonly most: number;
  readonly mistakes: Mistakes;
}

/** Reads a plain object into a map. */
export function* mapOf<T>(
  { where, what, example, most, mistakes }: Entries,
  given: unknown,
  read: (where: string, value: unknown, name: string) => T,
): Sliced<ReadonlyMap<string, T>> {
  if (given === undefined) return new Map();
  // Object.keys would silently skip the entries of a Map and the members of a prototype.
  if (!isObject(given) || !isPlain(given)) {
    throw invalid(where, given, {
      must: `be a plain object with a member for each ${what}`,
      advice: `For example ${example}`,
    });
  }
  const names = Object.keys(given);
  if (names.length > most) {
    throw invalid(where, names.length, { must: `have at most ${most} ${what}s` });
  }
  const map = new Map<string, T>();
  for (const name of names) {
    const value = given[name];
    const place = entry(where, name);
    const one = mistakes.attempt(() => {
      if (name === '' || name === '__proto__') {
        throw invalid(place, name, { must: 'have a name other than "" and "__proto__"' });
      }
      return read(place, value, name);
    });
    if (one !== undefined) map.set(name, one);
    yield;
  }
  return map;
}

/**
 * Reads the members of a plain object. A Response, a Promise or a Map has no own members: read as a
 * plan, it would be an empty one, which accepts every key again.
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
    // Reports each invalid member and keeps the others.
    const parts = Object.entries(given).map(([name, value]) =>
      mistakes.attempt(() => settingsOf(where, { [name]: value }, names)),
    );
    return Object.assign({}, ...parts);
  }
  throw invalid(where, given, {
    must: 'be a plain object',
    advice: 'Pass the object that JSON.parse returns',
  });
}

/** An object of the plan, and the names that its members may have. */
interface Settings {
  readonly where: string;
  readonly names: readonly string[];
  readonly mistakes: Mistakes;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
