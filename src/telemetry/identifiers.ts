import { createHmac } from 'node:crypto';
import { mistake, oneOf, settingsOf } from './settings.js';

/** As it is; as an HMAC under a secret; or not at all. */
export type IdentifierForm = 'raw' | 'hash' | 'omit';

/** What is told of each kind of identifier. */
export interface IdentifierForms {
  /** Who a token is about: often a person. @default 'hash' with a secret, else 'raw' */
  readonly subject?: IdentifierForm;
  /** Who acts for the subject (RFC 8693 §4.1). @default 'hash' with a secret, else 'raw' */
  readonly actors?: IdentifierForm;
  /** @default 'raw' */
  readonly client?: IdentifierForm;
  /** @default 'raw' */
  readonly organization?: IdentifierForm;
  /** The `jti` of a token, which is not the token. @default 'raw' */
  readonly token?: IdentifierForm;
  /** The id of an API key's record, which is not the key. @default 'raw' */
  readonly key?: IdentifierForm;
}

/** A kind of identifier. */
export type IdentifierKind = keyof IdentifierForms;

/** What stands in a line for an identifier; undefined for nothing. */
export type Naming = (kind: IdentifierKind, value: string) => string | undefined;

const forms = ['raw', 'hash', 'omit'] as const;
const raw: Required<IdentifierForms> = {
  subject: 'raw',
  actors: 'raw',
  client: 'raw',
  organization: 'raw',
  token: 'raw',
  key: 'raw',
};
const withoutPersons: Required<IdentifierForms> = { ...raw, subject: 'hash', actors: 'hash' };
const kinds = Object.keys(raw) as IdentifierKind[];

/**
 * What stands in an audit line for an identifier of that kind that is told as `hash`: HMAC-SHA-256
 * under the secret, of the kind and the value, 128 bits of it in base64url. An actor is hashed as a
 * subject is, so that one who is now this and now that has one name.
 * @throws ConfigError for a secret of fewer than 32 bytes
 */
export function auditHash(
  secret: string | Uint8Array,
  kind: IdentifierKind,
  value: string,
): string {
  return hashWith(checkSecret('auditHash: the secret', secret))(
    oneOf('auditHash: the kind', kind, kinds),
    value,
  );
}

/**
 * How identifiers are told.
 * @throws ConfigError for a form that is not known, and for hashes without a secret
 */
export function namingOf(
  where: string,
  given: IdentifierForms,
  secret: string | Uint8Array | undefined,
): Naming {
  // Whoever gives a secret wants no persons in the log.
  const defaults = secret === undefined ? raw : withoutPersons;
  const chosen = { ...defaults, ...settingsOf(`${where}.identifiers`, given, kinds) };
  for (const kind of kinds) oneOf(`${where}.identifiers.${kind}`, chosen[kind], forms);
  const hashed = kinds.filter((kind) => chosen[kind] === 'hash');
  if (secret === undefined && hashed.length > 0) {
    const meant = `is needed to hash ${hashed.join(' and ')}: give at least 32 random bytes`;
    throw mistake(`${where}.secret`, meant);
  }
  const hash = secret === undefined ? String : hashWith(checkSecret(`${where}.secret`, secret));
  return (kind, value) => {
    if (chosen[kind] === 'omit') return undefined;
    return chosen[kind] === 'raw' ? value : hash(kind, value);
  };
}

function checkSecret(where: string, secret: unknown): Buffer {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
    throw mistake(where, 'is neither text nor bytes: give at least 32 random bytes');
  }
  const bytes = Buffer.from(secret as string);
  if (bytes.length < 32) {
    throw mistake(where, 'has fewer than 32 bytes: make one with openssl rand -base64 32');
  }
  return bytes;
}

const hashWith =
  (secret: Buffer) =>
  (kind: IdentifierKind, value: string): string => {
    const named = `${kind === 'actors' ? 'subject' : kind}\0${value}`;
    const digest = createHmac('sha256', secret).update(named).digest();
    return `hmac:${digest.subarray(0, 16).toString('base64url')}`;
  };
