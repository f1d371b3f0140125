/** A JSON object, parsed once, in which no name stood twice. */
export type Claims = Readonly<Record<string, unknown>>;

/** A member of an object that is its own, and undefined for anything else. */
export function own(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Tells a JSON object from an array, `null` and the scalars. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A copy with an object's own members and no others: what somebody put into `Object.prototype` is
 * in every object but this.
 */
export const bare = (value: object): Claims => ({ __proto__: null, ...value });

/** The same value, with nothing in it that could be changed. Without recursion: it may be very deep. */
export function deepFreeze<T extends object>(value: T): T {
  // What is added while a Set is read is read too, and each object once, so that a cycle ends.
  const nodes = new Set<object>([value]);
  for (const node of nodes) {
    for (const child of Object.values(node)) {
      if (typeof child === 'object' && child !== null) nodes.add(child);
    }
    Object.freeze(node);
  }
  return value;
}

/** Tells whether an object or its class has a member; what every object has is nobody's. */
export function has(value: object, name: string): boolean {
  for (let one = value; one && one !== Object.prototype; one = Object.getPrototypeOf(one)) {
    if (Object.hasOwn(one, name)) return true;
  }
  return false;
}

/** A member that an object {@link has}. */
export const memberOf = (value: object, name: string): unknown =>
  has(value, name) ? (value as Record<string, unknown>)[name] : undefined;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads UTF-8 JSON text that is one object (RFC 7519 §7.2); undefined for anything else, and for
 * an object that two parsers could read in two ways: a name twice, or `__proto__`.
 */
export function parseObject(bytes: Uint8Array): Claims | undefined {
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(bytes);
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isObject(value) && readsOneWay(text, value) ? value : undefined;
}

// JSON.parse keeps the last of two equal names, so a name stood twice exactly if the text has
// more names than the value.
function readsOneWay(text: string, value: object): boolean {
  const names = namesIn(value);
  if (names === undefined) return false;
  // As nearly everyone writes it, a quote and a colon end a name. If they also stand in a text, or
  // something stands between them, the text is taken apart.
  return (!spaced(text) && countOf(text, '":') === names) || namesWritten(text) === names;
}

/** How many names a value has in it; undefined if one is `__proto__`. */
function namesIn(value: object): number | undefined {
  let names = 0;
  const nodes: object[] = [value];
  for (const node of nodes) {
    const keys = Object.keys(node);
    if (!Array.isArray(node)) names += keys.length;
    for (const key of keys) {
      if (key === '__proto__') return undefined;
      const child = (node as Readonly<Record<string, unknown>>)[key];
      if (typeof child === 'object' && child !== null) nodes.push(child);
    }
  }
  return names;
}

const spaced = (text: string): boolean =>
  text.includes(' :') || text.includes('\n:') || text.includes('\t:') || text.includes('\r:');

function countOf(text: string, part: string): number {
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) count += 1;
  return count;
}

function namesWritten(text: string): number {
  let names = 0;
  for (const [, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"[ \t\n\r]*(:)?/g)) if (colon) names += 1;
  return names;
}
