import { ConfigError } from '../index.js';

/** The error for a setting of audit or metrics. It shows no value: that may be a secret. */
export const mistake = (where: string, meant: string): ConfigError =>
  new ConfigError(`${where} ${meant} (see docs/audit.md of sallyport)`);

/**
 * The settings that an object has of its own, and none that its prototype has.
 * @throws ConfigError for a name that is not known, and for a value that is `undefined`
 */
export function settingsOf<T extends object>(
  where: string,
  given: T,
  names: readonly (keyof T & string)[],
): T {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw mistake(where, 'is no object: give the settings by name');
  }
  const known: readonly string[] = names;
  for (const [name, value] of Object.entries(given)) {
    if (!known.includes(name)) {
      const near = known.find((one) => one.toLowerCase() === name.toLowerCase());
      const meant = near ? `did you mean "${near}"?` : `use ${known.join(', ')}`;
      throw mistake(`${where}.${name}`, `is not known: ${meant}`);
    }
    if (value === undefined) {
      const meant = 'is a variable not set? Give a value, or leave the name out';
      throw mistake(`${where}.${name}`, `is undefined: ${meant}`);
    }
  }
  return { __proto__: null, ...given } as T;
}

/** A whole number from `least` to `most`. */
export function integer(where: string, value: unknown, [least, most]: readonly [number, number]) {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
    throw mistake(where, `is no whole number from ${least} to ${most}`);
  }
  return value as number;
}

/** One of a few words. */
export function oneOf<T extends string>(where: string, value: unknown, words: readonly T[]): T {
  if (words.includes(value as T)) return value as T;
  throw mistake(where, `is none of ${words.map((word) => `"${word}"`).join(', ')}`);
}

/** A function, or nothing. */
export function callable<T>(where: string, value: T): T {
  if (value === undefined || typeof value === 'function') return value;
  throw mistake(where, 'is no function');
}

/** A text with something in it. */
export function someText(where: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw mistake(where, 'is no text');
  return value;
}

/** Whether a number says how many of all: from 0, none, to 1, all. */
export const isRate = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= 1;
