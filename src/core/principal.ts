import { type Claims, deepFreeze, isObject, own } from './base/json.js';

/** Who is calling: the same for every kind of credential. */
export interface Principal {
  readonly kind: 'token' | 'api-key';
  /** Unique only within its `issuer` (RFC 8725 §3.8). */
  readonly subject?: string;
  readonly clientId?: string;
  readonly orgId?: string;
  /** As granted; scopes that `impliedScopes` derives are not added. A list in JSON. */
  readonly scopes: ReadonlySet<string>;
  readonly issuer?: string;
  readonly tokenId?: string;
  /** Seconds since 1970. */
  readonly expiresAt?: number;
  /** Everything the token says, verified. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** What is known of the API key; of the kind `api-key` alone. */
  readonly key?: ApiKeyRecord;
}

/** What the application knows of an API key. */
export interface ApiKeyRecord {
  /** Names the key, without giving it away. */
  readonly id: string;
  /** The issuer to which client, subject and organization belong. @default `apiKeys.issuer` */
  readonly issuer?: string;
  /** Whose it is; a key without a client counts as a client of its own, named by `id`. */
  readonly clientId?: string;
  readonly subject?: string;
  readonly orgId?: string;
  readonly scopes?: readonly string[];
  /** Seconds since 1970. */
  readonly expiresAt?: number;
  readonly disabled?: boolean;
  /** Such as `live` or `test`; see `ApiKeyOptions.environment`. */
  readonly environment?: string;
  readonly createdBy?: string;
  /** The application's own data: what JSON can say. A deeply frozen copy is `principal.key.metadata`. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** The unverified identity of a credential, which may yet be rejected: for events and counters only. */
export interface UnverifiedIdentity {
  /** What a token says before it is believed. */
  claims: Claims | undefined;
  /** Where its issuer, if that is a trusted one, keeps what identifies the caller. */
  paths: ClaimPaths | undefined;
  /** A key that is known, and refused all the same or beside a token. */
  key: KnownKey | undefined;
}

/** Which key it is, and whose. */
export interface KnownKey {
  readonly id: string;
  readonly client: string;
  /** To whom the client belongs, where the record or `apiKeys.issuer` says so. */
  readonly issuer?: string;
}

/** A claim's name, or the way to it through nested objects. A dot in a name is just a dot. */
export type ClaimPath = string | readonly string[];

/** Where an issuer's tokens keep what a {@link Principal} needs. No other claim is ever tried. */
export interface ClaimMap {
  /** @default 'scope' */
  readonly scopes?: ClaimPath;
  /** @default 'client_id' */
  readonly clientId?: ClaimPath;
  /** @default 'sub' */
  readonly subject?: ClaimPath;
  /** @default 'org_id' */
  readonly orgId?: ClaimPath;
}

/** A {@link ClaimMap} with nothing left out. */
export type ClaimPaths = { readonly [K in keyof ClaimMap]-?: readonly string[] };

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Returns the principal of a verified token. `issued` is what was read of its claims already. */
export function principalFromClaims(
  claims: Claims,
  paths: ClaimPaths,
  issued: { readonly issuer: string; readonly expiresAt: number },
): Principal {
  const subject = text(claims, paths.subject);
  const clientId = text(claims, paths.clientId);
  const orgId = text(claims, paths.orgId);
  const tokenId = text(claims, ['jti']);
  const principal: Mutable<Principal> = {
    kind: 'token',
    scopes: frozenSet(scopesAt(claims, paths.scopes)),
    issuer: issued.issuer,
    expiresAt: issued.expiresAt,
    claims: deepFreeze(claims),
  };
  if (subject !== undefined) principal.subject = subject;
  if (clientId !== undefined) principal.clientId = clientId;
  if (orgId !== undefined) principal.orgId = orgId;
  if (tokenId !== undefined) principal.tokenId = tokenId;
  return finished(principal);
}

/** Returns the principal of a valid API key. */
export function ownerOf(record: ApiKeyRecord): Principal {
  const { clientId, subject, orgId, scopes = [], expiresAt, issuer } = record;
  const principal: Principal = {
    kind: 'api-key',
    ...(subject !== undefined && { subject }),
    ...(clientId !== undefined && { clientId }),
    ...(orgId !== undefined && { orgId }),
    scopes: frozenSet(scopes),
    ...(issuer !== undefined && { issuer }),
    ...(expiresAt !== undefined && { expiresAt }),
    key: record,
  };
  return finished(principal);
}

// Remembered, a principal is many requests'. And nobody gets an identity out of Object.prototype: taken
// away, and not left out from the start, it keeps the object small.
const finished = (principal: Principal): Principal =>
  Object.freeze(Object.setPrototypeOf(principal, null));

// Freezing a Set does not keep anybody from adding to it. And JSON knows no Set: it would print {}.
function frozenSet(items: Iterable<string>): ReadonlySet<string> {
  const set = new Set(items);
  for (const name of ['add', 'delete', 'clear'])
    Object.defineProperty(set, name, { value: refuse });
  Object.defineProperty(set, 'toJSON', { value: listed });
  return Object.freeze(set);
}

function listed(this: ReadonlySet<string>): readonly string[] {
  return [...this];
}

function refuse(): never {
  throw new TypeError('the scopes of a principal cannot be changed: its credential grants them');
}

/** What is told of a key: a key without a client counts as a client of its own. */
export const knownKey = ({ id, clientId = id, issuer }: ApiKeyRecord): KnownKey => ({
  id,
  client: clientId,
  ...(issuer !== undefined && { issuer }),
});

/** The client a plan knows a principal by: a key without one counts as a client of its own. */
export const clientOf = ({ clientId, key }: Principal): string | undefined => clientId ?? key?.id;

const mostActors = 5;

/** The chain of who acts for whom (RFC 8693 §4.1), the current actor first. */
export function actorsOf({ claims }: Principal): readonly string[] {
  const actors: string[] = [];
  let actor = own(claims, 'act');
  while (typeof actor === 'object' && actor !== null && actors.length < mostActors) {
    const name = text(actor as Claims, ['sub']) ?? text(actor as Claims, ['client_id']);
    if (name !== undefined) actors.push(name);
    actor = own(actor, 'act');
  }
  return actors;
}

/** The claim at a path if it is a text that says something; an empty one says nothing. */
export function text(claims: Claims, path: readonly string[]): string | undefined {
  const value = at(claims, path);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Which client a refused token says it is, whether or not that is so. */
export const claimedClient = ({ claims, paths }: UnverifiedIdentity): string | undefined =>
  claims && text(claims, paths?.clientId ?? ['client_id']);

/** A claim that identifies the caller and is of a type other than string. */
export interface Misfit {
  readonly path: readonly string[];
  readonly value: unknown;
}

/**
 * The first claim that should identify the caller and cannot: to leave it out would give all such
 * callers one identity. `null` counts as absent.
 */
export function misfitIn(claims: Claims, paths: ClaimPaths): Misfit | undefined {
  for (const path of [paths.subject, paths.clientId, paths.orgId]) {
    const value = at(claims, path);
    if (value !== undefined && value !== null && typeof value !== 'string') return { path, value };
  }
  return undefined;
}

/** The value at a path through objects; undefined where the path leads into anything else. */
export function at(claims: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => own(value, key), claims);
}

/** The scopes at a path: a string or an array of strings. Anything else grants nothing. */
export function scopesAt(claims: Claims, path: readonly string[]): readonly string[] {
  const value = at(claims, path);
  if (typeof value === 'string') return value.split(' ').filter((scope) => scope !== '');
  return Array.isArray(value) && value.every((scope) => typeof scope === 'string') ? value : [];
}

/** Tells whether a token names a role in one of the usual places: `roles`, or Keycloak's two. */
export function rolesIn(claims: Claims): boolean {
  const some = (value: unknown) =>
    (typeof value === 'string' || Array.isArray(value)) && value.length > 0;
  if (some(own(claims, 'roles')) || some(at(claims, ['realm_access', 'roles']))) return true;
  const clients = own(claims, 'resource_access');
  return isObject(clients) && Object.values(clients).some((client) => some(own(client, 'roles')));
}
