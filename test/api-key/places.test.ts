import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ApiKeySource, GuardRequest, KeyPlace } from '../../src/index.js';
import { requestOf, sending } from '../rfc/ask.js';
import { openScene } from './scene.js';

const all: readonly ApiKeySource[] = [
  { header: 'X-API-Key' },
  { header: 'x-legacy-key' },
  { scheme: 'ApiKey' },
  { scheme: 'Token' },
  { bearer: 'sk_' },
  { bearer: ['pk_', 'PK_'] },
  { dangerouslyInQuery: 'api_key' },
  { dangerouslyInQuery: 'key' },
];
const asking = (query: string, headers = {}): GuardRequest =>
  requestOf(headers, { url: `/orders?${query}` });
const beside = (authorization: string, headers = {}, url = '/') =>
  requestOf({ authorization, ...headers }, { url });

/** What is looked up for each request, to the letter; all of it is unknown but for sk_1. */
const keys: Record<string, readonly [GuardRequest, string]> = {
  'a header': [requestOf({ 'x-api-key': 'sk_1' }), 'sk_1'],
  'another header': [requestOf({ 'x-legacy-key': 'sk_1' }), 'sk_1'],
  'a scheme': [sending('ApiKey sk_1'), 'sk_1'],
  'a scheme in lower case': [sending('apikey sk_1'), 'sk_1'],
  'a scheme in upper case': [sending('APIKEY sk_1'), 'sk_1'],
  'another scheme': [sending('token sk_1'), 'sk_1'],
  'several SP behind a scheme': [sending('Token   sk_1'), 'sk_1'],
  'a prefix behind Bearer': [sending('Bearer sk_1'), 'sk_1'],
  'a prefix behind bearer': [sending('bearer  sk_1'), 'sk_1'],
  'another prefix of a list': [sending('Bearer PK_0123abCD'), 'PK_0123abCD'],
  'a prefix alone': [sending('Bearer sk_'), 'sk_'],
  'a query parameter': [asking('api_key=sk_1'), 'sk_1'],
  'a query parameter among others': [asking('a=b&api_key=sk_1&c=d&'), 'sk_1'],
  'another query parameter': [asking('key=sk_1'), 'sk_1'],
  'an escaped name': [asking('%61pi%5Fkey=sk_1'), 'sk_1'],
  'an escaped value': [asking('api_key=sk%5F%31'), 'sk_1'],
  'an escaped comma in the name of another': [asking('a%2C=1&key=sk_1'), 'sk_1'],
  'no escape at all': [asking('key=%zz'), '%zz'],
  'an equals sign': [asking('key=a=b'), 'a=b'],
  'a fragment that no client sends': [asking('key=sk_1#x'), 'sk_1#x'],
  'a scheme that is not accepted beside it': [beside('Basic abc', { 'x-api-key': 'sk_1' }), 'sk_1'],
  'all visible ASCII but the comma': [
    requestOf({ 'x-api-key': '!"#$%&\'()*+-./:;<=>?@[\\]^_`{|}~' }),
    '!"#$%&\'()*+-./:;<=>?@[\\]^_`{|}~',
  ],
  'what looks like a JWT': [requestOf({ 'x-api-key': 'eyJhbGciOiJub25lIn0.e30.' }), ''],
};

test.each(Object.entries(keys))('a key in %s is looked up as it stands', async (_, given) => {
  const [request, text] = given;
  const value = text || (request.header('x-api-key') ?? '');
  const asked: object[] = [];
  const { guard } = await openScene({
    apiKeys: {
      from: all,
      lookup: async (key) => {
        asked.push({ ...key });
        return { id: 'key_1' };
      },
    },
  });
  const decision = await guard(request);
  expect(decision).toMatchObject({ allowed: true, principal: { kind: 'api-key' } });
  const sha256 = createHash('sha256').update(value, 'utf8').digest('hex');
  expect(asked).toEqual([{ value, sha256 }]);
});

const malformed = '400 ERR_API_KEY_MALFORMED';
const several = '400 ERR_API_KEY_REPEATED';
const ambiguous = '400 ERR_CREDENTIAL_AMBIGUOUS';
const header = '400 ERR_HEADER_MALFORMED';
const second = '400 ERR_HEADER_REPEATED';

/** What is refused without a look-up. */
const refused: Record<string, readonly [GuardRequest, string]> = {
  'an empty header': [requestOf({ 'x-api-key': '' }), malformed],
  'an empty header beside a key': [
    requestOf({ 'x-api-key': '', 'x-legacy-key': 'sk_1' }),
    malformed,
  ],
  'a scheme alone': [sending('ApiKey'), malformed],
  'a scheme and SP': [sending('ApiKey '), malformed],
  'an empty parameter': [asking('api_key='), malformed],
  'a parameter without a value': [asking('api_key'), malformed],
  'SP in a header': [requestOf({ 'x-api-key': 'sk 1' }), malformed],
  'SP behind a key': [requestOf({ 'x-api-key': 'sk_1 ' }), malformed],
  'SP in a scheme': [sending('ApiKey sk 1'), malformed],
  'a plus sign, which is SP, in the query': [asking('api_key=sk+1'), malformed],
  'a tab': [requestOf({ 'x-api-key': 'sk\t1' }), malformed],
  'a tab behind the scheme': [sending('ApiKey\tsk_1'), header],
  NUL: [asking('api_key=sk%001'), malformed],
  'CR LF': [asking('api_key=sk%0D%0AX-Evil:%201'), malformed],
  DEL: [requestOf({ 'x-api-key': 'sk\x7f1' }), malformed],
  'obs-text': [requestOf({ 'x-api-key': 'sk\u00e9' }), malformed],
  'obs-text in a scheme': [sending('ApiKey sk\u00e9'), malformed],
  'what is no ASCII, escaped': [asking('api_key=sk%C3%A9'), malformed],
  'what is no UTF-8, escaped': [asking('api_key=sk%FF'), malformed],
  'a repeated header': [requestOf({ 'x-api-key': 'sk_1, sk_1' }), several],
  'a repeated header, joined tightly': [requestOf({ 'x-api-key': 'sk_1,sk_2' }), several],
  'a repeated header, one empty': [requestOf({ 'x-api-key': 'sk_1, ' }), several],
  'a repeated header, the first empty': [requestOf({ 'x-api-key': ', sk_1' }), several],
  'a comma in the query': [asking('api_key=sk_1,sk_2'), several],
  'an escaped comma in the query': [asking('api_key=sk_1%2Csk_2'), several],
  'two of a scheme': [sending('ApiKey sk_1, ApiKey sk_2'), second],
  'a list behind a scheme': [sending('ApiKey sk_1, sk_2'), second],
  'two schemes': [sending('ApiKey sk_1, Bearer sk_1'), second],
  'two shapes behind Bearer': [sending('Bearer sk_1, Bearer sk_1'), second],
  'two headers': [requestOf({ 'x-api-key': 'sk_1', 'x-legacy-key': 'sk_2' }), ambiguous],
  'a header and a scheme': [beside('ApiKey sk_1', { 'x-api-key': 'sk_2' }), ambiguous],
  'a header and a shape': [beside('Bearer sk_1', { 'x-api-key': 'sk_2' }), ambiguous],
  'a header and the query': [asking('key=sk_1', { 'x-api-key': 'sk_2' }), ambiguous],
  'a scheme and the query': [beside('Token sk_1', {}, '/?key=sk_2'), ambiguous],
  'a parameter twice': [asking('key=sk_1&key=sk_1'), ambiguous],
  'two parameters': [asking('key=sk_1&api_key=sk_2'), ambiguous],
  'three keys': [asking('key=sk_1&api_key=sk_1', { 'x-api-key': 'sk_2' }), ambiguous],
  'a header and an empty Authorization': [beside('', { 'x-api-key': 'sk_1' }), header],
  'a header and an opaque token': [beside('Bearer abc', { 'x-api-key': 'sk_1' }), ambiguous],
  'a name with brackets': [asking('api_key[]=sk_1'), malformed],
  'a name with escaped brackets': [asking('api_key%5B%5D=sk_1'), malformed],
  'a name with an index': [asking('api_key[0]=sk_1'), malformed],
  'a name with a member': [asking('api_key[a][b]=sk_1'), malformed],
  'a name in brackets': [asking('[api_key]=sk_1'), malformed],
  'a name with half a bracket': [asking('api_key[=sk_1'), malformed],
  'a name with brackets beside a key': [asking('key=sk_1&api_key[]=sk_2'), malformed],
  'a name with brackets beside a token': [beside('Bearer a.b.c', {}, '/?key[]=sk_1'), malformed],
  'access_token beside a header': [
    asking('access_token=a', { 'x-api-key': 'sk_1' }),
    '400 ERR_TOKEN_IN_QUERY',
  ],
  'access_token beside a parameter': [asking('key=sk_1&access_token=a'), '400 ERR_TOKEN_IN_QUERY'],
  'a key as access_token': [asking('access_token=sk_1'), '400 ERR_TOKEN_IN_QUERY'],
  'a form with a token': [
    requestOf({ 'x-api-key': 'sk_1' }, { formToken: true }),
    '400 ERR_TOKEN_IN_FORM',
  ],
};

test.each(Object.entries(refused))('%s: refused without a look-up', async (_, given) => {
  const [request, outcome] = given;
  for (const both of ['refuse', 'same-client'] as const) {
    const scene = await openScene({ apiKeys: { from: all, both } });
    // Where a key may stand beside a token, one token is not enough to be ambiguous.
    const expected =
      both === 'same-client' && request.header('authorization') === 'Bearer abc'
        ? '401 ERR_TOKEN_NOT_JWT'
        : outcome;
    expect(await scene.outcomeOf(request)).toBe(expected);
    expect(scene.store.asked).toEqual([]);
    expect(scene.issuer.requests.jwks).toBe(0);
  }
});

/** One key in several places: with where an operator is told that it was. */
const sameText: Record<string, readonly [GuardRequest, KeyPlace]> = {
  'two headers': [requestOf({ 'x-api-key': 'sk_1', 'x-legacy-key': 'sk_1' }), 'header'],
  'a header and a scheme': [beside('ApiKey sk_1', { 'x-api-key': 'sk_1' }), 'header'],
  'a header and a shape': [beside('Bearer sk_1', { 'x-api-key': 'sk_1' }), 'header'],
  'a header and the query': [asking('key=sk_1', { 'x-api-key': 'sk_1' }), 'query'],
  'a scheme and the query, escaped': [beside('Token sk_1', {}, '/?key=%73k_1'), 'query'],
  'two parameters': [asking('key=sk_1&api_key=sk_1'), 'query'],
  everywhere: [
    beside('ApiKey sk_1', { 'x-api-key': 'sk_1', 'x-legacy-key': 'sk_1' }, '/?key=sk_1'),
    'query',
  ],
};

test.each(Object.entries(sameText))('the same key in %s is one credential', async (_, given) => {
  const [request, keyPlace] = given;
  for (const both of ['refuse', 'same-client'] as const) {
    const scene = await openScene({ apiKeys: { from: all, both } });
    expect(await scene.outcomeOf(request)).toBe('allowed');
    expect(scene.store.asked).toEqual(['sk_1']);
    expect(scene.events).toMatchObject([{ method: 'api-key', keyPlace }]);
  }
});

/** What looks like a key in a place where none was configured. */
const elsewhere: Record<string, readonly [readonly ApiKeySource[], GuardRequest, string]> = {
  'another header': [
    [{ header: 'x-api-key' }],
    requestOf({ 'x-api-keys': 'sk_1', 'x-api_key': 'sk_1', apikey: 'sk_1', 'api-key': 'sk_1' }),
    '401 ERR_CREDENTIAL_MISSING',
  ],
  'another scheme': [[{ scheme: 'ApiKey' }], sending('Api-Key sk_1'), '401 ERR_CREDENTIAL_MISSING'],
  'another parameter': [
    [{ dangerouslyInQuery: 'api_key' }],
    asking('api_keys=sk_1&API_KEY=sk_1&apikey=sk_1&a[api_key]=sk_1'),
    '401 ERR_CREDENTIAL_MISSING',
  ],
  'the path': [
    [{ dangerouslyInQuery: 'api_key' }],
    requestOf({}, { url: '/api_key=sk_1/;api_key=sk_1' }),
    '401 ERR_CREDENTIAL_MISSING',
  ],
  'Bearer, where a scheme is meant': [
    [{ scheme: 'ApiKey' }],
    sending('Bearer sk_1'),
    '401 ERR_TOKEN_NOT_JWT',
  ],
  'a prefix in another case': [
    [{ bearer: 'sk_' }],
    sending('Bearer SK_1'),
    '401 ERR_TOKEN_NOT_JWT',
  ],
  'a prefix with more in front of it': [
    [{ bearer: 'sk_' }],
    sending('Bearer ask_1'),
    '401 ERR_TOKEN_NOT_JWT',
  ],
  'a prefix behind another scheme': [
    [{ bearer: 'sk_' }],
    sending('ApiKey sk_1'),
    '401 ERR_CREDENTIAL_MISSING',
  ],
  'a prefix and SP': [[{ bearer: 'sk_' }], sending('Bearer sk_ 1'), malformed],
};

test.each(Object.entries(elsewhere))('a key in %s is none', async (_, given) => {
  const [from, request, outcome] = given;
  const scene = await openScene({ apiKeys: { from } });
  expect(await scene.outcomeOf(request)).toBe(outcome);
  expect(scene.store.asked).toEqual([]);
});

test('a broken Authorization beside a key is 400, whichever of the two is named', async () => {
  for (const both of ['refuse', 'same-client'] as const) {
    const { store, outcomeOf } = await openScene({ apiKeys: { both } });
    for (const authorization of ['Bearer', 'Bearer ', 'Bearer a;b', 'Bearer\ta']) {
      expect(await outcomeOf(beside(authorization, { 'x-api-key': 'sk_1' }))).toMatch(
        /^400 ERR_(HEADER_MALFORMED|CREDENTIAL_AMBIGUOUS)$/,
      );
    }
    expect(store.asked).toEqual([]);
  }
});

test.each<[string, (key: string) => GuardRequest]>([
  ['a header', (key) => requestOf({ 'x-api-key': key })],
  ['a scheme', (key) => sending(`ApiKey ${key}`)],
  ['a shape', (key) => sending(`Bearer ${key}`)],
  ['the query', (key) => asking(`api_key=${key}`)],
])('in %s, 2048 characters may be a key, and one more is none', async (_, request) => {
  const { store, outcomeOf } = await openScene({ apiKeys: { from: all } });
  const longest = `sk_${'a'.repeat(2_045)}`;
  expect(await outcomeOf(request(longest))).toBe('401 ERR_API_KEY_UNKNOWN');
  expect(await outcomeOf(request(`${longest}a`))).toBe('401 ERR_API_KEY_INVALID');
  expect(await outcomeOf(request(longest.repeat(4)))).toBe('401 ERR_API_KEY_INVALID');
  expect(store.asked).toEqual([longest]);
});

test('a string with a key’s prefix that is too long for a token is refused as one', async () => {
  const { store, outcomeOf } = await openScene({ apiKeys: { from: all } });
  expect(await outcomeOf(sending(`Bearer sk_${'a'.repeat(16_381)}`))).toBe(
    '401 ERR_API_KEY_INVALID',
  );
  expect(await outcomeOf(sending(`Bearer sk_${'a'.repeat(16_382)}`))).toBe(
    '401 ERR_TOKEN_TOO_LARGE',
  );
  expect(store.asked).toEqual([]);
});

/** A JWT by form; no signature is checked where it is a key. */
const jwtOf = (header: object, rest = 'e30.c2ln') =>
  `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${rest}`;

describe('with jwtAlgorithms', () => {
  const apiKeys = { from: [{ bearer: { jwtAlgorithms: ['HS256', 'HS512'] } }] } as const;

  test.each(['HS256', 'HS512'])('a JWT with %s is a key, and never a token', async (alg) => {
    const { store, issuer, outcomeOf, guard } = await openScene({ apiKeys });
    const text = jwtOf({ alg, typ: 'JWT', kid: 'k' });
    expect(await outcomeOf(sending(`Bearer ${text}`))).toBe('401 ERR_API_KEY_UNKNOWN');
    expect(store.asked).toEqual([text]);
    store.records.set(`${text}a`, { id: 'key_jwt' });
    const decision = await guard(sending(`Bearer ${text}a`));
    expect(decision).toMatchObject({ principal: { kind: 'api-key', key: { id: 'key_jwt' } } });
    expect(issuer.requests.jwks).toBe(0);
  });

  test('everything else is a token', async () => {
    const { store, bearing, outcomeOf } = await openScene({ apiKeys });
    expect(await outcomeOf(await bearing())).toBe('allowed');
    const others = {
      sk_1: '401 ERR_TOKEN_NOT_JWT',
      [jwtOf({ alg: 'HS384' })]: '401 ERR_TOKEN_ALGORITHM',
      [jwtOf({ alg: 'hs256' })]: '401 ERR_TOKEN_ALGORITHM',
      [jwtOf({ alg: ['HS256'] })]: '401 ERR_TOKEN_ALGORITHM',
      [jwtOf({ alg: 'HS256' }, 'e30')]: '401 ERR_TOKEN_NOT_JWT',
    };
    for (const [text, outcome] of Object.entries(others)) {
      expect([text, await outcomeOf(sending(`Bearer ${text}`))]).toEqual([text, outcome]);
    }
    expect(store.asked).toEqual([]);
  });
});

describe('with bearer: true', () => {
  const apiKeys = { from: [{ bearer: true }] } as const;

  test('whatever is not a JWT is a key', async () => {
    const { store, issuer, outcomeOf } = await openScene({ apiKeys });
    const texts = [
      'sk_1',
      'abc',
      'a.b.c',
      'eyJ',
      '550e8400-e29b-41d4-a716-446655440000',
      'dXNlcjpwYXNz==',
      jwtOf({ typ: 'JWT' }),
      jwtOf({ alg: 'RS256' }, 'e30'),
      `${Buffer.from('["alg"]').toString('base64url')}.e30.c2ln`,
    ];
    for (const text of texts) {
      expect(await outcomeOf(sending(`Bearer ${text}`))).toMatch(/^(allowed|401 ERR_API_KEY_)/);
    }
    expect(store.asked).toEqual(texts);
    expect(issuer.requests.jwks).toBe(0);
  });

  test('a JWT is a token, and its refusal is final', async () => {
    const { store, bearing, outcomeOf } = await openScene({ apiKeys });
    const request = await bearing();
    expect(await outcomeOf(request)).toBe('allowed');
    expect(await outcomeOf(request)).toBe('allowed');
    const token = request.header('authorization')?.slice(7) ?? '';
    const [header, payload] = token.split('.');
    const refused = [
      `${header}.${payload}.c2ln`,
      `${header}.${payload}.`,
      `${token}=`,
      jwtOf({ alg: 'none' }, 'e30.'),
      jwtOf({ alg: 'HS256' }),
      jwtOf({ alg: null }),
      ` ${token}`.trim().replace(/.$/, '_'),
    ];
    for (const text of refused) {
      expect(await outcomeOf(sending(`Bearer ${text}`))).toMatch(/^401 ERR_TOKEN_/);
    }
    expect(store.asked).toEqual([]);
  });
});

test('a list of prefixes that somebody changes later stays as it was', async () => {
  const bearer = ['sk_'];
  const { outcomeOf } = await openScene({ apiKeys: { from: [{ bearer }] } });
  bearer.push('pk_');
  expect(await outcomeOf(sending('Bearer pk_1'))).toBe('401 ERR_TOKEN_NOT_JWT');
  expect(await outcomeOf(sending('Bearer sk_1'))).toBe('allowed');
});
