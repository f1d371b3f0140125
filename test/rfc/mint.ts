import { sign } from 'node:crypto';
import {
  type Algorithm,
  createGuard,
  type Guard,
  type GuardOptions,
  type IssuerOptions,
  type SharedOptions,
} from '../../src/index.js';
import { createTestKey, signCompact, type TestKey } from '../../src/testing/token.js';

export const issuer = 'https://issuer.test';
export const audience = 'https://api.test';
export const jwksUri = `${issuer}/jwks`;

/** Midnight of 1 January 2030. */
export const now = () => Date.UTC(2030, 0, 1);
export const seconds = now() / 1000;

export const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;
export const allAlgorithms = [
  ...rsaAlgorithms,
  ...(['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const),
] satisfies Algorithm[];

const made = new Map<string, Promise<TestKey>>();

/** The one key of an algorithm, whose `kid` is the algorithm's name; RSA keys are slow to make. */
export async function keyFor(algorithm: Algorithm, owner = 'issuer'): Promise<TestKey> {
  const isRsa = (rsaAlgorithms as readonly string[]).includes(algorithm);
  const pair = isRsa ? 'RS256' : algorithm;
  const making = made.get(pair + owner) ?? createTestKey(pair);
  made.set(pair + owner, making);
  return named(await making, algorithm, algorithm);
}

/** The same key under another `kid`, or for another algorithm. */
export const named = (
  { privateKey, jwk, algorithm: own }: TestKey,
  kid: string,
  algorithm = own,
): TestKey => ({ kid, algorithm, privateKey, jwk: { ...jwk, kid, alg: algorithm } });

/** Claims that are good, with more of them; one that is `undefined` is taken away. */
export const claimsOf = (more: object = {}): Record<string, unknown> => ({
  iss: issuer,
  aud: audience,
  sub: 'user_1',
  client_id: 'client_1',
  iat: seconds,
  exp: seconds + 300,
  jti: 'token_1',
  ...more,
});

/** A header that is good, with more in it. */
export const headerOf = ({ kid, algorithm }: TestKey, more: object = {}) => ({
  alg: algorithm,
  typ: 'at+jwt',
  kid,
  ...more,
});

/** A token that is good but for what is given. */
export const mint = (
  key: TestKey,
  { header = {}, claims = {} }: { readonly header?: object; readonly claims?: object } = {},
): string => signCompact(headerOf(key, header), claimsOf(claims), key);

/** Signs what stands there, be it base64url or not; with a key of ES256. */
export function signInput(input: string, { privateKey: key }: TestKey): string {
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

/** Signs a header and a payload that are written by hand; with a key of ES256. */
export function signText(
  header: string | Uint8Array,
  payload: string | Uint8Array,
  key: TestKey,
): string {
  return signInput(`${encode(header)}.${encode(payload)}`, key);
}

export const encode = (part: string | Uint8Array): string =>
  Buffer.from(part as string).toString('base64url');

/** A guard of an issuer that publishes exactly this as its `keys`. */
export const guardFor = (
  keys: unknown,
  options: Partial<IssuerOptions> & SharedOptions = {},
): Guard =>
  createGuard({
    issuer,
    audience,
    jwksUri,
    now,
    fetch: async () => Response.json({ keys }),
    ...options,
  } as GuardOptions);
