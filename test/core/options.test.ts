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
  ['no options', undefined, /^options: undefined is no object/],
  ['null', null, /^options: null is no object/],
  ['a list', [good], /^options: a list is no object/],
  ['no issuer', { audience }, /^options\.issuer: undefined is no issuer: write https/],
  ['an empty issuer', { ...good, issuer: '' }, /^options\.issuer: "" is no issuer/],
  ['an issuer that is no text', { ...good, issuer: new URL(issuer) }, /is no issuer/],
  ['an http issuer', { ...good, issuer: 'http://login.example.com' }, /"http:.*is not https/],
  [
    'an http issuer with a jwksUri',
    { ...good, issuer: 'http://a.test', jwksUri: 'https://a.test' },
    /is not https/,
  ],
  [
    'a host that only looks like the loopback',
    { ...good, issuer: 'http://localhost.evil.test' },
    /is not https/,
  ],
  ['a subdomain of localhost', { ...good, issuer: 'http://a.localhost' }, /is not https/],
  [
    'an issuer with a password',
    { ...good, issuer: 'https://user:secret@a.test' },
    /user name, a password/,
  ],
  ['an issuer with a fragment', { ...good, issuer: 'https://a.test/#b' }, /a fragment/],
  [
    'an issuer with a query to be discovered',
    { ...good, issuer: 'https://a.test/?b' },
    /has a query.*RFC 8414/,
  ],
  [
    'an issuer that is no URL to be discovered',
    { ...good, issuer: 'accounts.example.com' },
    /is no URL, so its keys need a jwksUri/,
  ],
  ['no audience', { issuer }, /^options\.audience: undefined is missing: name this API/],
  ['an undefined audience', { issuer, audience: undefined }, /^options\.audience: undefined is/],
  ['no audience, said with null', { issuer, audience: null }, /audience: null is no list/],
  ['an empty audience', { issuer, audience: '' }, /"" is no audience/],
  ['no audiences', { issuer, audience: [] }, /audience: a list is empty/],
  ['an empty audience among others', { issuer, audience: [audience, ''] }, /"" is no audience/],
  [
    'an http jwksUri',
    { ...good, jwksUri: 'http://keys.example.com' },
    /jwksUri: "http.*is not https/,
  ],
  ['a jwksUri that is no URL', { ...good, jwksUri: '/keys' }, /is no absolute URL/],
  ['a jwksUri of another scheme', { ...good, jwksUri: 'file:///keys' }, /is not https/],
  [
    'HS256',
    { ...good, algorithms: ['RS256', 'HS256'] },
    /algorithms: "HS256" is refused.*can forge/,
  ],
  ['none', { ...good, algorithms: ['none'] }, /"none" is refused/],
  ['an unknown algorithm', { ...good, algorithms: ['RS257'] }, /"RS257" is no algorithm/],
  ['an algorithm in the wrong case', { ...good, algorithms: ['rs256'] }, /"rs256" is no algorithm/],
  ['no algorithms', { ...good, algorithms: [] }, /algorithms: a list is empty/],
  ['algorithms as one text', { ...good, algorithms: 'RS256 ES256' }, /\['RS256', 'ES256'\]/],
  ['no types', { ...good, typ: [] }, /typ: a list is empty/],
  ['types as one text', { ...good, typ: 'at+jwt' }, /typ: "at\+jwt" is no list of types/],
  ['a type that is null', { ...good, typ: [null] }, /typ: null is no type/],
  ['an old name', { ...good, keys: {} }, /options\.keys: "keys" was renamed: use "jwks"/],
  ['an old name of an issuer', { ...good, types: ['JWT'] }, /types.*use "typ"/],
  ['an old listener', { ...good, onKeys: () => {} }, /onKeys.*use "onJwks"/],
  ['an old cache', { ...good, verifiedTokens: false }, /verifiedTokens.*use "tokenCache"/],
  ['an old URL', { ...good, resourceMetadata: 'https://a.test' }, /use "resourceMetadataUrl"/],
  ['an old base', { ...good, problemTypes: 'urn:a:' }, /use "problemTypeBase"/],
  ['an old age', { ...good, jwks: { maxStale: 1 } }, /maxStale.*use "staleIfError"/],
  ['an unknown claim', { ...good, claims: { scope: 'scp' } }, /did you mean "scopes"/],
  ['an empty claim path', { ...good, claims: { scopes: [] } }, /claims\.scopes: a list is empty/],
  [
    'a claim path of other than texts',
    { ...good, claims: { orgId: ['o', 1] } },
    /1 is no claim name/,
  ],
  ['no claims, said with null', { ...good, claims: null }, /claims: null is no object/],
  ['issuers that are no list', { issuers: good }, /issuers: this is no list of issuers/],
  ['no issuers', { issuers: [] }, /issuers: a list is empty: nobody/],
  [
    'an issuer twice',
    { issuers: [good, { ...good, audience: 'b' }] },
    /issuers: "https.*stands twice/,
  ],
  [
    'a mistake in the second issuer',
    { issuers: [good, { issuer: 'https://b.test' }] },
    /^options\.issuers\[1\]\.audience/,
  ],
  ['an audience beside issuers', { issuers: [good], audience }, /audience.*stands beside issuers/],
  ['an issuer beside issuers', { ...good, issuers: [good] }, /issuer.*stands beside issuers/],
  ['an unknown option', { ...good, audiance: audience }, /audiance.*did you mean "audience"\?/],
  [
    'an unknown option of any name',
    { ...good, xyzzy: 1 },
    /xyzzy.*is not known: use issuer, audience/,
  ],
  [
    'an option that is undefined',
    { ...good, jwksUri: undefined },
    /jwksUri: undefined is no value/,
  ],
  ['apiKeys that are true', { ...good, apiKeys: true }, /^options\.apiKeys: true is no object/],
  ['remembering, said with true', { ...good, tokenCache: true }, /tokenCache: true is no/],
  ['no remembering, said with null', { ...good, tokenCache: null }, /tokenCache: null is no/],
  ['no tokens to remember', { ...good, tokenCache: { max: 0 } }, /max: 0 is no whole number/],
  ['half a token', { ...good, tokenCache: { max: 1.5 } }, /max: 1\.5 is no whole number/],
  [
    'no time to remember',
    { ...good, tokenCache: { ttl: 0 } },
    /tokenCache\.ttl: 0 is no number of seconds/,
  ],
  [
    'remembering for more than an hour',
    { ...good, tokenCache: { ttl: 3_601 } },
    /tokenCache\.ttl: 3601 is no number of seconds/,
  ],
  [
    'an unknown limit of what is remembered',
    { ...good, tokenCache: { staleIfError: 1 } },
    /tokenCache\.staleIfError: "staleIfError" is not known: use max, ttl/,
  ],
  [
    'no lifetime',
    { ...good, maxTokenLifetime: 0 },
    /maxTokenLifetime: 0 is no number of seconds from 1 to 31536000/,
  ],
  ['a negative lifetime', { ...good, maxTokenLifetime: -1 }, /maxTokenLifetime: -1 is no number/],
  [
    'a lifetime in words',
    { ...good, maxTokenLifetime: '1h' },
    /maxTokenLifetime: "1h" is no number/,
  ],
  ['a lifetime that is null', { ...good, maxTokenLifetime: null }, /maxTokenLifetime: null is no/],
  [
    'an endless lifetime',
    { ...good, maxTokenLifetime: Number.POSITIVE_INFINITY },
    /maxTokenLifetime: Infinity is no number/,
  ],
  [
    'a lifetime that is undefined',
    { ...good, maxTokenLifetime: undefined },
    /maxTokenLifetime: undefined is no value/,
  ],
  [
    'a negative tolerance',
    { ...good, clockTolerance: -1 },
    /clockTolerance: -1 is no number of seconds/,
  ],
  [
    'a tolerance in milliseconds',
    { ...good, clockTolerance: 5000 },
    /5000 is no number of seconds from 0 to 300/,
  ],
  ['a tolerance that is a text', { ...good, clockTolerance: '5' }, /"5" is no number of seconds/],
  ['a tolerance that is no number', { ...good, clockTolerance: Number.NaN }, /NaN is no number/],
  ['a tolerance that is null', { ...good, clockTolerance: null }, /null is no number/],
  ['keys that are null', { ...good, jwks: null }, /jwks: null is no object/],
  ['an unknown key option', { ...good, jwks: { maxage: 1 } }, /did you mean "maxAge"/],
  [
    'an endless maxAge',
    { ...good, jwks: { maxAge: Number.POSITIVE_INFINITY } },
    /maxAge: Infinity is no number/,
  ],
  ['no cooldown', { ...good, jwks: { cooldown: 0 } }, /cooldown: 0 is no number/],
  ['a timeout in milliseconds', { ...good, jwks: { timeout: 5000 } }, /timeout: 5000 is no number/],
  [
    'a negative staleIfError',
    { ...good, jwks: { staleIfError: -1 } },
    /staleIfError: -1 is no number/,
  ],
  [
    'keys to begin with that are none',
    { ...good, jwks: { initial: { keys: [] } } },
    /jwks\.initial: this is no key set: write \{ keys: \[…\] \}/,
  ],
  [
    'keys to begin with, said with null',
    { ...good, jwks: { initial: null } },
    /initial: null is no/,
  ],
  ['keys to begin with as a list', { ...good, jwks: { initial: [{}] } }, /initial: a list is no/],
  [
    'keys to begin with for several issuers',
    { issuers: [good, { ...good, issuer: 'https://b.test' }], jwks: { initial: { keys: [{}] } } },
    /jwks\.initial: this is of one issuer: with several, use a store/,
  ],
  [
    'a store of keys that only answers',
    { ...good, jwks: { store: { get: async () => undefined } } },
    /jwks\.store\.set: undefined is no function/,
  ],
  [
    'a store of keys, said with null',
    { ...good, jwks: { store: null } },
    /jwks\.store\.get: undefined is no function/,
  ],
  [
    'an optional that is a text',
    { ...good, optional: 'false' },
    /optional: "false" is neither true nor false/,
  ],
  [
    'implied scopes that are null',
    { ...good, impliedScopes: null },
    /impliedScopes: null is no object/,
  ],
  [
    'an implied scope as a text',
    { ...good, impliedScopes: { a: 'b' } },
    /"b" is one text: write a list/,
  ],
  [
    'an implied scope with a space',
    { ...good, impliedScopes: { 'a b': ['c'] } },
    /"a b" is no scope/,
  ],
  ['an empty realm', { ...good, realm: '' }, /realm: "" is no text/],
  ['a realm with a line break', { ...good, realm: 'a\r\nb' }, /printable ASCII/],
  ['metadata that is no URL', { ...good, resourceMetadataUrl: '/metadata' }, /is no absolute URL/],
  ['metadata over http', { ...good, resourceMetadataUrl: 'http://a.test/m' }, /is not https/],
  [
    'problem types that are no URI',
    { ...good, problemTypeBase: 'problems/' },
    /is no absolute URI/,
  ],
  [
    'problem types without an end',
    { ...good, problemTypeBase: 'https://a.test/problems' },
    /ends in one of/,
  ],
  ['a listener that is none', { ...good, onDecision: true }, /onDecision: true is no function/],
  ['a listener that is false', { ...good, onDecision: false }, /onDecision: false is no function/],
  ['a listener of keys that is none', { ...good, onJwks: null }, /onJwks: null is no function/],
  ['a fetch that is none', { ...good, fetch: 'https' }, /fetch: "https" is no function/],
  ['a clock that is none', { ...good, now: 0 }, /now: 0 is no function/],
];

test.each(refusedOptions)('%s is a ConfigError', (_, options, says) => {
  const message = sentence(() => createGuard(options as GuardOptions));
  expect(message).toMatch(says);
  expect(message).toMatch(/ \(see "Options" in the README of sallyport\)$/);
});

test('a password is not repeated in the sentence', () => {
  for (const issuer of ['https://user:secret@a.test', 'http://user:secret@a.test']) {
    expect(sentence(() => createGuard({ ...good, issuer }))).not.toContain('secret');
  }
});

test('a long value is cut short', () => {
  const options = { ...good, issuer: `http://${'a'.repeat(500)}.test` };
  expect(sentence(() => createGuard(options)).length).toBeLessThan(250);
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
  ['null', null, /^requirements: null is no object/],
  ['a list', ['a'], /^requirements: a list is no object/],
  ['an unknown name', { scope: ['a'] }, /scope.*did you mean "scopes"\?/],
  [
    'scopes joined by commas',
    { scopes: 'a,b' },
    /"a,b" is one text: write a list of scopes, \['a', 'b'\]/,
  ],
  ['scopes joined by spaces', { scopes: 'a b' }, /\['a', 'b'\]/],
  [
    'scopes joined within a list',
    { scopes: ['a,b'] },
    /"a,b" is no scope: write one scope per entry/,
  ],
  ['a scope with a space', { scopes: ['a b'] }, /"a b" is no scope/],
  ['a scope with a quote', { scopes: ['a"b'] }, /is no scope/],
  ['a scope that is no text', { scopes: [1] }, /1 is no scope/],
  ['no scopes', { scopes: [] }, /scopes: a list is empty/],
  ['undefined scopes', { scopes: undefined }, /scopes: undefined is no value/],
  ['no scope of any', { anyScope: [] }, /anyScope: a list is empty/],
  ['an undefined organization', { orgId: undefined }, /orgId: undefined is no value/],
  ['an empty organization', { orgId: '' }, /orgId: "" is no organization/],
  ['an organization that is a number', { orgId: 1 }, /orgId: 1 is no organization/],
  ['a check that is none', { check: true }, /check: true is no function/],
  ['an optional that is a text', { optional: 'yes' }, /optional: "yes" is neither/],
  [
    'a misspelt mode',
    { mode: 'tokens-only' },
    /mode: "tokens-only" is not known: did you mean "token-only"\?/,
  ],
  ['a mode in another case', { mode: 'Dual' }, /mode: "Dual" is not known: did you mean "dual"\?/],
  [
    'a mode of one client alone',
    { mode: 'extension' },
    /mode: "extension" is none of "key-only", "dual", "deprecated", "token-only" \(/,
  ],
  ['another mode', { mode: 'off' }, /mode: "off" is none of "key-only"/],
  ['a mode that is a list', { mode: ['dual'] }, /mode: a list is none of "key-only"/],
  ['a mode that is null', { mode: null }, /mode: null is none of "key-only"/],
  ['an undefined mode', { mode: undefined }, /mode: undefined is no value/],
];

test.each(refusedRequirements)('required: %s is a ConfigError', (_, requirements, says) => {
  const message = sentence(() => checkRequirements(requirements as never));
  expect(message).toMatch(says);
  expect(message).toMatch(/ \(see "Requirements" in the README of sallyport\)$/);
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
