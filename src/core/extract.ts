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
}

/** What a request presents to be known by. */
export interface Credential {
  readonly kind: 'token';
  readonly text: string;
}

// RFC 9110 §11.4: a scheme, and what follows it. Only SP may stand between (RFC 6750 §2.1).
const scheme = /^([!#$%&'*+\-.^_`|~\w]+)(?: +|$)/;
// RFC 6750 §2.1, b64token.
const b64token = /^[\w\-.~+/]+=*$/;
// RFC 9110 §5.6.4. It always comes to its end, closed or not: that keeps it linear.
const quoted = /"(?:[^"\\]|\\.?)*("|$)/gs;
// After a comma, a word that is no parameter's name begins another credential.
const second = /,[ \t]*[!#$%&'*+\-.^_`|~\w]+(?:[ \t]*(?:,|$)|[ \t]+(?!=|[ \t]))/;

/**
 * Finds the one credential a request presents (RFC 6750 §2); undefined where there is none, or
 * only one of a scheme that is not accepted.
 * @throws AuthError 400 for a header that is malformed or holds two, and for a token in a place
 * that is not accepted
 */
export function extract(request: GuardRequest): Credential | undefined {
  if (namesToken(request.url)) throw new AuthError('ERR_TOKEN_IN_QUERY');
  if (request.formToken) throw new AuthError('ERR_TOKEN_IN_FORM');
  const header = request.header('authorization');
  if (header === undefined) return undefined;
  const [start, name] = scheme.exec(header) ?? [];
  if (start === undefined || name === undefined) throw new AuthError('ERR_HEADER_MALFORMED');
  if (second.test(withoutQuotes(header))) throw new AuthError('ERR_HEADER_REPEATED');
  if (name.toLowerCase() !== 'bearer') return undefined;
  const text = header.slice(start.length);
  if (!b64token.test(text)) throw new AuthError('ERR_HEADER_MALFORMED');
  return { kind: 'token', text };
}

function withoutQuotes(header: string): string {
  return header.replace(quoted, (_, end) => {
    if (end === '') throw new AuthError('ERR_HEADER_MALFORMED');
    return '""';
  });
}

// RFC 6750 §2.3. Query parsers also read access_token[] and [access_token] as that name.
function namesToken(url: string): boolean {
  const query = url.indexOf('?');
  if (query < 0) return false;
  for (const name of new URLSearchParams(url.slice(query + 1)).keys()) {
    if (/^\[?access_token(?:[[\]]|$)/.test(name)) return true;
  }
  return false;
}
