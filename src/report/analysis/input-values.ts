import { ConfigError } from '../../index.js';

/** The error for an input that cannot be meant. Of what was written it shows nothing. */
export const wrong = (where: string, meant: string): ConfigError =>
  new ConfigError(`${where}: ${meant} (see ReportInput of sallyport/report)`);

export function object<T>(where: string, value: T): T {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw wrong(where, 'is no object');
}

export function list<T>(where: string, value: readonly T[]): readonly T[] {
  if (!Array.isArray(value)) throw wrong(where, 'is no list');
  return Array.from(value as readonly T[]);
}

export function id(where: string, value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw wrong(where, 'is no text with something in it');
  return value;
}

export const maybe = (where: string, value: unknown): string | undefined =>
  value === undefined ? undefined : id(where, value);
