import { createGuard, type Guard, type GuardRequest, type Requirements } from '../../src/index.js';
import type { TestKey } from '../../src/testing/token.js';
import { bearing, requestOf, sending } from './ask.js';
import { audience, guardFor, issuer, mint, named, now, seconds } from './mint.js';

/** One way to be refused, for each code there is. */
export interface Refusal {
  readonly code: string;
  /** A request that holds this token wherever it can. */
  request(token: string): GuardRequest;
  /** @default a good token */
  token?(key: TestKey, stranger: TestKey): string;
  readonly requirements?: Requirements;
  /** @default a guard that knows the key */
  guard?(key: TestKey): Guard;
}

type Bent = { readonly header?: object; readonly claims?: object };
const bent = (code: string, parts: Bent, more: Partial<Refusal> = {}): Refusal => ({
  code,
  request: bearing,
  token: (key) => mint(key, parts),
  ...more,
});
const turned = (code: string, turn: (token: string) => string): Refusal => ({
  code,
  request: bearing,
  token: (key) => turn(mint(key)),
});
const requiring = (code: string, requirements: Requirements, claims = {}): Refusal =>
  bent(code, { claims }, { requirements });
const without = (code: string, fetch: typeof globalThis.fetch, more = {}): Refusal => ({
  code,
  request: bearing,
  guard: () => createGuard({ issuer, audience, now, fetch, ...more }),
});

const metadata = { issuer: 'https://other.test', jwks_uri: 'https://other.test/jwks' };

export const refusals: readonly Refusal[] = [
  { code: 'ERR_CREDENTIAL_MISSING', request: (token) => sending(`Basic ${token}`) },
  { code: 'ERR_HEADER_MALFORMED', request: (token) => sending(`Bearer ${token};`) },
  { code: 'ERR_HEADER_REPEATED', request: (token) => bearing(`${token}, Bearer ${token}`) },
  {
    code: 'ERR_TOKEN_IN_QUERY',
    request: (token) => requestOf({}, { url: `/?access_token=${token}` }),
  },
  { code: 'ERR_TOKEN_IN_FORM', request: (token) => bearing(token, { formToken: true }) },
  turned('ERR_TOKEN_TOO_LARGE', (token) => token + 'A'.repeat(16_384)),
  turned('ERR_TOKEN_OPAQUE', (token) => `${token}.abc`),
  turned('ERR_TOKEN_ENCRYPTED', (token) => `${token}.abc.def`),
  turned('ERR_TOKEN_MALFORMED', (token) => `${token}=`),
  bent('ERR_TOKEN_ALGORITHM', { header: { alg: 'HS256' } }),
  bent('ERR_TOKEN_CRITICAL', { header: { crit: ['exp'] } }),
  bent('ERR_TOKEN_TYPE', { header: { typ: 'dpop+jwt' } }),
  bent('ERR_TOKEN_KIND', { claims: { at_hash: 'abc' } }),
  bent('ERR_TOKEN_ISSUER', { claims: { iss: 'https://evil.test' } }),
  bent('ERR_TOKEN_TIME', { claims: { exp: 'soon' } }),
  bent('ERR_TOKEN_EXPIRED', { claims: { exp: seconds - 60 } }),
  bent('ERR_TOKEN_NOT_YET_VALID', { claims: { nbf: seconds + 60 } }),
  bent('ERR_TOKEN_ISSUED_LATER', { claims: { iat: seconds + 60 } }),
  bent('ERR_TOKEN_AUDIENCE', { claims: { aud: 'https://other.test' } }),
  bent(
    'ERR_TOKEN_CLAIMS',
    { claims: { jti: undefined } },
    { guard: ({ jwk }) => guardFor([jwk], { types: ['at+jwt'] }) },
  ),
  bent('ERR_TOKEN_KEY_UNKNOWN', { header: { kid: 'nobody' } }),
  bent('ERR_TOKEN_KEY_MISMATCH', { header: { alg: 'RS256' } }),
  {
    code: 'ERR_TOKEN_SIGNATURE',
    request: bearing,
    token: ({ kid }, stranger) => mint(named(stranger, kid)),
  },
  bent('ERR_TOKEN_BOUND', { claims: { cnf: { jkt: 'abc' } } }),
  requiring('ERR_SCOPE_MISSING', { scopes: ['a'], anyScope: ['b', 'c'] }, { scope: 'd' }),
  requiring('ERR_ORG_MISSING', { orgId: 'org_1' }),
  requiring('ERR_ORG_MISMATCH', { orgId: 'org_1' }, { org_id: 'org_2' }),
  requiring('ERR_ORG_UNRESOLVED', { orgId: () => undefined }, { org_id: 'org_1' }),
  requiring('ERR_CHECK_FAILED', { check: () => false }),
  without('ERR_KEYS_UNREACHABLE', async () => {
    throw new TypeError('fetch failed');
  }),
  without('ERR_KEYS_TIMEOUT', () => new Promise(() => {}), { keys: { timeout: 0.001 } }),
  without('ERR_KEYS_RESPONSE', async () => new Response('', { status: 500 }), {
    jwksUri: `${issuer}/jwks`,
  }),
  without('ERR_DISCOVERY_RESPONSE', async () => new Response('', { status: 404 })),
  without('ERR_DISCOVERY_ISSUER', async () => Response.json(metadata)),
];

/** Everything needed to be refused in one way. */
export function prepare(refusal: Refusal, key: TestKey, stranger: TestKey) {
  const token = refusal.token?.(key, stranger) ?? mint(key);
  const guard = refusal.guard?.(key) ?? guardFor([key.jwk]);
  return { token, guard, request: refusal.request(token), requirements: refusal.requirements };
}

const answers = [
  { of: /^ERR_CREDENTIAL_MISSING$/, status: 401, challenged: true },
  { of: /^ERR_(HEADER_|TOKEN_IN_)/, status: 400, error: 'invalid_request', challenged: true },
  { of: /^ERR_TOKEN_/, status: 401, error: 'invalid_token', challenged: true },
  { of: /^ERR_SCOPE_MISSING$/, status: 403, error: 'insufficient_scope', challenged: true },
  { of: /^ERR_(ORG_|CHECK_FAILED$)/, status: 403, challenged: false },
  { of: /^ERR_(KEYS|DISCOVERY)_/, status: 503, challenged: false },
];

/** What a client has to be answered, by RFC 6750 §3.1 and section 4 of the design. */
export function answerTo(code: string) {
  const { status, error, challenged } = answers.find(({ of }) => of.test(code)) ?? {};
  return { status, error, challenged };
}
