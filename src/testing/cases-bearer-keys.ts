import type { ApiKeySource } from '../index.js';
import { lookup } from './cases-keys.js';
import {
  bearer,
  type Case,
  invalidKey,
  opaque,
  passes,
  rule,
  token,
  wrongSignature,
} from './expected.js';

/** Accepts every string as a key. */
const anyKey = async () => ({ id: 'key_any', clientId: 'client_any' });
const keyPasses = passes({ orgId: 'org_1', scopes: ['a'] });
const behindBearer = (source: ApiKeySource) => ({
  options: { apiKeys: { from: [source], lookup } },
});
const prefixed = behindBearer({ bearer: 'sk_' });
const notJwt = behindBearer({ bearer: true });
const jwtKeys = { bearer: { jwtAlgorithms: ['HS256'] } } as const;

/** A legacy key that is a JWT: {"alg":"HS256"}. */
const legacyJwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln';

/** Which strings after `Bearer` are API keys. */
export const bearerKeyCases: readonly Case[] = [
  rule(
    'key-bearer-case',
    'A prefix in another case is another',
    () => bearer('SK_1'),
    opaque,
    prefixed,
  ),
  rule(
    'key-bearer-opaque',
    'With `bearer: true`, a string that is not a JWT is a key',
    () => bearer('sk_1'),
    keyPasses,
    notJwt,
  ),
  rule(
    'key-bearer-opaque-token',
    'With `bearer: true`, a JWT is a token',
    token(),
    passes(),
    notJwt,
  ),
  rule(
    'key-bearer-opaque-refused',
    'With `bearer: true`, a refused JWT MUST NOT be tried as a key',
    token({ wrongKey: true }),
    wrongSignature,
    { options: { apiKeys: { from: [{ bearer: true }], lookup: anyKey } } },
  ),
  rule(
    'key-jwt',
    'A JWT with an algorithm of `jwtAlgorithms` is a key, and MUST NOT be tried as a token',
    () => bearer(legacyJwt),
    invalidKey,
    behindBearer(jwtKeys),
  ),
  rule('key-jwt-token', 'A JWT with another algorithm is a token', token(), passes(), {
    options: { apiKeys: { from: [jwtKeys], lookup: anyKey } },
  }),
];
