import { createHash, type JsonWebKey } from 'node:crypto';
import { isObject, own } from '../base/json.js';
import { quote } from '../base/quote.js';

/** The members of a JWK that matter here (RFC 7517 §4), all of them strings. */
export interface Jwk {
  readonly kid: string | undefined;
  readonly alg: string | undefined;
  /** Whose tokens it is for, as Microsoft's key sets say; `{tenantid}` stands for any tenant. */
  readonly issuer: string | undefined;
  /** SHA-1 of the certificate (RFC 7517 §4.8). */
  readonly x5t: string | undefined;
  /** SHA-256 of the certificate (RFC 7517 §4.9). */
  readonly x5tS256: string | undefined;
  readonly kty: keyof typeof publicMembers;
  readonly crv: string | undefined;
  /** The public key alone, as Node imports it. */
  readonly material: JsonWebKey;
}

/** A JWK that verifies nothing here, and the reason, for the operator. */
export interface SkippedKey {
  readonly kid: string | undefined;
  /** '' if it has none. */
  readonly kty: string;
  readonly why: string;
}

const publicMembers = { RSA: ['n', 'e'], EC: ['crv', 'x', 'y'], OKP: ['crv', 'x'] } as const;
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth'];

/**
 * Reads one entry of a key set for the tokens of this issuer; without an issuer, whosever it is.
 * Nothing is walked into, so nesting of any depth costs nothing.
 */
export function readJwk(given: unknown, issuer?: string): Jwk | SkippedKey {
  const [kid, alg, kty] = [optional(given, 'kid'), optional(given, 'alg'), own(given, 'kty')];
  const why = whyNot(given, issuer);
  if (why !== undefined) {
    return { kid: asString(kid), kty: asString(kty) ?? '', why };
  }
  const type = kty as Jwk['kty'];
  const members = publicMembers[type].map((name) => [name, own(given, name)] as const);
  const certificate = certificateOf(given);
  return {
    kid: kid as string | undefined,
    alg: alg as string | undefined,
    issuer: asString(optional(given, 'issuer')),
    x5t: asString(optional(given, 'x5t')) ?? digest('sha1', certificate),
    x5tS256: asString(optional(given, 'x5t#S256')) ?? digest('sha256', certificate),
    kty: type,
    crv: type === 'RSA' ? undefined : (own(given, 'crv') as string),
    material: { kty: type, ...Object.fromEntries(members) },
  };
}

/** The JWK as one string, equal for entries that differ only in order or in unknown members. */
export const identityOf = ({ kid, alg, issuer, x5t, x5tS256, material }: Jwk): string =>
  JSON.stringify([kid, alg, issuer, x5t, x5tS256, Object.entries(material)]);

function whyNot(given: unknown, issuer: string | undefined): string | undefined {
  if (!isObject(given)) return 'it is not a JSON object';
  const [kty, use, keyOps] = [
    own(given, 'kty'),
    optional(given, 'use'),
    optional(given, 'key_ops'),
  ];
  if (typeof kty !== 'string') return 'it has no kty';
  if (!isSupported(kty)) return `its kty is ${quote(kty)}: RSA, EC and OKP are supported`;
  for (const name of ['kid', 'alg', 'issuer']) {
    if (!['string', 'undefined'].includes(typeof optional(given, name))) {
      return `its ${name} is not a string`;
    }
  }
  if (publicMembers[kty].some((name) => typeof own(given, name) !== 'string')) {
    return `it has no ${publicMembers[kty].join(', ')}`;
  }
  if (use !== undefined && use !== 'sig') return `its use is ${quote(use)}, not "sig"`;
  if (keyOps !== undefined && !(Array.isArray(keyOps) && keyOps.includes('verify'))) {
    return 'its key_ops do not include "verify"';
  }
  // Anyone who can read the set could sign tokens with it.
  if (privateMembers.some((name) => optional(given, name) !== undefined)) {
    return 'it is published with its private part, so anyone can sign with it: replace it';
  }
  const owner = asString(optional(given, 'issuer'));
  if (owner !== undefined && issuer !== undefined && !isIssuerOf(owner, issuer)) {
    return `it is for tokens of the issuer ${quote(owner)}`;
  }
  return undefined;
}

const isSupported = (kty: string): kty is Jwk['kty'] => Object.hasOwn(publicMembers, kty);

/** A member that may be left out; what real key sets write for "none" is none. */
function optional(jwk: unknown, name: string): unknown {
  const value = own(jwk, name);
  const isNone = value === null || value === '' || (Array.isArray(value) && value.length === 0);
  return isNone ? undefined : value;
}

const asString = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;

/** The first certificate of `x5c`, which is the key's own (RFC 7517 §4.7): base64 of DER. */
function certificateOf(jwk: unknown): Uint8Array | undefined {
  const x5c = own(jwk, 'x5c');
  const first: unknown = Array.isArray(x5c) ? x5c[0] : undefined;
  return typeof first === 'string' && first !== '' ? Buffer.from(first, 'base64') : undefined;
}

const digest = (hash: string, bytes: Uint8Array | undefined): string | undefined =>
  bytes && createHash(hash).update(bytes).digest('base64url');

// A tenant is a path segment of its own, never a host or a part of one.
function isIssuerOf(template: string, issuer: string): boolean {
  const [expected, found] = [template.split('/'), issuer.split('/')];
  return (
    expected.length === found.length &&
    expected.every((segment, i) => {
      const other = found[i] as string;
      return segment === '{tenantid}' && i >= 3 ? isTenant(other) : segment === other;
    })
  );
}

const isTenant = (segment: string): boolean => /^[\w-]+(\.[\w-]+)*$/.test(segment);
