import { ConfigError } from '../index.js';

/** What a part of a test helper must be, and its words for it. */
export type PartCheck = readonly [passes: (value: unknown) => boolean, must: string];

export const isText: PartCheck = [
  (value) => typeof value === 'string' && value !== '',
  'a string that is not empty',
];
export const isList: PartCheck = [
  (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  'a list of strings',
];
export const isTexts: PartCheck = [
  (value) => isText[0](value) || isList[0](value),
  'a string or a list of strings',
];
export const isObject: PartCheck = [
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'an object',
];
export const isFlag: PartCheck = [(value) => typeof value === 'boolean', 'true or false'];
export const isCallable: PartCheck = [(value) => typeof value === 'function', 'a function'];

/**
 * Checks what a test gives a helper as strictly as a guard checks its options: a test that passes for
 * another reason than it says is worse than none.
 * @throws ConfigError for a part that is not known, and for one of the wrong kind
 */
export function checkParts(
  where: string,
  parts: unknown,
  checks: Readonly<Record<string, PartCheck>>,
): void {
  if (!isObject[0](parts)) throw new ConfigError(`${where}: give its parts in an object, by name`);
  for (const [name, value] of Object.entries(parts as object)) {
    const [passes, must] = (Object.hasOwn(checks, name) && checks[name]) || [];
    if (!passes) {
      const known = Object.keys(checks).join(', ');
      throw new ConfigError(`${where}: "${name}" is not known: use ${known}`);
    }
    if (!passes(value))
      throw new ConfigError(`${where}.${name} must be ${must}, got ${shown(value)}`);
  }
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
