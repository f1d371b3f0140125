import {
  type ApiKeyLookup,
  type ApiKeyOptions,
  type ApiKeyRecord,
  createGuard,
  type Guard,
  type GuardRequest,
  type MigrationPlan,
  type Requirements,
  type SharedOptions,
} from '../../src/index.js';
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
  guard?(key: TestKey, listening: Listening): Guard;
}

type Listening = Pick<SharedOptions, 'onDecision'>;

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
  guard: (_, listening) => createGuard({ issuer, audience, now, fetch, ...more, ...listening }),
});

/** The token stands in the place of an API key. */
const keyed = (
  code: string,
  apiKeys: Partial<ApiKeyOptions>,
  request = (token: string) => requestOf({ 'x-api-key': token }),
): Refusal => ({
  code,
  request,
  guard: ({ jwk }, listening) =>
    guardFor([jwk], {
      ...listening,
      apiKeys: { from: [{ header: 'x-api-key' }], lookup: finding(), ...apiKeys },
    }),
});
const finding =
  (more: Partial<ApiKeyRecord> = {}): ApiKeyLookup =>
  async () => ({ id: 'key_1', clientId: 'client_2', ...more });
const besideToken = (token: string) =>
  requestOf({ authorization: `Bearer ${token}`, 'x-api-key': 'key' });
const hanging = () => new Promise<never>(() => {});
const under = (code: string, plan: MigrationPlan): Refusal =>
  keyed(code, { plan: { ...announced, ...plan }, onMigration: () => {} });

/** What every plan here says of the end of keys. */
export const announced = {
  deprecatedAt: '2029-10-01T00:00:00Z',
  sunsetAt: '2030-04-01T00:00:00Z',
  guide: 'https://docs.test/migrate',
} as const;
/** Half an hour of it is to come. */
const brownout = { start: '2029-12-31T23:30:00Z', end: '2030-01-01T00:30:00Z' };

/** As many look-ups as there may be are under way. */
function busy(_: TestKey, listening: Listening): Guard {
  const apiKeys = { from: [{ header: 'x-api-key' }], lookup: hanging };
  const guard = guardFor([], { ...listening, apiKeys });
  for (let i = 0; i < 1_000; i += 1) void guard(requestOf({ 'x-api-key': `key_${i}` }));
  return guard;
}

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
  keyed('ERR_CREDENTIAL_AMBIGUOUS', {}, besideToken),
  keyed('ERR_CREDENTIAL_MISMATCH', { both: 'same-client' }, besideToken),
  keyed('ERR_API_KEY_MALFORMED', {}, (token) => requestOf({ 'x-api-key': `${token} ${token}` })),
  keyed('ERR_API_KEY_REPEATED', {}, (token) => requestOf({ 'x-api-key': `${token}, ${token}` })),
  turned('ERR_TOKEN_TOO_LARGE', (token) => token + 'A'.repeat(16_384)),
  turned('ERR_TOKEN_NOT_JWT', (token) => `${token}.abc`),
  turned('ERR_TOKEN_ENCRYPTED', (token) => `${token}.abc.def`),
  turned('ERR_TOKEN_MALFORMED', (token) => `${token}=`),
  bent('ERR_TOKEN_ALGORITHM', { header: { alg: 'HS256' } }),
  bent('ERR_TOKEN_CRITICAL', { header: { crit: ['exp'] } }),
  bent('ERR_TOKEN_TYPE', { header: { typ: 'dpop+jwt' } }),
  bent('ERR_TOKEN_NOT_ACCESS_TOKEN', { claims: { at_hash: 'abc' } }),
  bent('ERR_TOKEN_ISSUER', { claims: { iss: 'https://evil.test' } }),
  bent('ERR_TOKEN_TIME', { claims: { exp: 'soon' } }),
  bent('ERR_TOKEN_EXPIRED', { claims: { exp: seconds - 60 } }),
  bent('ERR_TOKEN_NOT_YET_VALID', { claims: { nbf: seconds + 60 } }),
  bent('ERR_TOKEN_IAT_IN_FUTURE', { claims: { iat: seconds + 61 } }),
  bent(
    'ERR_TOKEN_LIFETIME',
    { claims: { exp: seconds + 301 } },
    { guard: ({ jwk }, listening) => guardFor([jwk], { ...listening, maxTokenLifetime: 300 }) },
  ),
  bent('ERR_TOKEN_AUDIENCE', { claims: { aud: 'https://other.test' } }),
  bent(
    'ERR_TOKEN_CLAIMS',
    { claims: { jti: undefined } },
    { guard: ({ jwk }, listening) => guardFor([jwk], { ...listening, typ: ['at+jwt'] }) },
  ),
  bent('ERR_TOKEN_KEY_UNKNOWN', { header: { kid: 'nobody' } }),
  bent('ERR_TOKEN_KEY_MISMATCH', { header: { alg: 'RS256' } }),
  {
    code: 'ERR_TOKEN_SIGNATURE',
    request: bearing,
    token: ({ kid }, stranger) => mint(named(stranger, kid)),
  },
  bent('ERR_TOKEN_BOUND', { claims: { cnf: { jkt: 'abc' } } }),
  keyed('ERR_API_KEY_INVALID', { wellFormed: () => false }),
  keyed('ERR_API_KEY_UNKNOWN', { lookup: async () => undefined }),
  keyed('ERR_API_KEY_DISABLED', { lookup: finding({ disabled: true }) }),
  keyed('ERR_API_KEY_EXPIRED', { lookup: finding({ expiresAt: seconds }) }),
  keyed('ERR_API_KEY_ENVIRONMENT', {
    environment: 'live',
    lookup: finding({ environment: 'test' }),
  }),
  under('ERR_API_KEY_RETIRED', { sunsetAt: '2030-01-01T00:00:00Z' }),
  under('ERR_API_KEY_MIGRATED', { clients: { client_2: 'token-only' } }),
  under('ERR_API_KEY_BROWNOUT', { brownouts: [brownout] }),
  requiring('ERR_SCOPE_MISSING', { scopes: ['a'], anyScope: ['b', 'c'] }, { scope: 'd' }),
  requiring('ERR_ORG_MISSING', { orgId: 'org_1' }),
  requiring('ERR_ORG_MISMATCH', { orgId: 'org_1' }, { org_id: 'org_2' }),
  requiring('ERR_ORG_UNRESOLVED', { orgId: () => undefined }, { org_id: 'org_1' }),
  requiring('ERR_CHECK_FAILED', { check: () => false }),
  without('ERR_JWKS_UNREACHABLE', async () => {
    throw new TypeError('fetch failed');
  }),
  without('ERR_JWKS_TIMEOUT', () => new Promise(() => {}), { jwks: { timeout: 0.001 } }),
  without('ERR_JWKS_RESPONSE', async () => new Response('', { status: 500 }), {
    jwksUri: `${issuer}/jwks`,
  }),
  without('ERR_DISCOVERY_RESPONSE', async () => new Response('', { status: 404 })),
  without('ERR_DISCOVERY_ISSUER', async () => Response.json(metadata)),
  keyed('ERR_LOOKUP_FAILED', {
    async lookup({ value }) {
      throw new Error(`the store is down, and was asked for ${value}`);
    },
  }),
  keyed('ERR_LOOKUP_TIMEOUT', { lookup: hanging, timeout: 0.001 }),
  { ...keyed('ERR_LOOKUP_BUSY', {}), guard: busy },
  keyed('ERR_PLAN_UNAVAILABLE', { plan: { load: hanging }, onMigration: () => {} }),
];

/** Keys that a plan no longer accepts, where it says that they are gone. */
export const gone: readonly Refusal[] = [
  under('ERR_API_KEY_RETIRED', { sunsetAt: '2030-01-01T00:00:00Z', refusedStatus: 410 }),
  under('ERR_API_KEY_MIGRATED', { mode: 'token-only', refusedStatus: 410 }),
  under('ERR_API_KEY_BROWNOUT', { brownouts: [brownout], refusedStatus: 410 }),
];

/** Everything needed to be refused in one way. */
export function prepare(refusal: Refusal, key: TestKey, stranger: TestKey) {
  const token = refusal.token?.(key, stranger) ?? mint(key);
  const guard = refusal.guard?.(key, {}) ?? guardFor([key.jwk]);
  return { token, guard, request: refusal.request(token), requirements: refusal.requirements };
}

interface Told {
  readonly of: RegExp;
  readonly status: number;
  readonly error?: string;
  readonly challenged: boolean;
  /** The code that the client reads; its own, unless it would learn too much from it. */
  readonly told?: string;
  /** Seconds. */
  readonly retryAfter?: string;
  /** Members of the body that others do not have. */
  readonly members?: object;
}

const request = { status: 400, error: 'invalid_request', challenged: true } as const;
const { guide } = announced;
const retired = { status: 401, challenged: true, told: 'ERR_API_KEY_RETIRED' } as const;
const answers: readonly Told[] = [
  { of: /^ERR_CREDENTIAL_MISSING$/, status: 401, challenged: true },
  { of: /^ERR_CREDENTIAL_/, ...request, told: 'ERR_CREDENTIAL_AMBIGUOUS' },
  { of: /^ERR_(HEADER_|TOKEN_IN_|API_KEY_(MALFORMED|REPEATED)$)/, ...request },
  { of: /^ERR_TOKEN_/, status: 401, error: 'invalid_token', challenged: true },
  {
    of: /^ERR_API_KEY_BROWNOUT$/,
    ...retired,
    retryAfter: '1800',
    members: { guide, brownout: true },
  },
  { of: /^ERR_API_KEY_(RETIRED|MIGRATED)$/, ...retired, members: { guide } },
  // RFC 6750 §3.1 has no error for what is no access token.
  { of: /^ERR_API_KEY_/, status: 401, challenged: true, told: 'ERR_API_KEY_INVALID' },
  { of: /^ERR_SCOPE_MISSING$/, status: 403, error: 'insufficient_scope', challenged: true },
  { of: /^ERR_(ORG_|CHECK_FAILED$)/, status: 403, challenged: false },
  {
    of: /^ERR_(JWKS|DISCOVERY|LOOKUP|PLAN)_/,
    status: 503,
    challenged: false,
    told: 'ERR_TEMPORARILY_UNAVAILABLE',
    retryAfter: '1',
  },
];

/** What a client has to be answered, by RFC 6750 §3.1 and section 4 of the design. */
export function answerTo(code: string) {
  const found = answers.find(({ of }) => of.test(code));
  if (!found) throw new Error(`no answer is known to ${code}`);
  return { told: code, members: {}, ...found };
}
