import { createHmac } from 'node:crypto';
import { mistake, oneOf, settingsOf, typeName } from './settings.js';

/** How to log an identifier: unchanged, as an HMAC with a secret, or not at all. */
export type IdentifierForm = 'raw' | 'hash' | 'omit';

/** How to log each kind of identifier. */
export interface IdentifierForms {
  /** The subject of a token, often a person. @default 'hash' with a secret, otherwise 'raw' */
  readonly subject?: IdentifierForm;
  /** The actors of a token (RFC 8693 §4.1). @default 'hash' with a secret, otherwise 'raw' */
  readonly actors?: IdentifierForm;
  /** @default 'raw' */
  readonly client?: IdentifierForm;
  /** @default 'raw' */
  readonly organization?: IdentifierForm;
  /** The `jti` of a token, never the token itself. @default 'raw' */
  readonly token?: IdentifierForm;
  /** The id of an API key's record, never the key itself. @default 'raw' */
  readonly key?: IdentifierForm;
}

/** A kind of identifier. */
export type IdentifierKind = keyof IdentifierForms;

/** Returns an identifier in the form in which it is logged, or `undefined` to omit it. */
export type FormatIdentifier = (kind: IdentifierKind, value: string) => string | undefined;

const forms = ['raw', 'hash', 'omit'] as const;
const raw: Required<IdentifierForms> = {
  subject: 'raw',
  actors: 'raw',
  client: 'raw',
  organization: 'raw',
  token: 'raw',
  key: 'raw',
};
const hashedUsers: Required<IdentifierForms> = { ...raw, subject: 'hash', actors: 'hash' };
const kinds = Object.keys(raw) as IdentifierKind[];

/**
 * Returns the hash that stands for an identifier in an audit line: `hmac:` and 128 bits of the
 * HMAC-SHA-256 of kind and value with the secret, in base64url. Actors are hashed like subjects, so
 * the same person has the same hash in both roles.
 * @throws ConfigError if the secret has fewer than 32 bytes, or the kind is unknown
 */
export function auditHash(
  secret: string | Uint8Array,
  kind: IdentifierKind,
  value: string,
): string {
  const hash = hashWith(checkSecret('auditHash: the secret', secret));
  return hash(oneOf('auditHash: the kind', kind, kinds), value);
}

/**
 * Returns the function that formats identifiers as the options say.
 * @throws ConfigError if a form is unknown, or one is `hash` and there is no secret
 */
export function identifierFormatter(
  where: string,
  given: IdentifierForms,
  secret: string | Uint8Array | undefined,
): FormatIdentifier {
  // A secret has no other purpose than to keep the identities of people out of the log.
  const defaults = secret === undefined ? raw : hashedUsers;
  const chosen = { ...defaults, ...settingsOf(`${where}.identifiers`, given, kinds) };
  for (const kind of kinds) oneOf(`${where}.identifiers.${kind}`, chosen[kind], forms);
  const hashed = kinds.filter((kind) => chosen[kind] === 'hash');
  if (secret === undefined && hashed.length > 0) {
    const needed = `is required to hash ${hashed.join(' and ')}`;
    throw mistake(`${where}.secret`, `${needed}; got undefined: ${createSecret}`);
  }
  const hash = secret === undefined ? String : hashWith(checkSecret(`${where}.secret`, secret));
  return (kind, value) => {
    if (chosen[kind] === 'omit') return undefined;
    return chosen[kind] === 'raw' ? value : hash(kind, value);
  };
}

const createSecret = 'create one with openssl rand -base64 32';

function checkSecret(where: string, secret: unknown): Buffer {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
    throw mistake(where, `must be a string or bytes; got ${typeName(secret)}: ${createSecret}`);
  }
  const bytes = Buffer.from(secret as string);
  if (bytes.length < 32) {
    throw mistake(where, `must have at least 32 bytes; got ${bytes.length}: ${createSecret}`);
  }
  return bytes;
}

const hashWith =
  (secret: Buffer) =>
  (kind: IdentifierKind, value: string): string => {
    const input = `${kind === 'actors' ? 'subject' : kind}\0${value}`;
    const digest = createHmac('sha256', secret).update(input).digest();
    return `hmac:${digest.subarray(0, 16).toString('base64url')}`;
  };
