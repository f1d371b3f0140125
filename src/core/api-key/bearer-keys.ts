import { copyOf } from '../base/copy.js';
import { isObject, own, parseObject } from '../base/json.js';

/** Which strings after `Bearer` are API keys. */
export interface BearerKeys {
  /** A string that starts with one of them is a key. */
  readonly prefixes: readonly string[];
  /** Every string that does not have the form of a JWT is a key. */
  readonly notJwt: boolean;
  /** A string in the form of a JWT is a key if its header names one of these algorithms. */
  readonly jwtAlgorithms: ReadonlySet<unknown>;
}

/** Returns the test for API keys after `Bearer`; undefined if no key can be there. */
export function createBearerKeyTest({
  prefixes,
  notJwt,
  jwtAlgorithms,
}: BearerKeys): ((text: string) => boolean) | undefined {
  const hasPrefix = (text: string) => prefixes.some((prefix) => text.startsWith(prefix));
  if (!notJwt && jwtAlgorithms.size === 0) return prefixes.length > 0 ? hasPrefix : undefined;
  const algorithmOf = createAlgorithmReader();
  return (text) => {
    if (hasPrefix(text)) return true;
    const algorithm = algorithmOf(text);
    return algorithm === undefined ? notJwt : jwtAlgorithms.has(algorithm);
  };
}

/**
 * Returns a function that reads the `alg` of a JWT's header; it returns undefined for a string that
 * is not three segments, the first of which is the base64url of a JSON object with an `alg`. Whether
 * the other two are base64url is left to the verifier of tokens: such a string is not a key either.
 */
function createAlgorithmReader(): (text: string) => unknown {
  // Tokens of one signing key have the same header, so most requests find the last one again.
  let last: { readonly segment: string; readonly algorithm: unknown } | undefined;
  return (text) => {
    const first = text.indexOf('.');
    const second = text.indexOf('.', first + 1);
    if (first < 0 || second < 0 || text.includes('.', second + 1)) return undefined;
    const segment = text.slice(0, first);
    if (segment === last?.segment) return last.algorithm;
    const algorithm = algorithmIn(segment);
    // A copy: a slice would keep the whole token in memory.
    if (algorithm !== undefined) last = { segment: copyOf(segment), algorithm };
    return algorithm;
  };
}

function algorithmIn(segment: string): unknown {
  // Padding is not base64url (RFC 7515 §2), but some gateways add it: still a token.
  if (!/^[\w-]+=*$/.test(segment)) return undefined;
  try {
    const header: unknown = JSON.parse(Buffer.from(segment, 'base64url').toString());
    return own(header, 'alg');
  } catch {
    return undefined;
  }
}

const base64url = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'];
// RFC 8259: white space, then `{`, then a name or the end of the object.
const objectStart = /^[ \t\r\n]*(?:\{[ \t\r\n]*(?:["}].*)?)?$/s;

/**
 * Returns whether some JWT starts with these characters: three segments of base64url, the first of
 * which is a JSON object (RFC 7519 §7.2).
 */
export function couldStartJwt(prefix: string): boolean {
  if (!/^[\w-]*(?:\.[\w-]*){0,2}$/.test(prefix)) return false;
  const [header = '', ...rest] = prefix.split('.');
  if (rest.length > 0) return isObject(parseObject(Buffer.from(header, 'base64url')));
  // A character has 6 bits: one more completes the byte that the last ones begin.
  return base64url.some((next) =>
    objectStart.test(Buffer.from(header + next, 'base64url').toString('latin1')),
  );
}
