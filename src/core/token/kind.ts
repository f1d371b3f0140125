import { type Claims, isObject } from '../base/json.js';
import { pathName } from '../base/quote.js';
import { type ClaimPaths, rolesIn, scopesAt } from '../principal.js';

// RFC 8725 §3.12: the rules for one kind of JWT must exclude every other. An access token is known by
// what it does not have.

/** Claims that only another kind of JWT has. */
const marks: readonly (readonly [claim: string, kind: string])[] = [
  ['at_hash', 'an ID token'],
  ['c_hash', 'an ID token'],
  ['s_hash', 'an ID token'],
  ['rt_hash', 'an ID token'],
  ['urn:openid:params:jwt:claim:rt_hash', 'an ID token'],
  ['events', 'a logout token or a security event'],
  ['token_introspection', 'an introspection response (RFC 9701)'],
  ['htm', 'a DPoP proof'],
];

/** Claims in which an issuer names the kind, and its names for kinds that are no access token. */
const kindClaims = ['typ', 'token_type', 'type'];
const otherKinds: ReadonlySet<string> = new Set([
  'id',
  'idtoken',
  'serializedid',
  'refresh',
  'refreshtoken',
  'offline',
  'offlinetoken',
  'logout',
  'logouttoken',
  'logout+jwt',
  'initialaccesstoken',
  'registrationaccesstoken',
]);

/** One spelling of a kind: servers write it in any case, with any hyphens, or as a URN (RFC 8693 §3). */
const spelled = (kind: string): string =>
  kind
    .toLowerCase()
    .replace(/^urn:ietf:params:oauth:token-type:/, '')
    .replace(/[-_\s]/g, '');

/** What shows that a token is not an access token; undefined if nothing does. */
export function otherKind(claims: Claims, paths: ClaimPaths): string | undefined {
  for (const [claim, kind] of marks) {
    if (Object.hasOwn(claims, claim)) return `it has "${claim}", as ${kind} has`;
  }
  if (Object.hasOwn(claims, 'token_use') && claims.token_use !== 'access') {
    return '"token_use" must be "access", and is another';
  }
  for (const claim of kindClaims) {
    const named = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
    const kinds: readonly unknown[] = Array.isArray(named) ? named : [named];
    const other = kinds.find((kind) => typeof kind === 'string' && otherKinds.has(spelled(kind)));
    if (other !== undefined) return `"${claim}" is "${spelled(String(other))}"`;
  }
  if (isAuthorizationResponse(claims)) return 'it has "code" or "error", as a JARM response has';
  if (isObject(claims.vp) || isObject(claims.vc)) return 'it is a verifiable credential';
  if (Object.hasOwn(claims, 'nonce') && !grantsSomething(claims, paths)) {
    return `it has "nonce", and neither a scope at ${pathName(paths.scopes)} nor a role: an ID token`;
  }
  return undefined;
}

/** A JARM response: an authorization response, signed by the issuer for the client. */
function isAuthorizationResponse(claims: Claims): boolean {
  const has = (name: string) => Object.hasOwn(claims, name);
  return (has('code') || has('error')) && (has('state') || !(has('sub') || has('client_id')));
}

const grantsSomething = (claims: Claims, { scopes }: ClaimPaths): boolean =>
  scopesAt(claims, scopes).length > 0 || rolesIn(claims);
