import type { ConfigError } from '../base/errors.js';
import type { Sliced } from '../base/slices.js';
import { type Expected, errorAt, invalid, placeOf } from '../base/validate.js';

// JSON.parse reports no line numbers, and of two members with the same name it keeps the last.

/** The steps to a value: member names and array indexes. */
type Path = readonly (string | number)[];

const mostCharacters = 2 ** 22;
const deepest = 16;

/** Returns how error messages refer to a member whose name the user has chosen. */
export const entry = (where: string, name: string): string => `${where}[${JSON.stringify(name)}]`;

function place(where: string, path: Path): string {
  const isMap = path[0] === 'clients' || path[0] === 'cohorts';
  return path.reduce<string>((outer, step, depth) => {
    if (typeof step === 'number') return `${outer}[${step}]`;
    return isMap && depth === 1 ? entry(outer, step) : `${outer}.${step}`;
  }, where);
}

/**
 * Parses JSON text (RFC 8259) into the value that JSON.parse returns.
 * @throws ConfigError with line and column for invalid JSON, a repeated member name, the member name
 * `__proto__` and nesting deeper than 16 levels; without them for text longer than 4 MiB
 */
export function* parseWithLines(where: string, text: string): Sliced<unknown> {
  if (text.length > mostCharacters) {
    throw invalid(where, text.length, { must: `have at most ${mostCharacters} characters` });
  }
  return yield* walk(where, text);
}

/** Returns the same errors with line numbers, sorted by line. */
export function* withLines(
  where: string,
  text: string,
  errors: readonly ConfigError[],
): Sliced<ConfigError[]> {
  const spots = errors.map((error) => ({ error, length: -1, at: 0 }));
  yield* walk(where, text, (path, at) => {
    const here = place(where, path);
    for (const spot of spots) {
      // A missing member has no line of its own: the innermost object around it is used.
      if (here.length <= spot.length || !isWithin(spot.error, here)) continue;
      spot.length = here.length;
      spot.at = at;
    }
  });
  return spots
    .sort((one, other) => one.at - other.at)
    .map(({ error, at }) => withPosition(error, `line ${position(text, at).line}`));
}

function isWithin(error: ConfigError, here: string): boolean {
  const where = placeOf(error);
  return where?.startsWith(here) === true && /^(?:$|\.|\[)/.test(where.slice(here.length));
}

function withPosition(error: ConfigError, spot: string): ConfigError {
  const where = placeOf(error);
  if (where === undefined) return error;
  return errorAt(where, `${where} (${spot})${error.message.slice(where.length)}`);
}

function position(text: string, at: number): { readonly line: number; readonly column: number } {
  const lines = text.slice(0, at).split(/\r\n|\n|\r/);
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

const space = /[ \t\r\n]*/y;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const escaped = /\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})/y;
const anything = /"[^"\\\p{Cc}]*"?|[\w$]+|\\?[\s\S]/uy;

const rawControl = {
  must: 'have no control characters in a string',
  advice: 'Escape it, or add the closing quote that is missing',
};
const unknownEscape = {
  must: 'use only the escapes of JSON',
  advice: 'Write a backslash as \\\\',
};
const trailingComma = {
  must: 'have no comma after the last item',
  advice: 'Remove that comma',
};
const reservedName = { must: 'have a name other than "__proto__"' };
const repeatedName = { must: 'appear only once in its object', advice: 'Remove one of the two' };
const tooDeep = { must: `be nested at most ${deepest} levels deep` };

/** Parses text, and calls `visit` before each member and each item. */
function* walk(
  where: string,
  text: string,
  visit?: (path: Path, at: number) => void,
): Sliced<unknown> {
  const path: (string | number)[] = [];
  let at = 0;

  function take(pattern: RegExp): string {
    pattern.lastIndex = at;
    const [taken = ''] = pattern.exec(text) ?? [];
    at += taken.length;
    return taken;
  }

  function syntaxError(from: number, expected: Expected, got = tokenAt(from)): ConfigError {
    const { line, column } = position(text, from);
    const error = invalid(place(where, path), got, expected);
    return withPosition(error, `line ${line}, column ${column}`);
  }

  /** Returns the token at a position, as an error message quotes it. */
  function tokenAt(from: number): string {
    at = from;
    const token = take(anything);
    return token < ' ' ? JSON.stringify(token).slice(1, -1) : token.replace(/^"|"$/g, '') || token;
  }

  function missing(must: string): ConfigError {
    if (at === text.length) return syntaxError(at, { must, advice: 'The text ends too early' });
    if (text[at] === '\uFEFF') {
      return syntaxError(at, { must, advice: 'Save the text without the byte order mark' });
    }
    if (text[at] === '/')
      return syntaxError(at, { must, advice: 'Remove comments: JSON has none' });
    return syntaxError(at, { must });
  }

  function sign(signs: string): string {
    take(space);
    const found = text.charAt(at);
    if (found === '' || !signs.includes(found)) {
      throw missing(`have ${[...signs].map((one) => `"${one}"`).join(' or ')} here`);
    }
    at += 1;
    take(space);
    return found;
  }

  function string(): string {
    const from = at;
    at += 1;
    for (let code = text.charCodeAt(at); code !== 0x22; code = text.charCodeAt(at)) {
      if (at >= text.length) throw missing('have a closing quote here');
      if (code < 0x20) throw syntaxError(at, rawControl);
      if (code !== 0x5c) at += 1;
      else if (take(escaped) === '') throw syntaxError(at, unknownEscape);
    }
    at += 1;
    return JSON.parse(text.slice(from, at));
  }

  function* members(): Sliced<object> {
    const own: Record<string, unknown> = {};
    sign('{');
    if (text[at] === '}') at += 1;
    else {
      do {
        const from = at;
        if (text[at] === '}') throw syntaxError(at, trailingComma);
        if (text[at] !== '"') throw missing('have a name in double quotes here');
        const name = string();
        path.push(name);
        if (name === '__proto__') throw syntaxError(from, reservedName, name);
        if (Object.hasOwn(own, name)) throw syntaxError(from, repeatedName, name);
        visit?.(path, from);
        sign(':');
        own[name] = yield* value();
        path.pop();
        yield;
      } while (sign(',}') === ',');
    }
    return own;
  }

  function* items(): Sliced<unknown[]> {
    const list: unknown[] = [];
    sign('[');
    if (text[at] === ']') at += 1;
    else {
      do {
        if (text[at] === ']') throw syntaxError(at, trailingComma);
        path.push(list.length);
        visit?.(path, at);
        list.push(yield* value());
        path.pop();
        yield;
      } while (sign(',]') === ',');
    }
    return list;
  }

  function* value(): Sliced<unknown> {
    if (path.length > deepest) throw syntaxError(at, tooDeep);
    if (text[at] === '{') return yield* members();
    if (text[at] === '[') return yield* items();
    if (text[at] === '"') return string();
    const taken = take(scalar);
    if (taken === '') throw missing('have a value here');
    return JSON.parse(taken);
  }

  take(space);
  visit?.(path, at);
  const whole = yield* value();
  take(space);
  if (at < text.length) throw missing('end here');
  return whole;
}
