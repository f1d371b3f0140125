import { describe, expect, test } from 'vitest';
import {
  type ApiKeyOptions,
  ConfigError,
  createGuard,
  type GuardOptions,
  type MigrationPlan,
} from '../../src/index.js';
import { bearing, requestOf, verdict } from '../rfc/ask.js';
import { guardFor, keyFor, mint } from '../rfc/mint.js';

const lookup: ApiKeyOptions['lookup'] = async () => ({ id: 'key_1', clientId: 'client_1' });
const header = { header: 'x-api-key' };
const good = { from: [header], lookup };
const silent = { onMigration: () => {} };
const hanging = () => new Promise<never>(() => {});
const source = (...from: readonly unknown[]) => ({ ...good, from });
const cache = (more: unknown) => ({ ...good, cache: more });

const make = (apiKeys: unknown) =>
  createGuard({
    issuer: 'https://login.example.com',
    audience: 'https://api.example.com',
    apiKeys,
  } as GuardOptions);

/** The sentence that a mistake is answered with. */
function sentence(apiKeys: unknown): string {
  try {
    void make(apiKeys).close();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ name: 'ConfigError', code: 'ERR_CONFIG' });
    return (error as Error).message;
  }
  throw new Error('was accepted');
}

/** What was meant, and what is said: after `options.apiKeys`, up to where to read. */
type Mistake = readonly [what: string, apiKeys: unknown, says: string];

const options: readonly Mistake[] = [
  ['nothing', null, ': null is no object: give the settings by name'],
  ['a list', [good], ': a list is no object: give the settings by name'],
  ['a function', lookup, ': a function is no object: give the settings by name'],
  ['a text', 'x-api-key', ': "x-api-key" is no object: give the settings by name'],
  [
    'a misspelt option',
    { ...good, lookUp: lookup },
    '.lookUp: "lookUp" is not known: did you mean "lookup"?',
  ],
  [
    'an option of another name',
    { ...good, header: 'x-api-key' },
    '.header: "header" is not known: use from, lookup, issuer, timeout, both, environment, wellFormed, cache, plan, invalidations, usage, onMigration',
  ],
  ...['from', 'lookup', 'timeout', 'both', 'environment'].map(undefinedOption),
  ...['wellFormed', 'cache', 'plan', 'invalidations', 'onMigration'].map(undefinedOption),
  [
    'a look-up of a class',
    Object.create(good),
    '.from: "from" is inherited: write it into the object itself',
  ],

  ['no look-up', { from: [header] }, '.lookup: undefined is no function'],
  ['a look-up that is a list', { ...good, lookup: [] }, '.lookup: a list is no function'],
  ['a look-up that is null', { ...good, lookup: null }, '.lookup: null is no function'],
  ...[0, -1, 5000, Number.NaN, Number.POSITIVE_INFINITY, null].map(
    (timeout): Mistake => [
      `the timeout ${timeout}`,
      { ...good, timeout },
      `.timeout: ${timeout} is no number of seconds from 0.001 to 60`,
    ],
  ),
  [
    'a timeout that is a text',
    { ...good, timeout: '5' },
    '.timeout: "5" is no number of seconds from 0.001 to 60',
  ],
  [
    'a misspelt both',
    { ...good, both: 'same client' },
    '.both: "same client" is not known: did you mean "same-client"?',
  ],
  ['another both', { ...good, both: 'any' }, '.both: "any" is none of "refuse", "same-client"'],
  [
    'a both that is true',
    { ...good, both: true },
    '.both: true is none of "refuse", "same-client"',
  ],
  [
    'a both that is null',
    { ...good, both: null },
    '.both: null is none of "refuse", "same-client"',
  ],
  [
    'an issuer that is none of the guard’s, by a slash',
    { ...good, issuer: 'https://login.example.com/' },
    '.issuer: "https://login.example.com/" is not known: did you mean "https://login.example.com"?',
  ],
  [
    'an issuer of another kind',
    { ...good, issuer: ['https://issuer.test'] },
    '.issuer: a list is none of "https://login.example.com"',
  ],
  [
    'an empty environment',
    { ...good, environment: '' },
    '.environment: "" is no environment: write "live"',
  ],
  [
    'two environments',
    { ...good, environment: ['live', 'test'] },
    '.environment: a list is no environment: write "live"',
  ],
  [
    'an environment that is null',
    { ...good, environment: null },
    '.environment: null is no environment: write "live"',
  ],
  ['a pattern for wellFormed', { ...good, wellFormed: /^sk_/ }, '.wellFormed: this is no function'],
  ...[null, false, true, 0].flatMap((value): Mistake[] => [
    [`wellFormed ${value}`, { ...good, wellFormed: value }, `.wellFormed: ${value} is no function`],
    [
      `onMigration ${value}`,
      { ...good, onMigration: value },
      `.onMigration: ${value} is no function`,
    ],
  ]),
  ['an empty onMigration', { ...good, onMigration: '' }, '.onMigration: "" is no function'],

  [
    'no cache, said with false',
    cache(false),
    '.cache: false is no object: give the settings by name',
  ],
  ['no cache, said with null', cache(null), '.cache: null is no object: give the settings by name'],
  [
    'a misspelt limit',
    cache({ negativettl: 1 }),
    '.cache.negativettl: "negativettl" is not known: did you mean "negativeTtl"?',
  ],
  [
    'another limit',
    cache({ size: 1 }),
    '.cache.size: "size" is not known: use max, ttl, negativeMax, negativeTtl, staleIfError',
  ],
  [
    'an undefined limit',
    cache({ ttl: undefined }),
    '.cache.ttl: undefined is no value: is a variable not set? Give one, or leave out a name that may be',
  ],
  ...['max', 'negativeMax'].flatMap((name) =>
    [0, -1, 1.5, 1_000_001, Number.NaN, Number.POSITIVE_INFINITY, null].map(
      (value): Mistake => [
        `cache.${name} ${value}`,
        cache({ [name]: value }),
        `.cache.${name}: ${value} is no whole number from 1 to 1000000`,
      ],
    ),
  ),
  ...Object.entries({ ttl: 3_600, negativeTtl: 30, staleIfError: 86_400 }).flatMap(([name, most]) =>
    [-1, most + 0.001, Number.NaN, Number.POSITIVE_INFINITY, null].map(
      (value): Mistake => [
        `cache.${name} ${value}`,
        cache({ [name]: value }),
        `.cache.${name}: ${value} is no number of seconds from 0 to ${most}`,
      ],
    ),
  ),
  [
    'a limit that is a text',
    cache({ ttl: '60' }),
    '.cache.ttl: "60" is no number of seconds from 0 to 3600',
  ],

  [
    'invalidations without a publish',
    { ...good, invalidations: { subscribe: hanging } },
    '.invalidations.publish: undefined is no function',
  ],
  [
    'invalidations without a subscribe',
    { ...good, invalidations: { publish: hanging } },
    '.invalidations.subscribe: undefined is no function',
  ],
  [
    'invalidations that are true',
    { ...good, invalidations: true },
    '.invalidations.publish: undefined is no function',
  ],
];

const one = 'has to have one of header, scheme, bearer, dangerouslyInQuery, and nothing else';
const useScheme =
  'is where tokens are: write { scheme: "ApiKey" }, or { bearer: "sk_live_" } with the prefix of your keys';
const forms =
  'the prefix of your keys, such as "sk_live_", a list of prefixes, true for every string that is not a JWT, or { jwtAlgorithms: ["HS256"] }';
const regex = 'is a regular expression, which is not accepted: write';
const shaped =
  'was an option of patterns: for legacy keys that are JWTs, write { bearer: { jwtAlgorithms: ["HS256"] } }';
const character =
  'has a character that cannot follow "Bearer" (RFC 6750 §2.1): use letters, digits and -._~+/';
const jwt = (why: string) =>
  `could be the start of a JWT, whose header is a JSON object in base64url (RFC 7519 §7.2): ${why}. Write a longer prefix; or, for legacy keys that are JWTs, { jwtAlgorithms: ["HS256"] }`;
const algorithm =
  'is none of HS256, HS384, HS512: a token with any other algorithm may be an access token';
const noToken = 'is no token of RFC 9110 §5.6.2: write the name alone';

const sources: readonly Mistake[] = [
  ['no from', { lookup }, ': undefined is no list: write [{ header: … }]'],
  [
    'a from that is one source',
    { ...good, from: header },
    ': this is no list: write [{ header: … }]',
  ],
  [
    'a from that is a name',
    { ...good, from: 'x-api-key' },
    ': "x-api-key" is no list: write [{ header: … }]',
  ],
  ['an empty from', source(), ': a list is empty: no key could be found'],
  [
    'a source that is a name',
    source('x-api-key'),
    '[0]: "x-api-key" is no object: give the settings by name',
  ],
  [
    'a source that is null',
    source(header, null),
    '[1]: null is no object: give the settings by name',
  ],
  ['a hole', { ...good, from: Array(1) }, '[0]: undefined is no object: give the settings by name'],
  ['a source of nothing', source({}), `[0]: this ${one}`],
  ['two kinds in one', source({ header: 'x-api-key', scheme: 'ApiKey' }), `[0]: this ${one}`],
  ...[{ jwtShaped: true }, { ...header, jwtShaped: true }, { bearer: 'sk_', jwtShaped: true }].map(
    (given): Mistake => [
      `jwtShaped in ${JSON.stringify(given)}`,
      source(given),
      `[0].jwtShaped: true ${shaped}`,
    ],
  ),
  [
    'a misspelt kind',
    source({ Header: 'x-api-key' }),
    '[0].Header: "Header" is not known: did you mean "header"?',
  ],
  [
    'a kind that is not dangerous enough',
    source({ query: 'key' }),
    '[0].query: "query" is not known: use header, scheme, bearer, dangerouslyInQuery',
  ],
  [
    'an undefined kind',
    source({ header: undefined }),
    '[0].header: undefined is no value: is a variable not set? Give one, or leave out a name that may be',
  ],

  ['an empty header', source({ header: '' }), '[0].header: "" is no name'],
  ['a header that is a list', source({ header: ['x-api-key'] }), '[0].header: a list is no name'],
  [
    'a header with its colon',
    source({ header: 'x-api-key:' }),
    `[0].header: "x-api-key:" ${noToken}`,
  ],
  ['a header with a space', source({ header: 'x api key' }), `[0].header: "x api key" ${noToken}`],
  ['a header with a line break', source({ header: 'x\r\n' }), `[0].header: "x\r\n" ${noToken}`],
  [
    'a header of other letters',
    source({ header: 'x-schlüssel' }),
    `[0].header: "x-schlüssel" ${noToken}`,
  ],
  ...['authorization', 'Authorization', 'AUTHORIZATION'].map(
    (name): Mistake => [
      `the header ${name}`,
      source(header, { header: name }),
      `[1].header: "${name}" ${useScheme}`,
    ],
  ),
  [
    'the header of a proxy',
    source({ header: 'Proxy-Authorization' }),
    '[0].header: "Proxy-Authorization" is for a proxy: RFC 9110 §11.7.2',
  ],
  [
    'a cookie',
    source({ header: 'Cookie' }),
    '[0].header: "Cookie" is sent by browsers on their own, so other sites could use it',
  ],

  ['an empty scheme', source({ scheme: '' }), '[0].scheme: "" is no name'],
  ['a scheme that is a pattern', source({ scheme: /ApiKey/ }), '[0].scheme: this is no name'],
  ['a scheme with a space', source({ scheme: 'Api Key' }), `[0].scheme: "Api Key" ${noToken}`],
  ['a scheme with its space', source({ scheme: 'ApiKey ' }), `[0].scheme: "ApiKey " ${noToken}`],
  ...['Bearer', 'bearer', 'BEARER'].map(
    (scheme): Mistake => [
      `the scheme ${scheme}`,
      source({ scheme }),
      `[0].scheme: "${scheme}" is the scheme of tokens: write { bearer: "sk_live_" } with the prefix of your keys`,
    ],
  ),
  [
    'the scheme Basic',
    source({ scheme: 'Basic' }),
    '[0].scheme: "Basic" carries a name and a password in base64, and no key',
  ],
  [
    'the scheme DPoP',
    source({ scheme: 'DPoP' }),
    '[0].scheme: "DPoP" is a scheme of tokens: RFC 9449',
  ],

  ...(
    [
      [/^sk_\w+$/, '{ bearer: "sk_" }'],
      [/^sk_live_[a-z]{24}$/, '{ bearer: "sk_live_" }'],
      [/^sk_x?\w+$/, '{ bearer: "sk_" }'],
      [/^whsec_/, '{ bearer: "whsec_" }'],
      [/^sk_(live|test)_\w+$/, forms],
      [/^sk_\w+$/i, forms],
      [/^sk_\w+$|^pk_\w+$/, forms],
      [/sk_/, forms],
      [/^.*$/, forms],
      [/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/, forms],
    ] as const
  ).map(
    ([bearer, write]): Mistake => [
      `the pattern ${bearer}`,
      source({ bearer }),
      `[0].bearer: "${bearer}" ${regex} ${write}`,
    ],
  ),
  [
    'a pattern in a list',
    source({ bearer: ['sk_', /^pk_\w+$/] }),
    `[0].bearer[1]: "/^pk_\\w+$/" ${regex} { bearer: "pk_" }`,
  ],
  ...[
    [false, 'false'],
    [null, 'null'],
    [1, '1'],
    [() => true, 'a function'],
  ].map(
    ([bearer, says]): Mistake => [
      `a bearer that is ${says}`,
      source({ bearer }),
      `[0].bearer: ${says} is neither a prefix nor true: write ${forms}`,
    ],
  ),
  [
    'an empty list of prefixes',
    source({ bearer: [] }),
    `[0].bearer: a list is empty: write ${forms}`,
  ],
  [
    'an empty prefix',
    source({ bearer: '' }),
    '[0].bearer: "" is not a prefix: write one such as "sk_live_"',
  ],
  [
    'a prefix that is a number',
    source({ bearer: ['sk_', 1] }),
    '[0].bearer[1]: 1 is not a prefix: write one such as "sk_live_"',
  ],
  ...['sk ', '^sk_', 'schlüssel_', 'sk_\n', 'sk,', '=', 'sk=_', 'sk_*'].map(
    (bearer): Mistake => [
      `the prefix ${JSON.stringify(bearer)}`,
      source({ bearer }),
      `[0].bearer: "${bearer}" ${character}`,
    ],
  ),
  ...(
    [
      ['eyJ', 'it decodes to "{\\""'],
      ['eyJhbGciOiJIUzI1NiJ9', 'it decodes to "{\\"alg\\":\\"HS256\\"}"'],
      ['eyJhbGciOiJIUzI1NiJ9.', 'it decodes to "{\\"alg\\":\\"HS256\\"}"'],
      ['e30.x.y', 'it decodes to "{}"'],
      ['ey', 'it decodes to "{"'],
      ['IHs', 'it decodes to " {"'],
      ['e', 'it is too short to tell'],
      ['C', 'it is too short to tell'],
    ] as const
  ).map(
    ([bearer, why]): Mistake => [
      `the prefix ${bearer}`,
      source({ bearer }),
      `[0].bearer: "${bearer}" ${jwt(why)}`,
    ],
  ),
  [
    'a list of algorithms that is missing',
    source({ bearer: {} }),
    '[0].bearer.jwtAlgorithms: undefined is not a list of algorithms: write ["HS256"]',
  ],
  [
    'a list of algorithms that is empty',
    source({ bearer: { jwtAlgorithms: [] } }),
    '[0].bearer.jwtAlgorithms: a list is not a list of algorithms: write ["HS256"]',
  ],
  [
    'an algorithm alone',
    source({ bearer: { jwtAlgorithms: 'HS256' } }),
    '[0].bearer.jwtAlgorithms: "HS256" is not a list of algorithms: write ["HS256"]',
  ],
  ...['RS256', 'ES256', 'EdDSA', 'none', 'hs256'].map(
    (name): Mistake => [
      `the algorithm ${name}`,
      source({ bearer: { jwtAlgorithms: ['HS256', name] } }),
      `[0].bearer.jwtAlgorithms[1]: "${name}" ${algorithm}`,
    ],
  ),

  [
    'an empty query parameter',
    source({ dangerouslyInQuery: '' }),
    '[0].dangerouslyInQuery: "" is no name of a query parameter',
  ],
  [
    'a query parameter that is true',
    source({ dangerouslyInQuery: true }),
    '[0].dangerouslyInQuery: true is no name of a query parameter',
  ],
  [
    'the query parameter of tokens',
    source({ dangerouslyInQuery: 'access_token' }),
    '[0].dangerouslyInQuery: "access_token" is where tokens stood once, and is always refused: RFC 6750 §2.3',
  ],
  ...['key[]', '[key]', 'key[0]', '[]'].map(
    (name): Mistake => [
      `the query parameter ${name}`,
      source({ dangerouslyInQuery: name }),
      `[0].dangerouslyInQuery: "${name}" has a bracket in it: write the name alone`,
    ],
  ),
];

function undefinedOption(name: string): Mistake {
  return [
    `an undefined ${name}`,
    { ...good, [name]: undefined },
    `.${name}: undefined is no value: is a variable not set? Give one, or leave out a name that may be`,
  ];
}

describe('each mistake is a ConfigError', () => {
  test.each(options)('%s', (_, apiKeys, says) => {
    const where = '(see "Options" in the README of sallyport)';
    expect(sentence(apiKeys)).toBe(`options.apiKeys${says} ${where}`);
  });

  test.each(sources)('%s', (_, apiKeys, says) => {
    const where = '(see "Options" in the README of sallyport)';
    expect(sentence(apiKeys)).toBe(`options.apiKeys.from${says} ${where}`);
  });
});

test.each([null, false, 0, ''])('invalidations that are %j are a ConfigError', (invalidations) => {
  expect(sentence({ ...good, invalidations })).toMatch(/^options\.apiKeys\.invalidations[.:]/);
});

// The mistakes within a plan have a table of their own, in test/migration.
const plans: readonly Mistake[] = [
  ['a plan that is null', null, ': null is no object: give the settings by name'],
  ['a plan that is true', true, ': true is no object: give the settings by name'],
  ['a plan that is a number', 1, ': 1 is no object: give the settings by name'],
  ['a plan that is a list', [], ': a list is no object: give the settings by name'],
  ['a plan that is a function', hanging, ': a function is no object: give the settings by name'],
  [
    'a plan with a misspelt name',
    { sunsetat: '2030-01-01T00:00:00Z' },
    '.sunsetat: "sunsetat" is not known: did you mean "sunsetAt"?',
  ],
  [
    'a plan with a sunset before its deprecation',
    { deprecatedAt: '2030-01-02T00:00:00Z', sunsetAt: '2030-01-01T00:00:00Z' },
    '.sunsetAt must not be earlier than deprecatedAt (RFC 9745); got "2030-01-01T00:00:00Z". Choose a later date, or an earlier deprecatedAt.',
  ],
  ['a source whose load is none', { load: 'plan.json' }, '.load: "plan.json" is no function'],
  ['a source whose load is undefined', { load: undefined }, '.load: undefined is no function'],
  ...[0, -1, 86_401, Number.NaN, null].map(
    (every): Mistake => [
      `a source that is asked every ${every} s`,
      { load: hanging, pollInterval: every },
      `.pollInterval: ${every} is no number of seconds from 0.001 to 86400`,
    ],
  ),
  [
    'a source that is asked every 1m',
    { load: hanging, pollInterval: '1m' },
    '.pollInterval: "1m" is no number of seconds from 0.001 to 86400',
  ],
  [
    'a source whose first plan is null',
    { load: hanging, initial: null },
    ': null is no object: give the settings by name',
  ],
  [
    'a source whose first plan is none',
    { load: hanging, initial: { mode: 'tokens' } },
    '.mode: "tokens" is none of "key-only", "dual", "deprecated", "token-only", "extension"',
  ],
];

describe('a mistake in the plan is told when the guard is made', () => {
  test.each(plans)('%s', (_, plan, says) => {
    const page = says.endsWith('.')
      ? 'See "The plan" in docs/api-keys.md of sallyport.'
      : '(see "The plan" in docs/api-keys.md of sallyport)';
    expect(sentence({ ...good, plan })).toBe(`plan${says} ${page}`);
  });

  test('a plan that is a path', () => {
    expect(sentence({ ...good, plan: './plan.json' })).toBe(
      'plan (line 1, column 1) must have a value here; got ".". See "The plan" in docs/api-keys.md of sallyport.',
    );
  });

  test('a first plan that is a text has its line in the sentence', () => {
    const initial = '{\n  "mode": "dual",\n  "sunset": "2030-01-01T00:00:00Z"\n}';
    expect(sentence({ ...good, plan: { load: hanging, initial } })).toMatch(
      /^plan\.sunset \(line 3\).*"sunsetAt"/,
    );
  });
});

const accepted: Readonly<Record<string, ApiKeyOptions>> = {
  'the least': good,
  'every source': {
    ...good,
    from: [
      { header: 'X-API-Key' },
      { scheme: 'ApiKey' },
      { bearer: 'sk_live_' },
      { bearer: ['rk_live_', 'SG.', 'eyk', 'ey.', 'eyJ~', 'a.b.c.d', 'dXNlcg=='] },
      { bearer: true },
      { bearer: { jwtAlgorithms: ['HS256', 'HS384', 'HS512'] } },
      { dangerouslyInQuery: 'api_key' },
    ],
  },
  'every option': {
    ...good,
    timeout: 0.05,
    both: 'same-client',
    environment: 'live',
    wellFormed: () => true,
    cache: { max: 1, ttl: 0, negativeMax: 1, negativeTtl: 0, staleIfError: 0 },
    plan: {},
    invalidations: { publish: async () => {}, subscribe: async () => async () => {} },
    onMigration: () => {},
  },
  'the most': {
    ...good,
    timeout: 60,
    cache: { max: 1e6, ttl: 3_600, negativeMax: 1e6, negativeTtl: 30, staleIfError: 86_400 },
  },
  'a source of plans': { ...good, ...silent, plan: { load: async () => ({}), pollInterval: 0.5 } },
};

test.each(Object.entries(accepted))('%s is accepted', async (_, apiKeys) => {
  const guard = make(apiKeys);
  expect(guard).toBeTypeOf('function');
  await guard.close();
});

describe('a polluted Object.prototype adds no option', () => {
  /** Does something while every object there is seems to have this member. */
  async function polluted<T>(name: string, value: unknown, work: () => Promise<T>): Promise<T> {
    expect(name in Object.prototype).toBe(false);
    Object.defineProperty(Object.prototype, name, { value, writable: true, configurable: true });
    try {
      return await work();
    } finally {
      delete (Object.prototype as Record<string, unknown>)[name];
    }
  }

  const keyed = (text: string) => requestOf({ 'x-api-key': text });
  const unknown = async () => undefined;
  const unreachable = () => Promise.reject(new Error('no plan'));
  const over: MigrationPlan = { mode: 'token-only' };

  test.each([
    ['apiKeys', good, {}, 'ERR_CREDENTIAL_MISSING'],
    ['lookup', lookup, { apiKeys: { ...good, lookup: unknown } }, 'ERR_API_KEY_UNKNOWN'],
    ['environment', 'live', { apiKeys: good }, 'allowed'],
    ['wellFormed', () => false, { apiKeys: good }, 'allowed'],
    ['plan', over, { apiKeys: good }, 'allowed'],
    ['plan', over, { apiKeys: { ...good, timeout: 1 } }, 'allowed'],
    ['cache', null, { apiKeys: good }, 'allowed'],
    ['timeout', 'x', { apiKeys: good }, 'allowed'],
    ['ttl', 1, { apiKeys: { ...good, cache: {} } }, 'allowed'],
    ['max', 0, { apiKeys: { ...good, cache: {} } }, 'allowed'],
    ['invalidations', {}, { apiKeys: good }, 'allowed'],
    ['onMigration', 'x', { apiKeys: good }, 'allowed'],
    ['scheme', 'ApiKey', { apiKeys: good }, 'allowed'],
    ['jwtShaped', true, { apiKeys: good }, 'allowed'],
    ['mode', 'token-only', { apiKeys: { ...good, plan: {} } }, 'allowed'],
    ['sunsetAt', '2029-01-01T00:00:00Z', { apiKeys: { ...good, plan: {} } }, 'allowed'],
    ['load', 'x', { apiKeys: { ...good, plan: {} } }, 'allowed'],
    ['load', async () => ({}), { apiKeys: { ...good, plan: over } }, 'ERR_API_KEY_MIGRATED'],
    [
      'initial',
      '{}',
      { apiKeys: { ...good, ...silent, plan: { load: unreachable } } },
      'ERR_PLAN_UNAVAILABLE',
    ],
    [
      'flushInterval',
      'x',
      { apiKeys: { ...good, ...silent, plan: { load: async () => ({}) } } },
      'allowed',
    ],
    ['id', 'key_0', { apiKeys: { ...good, lookup: async () => ({ id: 'key_1' }) } }, 'allowed'],
    ['disabled', true, { apiKeys: good }, 'allowed'],
    ['expiresAt', 0, { apiKeys: good }, 'allowed'],
    [
      'retirement',
      { status: 200 },
      { apiKeys: { ...good, lookup: unknown } },
      'ERR_API_KEY_UNKNOWN',
    ],
  ])('%s, as %j', async (name, value, more, code) => {
    const found = await polluted(name, value, async () => {
      const guard = guardFor([], more as object);
      await guard.ready().catch(() => {});
      const decision = await guard(keyed('sk_1'));
      await guard.close();
      return decision;
    });
    expect(verdict(found)).toBe(code);
    expect(found.allowed ? 200 : found.denial.status).toBe(
      { allowed: 200, ERR_PLAN_UNAVAILABLE: 503 }[code] ?? 401,
    );
  });

  test('nor does it loosen the checks of tokens', async () => {
    const key = await keyFor('ES256');
    const foreign = mint(key, { claims: { aud: 'https://other.test' } });
    const code = await polluted('plan', { checks: { audience: 'report' } }, async () => {
      const guard = guardFor([key.jwk]);
      await guard.ready();
      return verdict(await guard(bearing(foreign)));
    });
    expect(code).toBe('ERR_TOKEN_AUDIENCE');
  });
});
