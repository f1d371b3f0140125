import { AuthError } from './errors.js';

/** What a guard needs to know of a request, in no framework's words. */
export interface GuardRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  /** The value of a header; a repeated one is joined with ", ". The name comes in lower case. */
  header(name: string): string | undefined;
  /** The framework's decoded route parameters, where the door has them. */
  readonly params?: Readonly<Record<string, string>>;
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

type FoundKey = Extract<Credential, { readonly kind: 'api-key' }>;

/** Where API keys are looked for. */
export interface KeyPlaces {
  /** In lower case. */
  readonly headers: readonly string[];
  /** In lower case. */
  readonly schemes: ReadonlySet<string>;
  /** What is a key behind `Bearer`. */
  readonly shapes: readonly RegExp[];
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
  shapes: [],
  parameters: new Set(),
  besideToken: false,
};

/** Beyond this, no pattern is tried: it is no key, and too long for a token. */
const longestText = 16_384;

/**
 * Finds the one credential a request presents (RFC 6750 §2); undefined where there is none, or
 * only one of a scheme that is not accepted. Place and shape alone say of which kind it is.
 * @throws AuthError 400 for a header that is malformed or holds two, for a token in a place that
 * is not accepted, and for a second credential
 */
export function createExtractor(
  places: KeyPlaces = tokensOnly,
): (request: GuardRequest) => Credential | undefined {
  function fromAuthorization(header: string | undefined): Credential | undefined {
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

  // The grammar of a token is for whoever reads it: one that is known already had it.
  const bearer = (text: string): Credential =>
    isKeyShaped(text) ? found(text, 'bearer') : { kind: 'token', text };

  const isKeyShaped = (text: string): boolean =>
    text.length <= longestText && places.shapes.some((shape) => shape.test(text));

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
    const keys: FoundKey[] = [];
    for (const [name, value] of new URLSearchParams(query)) {
      const plain = plainName(name);
      if (plain === 'access_token') throw new AuthError('ERR_TOKEN_IN_QUERY');
      if (!places.parameters.has(plain)) continue;
      // Query parsers also read key[] and [key] as that name, and so could look at another value.
      if (plain !== name) throw new AuthError('ERR_API_KEY_MALFORMED');
      keys.push(found(value, 'query'));
    }
    return keys;
  }

  return function extract(request) {
    if (request.formToken) throw new AuthError('ERR_TOKEN_IN_FORM');
    const [key, another] = keysElsewhere(request);
    const credential = fromAuthorization(request.header('authorization'));
    if (key === undefined) return credential;
    if (!credential && another === undefined) return key;
    const together = another === undefined && credential?.kind === 'token' && places.besideToken;
    if (!together) throw new AuthError('ERR_CREDENTIAL_AMBIGUOUS');
    return { kind: 'both', text: credential.text, key: key.text, place: key.place };
  };
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

// RFC 6750 §2.3. Query parsers also read access_token[] and [access_token] as that name.
const plainName = (name: string): string => /^\[?([^[\]]+)(?:[[\]]|$)/.exec(name)?.[1] ?? name;
