import { constants, createHash, KeyObject, randomUUID, sign } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import { type Algorithm, ConfigError } from '../index.js';
import { checkParts, isFlag, isList, isObject, isText, isTexts, type PartCheck } from './parts.js';

/** How a test token differs from a good one. */
export interface TokenParts {
  readonly scopes?: readonly string[];
  readonly orgId?: string;
  /** @default 'user_1' */
  readonly subject?: string;
  /** @default 'client_1' */
  readonly clientId?: string;
  /** @default the issuer's */
  readonly audience?: string | readonly string[];
  /** Seconds from now; below 0 the token expired. @default 300 */
  readonly expiresIn?: number;
  /** Claims that replace or join the others; one that is `undefined` is taken away. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** The same for the JOSE header. The signature is made with the issuer's algorithm all the same. */
  readonly header?: Readonly<Record<string, unknown>>;
  /** Signs with a key that the issuer never published, under the `kid` of one that it did. */
  readonly wrongKey?: boolean;
  /** Lets `exp`, `nbf` and `iat` be in milliseconds, which is a mistake everywhere else. */
  readonly allowMilliseconds?: boolean;
}

const tokenParts = {
  scopes: isList,
  orgId: isText,
  subject: isText,
  clientId: isText,
  audience: isTexts,
  expiresIn: [Number.isFinite, 'a number of seconds'],
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
  /** The public half, as published. */
  readonly jwk: Readonly<Record<string, unknown>>;
}

/** Makes a fresh key pair. */
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

/** Who issues a token, to whom, and when. */
export interface Issuing {
  readonly issuer: string;
  readonly audience: string | readonly string[];
  readonly key: TestKey;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The header and claims of a token that is good but for what `given` says. */
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
      throw new ConfigError(`token: ${name} is in milliseconds: a JWT has seconds (RFC 7519 §2)`);
    }
  }
  return { header: { alg: key.algorithm, typ: 'at+jwt', kid: key.kid, ...given.header }, claims };
}

/** Signs header and claims as they are, sensible or not. */
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
