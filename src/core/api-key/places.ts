import { own } from '../base/json.js';
import { mistake, settingsOf, someText } from '../base/validate.js';
import type { KeyPlaces } from '../extract.js';
import { type BearerKeys, couldStartJwt, createBearerKeyTest } from './bearer-keys.js';

/** A header of its own, such as `x-api-key`. */
interface InHeader {
  readonly header: string;
}

/** A scheme of its own in `Authorization`, such as `ApiKey`; in any case. */
interface BehindScheme {
  readonly scheme: string;
}

/**
 * A string after `Bearer`, where tokens are too. Which strings are keys:
 * - a prefix, or a list of prefixes: those that start with one of them, in the same case
 * - `true`: those that do not have the form of a JWT
 * - `jwtAlgorithms`: those in the form of a JWT whose header names one of these symmetric algorithms,
 *   which no access token may have
 *
 * A prefix that a JWT could start with, such as `eyJ`, is a ConfigError.
 */
interface BehindBearer {
  readonly bearer:
    | string
    | readonly string[]
    | true
    | { readonly jwtAlgorithms: readonly SymmetricAlgorithm[] };
}

/** A symmetric algorithm of RFC 7518 §3.2: accepted for no access token. */
export type SymmetricAlgorithm = (typeof symmetricAlgorithms)[number];
const symmetricAlgorithms = ['HS256', 'HS384', 'HS512'] as const;

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

/** Where a request presents an API key. */
export type ApiKeySource = Only<InHeader> | Only<BehindScheme> | Only<BehindBearer> | Only<InQuery>;

/**
 * Checks where keys are looked for.
 * @throws ConfigError for a place where no key can be, and for a prefix that a JWT could start with
 */
export function checkSources(where: string, given: unknown): Omit<KeyPlaces, 'besideToken'> {
  if (!Array.isArray(given)) throw mistake(where, given, 'is no list: write [{ header: … }]');
  if (given.length === 0) throw mistake(where, given, 'is empty: no key could be found');
  const headers = new Set<string>();
  const schemes = new Set<string>();
  const parameters = new Set<string>();
  const bearer: BearerKeys[] = [];
  for (const [i, source] of given.entries()) {
    if (own(source, 'jwtShaped') !== undefined) {
      throw mistake(`${where}[${i}].jwtShaped`, own(source, 'jwtShaped'), noJwtShaped);
    }
    const one = settingsOf(`${where}[${i}]`, source, placeNames);
    const kinds = Object.keys(one);
    const [kind] = kinds;
    if (kind === undefined || kinds.length > 1) {
      const list = placeNames.join(', ');
      throw mistake(`${where}[${i}]`, source, `has to have one of ${list}, and nothing else`);
    }
    const at = `${where}[${i}].${kind}`;
    const value = one[kind];
    if (kind === 'header') headers.add(checkName(at, value, ownHeaders));
    else if (kind === 'scheme') schemes.add(checkName(at, value, ownSchemes));
    else if (kind === 'bearer') bearer.push(checkBearer(at, value));
    else parameters.add(checkParameter(at, value));
  }
  const isBearerKey = createBearerKeyTest({
    prefixes: bearer.flatMap(({ prefixes }) => prefixes),
    notJwt: bearer.some(({ notJwt }) => notJwt),
    jwtAlgorithms: new Set(bearer.flatMap(({ jwtAlgorithms }) => [...jwtAlgorithms])),
  });
  return { headers: [...headers], schemes, parameters, isBearerKey };
}

const placeNames = ['header', 'scheme', 'bearer', 'dangerouslyInQuery'];
const noJwtShaped =
  'was an option of patterns: for legacy keys that are JWTs, write { bearer: { jwtAlgorithms: ["HS256"] } }';
const useScheme =
  'is where tokens are: write { scheme: "ApiKey" }, or { bearer: "sk_live_" } with the prefix of your keys';
const ownHeaders: Readonly<Record<string, string>> = {
  authorization: useScheme,
  'proxy-authorization': 'is for a proxy: RFC 9110 §11.7.2',
  cookie: 'is sent by browsers on their own, so other sites could use it',
};
const ownSchemes: Readonly<Record<string, string>> = {
  bearer: 'is the scheme of tokens: write { bearer: "sk_live_" } with the prefix of your keys',
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

function checkBearer(where: string, given: unknown): BearerKeys {
  if (given instanceof RegExp) throw mistake(where, String(given), instead(given));
  const none = { prefixes: [], notJwt: false, jwtAlgorithms: new Set<string>() };
  if (given === true) return { ...none, notJwt: true };
  if (typeof given === 'string') return { ...none, prefixes: [checkPrefix(where, given)] };
  if (Array.isArray(given)) {
    if (given.length === 0) throw mistake(where, given, `is empty: write ${bearerForms}`);
    const prefixes = given.map((prefix, i) => checkPrefix(`${where}[${i}]`, prefix));
    return { ...none, prefixes };
  }
  if (typeof given !== 'object' || given === null) {
    throw mistake(where, given, `is neither a prefix nor true: write ${bearerForms}`);
  }
  const { jwtAlgorithms } = settingsOf(where, given, ['jwtAlgorithms']);
  return { ...none, jwtAlgorithms: checkAlgorithms(`${where}.jwtAlgorithms`, jwtAlgorithms) };
}

const bearerForms =
  'the prefix of your keys, such as "sk_live_", a list of prefixes, true for every string that is not a JWT, or { jwtAlgorithms: ["HS256"] }';

/** What to write in place of a regular expression: its own prefix, where it has one. */
function instead({ source, flags }: RegExp): string {
  // A quantifier could make the last character optional; an alternative has a prefix of its own.
  const [, prefix = ''] = /^\^((?:[\w~+/-](?![?*{]))+)/.exec(source) ?? [];
  const isPrefix = prefix !== '' && !/[|]/.test(source) && !flags.includes('i');
  const write = isPrefix && !couldStartJwt(prefix) ? `{ bearer: "${prefix}" }` : bearerForms;
  return `is a regular expression, which is not accepted: write ${write}`;
}

/** A prefix in the characters of a b64token (RFC 6750 §2.1). */
function checkPrefix(where: string, given: unknown): string {
  if (given instanceof RegExp) throw mistake(where, String(given), instead(given));
  const prefix = someText(where, given, 'is not a prefix: write one such as "sk_live_"');
  if (!/^[\w.~+/-]+=*$/.test(prefix)) {
    throw mistake(
      where,
      prefix,
      'has a character that cannot follow "Bearer" (RFC 6750 §2.1): use letters, digits and -._~+/',
    );
  }
  if (!couldStartJwt(prefix)) return prefix;
  const [header = ''] = prefix.split('.');
  const start = JSON.stringify(Buffer.from(header, 'base64url').toString());
  throw mistake(
    where,
    prefix,
    `could be the start of a JWT, whose header is a JSON object in base64url (RFC 7519 §7.2): ${
      start === '""' ? 'it is too short to tell' : `it decodes to ${start}`
    }. Write a longer prefix; or, for legacy keys that are JWTs, { jwtAlgorithms: ["HS256"] }`,
  );
}

function checkAlgorithms(where: string, given: unknown): ReadonlySet<string> {
  if (!Array.isArray(given) || given.length === 0) {
    throw mistake(where, given, 'is not a list of algorithms: write ["HS256"]');
  }
  for (const [i, algorithm] of given.entries()) {
    if ((symmetricAlgorithms as readonly unknown[]).includes(algorithm)) continue;
    throw mistake(
      `${where}[${i}]`,
      algorithm,
      `is none of ${symmetricAlgorithms.join(', ')}: a token with any other algorithm may be an access token`,
    );
  }
  return new Set(given);
}

function checkParameter(where: string, given: unknown): string {
  const name = someText(where, given, 'is no name of a query parameter');
  if (name === 'access_token') {
    throw mistake(where, name, 'is where tokens stood once, and is always refused: RFC 6750 §2.3');
  }
  if (/[[\]]/.test(name)) throw mistake(where, name, 'has a bracket in it: write the name alone');
  return name;
}
