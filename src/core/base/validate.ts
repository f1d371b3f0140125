import { ConfigError } from './errors.js';
import { bare } from './json.js';
import { nearest } from './nearest.js';
import { newNameOf } from './renamed.js';

/** Where the invalid value is, by error: `plan.clients["acme"].mode`. */
const places = new WeakMap<Error, string>();

/** Returns the error for an option, or a member of a plan, at a place. */
export function errorAt(where: string, message: string): ConfigError {
  const error = new ConfigError(message);
  places.set(error, where);
  return error;
}

/** Returns where the invalid value is, if the error says it as data. */
export const placeOf = (error: Error): string | undefined => places.get(error);

/** What a value must be, and what to do about one that is not: sentences without a final period. */
export interface Expected {
  /** Follows "must": `be an array of strings`. */
  readonly must: string;
  /** Valid input, or a step to take: `Set it to the value that your tokens carry in "aud"`. */
  readonly advice?: string | undefined;
}

/** Returns the error for an invalid value: where, what is required, what was found, what to do. */
export function invalid(where: string, got: unknown, { must, advice }: Expected): ConfigError {
  return problem(where, `must ${must}; got ${show(got)}`, advice);
}

/** Returns the error for a name or value of which the problem is not the kind of value. */
function problem(where: string, what: string, advice?: string): ConfigError {
  const then = advice === undefined ? '' : ` ${advice}${advice.endsWith('?') ? '' : '.'}`;
  return errorAt(where, `${where} ${what}.${then} ${page(where)}.`);
}

function page(where: string): string {
  if (where.startsWith('plan')) return 'See "The plan" in docs/api-keys.md of sallyport';
  return where.startsWith('requirements')
    ? 'See "Requirements" in the README of sallyport'
    : 'See "Options" in the README of sallyport';
}

function show(value: unknown): string {
  if (typeof value === 'string') {
    return `"${value.length > 80 ? `${value.slice(0, 80)}…` : value}"`;
  }
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

/**
 * Returns a copy of an object's own settings.
 * @throws ConfigError if it is not an object, or if a name is unknown, has the value `undefined`, or
 * is inherited from a class
 */
export function settingsOf(
  where: string,
  value: unknown,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(where, value, { must: 'be an object with named settings' });
  }
  for (const name of Object.keys(value)) {
    if (!names.includes(name)) throw unknownName(where, name, names);
  }
  const own = bare(value);
  for (const name of names) {
    if (name in value && !(name in own) && !(name in Object.prototype)) {
      throw problem(
        `${where}.${name}`,
        'must be a property of the object itself; got an inherited one',
        'Copy it into a plain object',
      );
    }
    if (name in own && own[name] === undefined) {
      throw invalid(`${where}.${name}`, undefined, {
        must: 'have a value',
        advice: 'Check whether a variable is not set; remove the name only if it is optional',
      });
    }
  }
  return own;
}

function unknownName(where: string, name: string, names: readonly string[]): ConfigError {
  const place = `${where}.${name}`;
  const newName = newNameOf(name, names);
  if (newName !== undefined) return problem(place, 'was renamed', `Use "${newName}"`);
  const near = nearest(name, names);
  const advice = near === undefined ? `Use ${names.join(', ')}` : `Did you mean "${near}"?`;
  return problem(place, 'is not a known name', advice);
}

/** Returns what `check` makes of a setting; undefined if it is left out. */
export const optional = <V, T>(
  where: string,
  value: V | undefined,
  check: (where: string, value: V) => T,
): T | undefined => (value === undefined ? undefined : check(where, value));

/** The items that an array must consist of. */
export interface Items<T> {
  /** What one of them is, without its article: `scope`. */
  readonly name: string;
  readonly passes: (item: unknown) => item is T;
  /** What to do about an empty array. @default to add an item, or to leave the setting out */
  readonly ifEmpty?: string;
}

/**
 * Returns a frozen copy of an array that is not empty and of which every item passes.
 * @throws ConfigError for anything else, naming the first item that does not pass
 */
export function listOf<T>(where: string, value: unknown, items: Items<T>): readonly T[] {
  const { name, passes, ifEmpty = `Add a ${name}, or leave it out` } = items;
  const must = `be an array of ${name}s`;
  if (typeof value === 'string') {
    throw invalid(where, value, { must, advice: asArray(value, items) });
  }
  if (!Array.isArray(value)) throw invalid(where, value, { must });
  if (value.length === 0) {
    throw invalid(where, value, { must: `contain at least one ${name}`, advice: ifEmpty });
  }
  for (const [i, item] of value.entries()) {
    if (passes(item)) continue;
    const advice = typeof item === 'string' ? `Write one ${name} per string` : undefined;
    throw invalid(`${where}[${i}]`, item, { must: `be a valid ${name}`, advice });
  }
  return Object.freeze([...(value as T[])]);
}

/** The array to write in place of a string such as `a, b`, if that is a valid one. */
function asArray<T>(text: string, { passes }: Items<T>): string | undefined {
  const parts = text.split(/[\s,]+/).filter((part) => part !== '');
  return parts.length > 0 && parts.every(passes)
    ? `Write [${parts.map((part) => JSON.stringify(part)).join(', ')}]`
    : undefined;
}

/** Returns whether a string is a scope (RFC 6749 §3.3). A comma is not accepted: it always joined two. */
export const isScope = (scope: string): boolean => /^[!#-+\--[\]-~]+$/.test(scope);

/** The items of a list of scopes. */
export const scopeItems: Items<string> = {
  name: 'scope',
  passes: (item): item is string => typeof item === 'string' && isScope(item),
};

/** Returns whether a value is a string that is not empty. */
export const isText = (value: unknown): value is string =>
  typeof value === 'string' && value !== '';

/** Returns a string that is not empty. */
export function someText(
  where: string,
  value: unknown,
  { must = 'be a non-empty string', advice }: Partial<Expected> = {},
): string {
  if (!isText(value)) throw invalid(where, value, { must, advice });
  return value;
}

/** Returns a function. */
export function callable<T>(where: string, value: T): T {
  if (typeof value !== 'function') throw invalid(where, value, { must: 'be a function' });
  return value;
}

/** Returns `true` or `false`; nothing is converted. */
export function flag(where: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalid(where, value, { must: 'be true or false' });
  return value;
}

/** The numbers that are accepted, both ends included. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Returns a number of seconds within the range; fractions are accepted. */
export function seconds(where: string, value: unknown, { min, max }: Range): number {
  if (typeof value !== 'number' || !(value >= min && value <= max)) {
    throw invalid(where, value, { must: `be a number of seconds from ${min} to ${max}` });
  }
  return value;
}

/** Returns an integer within the range. */
export function integer(where: string, value: unknown, { min, max }: Range): number {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
    throw invalid(where, value, { must: `be an integer from ${min} to ${max}` });
  }
  return value as number;
}

/** Returns one of a few words. */
export function oneOf<T extends string>(where: string, value: unknown, words: readonly T[]): T {
  if (words.includes(value as T)) return value as T;
  const near = typeof value === 'string' ? nearest(value, words) : undefined;
  throw invalid(where, value, {
    must: `be ${words.length > 1 ? 'one of ' : ''}${words.map((word) => `"${word}"`).join(', ')}`,
    advice: near === undefined ? undefined : `Did you mean "${near}"?`,
  });
}

/** Returns an https URL, or http on the loopback, without user name, password or fragment. */
export function secureUrl(where: string, value: unknown): string {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^[!-~]+$/.test(value as string)) {
    throw invalid(where, urlWithoutSecrets(value), {
      must: 'be an absolute URL (RFC 3986)',
      advice: 'Write it in full, beginning with "https://"',
    });
  }
  if (url.username !== '' || url.password !== '' || url.hash !== '') {
    throw invalid(where, urlWithoutSecrets(value), {
      must: 'be a URL without a user name, a password or a fragment',
      advice: 'Remove that part',
    });
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url))) {
    throw invalid(where, urlWithoutSecrets(value), {
      must: 'be an https URL, or http on localhost',
      advice: 'Use https: over http, anyone on the network path could change the response',
    });
  }
  return value as string;
}

/** Returns a URL for an error message: without the parts of one in which people put secrets. */
export const urlWithoutSecrets = (value: unknown): unknown =>
  typeof value === 'string'
    ? value
        .replace(/^([a-z][a-z\d+.-]*:)?.*@/is, '$1//…@')
        .replace(/[?#].*$/s, (end) => `${end[0]}…`)
    : value;

/** Returns whether a URL stays on this machine: `localhost`, 127.0.0.0/8 or `[::1]`, exactly. */
export function isLoopback(url: URL): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
}
