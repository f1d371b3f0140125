import { ConfigError } from '../index.js';
import { settingsReader } from '../stores/settings.js';

/** The error for a setting of audit or metrics. It shows no value: that may be a secret. */
export const mistake = (where: string, meant: string): ConfigError =>
  new ConfigError(`${where} ${meant} (see docs/audit.md of sallyport)`);

export const settingsOf = settingsReader(mistake);

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
