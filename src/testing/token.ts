import { constants, createHash, KeyObject, randomUUID, sign } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import { type Algorithm, ConfigError } from '../index.js';
import {
  checkParts,
  isFlag,
  isObject,
  isString,
  isStringOrStrings,
  isStrings,
  type PartCheck,
} from './parts.js';

/** How a test token differs from the default one, which is valid. */
export interface TokenParts {
  readonly scopes?: readonly string[];
  readonly orgId?: string;
  /** @default 'user_1' */
  readonly subject?: string;
  /** @default 'client_1' */
  readonly clientId?: string;
  /** @default the `audience` of the issuer */
  readonly audience?: string | readonly string[];
  /** Seconds until the token expires; negative for an expired token. @default 300 */
  readonly expiresIn?: number;
  /** Claims to add or replace. Set one to `undefined` to remove it. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** JOSE header parameters to add, replace or remove. They do not change how the token is signed. */
  readonly header?: Readonly<Record<string, unknown>>;
  /** Signs with a key that is not published, but uses the `kid` of one that is. @default false */
  readonly wrongKey?: boolean;
  /** Allows `exp`, `nbf` and `iat` in milliseconds, which are usually a mistake. @default false */
  readonly allowMilliseconds?: boolean;
}

const tokenParts = {
  scopes: isStrings,
  orgId: isString,
  subject: isString,
  clientId: isString,
  audience: isStringOrStrings,
  expiresIn: { passes: Number.isFinite, wanted: 'a number of seconds' },
  claims: isObject,
  header: isObject,
  wrongKey: isFlag,
  allowMilliseconds: isFlag,
} satisfies Record<keyof TokenParts, PartCheck>;

/** A key pair of a test issuer. */
export interface TestKey {
  readonly kid: string;
  readonly algorithm: Algorithm;
  readonly privateKey: KeyObject;
  /** The public key, as published in the JWKS. */
  readonly jwk: Readonly<Record<string, unknown>>;
}

/** Creates a key pair. */
export async function createTestKey(algorithm: Algorithm): Promise<TestKey> {
  const pair = await generateKeyPair(algorithm, { extractable: true });
  const publicJwk = await exportJWK(pair.publicKey);
  const kid = createHash('sha256')
    .update(JSON.stringify(publicJwk))
    .digest('base64url')
    .slice(0, 12);
  const privateKey = KeyObject.from(pair.privateKey as Parameters<typeof KeyObject.from>[0]);
  return { kid, algorithm, privateKey, jwk: { ...publicJwk, kid, alg: algorithm, use: 'sig' } };
}

/** The defaults of a token: its issuer, audience, key and time. */
export interface Issuing {
  readonly issuer: string;
  readonly audience: string | readonly string[];
  readonly key: TestKey;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Returns the header and claims of a token.
 * @throws ConfigError if a part is unknown or invalid, or a time is in milliseconds
 */
export function describe(given: TokenParts, { issuer, audience, key, now }: Issuing) {
  checkParts('token', given, tokenParts);
  const issuedAt = Math.floor(now / 1000);
  const claims: Record<string, unknown> = {
    iss: issuer,
    aud: given.audience ?? audience,
    sub: given.subject ?? 'user_1',
    client_id: given.clientId ?? 'client_1',
    iat: issuedAt,
    exp: issuedAt + (given.expiresIn ?? 300),
    jti: randomUUID(),
    ...(given.scopes && { scope: given.scopes.join(' ') }),
    ...(given.orgId !== undefined && { org_id: given.orgId }),
    ...given.claims,
  };
  for (const name of ['exp', 'nbf', 'iat']) {
    const time = claims[name];
    if (typeof time === 'number' && Math.abs(time) >= 1e11 && !given.allowMilliseconds) {
      const advice = 'divide it by 1000, or set allowMilliseconds';
      throw new ConfigError(
        `token: ${name} must be in seconds (RFC 7519 §2); got milliseconds: ${advice}`,
      );
    }
  }
  return { header: { alg: key.algorithm, typ: 'at+jwt', kid: key.kid, ...given.header }, claims };
}

/** Signs header and claims as they are, even if they are invalid. */
export function signCompact(header: object, claims: unknown, key: TestKey): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${signature(input, key).toString('base64url')}`;
}

function signature(input: string, { algorithm, privateKey: key }: TestKey): Buffer {
  const data = Buffer.from(input);
  const hash = `sha${algorithm.slice(2)}`;
  if (algorithm.startsWith('Ed')) return sign(null, data, key);
  if (algorithm.startsWith('RS')) return sign(hash, data, key);
  // With parameters beside it, Workers take a PEM text and no KeyObject.
  const pem = key.export({ type: 'pkcs8', format: 'pem' });
  if (algorithm.startsWith('ES')) return sign(hash, data, { key: pem, dsaEncoding: 'ieee-p1363' });
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return sign(hash, data, { key: pem, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST });
}
