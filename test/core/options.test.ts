import { describe, expect, test } from 'vitest';
import { ConfigError, checkRequirements, createGuard, type GuardOptions } from '../../src/index.js';
import { judge } from '../rfc/ask.js';
import { guardFor, jwksUri, keyFor, mint, now, seconds } from '../rfc/mint.js';

const issuer = 'https://login.example.com';
const audience = 'https://api.example.com';
const good = { issuer, audience };

/** The sentence that a mistake is answered with. */
function sentence(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ name: 'ConfigError', code: 'ERR_CONFIG' });
    return (error as Error).message;
  }
  throw new Error('was accepted');
}

const refusedOptions: readonly (readonly [what: string, options: unknown, says: RegExp])[] = [
  ['no options', undefined, /^options must be an object with named settings; got undefined/],
  ['null', null, /^options must be an object with named settings; got null/],
  ['a list', [good], /^options must be an object with named settings; got an array/],
  [
    'no issuer',
    { audience },
    /^options\.issuer must be a non-empty string; got undefined\. Set it to the "iss" of your tokens/,
  ],
  [
    'an empty issuer',
    { ...good, issuer: '' },
    /^options\.issuer must be a non-empty string; got ""/,
  ],
  [
    'an issuer that is no text',
    { ...good, issuer: new URL(issuer) },
    /issuer must be a non-empty string; got an object/,
  ],
  [
    'an http issuer',
    { ...good, issuer: 'http://login.example.com' },
    /issuer must be an https URL, or http on localhost; got "http:.*Use https: /,
  ],
  [
    'an http issuer with a jwksUri',
    { ...good, issuer: 'http://a.test', jwksUri: 'https://a.test' },
    /must be an https URL/,
  ],
  [
    'a host that only looks like the loopback',
    { ...good, issuer: 'http://localhost.evil.test' },
    /must be an https URL/,
  ],
  ['a subdomain of localhost', { ...good, issuer: 'http://a.localhost' }, /must be an https URL/],
  [
    'an issuer with a password',
    { ...good, issuer: 'https://user:secret@a.test' },
    /must be a URL without a user name, a password or a fragment; got "https:\/\/…@a\.test"\. Remove/,
  ],
  [
    'an issuer with a fragment',
    { ...good, issuer: 'https://a.test/#b' },
    /a fragment; got "https:\/\/a\.test\/#…"/,
  ],
  [
    'an issuer with a query to be discovered',
    { ...good, issuer: 'https://a.test/?b' },
    /issuer must have no query where jwksUri is not set \(RFC 8414 §2\); got "https:\/\/a\.test\/\?…"/,
  ],
  [
    'an issuer that is no URL to be discovered',
    { ...good, issuer: 'accounts.example.com' },
    /issuer must be a URL where jwksUri is not set; got "accounts\.example\.com"\. Write the scheme, or set jwksUri/,
  ],
  [
    'no audience',
    { issuer },
    /^options\.audience must be a non-empty string or an array of them; got undefined\. Set it to the value that your tokens carry in "aud": without it/,
  ],
  [
    'an undefined audience',
    { issuer, audience: undefined },
    /^options\.audience must have a value; got undefined/,
  ],
  [
    'no audience, said with null',
    { issuer, audience: null },
    /audience must be a non-empty string or an array of them; got null/,
  ],
  [
    'an empty audience',
    { issuer, audience: '' },
    /audience must be a non-empty string or an array of them; got ""\. Set it/,
  ],
  [
    'no audiences',
    { issuer, audience: [] },
    /audience must be a non-empty string or an array of them; got an empty array\. Set it to the value that your tokens carry in "aud": without it/,
  ],
  [
    'an empty audience among others',
    { issuer, audience: [audience, ''] },
    /audience\[1\] must be a non-empty string; got ""\. Set it/,
  ],
  [
    'an http jwksUri',
    { ...good, jwksUri: 'http://keys.example.com' },
    /jwksUri must be an https URL, or http on localhost; got "http:/,
  ],
  [
    'a jwksUri that is no URL',
    { ...good, jwksUri: '/keys' },
    /must be an absolute URL \(RFC 3986\); got .*beginning with "https/,
  ],
  ['a jwksUri of another scheme', { ...good, jwksUri: 'file:///keys' }, /must be an https URL/],
  [
    'HS256',
    { ...good, algorithms: ['RS256', 'HS256'] },
    /algorithms must contain only asymmetric algorithms; got "HS256"\. .*can forge/,
  ],
  [
    'none',
    { ...good, algorithms: ['none'] },
    /must contain only asymmetric algorithms; got "none"/,
  ],
  [
    'an unknown algorithm',
    { ...good, algorithms: ['RS257'] },
    /algorithms\[0\] must be a valid signature algorithm; got "RS257"/,
  ],
  [
    'an algorithm in the wrong case',
    { ...good, algorithms: ['rs256'] },
    /must be a valid signature algorithm; got "rs256"/,
  ],
  [
    'no algorithms',
    { ...good, algorithms: [] },
    /algorithms must contain at least one signature algorithm; got an empty array\. Add a .*, or leave it out/,
  ],
  ['algorithms as one text', { ...good, algorithms: 'RS256 ES256' }, /Write \["RS256", "ES256"\]/],
  ['no types', { ...good, typ: [] }, /typ must contain at least one type; got an empty array/],
  [
    'types as one text',
    { ...good, typ: 'at+jwt' },
    /typ must be an array of types; got "at\+jwt"\. Write \["at\+jwt"\]/,
  ],
  ['a type that is null', { ...good, typ: [null] }, /typ\[0\] must be a valid type; got null/],
  ['an old name', { ...good, keys: {} }, /options\.keys was renamed\. Use "jwks"\. See/],
  ['an old name of an issuer', { ...good, types: ['JWT'] }, /types.*Use "typ"/],
  ['an old listener', { ...good, onKeys: () => {} }, /onKeys.*Use "onJwks"/],
  ['an old cache', { ...good, verifiedTokens: false }, /verifiedTokens.*Use "tokenCache"/],
  ['an old URL', { ...good, resourceMetadata: 'https://a.test' }, /Use "resourceMetadataUrl"/],
  ['an old base', { ...good, problemTypes: 'urn:a:' }, /Use "problemTypeBase"/],
  ['an old age', { ...good, jwks: { maxStale: 1 } }, /maxStale.*Use "staleIfError"/],
  ['an unknown claim', { ...good, claims: { scope: 'scp' } }, /Did you mean "scopes"/],
  [
    'an empty claim path',
    { ...good, claims: { scopes: [] } },
    /claims\.scopes must contain at least one claim name; got an empty array/,
  ],
  [
    'a claim path of other than texts',
    { ...good, claims: { orgId: ['o', 1] } },
    /claims\.orgId\[1\] must be a valid claim name; got 1/,
  ],
  [
    'no claims, said with null',
    { ...good, claims: null },
    /claims must be an object with named settings; got null/,
  ],
  [
    'issuers that are no list',
    { issuers: good },
    /issuers must be an array of at least one issuer; got an object/,
  ],
  [
    'no issuers',
    { issuers: [] },
    /issuers must be an array of at least one issuer; got an empty array\. Add an issuer/,
  ],
  [
    'an issuer twice',
    { issuers: [good, { ...good, audience: 'b' }] },
    /issuers must name each issuer once; got "https.*Merge the two entries/,
  ],
  [
    'a mistake in the second issuer',
    { issuers: [good, { issuer: 'https://b.test' }] },
    /^options\.issuers\[1\]\.audience/,
  ],
  [
    'an audience beside issuers',
    { issuers: [good], audience },
    /audience must be absent beside options\.issuers; got "https.*Move it into each/,
  ],
  [
    'an issuer beside issuers',
    { ...good, issuers: [good] },
    /issuer must be absent beside options\.issuers/,
  ],
  ['an unknown option', { ...good, audiance: audience }, /audiance.*Did you mean "audience"\?/],
  [
    'an unknown option of any name',
    { ...good, xyzzy: 1 },
    /xyzzy is not a known name\. Use issuer, audience/,
  ],
  [
    'an option that is undefined',
    { ...good, jwksUri: undefined },
    /jwksUri must have a value; got undefined/,
  ],
  [
    'apiKeys that are true',
    { ...good, apiKeys: true },
    /^options\.apiKeys must be an object with named settings; got true/,
  ],
  [
    'remembering, said with true',
    { ...good, tokenCache: true },
    /tokenCache must be an object with named settings; got true/,
  ],
  [
    'no remembering, said with null',
    { ...good, tokenCache: null },
    /tokenCache must be an object with named settings; got null/,
  ],
  [
    'no tokens to remember',
    { ...good, tokenCache: { max: 0 } },
    /max must be an integer from 1 to 1000000; got 0/,
  ],
  [
    'half a token',
    { ...good, tokenCache: { max: 1.5 } },
    /max must be an integer from 1 to 1000000; got 1\.5/,
  ],
  [
    'no time to remember',
    { ...good, tokenCache: { ttl: 0 } },
    /tokenCache\.ttl must be a number of seconds .*; got 0/,
  ],
  [
    'remembering for more than an hour',
    { ...good, tokenCache: { ttl: 3_601 } },
    /tokenCache\.ttl must be a number of seconds .*; got 3601/,
  ],
  [
    'an unknown limit of what is remembered',
    { ...good, tokenCache: { staleIfError: 1 } },
    /tokenCache\.staleIfError is not a known name. Use max, ttl/,
  ],
  [
    'no lifetime',
    { ...good, maxTokenLifetime: 0 },
    /maxTokenLifetime must be a number of seconds from 1 to 31536000; got 0/,
  ],
  [
    'a negative lifetime',
    { ...good, maxTokenLifetime: -1 },
    /maxTokenLifetime must be a number of seconds .*; got -1/,
  ],
  [
    'a lifetime in words',
    { ...good, maxTokenLifetime: '1h' },
    /maxTokenLifetime must be a number of seconds .*; got "1h"/,
  ],
  [
    'a lifetime that is null',
    { ...good, maxTokenLifetime: null },
    /maxTokenLifetime must be a number of seconds .*; got null/,
  ],
  [
    'an endless lifetime',
    { ...good, maxTokenLifetime: Number.POSITIVE_INFINITY },
    /maxTokenLifetime must be a number of seconds .*; got Infinity/,
  ],
  [
    'a lifetime that is undefined',
    { ...good, maxTokenLifetime: undefined },
    /maxTokenLifetime must have a value; got undefined/,
  ],
  [
    'a negative tolerance',
    { ...good, clockTolerance: -1 },
    /clockTolerance must be a number of seconds .*; got -1/,
  ],
  [
    'a tolerance in milliseconds',
    { ...good, clockTolerance: 5000 },
    /must be a number of seconds from 0 to 300; got 5000/,
  ],
  [
    'a tolerance that is a text',
    { ...good, clockTolerance: '5' },
    /must be a number of seconds .*; got "5"/,
  ],
  [
    'a tolerance that is no number',
    { ...good, clockTolerance: Number.NaN },
    /must be a number of seconds .*; got NaN/,
  ],
  [
    'a tolerance that is null',
    { ...good, clockTolerance: null },
    /must be a number of seconds .*; got null/,
  ],
  [
    'keys that are null',
    { ...good, jwks: null },
    /jwks must be an object with named settings; got null/,
  ],
  ['an unknown key option', { ...good, jwks: { maxage: 1 } }, /Did you mean "maxAge"/],
  [
    'an endless maxAge',
    { ...good, jwks: { maxAge: Number.POSITIVE_INFINITY } },
    /maxAge must be a number of seconds .*; got Infinity/,
  ],
  [
    'no cooldown',
    { ...good, jwks: { cooldown: 0 } },
    /cooldown must be a number of seconds .*; got 0/,
  ],
  [
    'a timeout in milliseconds',
    { ...good, jwks: { timeout: 5000 } },
    /timeout must be a number of seconds .*; got 5000/,
  ],
  [
    'a negative staleIfError',
    { ...good, jwks: { staleIfError: -1 } },
    /staleIfError must be a number of seconds .*; got -1/,
  ],
  [
    'keys to begin with that are none',
    { ...good, jwks: { initial: { keys: [] } } },
    /jwks\.initial must be a JWK Set with at least one key \(RFC 7517 §5\); got an object\. Set it to the JSON that the issuer publishes/,
  ],
  [
    'keys to begin with, said with null',
    { ...good, jwks: { initial: null } },
    /initial must be an object with named settings; got null/,
  ],
  [
    'keys to begin with as a list',
    { ...good, jwks: { initial: [{}] } },
    /initial must be an object with named settings; got an array/,
  ],
  [
    'keys to begin with for several issuers',
    { issuers: [good, { ...good, issuer: 'https://b.test' }], jwks: { initial: { keys: [{}] } } },
    /jwks\.initial must be absent where there are several issuers.*; got an object\. Use jwks\.store/,
  ],
  [
    'a store of keys that only answers',
    { ...good, jwks: { store: { get: async () => undefined } } },
    /jwks\.store\.set must be a function; got undefined/,
  ],
  [
    'a store of keys, said with null',
    { ...good, jwks: { store: null } },
    /jwks\.store\.get must be a function; got undefined/,
  ],
  [
    'an optional that is a text',
    { ...good, optional: 'false' },
    /optional must be true or false; got "false"/,
  ],
  [
    'implied scopes that are null',
    { ...good, impliedScopes: null },
    /impliedScopes must be an object with named settings; got null/,
  ],
  [
    'an implied scope as a text',
    { ...good, impliedScopes: { a: 'b' } },
    /impliedScopes\["a"\] must be an array of scopes; got "b"\. Write \["b"\]/,
  ],
  [
    'an implied scope with a space',
    { ...good, impliedScopes: { 'a b': ['c'] } },
    /must be a valid scope; got "a b"/,
  ],
  ['an empty realm', { ...good, realm: '' }, /realm must be a non-empty string; got ""/],
  [
    'a realm with a line break',
    { ...good, realm: 'a\r\nb' },
    /realm must contain only printable ASCII characters; got "a\\r\\nb"/,
  ],
  [
    'metadata that is no URL',
    { ...good, resourceMetadataUrl: '/metadata' },
    /must be an absolute URL \(RFC 3986\); got .*beginning with "https/,
  ],
  [
    'metadata over http',
    { ...good, resourceMetadataUrl: 'http://a.test/m' },
    /must be an https URL/,
  ],
  [
    'problem types that are no URI',
    { ...good, problemTypeBase: 'problems/' },
    /problemTypeBase must be an absolute URI.*; got "problems/,
  ],
  [
    'problem types without an end',
    { ...good, problemTypeBase: 'https://a.test/problems' },
    /that ends with ":", "\/", "#" or "="; got /,
  ],
  [
    'a listener that is none',
    { ...good, onDecision: true },
    /onDecision must be a function; got true/,
  ],
  [
    'a listener that is false',
    { ...good, onDecision: false },
    /onDecision must be a function; got false/,
  ],
  [
    'a listener of keys that is none',
    { ...good, onJwks: null },
    /onJwks must be a function; got null/,
  ],
  ['a fetch that is none', { ...good, fetch: 'https' }, /fetch must be a function; got "https"/],
  ['a clock that is none', { ...good, now: 0 }, /now must be a function; got 0/],
];

test.each(refusedOptions)('%s is a ConfigError', (_, options, says) => {
  const message = sentence(() => createGuard(options as GuardOptions));
  expect(message).toMatch(says);
  expect(message).toMatch(/[.?] See "Options" in the README of sallyport\.$/);
});

test('a password is not repeated in the sentence', () => {
  for (const url of [
    'https://user:secret@a.test',
    'http://user:secret@a.test',
    'https://user:se/secret@a.test',
    'https://user:secret@a.test/ b',
    'https://user:secret@a.test/{tenant}',
    'https://user:secret@a.test/.well-known/openid-configuration',
    'http://a.test/?code=secret',
    'https://a.test/.well-known/oauth-authorization-server?code=secret',
  ]) {
    for (const options of [{ issuer: url }, { jwksUri: url }]) {
      expect(sentence(() => createGuard({ ...good, ...options }))).not.toContain('secret');
    }
    expect(sentence(() => createGuard({ issuers: [good], issuer: url } as never))).not.toContain(
      'secret',
    );
  }
});

test('a long value is truncated', () => {
  const options = { ...good, issuer: `http://${'a'.repeat(500)}.test` };
  expect(sentence(() => createGuard(options)).length).toBeLessThan(300);
});

const accepted: Readonly<Record<string, GuardOptions>> = {
  'the least': good,
  'http on localhost': { ...good, issuer: 'http://localhost:8080/realm' },
  'http on 127.0.0.0/8': { ...good, issuer: 'http://127.1.2.3' },
  'http on [::1]': { ...good, issuer: 'http://[::1]:8080' },
  'an issuer that is no URL, with a jwksUri': {
    issuer: 'accounts.example.com',
    audience,
    jwksUri: 'https://keys.example.com',
  },
  'a local jwksUri of a remote issuer': { ...good, jwksUri: 'http://127.0.0.1:1/jwks' },
  'only absent types': { ...good, typ: [undefined] },
  'a cycle of implied scopes': { ...good, impliedScopes: { a: ['b'], b: ['a'] } },
  'fractions of seconds': {
    ...good,
    clockTolerance: 0.5,
    jwks: { maxAge: 0.5, staleIfError: 0, cooldown: 0.1, timeout: 0.05 },
  },
  'listeners of decisions and of keys': { ...good, onDecision: () => {}, onJwks: () => {} },
  'no remembering of tokens': { ...good, tokenCache: false },
  'the least remembering of tokens': { ...good, tokenCache: { max: 1, ttl: 0.001 } },
  'a short lifetime': { ...good, maxTokenLifetime: 1 },
  'a long lifetime': { ...good, maxTokenLifetime: 31_536_000 },
  'several issuers': { issuers: [good, { ...good, issuer: 'https://b.test' }] },
};

test.each(Object.entries(accepted))('%s is accepted', (_, options) => {
  expect(createGuard(options)).toBeTypeOf('function');
});

const refusedRequirements: readonly (readonly [
  what: string,
  requirements: unknown,
  says: RegExp,
])[] = [
  ['null', null, /^requirements must be an object with named settings; got null/],
  ['a list', ['a'], /^requirements must be an object with named settings; got an array/],
  ['an unknown name', { scope: ['a'] }, /scope.*Did you mean "scopes"\?/],
  [
    'scopes joined by commas',
    { scopes: 'a,b' },
    /^requirements\.scopes must be an array of scopes; got "a,b"\. Write \["a", "b"\]\./,
  ],
  ['scopes joined by spaces', { scopes: 'a b' }, /Write \["a", "b"\]/],
  [
    'scopes joined within a list',
    { scopes: ['a,b'] },
    /scopes\[0\] must be a valid scope; got "a,b"\. Write one scope per string/,
  ],
  ['a scope with a space', { scopes: ['a b'] }, /must be a valid scope; got "a b"/],
  ['a scope with a quote', { scopes: ['a"b'] }, /must be a valid scope/],
  ['a scope that is no text', { scopes: [1] }, /must be a valid scope; got 1/],
  [
    'no scopes',
    { scopes: [] },
    /scopes must contain at least one scope; got an empty array\. Add a scope, or leave it out/,
  ],
  ['undefined scopes', { scopes: undefined }, /scopes must have a value; got undefined/],
  ['no scope of any', { anyScope: [] }, /anyScope must contain at least one scope/],
  ['an undefined organization', { orgId: undefined }, /orgId must have a value; got undefined/],
  [
    'an empty organization',
    { orgId: '' },
    /orgId must be the id of an organization or a function.*; got ""/,
  ],
  [
    'an organization that is a number',
    { orgId: 1 },
    /orgId must be the id of an organization.*; got 1/,
  ],
  ['a check that is none', { check: true }, /check must be a function; got true/],
  ['an optional that is a text', { optional: 'yes' }, /optional must be true or false; got "yes"/],
  [
    'a misspelt mode',
    { mode: 'tokens-only' },
    /mode must be one of .*; got "tokens-only"\. Did you mean "token-only"\?/,
  ],
  [
    'a mode in another case',
    { mode: 'Dual' },
    /mode must be one of .*; got "Dual"\. Did you mean "dual"\?/,
  ],
  [
    'a mode of one client alone',
    { mode: 'extension' },
    /mode must be one of "key-only", "dual", "deprecated", "token-only"; got "extension"\. See/,
  ],
  ['another mode', { mode: 'off' }, /mode must be one of "key-only".*; got "off"/],
  ['a mode that is a list', { mode: ['dual'] }, /mode must be one of "key-only".*; got an array/],
  ['a mode that is null', { mode: null }, /mode must be one of "key-only".*; got null/],
  ['an undefined mode', { mode: undefined }, /mode must have a value; got undefined/],
];

test.each(refusedRequirements)('required: %s is a ConfigError', (_, requirements, says) => {
  const message = sentence(() => checkRequirements(requirements as never));
  expect(message).toMatch(says);
  expect(message).toMatch(/[.?] See "Requirements" in the README of sallyport\.$/);
});

test.each(['key-only', 'dual', 'deprecated', 'token-only'] as const)(
  'required: the mode %s is accepted',
  (mode) => {
    expect(checkRequirements({ mode })).toEqual({ mode });
  },
);

describe('checked requirements', () => {
  test('are a copy that nobody can change', () => {
    const scopes = ['a'];
    const checked = checkRequirements({ scopes });
    scopes.push('b');
    expect(checked.scopes).toEqual(['a']);
    expect(Object.isFrozen(checked) && Object.isFrozen(checked.scopes)).toBe(true);
  });

  test('are checked once', () => {
    const checked = checkRequirements({ scopes: ['a'] });
    expect(checkRequirements(checked)).toBe(checked);
    expect(checkRequirements()).toBe(checkRequirements(undefined));
  });

  test('a guard checks its own, too', async () => {
    const request = { method: 'GET', url: '/', header: () => undefined };
    await expect(createGuard(good)(request, { scopes: [] })).rejects.toThrow(ConfigError);
  });
});

describe('maxTokenLifetime', () => {
  const judged = async (maxTokenLifetime: number, claims: object) => {
    const key = await keyFor('ES256');
    return judge(guardFor([key.jwk], { maxTokenLifetime }), mint(key, { claims }));
  };
  const late = 'ERR_TOKEN_LIFETIME';

  test.each([
    ['as long as it may be', 300, { iat: seconds, exp: seconds + 300 }, 'allowed'],
    ['a second longer', 300, { iat: seconds, exp: seconds + 301 }, late],
    ['a moment longer', 300, { iat: seconds, exp: seconds + 300.5 }, late],
    ['as long as a fraction', 300.5, { iat: seconds, exp: seconds + 300.5 }, 'allowed'],
    ['longer than a fraction', 300.5, { iat: seconds, exp: seconds + 301 }, late],
    ['issued a fraction later', 300, { iat: seconds + 0.5, exp: seconds + 300.5 }, 'allowed'],
    ['issued a fraction earlier', 300, { iat: seconds - 0.5, exp: seconds + 300 }, late],
    // The clocks may differ; a lifetime is told by one of them.
    ['longer by less than the tolerance', 300, { iat: seconds - 2, exp: seconds + 300 }, late],
    ['nearly over', 300, { iat: seconds - 3_599, exp: seconds + 1 }, late],
    ['without iat', 300, { iat: undefined, exp: seconds + 1 }, late],
    ['without iat, and for ever', 31_536_000, { iat: undefined, exp: 9e10 }, late],
    ['issued at no time', 300, { iat: null, exp: seconds + 1 }, 'ERR_TOKEN_TIME'],
    ['issued in words', 300, { iat: `${seconds}`, exp: seconds + 1 }, 'ERR_TOKEN_TIME'],
    ['that ends before it begins', 300, { iat: seconds, exp: seconds - 1 }, 'allowed'],
    ['that expired', 300, { iat: seconds - 3_600, exp: seconds - 60 }, 'ERR_TOKEN_EXPIRED'],
    ['issued later', 300, { iat: seconds + 61, exp: seconds + 9e6 }, 'ERR_TOKEN_IAT_IN_FUTURE'],
  ])('a token %s', async (_, longest, claims, code) => {
    expect(await judged(longest, claims)).toBe(code);
  });

  test('without it a token may live as long as its issuer says, and not say since when', async () => {
    const key = await keyFor('ES256');
    const guard = guardFor([key.jwk]);
    for (const iat of [seconds, undefined]) {
      expect(await judge(guard, mint(key, { claims: { iat, exp: 9e10 } }))).toBe('allowed');
    }
  });

  test('is asked of a token before its key is', async () => {
    const fetch = async () => expect.fail('the keys were fetched');
    const key = await keyFor('ES256');
    const guard = guardFor([], { maxTokenLifetime: 60, fetch });
    expect(await judge(guard, mint(key))).toBe(late);
  });

  test('is asked of every issuer', async () => {
    const key = await keyFor('ES256');
    const issuers = [issuer, 'https://b.test'].map((one) => ({ issuer: one, audience, jwksUri }));
    const fetch = async () => Response.json({ keys: [key.jwk] });
    const guard = createGuard({ issuers, now, fetch, maxTokenLifetime: 300 });
    for (const { issuer: iss } of issuers) {
      const living = (exp: number) => mint(key, { claims: { iss, aud: audience, exp } });
      expect(await judge(guard, living(seconds + 300))).toBe('allowed');
      expect(await judge(guard, living(seconds + 301))).toBe(late);
    }
  });
});
