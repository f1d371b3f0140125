import type { ConfigError } from '../base/errors.js';
import { own } from '../base/json.js';
import { type Expected, invalid, settingsOf, someText } from '../base/validate.js';
import type { KeyPlaces } from '../extract.js';
import { type BearerKeys, couldStartJwt, createBearerKeyTest } from './bearer-keys.js';

/** A header for keys only, such as `x-api-key`. */
interface InHeader {
  readonly header: string;
}

/** An `Authorization` scheme for keys only, such as `ApiKey`; case-insensitive. */
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

/** A symmetric algorithm (RFC 7518 §3.2), which no access token may have. */
export type SymmetricAlgorithm = (typeof symmetricAlgorithms)[number];
const symmetricAlgorithms = ['HS256', 'HS384', 'HS512'] as const;

/** A query parameter. URLs are logged and kept in histories: only for clients that cannot be changed. */
interface InQuery {
  readonly dangerouslyInQuery: string;
}

/** One place, without the members of the others. */
type Only<T> = T & {
  readonly [K in Exclude<
    keyof InHeader | keyof BehindScheme | keyof BehindBearer | keyof InQuery,
    keyof T
  >]?: never;
};

/** Where a request may contain an API key. */
export type ApiKeySource = Only<InHeader> | Only<BehindScheme> | Only<BehindBearer> | Only<InQuery>;

/**
 * Checks the places of API keys.
 * @throws ConfigError for a place where no key can be, and for a prefix that a JWT could start with
 */
export function checkSources(where: string, given: unknown): Omit<KeyPlaces, 'besideToken'> {
  if (!Array.isArray(given) || given.length === 0) {
    throw invalid(where, given, {
      must: 'be an array with at least one place of API keys',
      advice: 'Write where your clients send them, such as [{ header: "x-api-key" }]',
    });
  }
  const headers = new Set<string>();
  const schemes = new Set<string>();
  const parameters = new Set<string>();
  const bearer: BearerKeys[] = [];
  for (const [i, source] of given.entries()) {
    if (own(source, 'jwtShaped') !== undefined) {
      throw invalid(`${where}[${i}].jwtShaped`, own(source, 'jwtShaped'), noJwtShaped);
    }
    const one = settingsOf(`${where}[${i}]`, source, placeNames);
    const kinds = Object.keys(one);
    const [kind] = kinds;
    if (kind === undefined || kinds.length > 1) {
      throw invalid(`${where}[${i}]`, source, {
        must: `have exactly one of ${placeNames.join(', ')}`,
        advice: 'Write one entry for each place, such as { header: "x-api-key" }',
      });
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
const noJwtShaped: Expected = {
  must: 'be absent: it was an option of patterns',
  advice: 'For legacy keys that are JWTs, write { bearer: { jwtAlgorithms: ["HS256"] } }',
};
const ownName: Expected = {
  must: 'be a token of RFC 9110 §5.6.2',
  advice: 'Write the name alone, without a colon, a space or a value',
};
const useScheme: Expected = {
  must: 'not be the header of tokens',
  advice:
    'Write { scheme: "ApiKey" }, or { bearer: "sk_live_" } with the prefix of your keys, in its place',
};
const ownHeaders: Readonly<Record<string, Expected>> = {
  authorization: useScheme,
  'proxy-authorization': {
    must: 'not be a header for proxies (RFC 9110 §11.7.2)',
    advice: 'Use a header for keys only, such as "x-api-key"',
  },
  cookie: {
    must: 'not be a header that browsers send by themselves: other sites could use it',
    advice: 'Use a header for keys only, such as "x-api-key"',
  },
};
const ownSchemes: Readonly<Record<string, Expected>> = {
  bearer: {
    must: 'not be the scheme of tokens',
    advice: 'Write { bearer: "sk_live_" } with the prefix of your keys in its place',
  },
  dpop: {
    must: 'not be a scheme of tokens (RFC 9449)',
    advice: 'Use a scheme for keys only, such as "ApiKey"',
  },
  basic: {
    must: 'not be a scheme that carries a user name and a password in base64 (RFC 7617)',
    advice: 'Use a scheme for keys only, such as "ApiKey"',
  },
};

function checkName(
  where: string,
  given: unknown,
  reserved: Readonly<Record<string, Expected>>,
): string {
  const name = someText(where, given).toLowerCase();
  if (!/^[!#$%&'*+\-.^_`|~\w]+$/.test(name)) throw invalid(where, given, ownName);
  const why = Object.hasOwn(reserved, name) ? reserved[name] : undefined;
  if (why !== undefined) throw invalid(where, given, why);
  return name;
}

function checkBearer(where: string, given: unknown): BearerKeys {
  const none = { prefixes: [], notJwt: false, jwtAlgorithms: new Set<string>() };
  if (given === true) return { ...none, notJwt: true };
  if (typeof given === 'string') return { ...none, prefixes: [checkPrefix(where, given)] };
  if (Array.isArray(given) && given.length > 0) {
    const prefixes = given.map((prefix, i) => checkPrefix(`${where}[${i}]`, prefix));
    return { ...none, prefixes };
  }
  if (given instanceof RegExp) throw noPattern(where, given);
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid(where, given, bearerForms);
  }
  const { jwtAlgorithms } = settingsOf(where, given, ['jwtAlgorithms']);
  return { ...none, jwtAlgorithms: checkAlgorithms(`${where}.jwtAlgorithms`, jwtAlgorithms) };
}

const bearerForms: Expected = {
  must: 'be a prefix, a non-empty array of prefixes, true for every string that is not a JWT, or { jwtAlgorithms: ["HS256"] }',
  advice: 'Write the prefix of your keys, such as "sk_live_"',
};

/** Returns the error for a regular expression; it suggests the prefix of the expression, if it has one. */
function noPattern(where: string, pattern: RegExp): ConfigError {
  const { source, flags } = pattern;
  // A quantifier could make the last character optional; an alternative has a prefix of its own.
  const [, prefix = ''] = /^\^((?:[\w~+/-](?![?*{]))+)/.exec(source) ?? [];
  const isPrefix = prefix !== '' && !/[|]/.test(source) && !flags.includes('i');
  if (!isPrefix || couldStartJwt(prefix)) return invalid(where, String(pattern), bearerForms);
  return invalid(where, String(pattern), {
    must: 'be a prefix, not a regular expression',
    advice: `Write { bearer: "${prefix}" }`,
  });
}

/** Returns a prefix in the characters of a b64token (RFC 6750 §2.1). */
function checkPrefix(where: string, given: unknown): string {
  if (given instanceof RegExp) throw noPattern(where, given);
  const advice = 'Write the prefix of your keys, such as "sk_live_"';
  const prefix = someText(where, given, { must: 'be a non-empty prefix', advice });
  if (!/^[\w.~+/-]+=*$/.test(prefix)) {
    throw invalid(where, prefix, {
      must: 'contain only characters that can follow "Bearer" (RFC 6750 §2.1)',
      advice: 'Use letters, digits and -._~+/',
    });
  }
  if (!couldStartJwt(prefix)) return prefix;
  const [header = ''] = prefix.split('.');
  const start = JSON.stringify(Buffer.from(header, 'base64url').toString());
  const why = start === '""' ? 'it is too short to tell' : `it decodes to ${start}`;
  throw invalid(where, prefix, {
    must: `not be the possible start of a JWT, whose header is a JSON object in base64url (RFC 7519 §7.2): ${why}`,
    advice:
      'Write a longer prefix; for legacy keys that are JWTs, write { jwtAlgorithms: ["HS256"] }',
  });
}

function checkAlgorithms(where: string, given: unknown): ReadonlySet<string> {
  const list = symmetricAlgorithms.map((name) => `"${name}"`).join(', ');
  if (!Array.isArray(given) || given.length === 0) {
    const must = `be a non-empty array of ${list}`;
    throw invalid(where, given, { must, advice: 'Write ["HS256"]' });
  }
  for (const [i, algorithm] of given.entries()) {
    if ((symmetricAlgorithms as readonly unknown[]).includes(algorithm)) continue;
    throw invalid(`${where}[${i}]`, algorithm, {
      must: `be one of ${list}`,
      advice: 'Remove it: a JWT with any other algorithm may be an access token',
    });
  }
  return new Set(given);
}

function checkParameter(where: string, given: unknown): string {
  const name = someText(where, given, { must: 'be the name of a query parameter' });
  if (name === 'access_token') {
    throw invalid(where, name, {
      must: 'not be the parameter of tokens, which is always rejected (RFC 6750 §2.3)',
      advice: 'Use the parameter in which your clients send keys, such as "api_key"',
    });
  }
  if (!/[[\]]/.test(name)) return name;
  throw invalid(where, name, {
    must: 'not contain a bracket',
    advice: `Write the name alone, such as "api_key"`,
  });
}
