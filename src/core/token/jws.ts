import { AuthError, type AuthErrorCode } from '../base/errors.js';
import { own, parseObject } from '../base/json.js';

// RFC 6750 §2.1.
const b64token = /^[\w\-.~+/]+=*$/;

/** The longest token that is looked into, in characters. */
export const longestToken = 16_384;

/** A JWS in compact serialization, taken apart but not verified. */
export interface Jws {
  readonly header: Header;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** The whole text, as it came. */
  readonly text: string;
}

/** What is looked at in a header (RFC 7515 §4.1). */
export interface Header {
  readonly alg: unknown;
  readonly kid: unknown;
  readonly typ: unknown;
  /** Thumbprints of the certificate of the key, SHA-1 and SHA-256 (§4.1.7, §4.1.8). */
  readonly x5t: unknown;
  readonly x5tS256: unknown;
  /** It has a `crit` or a `b64`: it means to be read in another way. */
  readonly isCritical: boolean;
}

/** Headers by their segment: an issuer's tokens have the same one. */
export interface KnownHeaders {
  get(segment: string): Header | undefined;
}

const none: KnownHeaders = { get: () => undefined };

/**
 * Takes a compact JWS apart (RFC 7515 §5.2, §7.1): three segments of strict base64url, the first
 * of them a JSON object.
 * @throws AuthError which says what it is instead; 400 for what cannot even stand in the header
 */
export function parseJws(text: string, known: KnownHeaders = none): Jws {
  if (text.length > longestToken) {
    throw refusal(text, 'ERR_TOKEN_TOO_LARGE', `it is longer than ${longestToken} characters`);
  }
  const segments = text.split('.', 6);
  if (segments.length === 5) throw refusal(text, 'ERR_TOKEN_ENCRYPTED', 'five segments: a JWE');
  if (segments.length !== 3) throw refusal(text, 'ERR_TOKEN_NOT_JWT', notThree(segments.length));
  const [first, second, third] = segments as [string, string, string];
  const header = known.get(first) ?? headerOf(first);
  if (!header) throw refusal(text, 'ERR_TOKEN_MALFORMED', malformed('header', segments));
  const payload = decode(second);
  if (!payload) throw refusal(text, 'ERR_TOKEN_MALFORMED', malformed('payload', segments));
  const signature = decode(third);
  if (!signature) throw refusal(text, 'ERR_TOKEN_MALFORMED', malformed('signature', segments));
  return { header, payload, signature, text };
}

const notThree = (segments: number): string =>
  `a JWT has three segments; got ${segments > 5 ? 'more than five' : segments}: an opaque token, or an API key that no source in apiKeys.from matches`;

function malformed(which: string, segments: readonly string[]): string {
  if (segments.some((segment) => segment.endsWith('='))) {
    return 'a segment is padded with "=", as by AWS ALB; RFC 7515 has no padding';
  }
  const object = which === 'header' ? ' and a JSON object in which no name is repeated' : '';
  return `the ${which} must be base64url without padding${object}`;
}

function headerOf(segment: string): Header | undefined {
  const bytes = decode(segment);
  const header = bytes && parseObject(bytes);
  if (!header) return undefined;
  const isCritical = Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64');
  const [alg, kid, typ] = [own(header, 'alg'), own(header, 'kid'), own(header, 'typ')];
  const [x5t, x5tS256] = [own(header, 'x5t'), own(header, 'x5t#S256')];
  return { alg, kid, typ, x5t, x5tS256, isCritical };
}

// Three good segments are a good text; any other is looked at once more, for what to call it. The
// details are made at once: whoever keeps the error must not keep the token.
function refusal(text: string, code: AuthErrorCode, detail: string): AuthError {
  if (text.split('.', 6).every(isPlain) || b64token.test(text)) {
    return new AuthError(code, { detail });
  }
  return new AuthError('ERR_HEADER_MALFORMED', {
    detail: 'what follows "Bearer" has characters that no token has (RFC 6750, 2.1)',
  });
}

// The decoder is much faster than a pattern. It passes over what it does not know, and then less
// comes out than should; but a last character that stands alone it drops in any case, and of one
// beyond ASCII it takes half.
const isPlain = (text: string): boolean =>
  text.length % 4 !== 1 &&
  text !== '' &&
  Buffer.byteLength(text) === text.length &&
  Buffer.from(text, 'base64url').length === Math.floor((text.length * 3) / 4);

// Node's decoder skips what it does not know; only what it would write itself is strict: no
// padding, no white space, no bits left over (RFC 4648 §3.5).
function decode(segment: string): Uint8Array | undefined {
  const bytes = Buffer.from(segment, 'base64url');
  return segment !== '' && bytes.toString('base64url') === segment ? bytes : undefined;
}
