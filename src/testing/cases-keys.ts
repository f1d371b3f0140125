import type { ApiKeyOptions, ApiKeyRecord } from '../index.js';
import {
  ambiguous,
  bearer,
  type Case,
  forbidden,
  insufficient,
  invalidKey,
  malformed,
  missing,
  opaque,
  passes,
  rule,
  type TestRequest,
  token,
  unavailable,
  wrongSignature,
} from './expected.js';

const records: Readonly<Record<string, Omit<ApiKeyRecord, 'id'>>> = {
  sk_1: { subject: 'user_1', clientId: 'client_1', orgId: 'org_1', scopes: ['a'] },
  sk_2: { clientId: 'client_2' },
  sk_other_org: { clientId: 'client_1', orgId: 'org_2' },
  sk_unnamed: {},
  sk_disabled: { clientId: 'client_1', disabled: true },
  sk_expired: { clientId: 'client_1', expiresAt: Date.UTC(2030, 0, 1) / 1000 },
  sk_test: { clientId: 'client_1', environment: 'test' },
};

/** Returns the record of a listed key, and throws for one that simulates an outage. */
export async function lookup({
  value,
}: {
  readonly value: string;
}): Promise<ApiKeyRecord | undefined> {
  if (value === 'sk_outage') throw new Error('the store is unavailable');
  const record = records[value];
  return record && { id: `key_${value.slice(3)}`, ...record };
}

/** Accepts every string as a key. */
const anyKey = async () => ({ id: 'key_any', clientId: 'client_any' });

const keys = (more: Partial<ApiKeyOptions> = {}) => ({
  options: { apiKeys: { from: [{ header: 'x-api-key' }], lookup, ...more } },
});
const shaped = keys({ from: [{ header: 'x-api-key' }, { bearer: 'sk_' }] });

export const keyed = (value: string) => (): TestRequest => ({ headers: ['X-API-Key', value] });
const keyPasses = passes({ orgId: 'org_1', scopes: ['a'] });
const malformedKey = malformed('ERR_API_KEY_MALFORMED', 'The API key is malformed');
const repeatedKey = malformed('ERR_API_KEY_REPEATED', 'The request holds more than one API key');

/** Cases about API keys, and how they are distinguished from tokens. */
export const keyCases: readonly Case[] = [
  rule('key', 'An API key in its header is accepted', keyed('sk_1'), keyPasses, keys()),
  rule(
    'key-unnamed',
    'A key whose record has only an id is accepted',
    keyed('sk_unnamed'),
    passes({ subject: null, clientId: null }),
    keys(),
  ),
  rule('key-not-configured', 'Without apiKeys, a key is ignored', keyed('sk_1'), missing()),
  rule(
    'key-scheme',
    'RFC 9110 §11.1: the scheme of a key is case-insensitive',
    () => ({ headers: ['Authorization', 'apikey sk_1'] }),
    keyPasses,
    keys({ from: [{ scheme: 'ApiKey' }] }),
  ),
  rule(
    'key-bearer',
    'RFC 6750 §2.1: a string with the prefix of a key is a key',
    () => bearer('sk_1'),
    keyPasses,
    shaped,
  ),
  rule('key-bearer-other', 'Another value is not a key', () => bearer('pk_1'), opaque, shaped),
  rule(
    'key-query',
    'A key in the query is accepted if it is configured',
    () => ({ path: '/?q=1&api_key=sk_1' }),
    keyPasses,
    keys({ from: [{ dangerouslyInQuery: 'api_key' }] }),
  ),
  rule(
    'key-query-brackets',
    'A query parameter in array notation MUST be 400',
    () => ({ path: '/?api_key[]=sk_1' }),
    malformedKey,
    keys({ from: [{ dangerouslyInQuery: 'api_key' }] }),
  ),
  rule('key-unknown', 'An unknown key MUST be 401', keyed('sk_0'), invalidKey, keys()),
  rule(
    'key-disabled',
    'A disabled key gets the same response',
    keyed('sk_disabled'),
    invalidKey,
    keys(),
  ),
  rule(
    'key-expired',
    'An expired key gets the same response',
    keyed('sk_expired'),
    invalidKey,
    keys(),
  ),
  rule(
    'key-environment',
    'A key of another environment gets the same response',
    keyed('sk_test'),
    invalidKey,
    keys({ environment: 'live' }),
  ),
  rule(
    'key-long',
    'A key that is too long gets the same response',
    keyed(`sk_${'a'.repeat(2_046)}`),
    invalidKey,
    keys(),
  ),
  rule(
    'key-not-well-formed',
    'A key that is not well-formed gets the same response',
    keyed('sk_1'),
    invalidKey,
    keys({ wellFormed: () => false }),
  ),
  rule('key-empty', 'An empty key MUST be 400', keyed(''), malformedKey, keys()),
  rule('key-space', 'A space in a key MUST be 400', keyed('sk 1'), malformedKey, keys()),
  rule(
    'key-repeated',
    'RFC 9110 §5.3: a repeated key MUST be 400',
    () => ({ headers: ['X-API-Key', 'sk_1', 'X-API-Key', 'sk_1'] }),
    repeatedKey,
    keys(),
  ),
  rule(
    'key-two-places',
    'RFC 6750 §2: two keys MUST be 400, even if they belong to the same client',
    () => ({ headers: ['X-API-Key', 'sk_1', 'Authorization', 'Bearer sk_2'] }),
    ambiguous,
    shaped,
  ),
  rule(
    'key-beside-token',
    'RFC 6750 §2: a key beside a token MUST be 400',
    async (issuer) => both('sk_1', await issuer.token({ orgId: 'org_1' })),
    ambiguous,
    keys(),
  ),
  rule(
    'key-beside-bad-token',
    'A valid key MUST NOT make up for an invalid token',
    async (issuer) => both('sk_1', await issuer.token({ orgId: 'org_1', wrongKey: true })),
    wrongSignature,
    keys({ both: 'same-client' }),
  ),
  rule(
    'key-bad-beside-token',
    'A valid token MUST NOT make up for an invalid key',
    async (issuer) => both('sk_0', await issuer.token({ orgId: 'org_1' })),
    invalidKey,
    keys({ both: 'same-client' }),
  ),
  rule(
    'key-same-client',
    'A key beside a token of the same client passes if asked for, as the token',
    async (issuer) => both('sk_1', await issuer.token({ orgId: 'org_1', scopes: ['b'] })),
    passes({ orgId: 'org_1', scopes: ['b'] }),
    keys({ both: 'same-client' }),
  ),
  rule(
    'key-other-client',
    'A key beside a token of another client MUST be 400',
    async (issuer) => both('sk_2', await issuer.token()),
    ambiguous,
    keys({ both: 'same-client' }),
  ),
  rule(
    'key-other-org',
    'A key beside a token of another organization MUST be 400',
    async (issuer) => both('sk_other_org', await issuer.token({ orgId: 'org_1' })),
    ambiguous,
    keys({ both: 'same-client' }),
  ),
  rule(
    'key-never-for-token',
    'A rejected token MUST NOT be tried as a key',
    token({ wrongKey: true }),
    wrongSignature,
    keys({ from: [{ header: 'x-api-key' }, { bearer: 'sk_' }], lookup: anyKey }),
  ),
  rule(
    'key-never-as-token',
    'A valid token in the place of a key MUST NOT be tried as a token',
    async (issuer) => ({ headers: ['X-API-Key', await issuer.token()] }),
    invalidKey,
    keys(),
  ),
  rule('key-token', 'A token passes where keys do', token(), passes(), shaped),
  rule(
    'key-scopes',
    'RFC 6750 §3.1: scopes are required of keys as of tokens',
    keyed('sk_1'),
    insufficient('a b'),
    { ...keys(), requirements: { scopes: ['a', 'b'] } },
  ),
  rule(
    'key-org',
    'The organization is required of keys as of tokens',
    keyed('sk_1'),
    forbidden('ERR_ORG_MISMATCH', 'The credential belongs to another organization'),
    { ...keys(), requirements: { orgId: 'org_2' } },
  ),
  rule(
    'key-check',
    'The check of the application applies to keys as to tokens',
    keyed('sk_1'),
    forbidden('ERR_CHECK_FAILED', 'The credential is not allowed to do this'),
    { ...keys(), requirements: { check: ({ key }) => key?.id !== 'key_1' } },
  ),
  rule('key-outage', 'An unavailable store MUST be 503', keyed('sk_outage'), unavailable, keys()),
  rule('key-optional', 'Optional does not allow an invalid key', keyed('sk_0'), invalidKey, {
    ...keys(),
    requirements: { optional: true },
  }),
];

function both(key: string, token: string): TestRequest {
  return { headers: ['X-API-Key', key, 'Authorization', `Bearer ${token}`] };
}
