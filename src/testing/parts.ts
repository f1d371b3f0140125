import { ConfigError } from '../index.js';

/** The check of an option of a test helper, and what its value must be, for the error message. */
export interface PartCheck {
  passes(value: unknown): boolean;
  readonly wanted: string;
}

export const isString: PartCheck = {
  passes: (value) => typeof value === 'string' && value !== '',
  wanted: 'a non-empty string',
};
export const isStrings: PartCheck = {
  passes: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  wanted: 'an array of strings',
};
export const isStringOrStrings: PartCheck = {
  passes: (value) => isString.passes(value) || isStrings.passes(value),
  wanted: 'a non-empty string or an array of strings',
};
export const isObject: PartCheck = {
  passes: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  wanted: 'an object',
};
export const isFlag: PartCheck = {
  passes: (value) => typeof value === 'boolean',
  wanted: 'true or false',
};
export const isCallable: PartCheck = {
  passes: (value) => typeof value === 'function',
  wanted: 'a function',
};

/**
 * Checks the options of a test helper as strictly as a guard checks its own, so that a misspelled
 * option cannot make a test pass for the wrong reason.
 * @throws ConfigError if an option is unknown or its value is invalid
 */
export function checkParts(
  where: string,
  parts: unknown,
  checks: Readonly<Record<string, PartCheck>>,
): void {
  if (!isObject.passes(parts)) {
    throw new ConfigError(`${where} must be called with an object; got ${show(parts)}`);
  }
  for (const [name, value] of Object.entries(parts as object)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (!check) {
      const known = Object.keys(checks).join(', ');
      throw new ConfigError(`${where}.${name} is not a known option: use ${known}`);
    }
    if (!check.passes(value)) {
      throw new ConfigError(`${where}.${name} must be ${check.wanted}; got ${show(value)}`);
    }
  }
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
