// A small automaton reads the shape of a JWT. Each part of a pattern is a move on it: for every state
// the states where the part may leave it. A pattern whose move leads nowhere matches no JWT.

// A header is a JSON object, perhaps after white space: few first bytes, few second bytes, and so few
// beginnings of its base64url.
const openings = 'CQ CS CX Cg Ci Cn DQ DS DX IA IC IH e3 ew ey'.split(' ');

// The states: what was read of an opening; then the segment that is being read.
const begun = ['', 'C', 'D', 'I', 'e'];
const header = begun.length;
const signature = header + 2;
const states = Array.from({ length: signature + 1 }, (_, state) => state);

const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.'];

/** The states, one bit each, where a character leads. */
function after(state: number, char: string): number {
  if (state >= header) return char !== '.' ? 1 << state : state < signature ? 2 << state : 0;
  const read = `${begun[state]}${char}`;
  if (openings.includes(read)) return 1 << header;
  return begun.includes(read) ? 1 << begun.indexOf(read) : 0;
}

type Move = readonly number[];

const by = (chars: readonly string[]): Move =>
  states.map((state) => chars.reduce((all, char) => all | after(state, char), 0));

const only = (...stay: readonly number[]): Move =>
  states.map((state) => (stay.includes(state) ? 1 << state : 0));

const either = (one: Move, other: Move): Move =>
  one.map((to, state) => to | (other[state] as number));

const follow = (first: Move, second: Move): Move =>
  first.map((now) => second.reduce((all, to, state) => ((now >> state) & 1 ? all | to : all), 0));

// No state comes back once it is left. So of as many turns as there are states one stays where it is,
// and with a turn more or less the same states are reached.
function repeat(move: Move, least: number, most: number): Move {
  let turns = only(...states);
  let all = least === 0 ? turns : only();
  for (let turn = 1; turn <= Math.min(most, states.length); turn += 1) {
    turns = follow(turns, move);
    if (turn >= Math.min(least, states.length)) all = either(all, turns);
  }
  return all;
}

const anyText = repeat(by(alphabet), 0, Number.POSITIVE_INFINITY);

/**
 * Answers false only if it is proven that no text which the pattern matches has the shape of a JWT:
 * three segments of base64url, the first of which may be a JSON object (RFC 7519 §7.2).
 */
export function couldBeJwt(pattern: RegExp): boolean {
  // From any state, not just the first, to any: without anchors a match is anywhere in the text.
  return moveOf(pattern)?.some((to) => to !== 0) ?? true;
}

/** The move of a whole pattern; undefined if some of its syntax is not known. */
function moveOf({ source, flags }: RegExp): Move | undefined {
  let at = 0;

  function take(token: RegExp): RegExpExecArray | null {
    token.lastIndex = at;
    const found = token.exec(source);
    at += found?.[0].length ?? 0;
    return found;
  }

  function alternatives(): Move {
    let move = sequence();
    while (take(/\|/y)) move = either(move, sequence());
    return move;
  }

  function sequence(): Move {
    let move = only(...states);
    for (let next = term(); next; next = term()) move = follow(move, quantified(next));
    return move;
  }

  // Undefined at the end, at `|` and `)`, and at what is not known: there all reading stops.
  function term(): Move | undefined {
    if (take(/\^/y)) return only(0);
    if (take(/\$/y)) return only(signature);
    if (take(/\\[bB]/y)) return only(...states);
    // A number is a back reference or an old octal escape.
    if (take(/\\(?:\d+|k<[\w$]+>)/y)) return anyText;
    // A modifier changes what the atoms match.
    if (take(/\(\?[ims-]+:/y)) return group() && anyText;
    // A lookaround only takes matches away.
    if (take(/\(\?<?[=!]/y)) return group() && only(...states);
    if (take(/\((?:\?:|\?<[^>]+>|(?!\?))/y)) return group();
    return matching(characterClass() || character());
  }

  function group(): Move | undefined {
    const move = alternatives();
    return take(/\)/y) ? move : undefined;
  }

  function quantified(move: Move): Move {
    const found = take(/(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/y);
    if (!found) return move;
    const [, sign, from = sign === '+' ? 1 : 0, comma, to] = found;
    const most = sign === '?' ? 1 : to || (sign || comma ? Number.POSITIVE_INFINITY : from);
    return repeat(move, Number(from), Number(most));
  }

  function characterClass(): string {
    const from = at;
    let depth = take(/\[/y) ? 1 : 0;
    while (depth > 0 && at < source.length) {
      const [mark] = take(/\\?./suy) ?? [];
      if (mark === '[' && flags.includes('v')) depth += 1;
      if (mark === ']') depth -= 1;
    }
    return source.slice(from, at);
  }

  function character(): string | undefined {
    const wide = /\\(?:u\{[^}]*\}|[pP]\{[^}]*\}|u[dD][89abAB]..\\u[dD][c-fC-F]..)/y;
    const plain = /\\(?:x[\da-fA-F]{2}|u[\da-fA-F]{4}|c[a-zA-Z]|[^k])|[^()|*+?[\\]/uy;
    return ((/[uv]/.test(flags) && take(wide)) || take(plain))?.[0];
  }

  function matching(atom: string | undefined): Move | undefined {
    if (!atom) return undefined;
    // Under the flag v, \q{…} is a text of any length.
    if (atom.startsWith('[') && atom.includes('\\q')) return anyText;
    // And there V8 11, of Node 20, at times takes [^…] for its opposite.
    if (atom.startsWith('[^') && flags.includes('v')) return by(alphabet);
    const one = new RegExp(`^(?:${atom})$`, flags.replace(/[^isuv]/g, ''));
    return by(alphabet.filter((char) => one.test(char)));
  }

  const move = alternatives();
  return at === source.length ? move : undefined;
}

/** Answers true only if whatever the pattern matches is the whole text. */
export function isAnchored({ source, flags }: RegExp): boolean {
  const flat = folded(source.replace(/\\.|\[(?:\\.|[^\]\\])*\]/gs, '_'));
  const ways = flat.split('|');
  return !flags.includes('m') && ways.every((way) => way.startsWith('^') && way.endsWith('$'));
}

/** Puts one character in the place of every group, from the inside out. */
function folded(text: string): string {
  const less = text.replace(/\([^()]*\)/g, '_');
  return less === text ? text : folded(less);
}
