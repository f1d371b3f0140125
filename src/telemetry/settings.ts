import { mistakeSee, otherType, settingsReader, typeName } from '../stores/settings.js';

export { otherType, typeName };

/** Creates the error for an invalid setting of the audit log or the metrics. */
export const mistake = mistakeSee('docs/audit.md of sallyport');

export const settingsOf = settingsReader(mistake);

interface Range {
  readonly min: number;
  readonly max: number;
}

/** Returns the value if it is an integer in the range. @throws ConfigError otherwise */
export function integer(where: string, value: unknown, { min, max }: Range): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number;
  }
  throw mistake(where, `must be an integer from ${min} to ${max}; got ${otherType(value)}`);
}

/** Returns the value if it is one of these strings. @throws ConfigError otherwise */
export function oneOf<T extends string>(where: string, value: unknown, words: readonly T[]): T {
  if (words.includes(value as T)) return value as T;
  const list = words.map((word) => `"${word}"`).join(', ');
  throw mistake(where, `must be one of ${list}; got ${otherType(value)}`);
}

/** Returns the value if it is a function or `undefined`. @throws ConfigError otherwise */
export function callable<T>(where: string, value: T): T {
  if (value === undefined || typeof value === 'function') return value;
  throw mistake(where, `must be a function; got ${typeName(value)}`);
}

/** Returns the value if it is a non-empty string. @throws ConfigError otherwise */
export function someText(where: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw mistake(where, `must be a non-empty string; got ${typeName(value)}`);
}

/** Returns whether the value is a rate: a number from 0 (none) to 1 (all). */
export const isRate = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= 1;
