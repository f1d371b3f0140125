import { ConfigError } from '../base/errors.js';
import type { Sliced } from '../base/slices.js';
import { mistake } from '../base/validate.js';

// JSON.parse does not tell where a text goes wrong, and of two equal names it keeps the last.

/** The steps to a value: names of members, and numbers of items. */
type Path = readonly (string | number)[];

const mostCharacters = 2 ** 22;
const deepest = 16;

/** How a sentence names a member whose name the user has chosen. */
export const entry = (where: string, name: string): string => `${where}[${JSON.stringify(name)}]`;

function place(where: string, path: Path): string {
  const chosen = path[0] === 'clients' || path[0] === 'cohorts';
  return path.reduce<string>((outer, step, depth) => {
    if (typeof step === 'number') return `${outer}[${step}]`;
    return chosen && depth === 1 ? entry(outer, step) : `${outer}.${step}`;
  }, where);
}

/**
 * The value of a JSON text (RFC 8259), as JSON.parse answers it.
 * @throws ConfigError with line and column for what is no JSON, a name that stands twice in one
 * object, `__proto__` as a name, and more than 4 MiB
 */
export function* parseWithLines(where: string, text: string): Sliced<unknown> {
  if (text.length > mostCharacters) {
    throw mistake(
      where,
      text.length,
      `characters are more than a plan may have: ${mostCharacters}`,
    );
  }
  return yield* walk(where, text);
}

/** The same errors, each with the line of what it is about, in the order of the lines. */
export function* withLines(
  where: string,
  text: string,
  errors: readonly ConfigError[],
): Sliced<ConfigError[]> {
  const spots = errors.map((error) => ({ error, length: -1, at: 0 }));
  yield* walk(where, text, (path, at) => {
    const here = place(where, path);
    for (const spot of spots) {
      // A sentence begins with its place. What is missing is looked for where it should stand.
      if (here.length <= spot.length || !spot.error.message.startsWith(here)) continue;
      if (!/^(?:: |\.|\[)/.test(spot.error.message.slice(here.length))) continue;
      spot.length = here.length;
      spot.at = at;
    }
  });
  return spots
    .sort((one, other) => one.at - other.at)
    .map(({ error, at }) => located(error, `line ${position(text, at).line}`));
}

// A sentence ends with where to read, in parentheses.
function located({ message }: ConfigError, spot: string): ConfigError {
  const end = message.lastIndexOf('(') + 1;
  return new ConfigError(`${message.slice(0, end)}${spot}; ${message.slice(end)}`);
}

function position(text: string, at: number): { readonly line: number; readonly column: number } {
  const lines = text.slice(0, at).split(/\r\n|\n|\r/);
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

const space = /[ \t\r\n]*/y;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const escaped = /\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})/y;
const anything = /"[^"\\\p{Cc}]*"?|[\w$]+|\\?[\s\S]/uy;

/** Reads a text, and shows each member and each item before it reads it. */
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

  function wrong(from: number, meant: string, written: unknown = seenAt(from)): ConfigError {
    const { line, column } = position(text, from);
    return located(mistake(place(where, path), written, meant), `line ${line}, column ${column}`);
  }

  // What stands there, for a sentence to quote.
  function seenAt(from: number): unknown {
    at = from;
    const seen = take(anything);
    if (seen === '') return {};
    return seen < ' ' ? JSON.stringify(seen).slice(1, -1) : seen.replace(/^"|"$/g, '') || seen;
  }

  function expected(what: string): ConfigError {
    if (at === text.length) return wrong(at, `ends too early: ${what} is missing`);
    if (text[at] === '\uFEFF') return wrong(at, 'is a byte order mark: save the text without it');
    if (text[at] === '/') return wrong(at, 'is no JSON: there are no comments in it');
    return wrong(at, `is no JSON: ${what} was expected`);
  }

  function sign(signs: string): string {
    take(space);
    const found = text.charAt(at);
    if (found === '' || !signs.includes(found)) {
      throw expected([...signs].map((one) => `"${one}"`).join(' or '));
    }
    at += 1;
    take(space);
    return found;
  }

  function string(): string {
    const from = at;
    at += 1;
    for (let code = text.charCodeAt(at); code !== 0x22; code = text.charCodeAt(at)) {
      if (at >= text.length) throw expected('a closing quote');
      if (code < 0x20) throw wrong(at, 'cannot stand in a text: is a closing quote missing?');
      if (code !== 0x5c) at += 1;
      else if (take(escaped) === '') throw wrong(at, 'is no escape of JSON: a backslash is \\\\');
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
        if (text[at] === '}') throw wrong(at, 'stands behind a comma: leave the comma out');
        if (text[at] !== '"') throw expected('a name in double quotes');
        const name = string();
        path.push(name);
        if (name === '__proto__') throw wrong(from, 'cannot be a name here', name);
        if (Object.hasOwn(own, name))
          throw wrong(from, 'stands twice in one object: keep one', name);
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
        if (text[at] === ']') throw wrong(at, 'stands behind a comma: leave the comma out');
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
    if (path.length > deepest) throw wrong(at, 'is nested too deep for a plan');
    if (text[at] === '{') return yield* members();
    if (text[at] === '[') return yield* items();
    if (text[at] === '"') return string();
    const taken = take(scalar);
    if (taken === '') throw expected('a value');
    return JSON.parse(taken);
  }

  take(space);
  visit?.(path, at);
  const whole = yield* value();
  take(space);
  if (at < text.length) throw expected('the end');
  return whole;
}
