import { ConfigError } from './errors.js';
import { bare } from './json.js';
import { newNameOf } from './renamed.js';

// Every mistake is told in one shape: where, what was written, what was meant, where to read.

/** An invalid option or member of a plan, and where it is: `plan.clients["acme"].mode`. */
export class OptionError extends ConfigError {
  readonly where: string;

  constructor(where: string, message: string) {
    super(message);
    this.where = where;
  }
}

/** The error for a setting that cannot be meant as it is written. */
export function mistake(where: string, written: unknown, meant: string): ConfigError {
  return new OptionError(where, `${where}: ${show(written)} ${meant} (${page(where)})`);
}

/** What an option must be, and what to do about one that is not: sentences without a final period. */
export interface Expected {
  /** Follows "must": `be an array of strings`. */
  readonly must: string;
  /** Valid input, or a step to take: `Set it to the value that your tokens carry in "aud"`. */
  readonly advice?: string;
}

/** Returns the error for an invalid option: where, what is required, what was found, what to do. */
export function invalid(where: string, got: unknown, { must, advice }: Expected): ConfigError {
  const then = advice === undefined ? '' : ` ${advice}.`;
  return new OptionError(
    where,
    `${where} must ${must}; got ${show(got)}.${then} S${page(where).slice(1)}.`,
  );
}

function page(where: string): string {
  if (where.startsWith('plan')) return 'see "The plan" in docs/api-keys.md of sallyport';
  return where.startsWith('requirements')
    ? 'see "Requirements" in the README of sallyport'
    : 'see "Options" in the README of sallyport';
}

function show(value: unknown): string {
  if (typeof value === 'string') {
    return `"${value.length > 80 ? `${value.slice(0, 80)}…` : value}"`;
  }
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'this';
  return typeof value === 'function' ? 'a function' : String(value);
}

/**
 * The settings that an object has of its own. Refuses what is no object, a name that is not known, a
 * value that is `undefined`, and a setting that a class has in its prototype.
 */
export function settingsOf(
  where: string,
  value: unknown,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw mistake(where, value, 'is no object: give the settings by name');
  }
  for (const name of Object.keys(value)) {
    if (!names.includes(name)) {
      const now = newNameOf(name, names);
      const near = nearest(name, names);
      if (now) throw mistake(`${where}.${name}`, name, `was renamed: use "${now}"`);
      throw mistake(
        `${where}.${name}`,
        name,
        near ? `is not known: did you mean "${near}"?` : `is not known: use ${names.join(', ')}`,
      );
    }
  }
  const own = bare(value);
  for (const name of names) {
    if (name in value && !(name in own) && !(name in Object.prototype)) {
      throw mistake(`${where}.${name}`, name, 'is inherited: write it into the object itself');
    }
    if (name in own && own[name] === undefined) {
      throw mistake(
        `${where}.${name}`,
        undefined,
        'is no value: is a variable not set? Give one, or leave out a name that may be',
      );
    }
  }
  return own;
}

/** What is made of a setting that may be left out. */
export const optional = <V, T>(
  where: string,
  value: V | undefined,
  check: (where: string, value: V) => T,
): T | undefined => (value === undefined ? undefined : check(where, value));

/** A list, not empty, of texts that pass the test. */
export function listOf(
  where: string,
  value: unknown,
  what: string,
  passes: (item: string) => boolean,
): readonly string[] {
  if (typeof value === 'string') {
    const parts = value.split(/[\s,]+/).filter((part) => part !== '');
    const list = parts.map((part) => `'${part}'`).join(', ');
    throw mistake(where, value, `is one text: write a list of ${what}s, [${list}]`);
  }
  if (!Array.isArray(value)) throw mistake(where, value, `is no list of ${what}s`);
  if (value.length === 0) throw mistake(where, value, `is empty: name a ${what}, or leave it out`);
  for (const item of value) {
    if (typeof item !== 'string' || !passes(item)) {
      throw mistake(where, item, `is no ${what}: write one ${what} per entry`);
    }
  }
  return Object.freeze([...(value as string[])]);
}

/** A scope as RFC 6749 §3.3 spells one. A comma is refused too: it always joined two scopes. */
export const isScope = (scope: string): boolean => /^[!#-+\--[\]-~]+$/.test(scope);

/** A text with something in it. */
export function someText(where: string, value: unknown, meant: string): string {
  if (typeof value !== 'string' || value === '') throw mistake(where, value, meant);
  return value;
}

/** A function. */
export function callable<T>(where: string, value: T): T {
  if (typeof value !== 'function') throw mistake(where, value, 'is no function');
  return value;
}

/** `true` or `false`, and nothing that is merely like them. */
export function flag(where: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw mistake(where, value, 'is neither true nor false');
  return value;
}

/** A finite number of seconds from `least` to `most`. */
export function seconds(where: string, value: unknown, [least, most]: readonly [number, number]) {
  if (typeof value !== 'number' || !(value >= least && value <= most)) {
    throw mistake(where, value, `is no number of seconds from ${least} to ${most}`);
  }
  return value;
}

/** A whole number from `least` to `most`. */
export function integer(where: string, value: unknown, [least, most]: readonly [number, number]) {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
    throw mistake(where, value, `is no whole number from ${least} to ${most}`);
  }
  return value as number;
}

/** One of a few words. */
export function oneOf<T extends string>(where: string, value: unknown, words: readonly T[]): T {
  if (words.includes(value as T)) return value as T;
  const near = typeof value === 'string' ? nearest(value, words) : undefined;
  const list = words.map((word) => `"${word}"`).join(', ');
  throw mistake(
    where,
    value,
    near ? `is not known: did you mean "${near}"?` : `is none of ${list}`,
  );
}

/** An https URL, or http on the loopback; without user name, password or fragment. */
export function secureUrl(where: string, value: unknown): string {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^[!-~]+$/.test(value as string)) {
    throw mistake(where, value, 'is no absolute URL of RFC 3986: write https://…');
  }
  if (url.username !== '' || url.password !== '' || url.hash !== '') {
    throw mistake(where, url.origin, 'has a user name, a password or a fragment: leave it out');
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url))) {
    throw mistake(where, value, 'is not https: anyone on the way could change the answer');
  }
  return value as string;
}

/** Tells whether a URL stays on this machine: `localhost`, 127.0.0.0/8 or `[::1]`, exactly. */
export function isLoopback(url: URL): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
}

/** The known name that a written one was probably meant to be. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const [best] = names
    .map((known) => ({ known, far: distance(name.toLowerCase(), known.toLowerCase()) }))
    .sort((a, b) => a.far - b.far);
  return best && best.far <= Math.max(2, best.known.length / 3) ? best.known : undefined;
}

// Levenshtein's: how many letters have to change.
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 0; i < from.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j += 1) {
      const change = (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
