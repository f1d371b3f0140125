import { mistakeSee, typeName } from '../../stores/settings.js';

/** Creates the error for an invalid input. `problem` must not contain the value. */
export const wrong = mistakeSee('ReportInput of sallyport/report');

export function object<T>(where: string, value: T): T {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw wrong(where, `must be an object; got ${typeName(value)}`);
}

export function list<T>(where: string, value: readonly T[]): readonly T[] {
  if (!Array.isArray(value)) throw wrong(where, `must be an array; got ${typeName(value)}`);
  return Array.from(value as readonly T[]);
}

export function id(where: string, value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw wrong(where, `must be a non-empty string; got ${typeName(value)}`);
  return value;
}

export const maybe = (where: string, value: unknown): string | undefined =>
  value === undefined ? undefined : id(where, value);
