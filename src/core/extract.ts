import { AuthError } from './base/errors.js';
import { withoutCredential } from './base/without-credential.js';

/** What a guard needs to know of a request, in no framework's words. */
export interface GuardRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  /**
   * Returns a header as the application's request object has it; one that was sent twice is joined
   * with ", ". The name comes in lower case.
   */
  header(name: string): string | undefined;
  /**
   * The framework's decoded route parameters, where the adapter has them. A number becomes a string;
   * what is neither is absent.
   */
  readonly params?: Readonly<Record<string, string | undefined>>;
  /** An already parsed form body has its own `access_token`. */
  readonly formToken?: boolean;
  /** The template of its route, such as `/orders/:id`, where the door knows it; never the path itself. */
  readonly route?: string | undefined;
  /** The framework's own request: what a guard sees twice of it is counted once. */
  readonly source?: object;
}

/** Where a key came: in a header of its own, behind a scheme of its own or `Bearer`, in the URL. */
export type KeyPlace = 'header' | 'scheme' | 'bearer' | 'query';

/** What a request presents to be known by. */
export type Credential =
  | { readonly kind: 'token'; readonly text: string }
  | { readonly kind: 'api-key'; readonly text: string; readonly place: KeyPlace }
  | {
      readonly kind: 'both';
      readonly text: string;
      readonly key: string;
      readonly place: KeyPlace;
    };

/** A key or a token. */
export type OneCredential = Exclude<Credential, { readonly kind: 'both' }>;

type FoundKey = Extract<Credential, { readonly kind: 'api-key' }>;

/** Where API keys are looked for. */
export interface KeyPlaces {
  /** In lower case. */
  readonly headers: readonly string[];
  /** In lower case. */
  readonly schemes: ReadonlySet<string>;
  /** Returns whether a string after `Bearer` is a key; undefined if none can be. */
  readonly isBearerKey: ((text: string) => boolean) | undefined;
  readonly parameters: ReadonlySet<string>;
  /** Whether a key may stand beside a token. */
  readonly besideToken: boolean;
}

// RFC 9110 §11.4: a scheme, and what follows it. Only SP may stand between (RFC 6750 §2.1).
const scheme = /^([!#$%&'*+\-.^_`|~\w]+)(?: +|$)/;
// Visible ASCII. A comma joins two headers, so no key can have one.
const keyText = /^[!-+\--~]+$/;
// RFC 9110 §5.6.4. It always comes to its end, closed or not: that keeps it linear.
const quoted = /"(?:[^"\\]|\\.?)*("|$)/gs;
// After a comma, a word that is no parameter's name begins another credential.
const second = /,[ \t]*[!#$%&'*+\-.^_`|~\w]+(?:[ \t]*(?:,|$)|[ \t]+(?!=|[ \t]))/;

const tokensOnly: KeyPlaces = {
  headers: [],
  schemes: new Set(),
  isBearerKey: undefined,
  parameters: new Set(),
  besideToken: false,
};

/** A longer string is neither a key nor a token, so it is not read. */
const longestText = 16_384;

/**
 * Finds the one credential a request presents (RFC 6750 §2); undefined where there is none, or
 * only one of a scheme that is not accepted. Place and form alone say of which kind it is.
 * @throws AuthError 400 for a header that is malformed or holds two, for a token in a place that
 * is not accepted, and for a second credential
 */
export function createExtractor(
  places: KeyPlaces = tokensOnly,
): (request: GuardRequest) => Credential | undefined {
  function fromAuthorization(header: string | undefined): Presented | undefined {
    if (header === undefined) return undefined;
    // As nearly every client writes it: what has none of these in it is one credential.
    if (header.startsWith('Bearer ')) {
      const text = header.slice(7);
      if (!text.includes(' ') && !text.includes('"') && !text.includes(',')) return bearer(text);
    }
    const [start, name] = scheme.exec(header) ?? [];
    if (start === undefined || name === undefined) throw new AuthError('ERR_HEADER_MALFORMED');
    if (second.test(withoutQuotes(header))) throw new AuthError('ERR_HEADER_REPEATED');
    const text = header.slice(start.length);
    const asked = name.toLowerCase();
    if (places.schemes.has(asked)) return found(text, 'scheme');
    return asked === 'bearer' ? bearer(text) : undefined;
  }

  // The verifier checks the grammar of a token: a cached one has passed that check.
  function bearer(text: string): Presented {
    if (text === '') return { kind: 'empty' };
    return isKeyShaped(places, text) ? found(text, 'bearer') : { kind: 'token', text };
  }

  function keysElsewhere(request: GuardRequest): readonly FoundKey[] {
    const keys: FoundKey[] = [];
    for (const name of places.headers) {
      const value = request.header(name);
      if (value !== undefined) keys.push(found(value, 'header'));
    }
    const query = request.url.indexOf('?');
    if (query >= 0) keys.push(...keysIn(request.url.slice(query + 1)));
    return keys;
  }

  function keysIn(query: string): readonly FoundKey[] {
    // Whatever is written without an escape is found without decoding all the rest.
    if (places.parameters.size === 0 && !/access_token|%/.test(query)) return [];
    const keys = new Map<string, FoundKey>();
    for (const [name, value] of new URLSearchParams(query)) {
      const plain = plainName(name);
      if (plain === 'access_token') throw new AuthError('ERR_TOKEN_IN_QUERY');
      if (!places.parameters.has(plain)) continue;
      // Query parsers also read key[] and [key] as that name, and so could look at another value.
      if (plain !== name) throw new AuthError('ERR_API_KEY_MALFORMED');
      // One parameter given twice: query parsers differ in which of the two they read.
      if (keys.has(name)) throw new AuthError('ERR_CREDENTIAL_AMBIGUOUS');
      keys.set(name, found(value, 'query'));
    }
    return [...keys.values()];
  }

  return function extract(request) {
    if (request.formToken) throw new AuthError('ERR_TOKEN_IN_FORM');
    const [key, ...others] = keysElsewhere(request);
    const presented = fromAuthorization(request.header('authorization'));
    if (key === undefined) return isEmpty(presented) ? missing() : presented;
    if (others.some(({ text }) => text !== key.text))
      throw new AuthError('ERR_CREDENTIAL_AMBIGUOUS');
    // The same text in several places is one key. A URL is the place that an operator must know of.
    const only = others.find(({ place }) => place === 'query') ?? key;
    if (!presented) return only;
    if (isEmpty(presented)) throw new AuthError('ERR_CREDENTIAL_AMBIGUOUS');
    if (presented.text === key.text) return only;
    if (presented.kind !== 'token' || !places.besideToken) {
      throw new AuthError('ERR_CREDENTIAL_AMBIGUOUS');
    }
    return { kind: 'both', text: presented.text, key: only.text, place: only.place };
  };
}

/** Of one request so many keys are looked up at most: it is refused whosever they are. */
const mostKeys = 4;

/**
 * Finds every key and token that a refused request presents, where they are not one credential or are
 * written as none may be: only for counting whose keys still come.
 */
export function createCredentialFinder(
  places: KeyPlaces = tokensOnly,
): (request: GuardRequest) => readonly OneCredential[] {
  return function credentialsIn(request) {
    const keys = new Map<string, FoundKey>();
    const tokens: OneCredential[] = [];
    function addKey(text: string, place: KeyPlace): void {
      if (!keyText.test(text) || (keys.size >= mostKeys && !keys.has(text))) return;
      if (place === 'query' || !keys.has(text)) keys.set(text, { kind: 'api-key', text, place });
    }
    for (const name of places.headers) {
      for (const text of partsOf(request.header(name))) addKey(text, 'header');
    }
    for (const part of partsOf(request.header('authorization'))) {
      const [start = '', name = ''] = scheme.exec(part) ?? [];
      const text = part.slice(start.length);
      const asked = name.toLowerCase();
      if (places.schemes.has(asked)) addKey(text, 'scheme');
      else if (asked !== 'bearer' || text === '') continue;
      else if (isKeyShaped(places, text)) addKey(text, 'bearer');
      else if (!keys.has(text)) tokens.push({ kind: 'token', text });
    }
    const query = request.url.indexOf('?');
    if (query >= 0) {
      for (const [name, value] of new URLSearchParams(request.url.slice(query + 1))) {
        if (places.parameters.has(plainName(name))) addKey(value, 'query');
        else if (plainName(name) === 'access_token' && value !== '')
          tokens.push({ kind: 'token', text: value });
      }
    }
    return [...keys.values(), ...tokens];
  };
}

/** A header that was sent twice is joined with a comma, which no key has in it. */
const partsOf = (header = ''): readonly string[] =>
  header === '' ? [] : header.split(',', 2 * mostKeys).map((part) => part.trim());

/** What `Authorization` presents; `empty` is `Bearer` with nothing after it. */
type Presented = OneCredential | { readonly kind: 'empty' };

const isEmpty = (
  presented: Presented | undefined,
): presented is Extract<Presented, { readonly kind: 'empty' }> => presented?.kind === 'empty';

// Not anonymous either: the client meant to send a token.
function missing(): never {
  throw new AuthError('ERR_CREDENTIAL_MISSING');
}

function withoutQuotes(header: string): string {
  return header.replace(quoted, (_, end) => {
    if (end === '') throw new AuthError('ERR_HEADER_MALFORMED');
    return '""';
  });
}

function found(text: string, place: KeyPlace): FoundKey {
  if (keyText.test(text)) return { kind: 'api-key', text, place };
  throw new AuthError(text.includes(',') ? 'ERR_API_KEY_REPEATED' : 'ERR_API_KEY_MALFORMED');
}

const isKeyShaped = ({ isBearerKey }: KeyPlaces, text: string): boolean =>
  isBearerKey !== undefined && text.length <= longestText && isBearerKey(text);

// RFC 6750 §2.3. Query parsers also read access_token[] and [access_token] as that name.
const plainName = (name: string): string => /^\[?([^[\]]+)(?:[[\]]|$)/.exec(name)?.[1] ?? name;

/** Returns what tells one request from another: the framework's own request, if it is an object. */
export const sourceOf = (request: GuardRequest): object =>
  typeof request.source === 'object' && request.source !== null ? request.source : request;

/** Returns the route pattern of a request for events and counts, without a credential in it. */
export const routeOf = ({
  request,
  required,
  credential,
}: {
  readonly request: GuardRequest;
  readonly required: { readonly routeTemplate?: string };
  readonly credential: Credential | undefined;
}): string | undefined => withoutCredential(required.routeTemplate ?? request.route, credential);
