import { flag, mistake, settingsOf, someText } from '../base/validate.js';
import type { KeyPlaces } from '../extract.js';
import { couldBeJwt, isAnchored } from './jwt-overlap.js';

/** A header of its own, such as `x-api-key`. */
interface InHeader {
  readonly header: string;
}

/** A scheme of its own in `Authorization`, such as `ApiKey`; in any case. */
interface BehindScheme {
  readonly scheme: string;
}

/**
 * A text behind `Bearer` that the pattern matches from ^ to $. One that could match a JWT is a
 * ConfigError, unless `jwtShaped` says that it is meant: then what it matches is a key, never a
 * token.
 */
interface BehindBearer {
  readonly bearer: RegExp;
  readonly jwtShaped?: boolean;
}

/** A query parameter. It ends up in logs and histories: only for what cannot be changed. */
interface InQuery {
  readonly dangerouslyInQuery: string;
}

/** One of them, and no member of another. */
type Only<T> = T & {
  readonly [K in Exclude<
    keyof InHeader | keyof BehindScheme | keyof BehindBearer | keyof InQuery,
    keyof T
  >]?: never;
};

/** A place, or a shape, in which a request presents an API key. */
export type ApiKeySource = Only<InHeader> | Only<BehindScheme> | Only<BehindBearer> | Only<InQuery>;

/**
 * Checks where keys are looked for.
 * @throws ConfigError for a place that is not a key's, and for a pattern that could match a JWT
 */
export function checkSources(where: string, given: unknown): Omit<KeyPlaces, 'besideToken'> {
  if (!Array.isArray(given)) throw mistake(where, given, 'is no list: write [{ header: … }]');
  if (given.length === 0) throw mistake(where, given, 'is empty: no key could be found');
  const headers = new Set<string>();
  const schemes = new Set<string>();
  const parameters = new Set<string>();
  const shapes: RegExp[] = [];
  for (const [i, source] of given.entries()) {
    const one = settingsOf(`${where}[${i}]`, source, sourceNames);
    const kinds = Object.keys(one).filter((name) => name !== 'jwtShaped');
    const [kind] = kinds;
    if (kind === undefined || kinds.length > 1 || ('jwtShaped' in one && kind !== 'bearer')) {
      const list = sourceNames.slice(0, 4).join(', ');
      throw mistake(`${where}[${i}]`, source, `has to have one of ${list}, and nothing else`);
    }
    const at = `${where}[${i}].${kind}`;
    const value = one[kind];
    if (kind === 'header') headers.add(checkName(at, value, ownHeaders));
    else if (kind === 'scheme') schemes.add(checkName(at, value, ownSchemes));
    else if (kind === 'bearer') shapes.push(checkShape(at, value, one.jwtShaped));
    else parameters.add(checkParameter(at, value));
  }
  return { headers: [...headers], schemes, parameters, shapes };
}

const sourceNames = ['header', 'scheme', 'bearer', 'dangerouslyInQuery', 'jwtShaped'];
const useScheme = 'is the place of tokens: write { scheme: "…" }, or { bearer: /^…$/ }';
const ownHeaders: Readonly<Record<string, string>> = {
  authorization: useScheme,
  'proxy-authorization': 'is for a proxy: RFC 9110 §11.7.2',
  cookie: 'is sent by browsers on their own, so other sites could use it',
};
const ownSchemes: Readonly<Record<string, string>> = {
  bearer: 'is the scheme of tokens: write { bearer: /^…$/ } with the shape of a key',
  dpop: 'is a scheme of tokens: RFC 9449',
  basic: 'carries a name and a password in base64, and no key',
};

function checkName(where: string, given: unknown, taken: Readonly<Record<string, string>>): string {
  const name = someText(where, given, 'is no name').toLowerCase();
  if (!/^[!#$%&'*+\-.^_`|~\w]+$/.test(name)) {
    throw mistake(where, given, 'is no token of RFC 9110 §5.6.2: write the name alone');
  }
  const why = Object.hasOwn(taken, name) ? taken[name] : undefined;
  if (why !== undefined) throw mistake(where, given, why);
  return name;
}

function checkShape(where: string, given: unknown, jwtShaped: unknown = false): RegExp {
  if (!(given instanceof RegExp)) throw mistake(where, given, 'is no pattern: write /^…$/');
  const written = String(given);
  if (/[gym]/.test(given.flags)) {
    throw mistake(where, written, 'has one of the flags g, y and m: leave them out');
  }
  if (!isAnchored(given)) {
    throw mistake(where, written, 'could match a part: begin it with ^ and end it with $');
  }
  if (!flag(`${where.replace(/bearer$/, '')}jwtShaped`, jwtShaped) && couldBeJwt(given)) {
    const say = 'if such keys are meant, say jwtShaped: true, and no token like them gets in';
    throw mistake(where, written, `could match a JWT: narrow it, say by its prefix; or, ${say}`);
  }
  // A copy: a RegExp can be changed.
  return new RegExp(given.source, given.flags);
}

function checkParameter(where: string, given: unknown): string {
  const name = someText(where, given, 'is no name of a query parameter');
  if (name === 'access_token') {
    throw mistake(where, name, 'is where tokens stood once, and is always refused: RFC 6750 §2.3');
  }
  if (/[[\]]/.test(name)) throw mistake(where, name, 'has a bracket in it: write the name alone');
  return name;
}
