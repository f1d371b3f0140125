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

const environment = (got: string) =>
  `must be a non-empty string; got ${got}. Set it to one environment, such as "live".`;

const options: readonly Mistake[] = [
  ['nothing', null, ' must be an object with named settings; got null.'],
  ['a list', [good], ' must be an object with named settings; got an array.'],
  ['a function', lookup, ' must be an object with named settings; got a function.'],
  ['a text', 'x-api-key', ' must be an object with named settings; got "x-api-key".'],
  [
    'a misspelt option',
    { ...good, lookUp: lookup },
    '.lookUp is not a known name. Did you mean "lookup"?',
  ],
  [
    'an option of another name',
    { ...good, header: 'x-api-key' },
    '.header is not a known name. Use from, lookup, issuer, timeout, both, environment, wellFormed, cache, plan, invalidations, usage, onMigration.',
  ],
  ...['from', 'lookup', 'timeout', 'both', 'environment'].map(undefinedOption),
  ...['wellFormed', 'cache', 'plan', 'invalidations', 'onMigration'].map(undefinedOption),
  [
    'a look-up of a class',
    Object.create(good),
    '.from must be a property of the object itself; got an inherited one. Copy it into a plain object.',
  ],

  ['no look-up', { from: [header] }, '.lookup must be a function; got undefined.'],
  [
    'a look-up that is a list',
    { ...good, lookup: [] },
    '.lookup must be a function; got an empty array.',
  ],
  ['a look-up that is null', { ...good, lookup: null }, '.lookup must be a function; got null.'],
  ...[0, -1, 5000, Number.NaN, Number.POSITIVE_INFINITY, null].map(
    (timeout): Mistake => [
      `the timeout ${timeout}`,
      { ...good, timeout },
      `.timeout must be a number of seconds from 0.001 to 60; got ${timeout}.`,
    ],
  ),
  [
    'a timeout that is a text',
    { ...good, timeout: '5' },
    '.timeout must be a number of seconds from 0.001 to 60; got "5".',
  ],
  [
    'a misspelt both',
    { ...good, both: 'same client' },
    '.both must be one of "refuse", "same-client"; got "same client". Did you mean "same-client"?',
  ],
  [
    'another both',
    { ...good, both: 'any' },
    '.both must be one of "refuse", "same-client"; got "any".',
  ],
  [
    'a both that is true',
    { ...good, both: true },
    '.both must be one of "refuse", "same-client"; got true.',
  ],
  [
    'a both that is null',
    { ...good, both: null },
    '.both must be one of "refuse", "same-client"; got null.',
  ],
  [
    'an issuer that is none of the guard’s, by a slash',
    { ...good, issuer: 'https://login.example.com/' },
    '.issuer must be "https://login.example.com"; got "https://login.example.com/". Did you mean "https://login.example.com"?',
  ],
  [
    'an issuer of another kind',
    { ...good, issuer: ['https://issuer.test'] },
    '.issuer must be "https://login.example.com"; got an array.',
  ],
  ['an empty environment', { ...good, environment: '' }, `.environment ${environment('""')}`],
  [
    'two environments',
    { ...good, environment: ['live', 'test'] },
    `.environment ${environment('an array')}`,
  ],
  [
    'an environment that is null',
    { ...good, environment: null },
    `.environment ${environment('null')}`,
  ],
  [
    'a pattern for wellFormed',
    { ...good, wellFormed: /^sk_/ },
    '.wellFormed must be a function; got an object.',
  ],
  ...[null, false, true, 0].flatMap((value): Mistake[] => [
    [
      `wellFormed ${value}`,
      { ...good, wellFormed: value },
      `.wellFormed must be a function; got ${value}.`,
    ],
    [
      `onMigration ${value}`,
      { ...good, onMigration: value },
      `.onMigration must be a function; got ${value}.`,
    ],
  ]),
  [
    'an empty onMigration',
    { ...good, onMigration: '' },
    '.onMigration must be a function; got "".',
  ],

  [
    'no cache, said with false',
    cache(false),
    '.cache must be an object with named settings; got false.',
  ],
  [
    'no cache, said with null',
    cache(null),
    '.cache must be an object with named settings; got null.',
  ],
  [
    'a misspelt limit',
    cache({ negativettl: 1 }),
    '.cache.negativettl is not a known name. Did you mean "negativeTtl"?',
  ],
  [
    'another limit',
    cache({ size: 1 }),
    '.cache.size is not a known name. Use max, ttl, negativeMax, negativeTtl, staleIfError.',
  ],
  [
    'an undefined limit',
    cache({ ttl: undefined }),
    '.cache.ttl must have a value; got undefined. Check whether a variable is not set; remove the name only if it is optional.',
  ],
  ...['max', 'negativeMax'].flatMap((name) =>
    [0, -1, 1.5, 1_000_001, Number.NaN, Number.POSITIVE_INFINITY, null].map(
      (value): Mistake => [
        `cache.${name} ${value}`,
        cache({ [name]: value }),
        `.cache.${name} must be an integer from 1 to 1000000; got ${value}.`,
      ],
    ),
  ),
  ...Object.entries({ ttl: 3_600, negativeTtl: 30, staleIfError: 86_400 }).flatMap(([name, most]) =>
    [-1, most + 0.001, Number.NaN, Number.POSITIVE_INFINITY, null].map(
      (value): Mistake => [
        `cache.${name} ${value}`,
        cache({ [name]: value }),
        `.cache.${name} must be a number of seconds from 0 to ${most}; got ${value}.`,
      ],
    ),
  ),
  [
    'a limit that is a text',
    cache({ ttl: '60' }),
    '.cache.ttl must be a number of seconds from 0 to 3600; got "60".',
  ],

  [
    'invalidations without a publish',
    { ...good, invalidations: { subscribe: hanging } },
    '.invalidations.publish must be a function; got undefined.',
  ],
  [
    'invalidations without a subscribe',
    { ...good, invalidations: { publish: hanging } },
    '.invalidations.subscribe must be a function; got undefined.',
  ],
  [
    'invalidations that are true',
    { ...good, invalidations: true },
    '.invalidations.publish must be a function; got undefined.',
  ],
];

const places = (got: string) =>
  `must be an array with at least one place of API keys; got ${got}. Write where your clients send them, such as [{ header: "x-api-key" }].`;
const one =
  'must have exactly one of header, scheme, bearer, dangerouslyInQuery; got an object. Write one entry for each place, such as { header: "x-api-key" }.';
const useScheme = (name: string) =>
  `must not be the header of tokens; got "${name}". Write { scheme: "ApiKey" }, or { bearer: "sk_live_" } with the prefix of your keys, in its place.`;
const forms = (got: string) =>
  `must be a prefix, a non-empty array of prefixes, true for every string that is not a JWT, or { jwtAlgorithms: ["HS256"] }; got ${got}. Write the prefix of your keys, such as "sk_live_".`;
const pattern = (given: RegExp, write: string | undefined) =>
  write === undefined
    ? forms(`"${given}"`)
    : `must be a prefix, not a regular expression; got "${given}". Write ${write}.`;
const shaped =
  'must be absent: it was an option of patterns; got true. For legacy keys that are JWTs, write { bearer: { jwtAlgorithms: ["HS256"] } }.';
const character = (prefix: string) =>
  `must contain only characters that can follow "Bearer" (RFC 6750 §2.1); got "${prefix}". Use letters, digits and -._~+/.`;
const jwt = (prefix: string, why: string) =>
  `must not be the possible start of a JWT, whose header is a JSON object in base64url (RFC 7519 §7.2): ${why}; got "${prefix}". Write a longer prefix; for legacy keys that are JWTs, write { jwtAlgorithms: ["HS256"] }.`;
const symmetric = '"HS256", "HS384", "HS512"';
const algorithms = (got: string) =>
  `must be a non-empty array of ${symmetric}; got ${got}. Write ["HS256"].`;
const noToken = (got: string) =>
  `must be a token of RFC 9110 §5.6.2; got ${got}. Write the name alone, without a colon, a space or a value.`;

const sources: readonly Mistake[] = [
  ['no from', { lookup }, ` ${places('undefined')}`],
  ['a from that is one source', { ...good, from: header }, ` ${places('an object')}`],
  ['a from that is a name', { ...good, from: 'x-api-key' }, ` ${places('"x-api-key"')}`],
  ['an empty from', source(), ` ${places('an empty array')}`],
  [
    'a source that is a name',
    source('x-api-key'),
    '[0] must be an object with named settings; got "x-api-key".',
  ],
  [
    'a source that is null',
    source(header, null),
    '[1] must be an object with named settings; got null.',
  ],
  [
    'a hole',
    { ...good, from: Array(1) },
    '[0] must be an object with named settings; got undefined.',
  ],
  ['a source of nothing', source({}), `[0] ${one}`],
  ['two kinds in one', source({ header: 'x-api-key', scheme: 'ApiKey' }), `[0] ${one}`],
  ...[{ jwtShaped: true }, { ...header, jwtShaped: true }, { bearer: 'sk_', jwtShaped: true }].map(
    (given): Mistake => [
      `jwtShaped in ${JSON.stringify(given)}`,
      source(given),
      `[0].jwtShaped ${shaped}`,
    ],
  ),
  [
    'a misspelt kind',
    source({ Header: 'x-api-key' }),
    '[0].Header is not a known name. Did you mean "header"?',
  ],
  [
    'a kind that is not dangerous enough',
    source({ query: 'key' }),
    '[0].query is not a known name. Use header, scheme, bearer, dangerouslyInQuery.',
  ],
  [
    'an undefined kind',
    source({ header: undefined }),
    '[0].header must have a value; got undefined. Check whether a variable is not set; remove the name only if it is optional.',
  ],

  ['an empty header', source({ header: '' }), '[0].header must be a non-empty string; got "".'],
  [
    'a header that is a list',
    source({ header: ['x-api-key'] }),
    '[0].header must be a non-empty string; got an array.',
  ],
  [
    'a header with its colon',
    source({ header: 'x-api-key:' }),
    `[0].header ${noToken('"x-api-key:"')}`,
  ],
  [
    'a header with a space',
    source({ header: 'x api key' }),
    `[0].header ${noToken('"x api key"')}`,
  ],
  ['a header with a line break', source({ header: 'x\r\n' }), `[0].header ${noToken('"x\r\n"')}`],
  [
    'a header of other letters',
    source({ header: 'x-schlüssel' }),
    `[0].header ${noToken('"x-schlüssel"')}`,
  ],
  ...['authorization', 'Authorization', 'AUTHORIZATION'].map(
    (name): Mistake => [
      `the header ${name}`,
      source(header, { header: name }),
      `[1].header ${useScheme(name)}`,
    ],
  ),
  [
    'the header of a proxy',
    source({ header: 'Proxy-Authorization' }),
    '[0].header must not be a header for proxies (RFC 9110 §11.7.2); got "Proxy-Authorization". Use a header for keys only, such as "x-api-key".',
  ],
  [
    'a cookie',
    source({ header: 'Cookie' }),
    '[0].header must not be a header that browsers send by themselves: other sites could use it; got "Cookie". Use a header for keys only, such as "x-api-key".',
  ],

  ['an empty scheme', source({ scheme: '' }), '[0].scheme must be a non-empty string; got "".'],
  [
    'a scheme that is a pattern',
    source({ scheme: /ApiKey/ }),
    '[0].scheme must be a non-empty string; got an object.',
  ],
  ['a scheme with a space', source({ scheme: 'Api Key' }), `[0].scheme ${noToken('"Api Key"')}`],
  ['a scheme with its space', source({ scheme: 'ApiKey ' }), `[0].scheme ${noToken('"ApiKey "')}`],
  ...['Bearer', 'bearer', 'BEARER'].map(
    (scheme): Mistake => [
      `the scheme ${scheme}`,
      source({ scheme }),
      `[0].scheme must not be the scheme of tokens; got "${scheme}". Write { bearer: "sk_live_" } with the prefix of your keys in its place.`,
    ],
  ),
  [
    'the scheme Basic',
    source({ scheme: 'Basic' }),
    '[0].scheme must not be a scheme that carries a user name and a password in base64 (RFC 7617); got "Basic". Use a scheme for keys only, such as "ApiKey".',
  ],
  [
    'the scheme DPoP',
    source({ scheme: 'DPoP' }),
    '[0].scheme must not be a scheme of tokens (RFC 9449); got "DPoP". Use a scheme for keys only, such as "ApiKey".',
  ],

  ...(
    [
      [/^sk_\w+$/, '{ bearer: "sk_" }'],
      [/^sk_live_[a-z]{24}$/, '{ bearer: "sk_live_" }'],
      [/^sk_x?\w+$/, '{ bearer: "sk_" }'],
      [/^whsec_/, '{ bearer: "whsec_" }'],
      [/^sk_(live|test)_\w+$/, undefined],
      [/^sk_\w+$/i, undefined],
      [/^sk_\w+$|^pk_\w+$/, undefined],
      [/sk_/, undefined],
      [/^.*$/, undefined],
      [/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/, undefined],
    ] as const
  ).map(
    ([bearer, write]): Mistake => [
      `the pattern ${bearer}`,
      source({ bearer }),
      `[0].bearer ${pattern(bearer, write)}`,
    ],
  ),
  [
    'a pattern in a list',
    source({ bearer: ['sk_', /^pk_\w+$/] }),
    `[0].bearer[1] ${pattern(/^pk_\w+$/, '{ bearer: "pk_" }')}`,
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
      `[0].bearer ${forms(String(says))}`,
    ],
  ),
  ['an empty list of prefixes', source({ bearer: [] }), `[0].bearer ${forms('an empty array')}`],
  [
    'an empty prefix',
    source({ bearer: '' }),
    '[0].bearer must be a non-empty prefix; got "". Write the prefix of your keys, such as "sk_live_".',
  ],
  [
    'a prefix that is a number',
    source({ bearer: ['sk_', 1] }),
    '[0].bearer[1] must be a non-empty prefix; got 1. Write the prefix of your keys, such as "sk_live_".',
  ],
  ...['sk ', '^sk_', 'schlüssel_', 'sk_\n', 'sk,', '=', 'sk=_', 'sk_*'].map(
    (bearer): Mistake => [
      `the prefix ${JSON.stringify(bearer)}`,
      source({ bearer }),
      `[0].bearer ${character(bearer)}`,
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
      `[0].bearer ${jwt(bearer, why)}`,
    ],
  ),
  [
    'a list of algorithms that is missing',
    source({ bearer: {} }),
    `[0].bearer.jwtAlgorithms ${algorithms('undefined')}`,
  ],
  [
    'a list of algorithms that is empty',
    source({ bearer: { jwtAlgorithms: [] } }),
    `[0].bearer.jwtAlgorithms ${algorithms('an empty array')}`,
  ],
  [
    'an algorithm alone',
    source({ bearer: { jwtAlgorithms: 'HS256' } }),
    `[0].bearer.jwtAlgorithms ${algorithms('"HS256"')}`,
  ],
  ...['RS256', 'ES256', 'EdDSA', 'none', 'hs256'].map(
    (name): Mistake => [
      `the algorithm ${name}`,
      source({ bearer: { jwtAlgorithms: ['HS256', name] } }),
      `[0].bearer.jwtAlgorithms[1] must be one of ${symmetric}; got "${name}". Remove it: a JWT with any other algorithm may be an access token.`,
    ],
  ),

  [
    'an empty query parameter',
    source({ dangerouslyInQuery: '' }),
    '[0].dangerouslyInQuery must be the name of a query parameter; got "".',
  ],
  [
    'a query parameter that is true',
    source({ dangerouslyInQuery: true }),
    '[0].dangerouslyInQuery must be the name of a query parameter; got true.',
  ],
  [
    'the query parameter of tokens',
    source({ dangerouslyInQuery: 'access_token' }),
    '[0].dangerouslyInQuery must not be the parameter of tokens, which is always rejected (RFC 6750 §2.3); got "access_token". Use the parameter in which your clients send keys, such as "api_key".',
  ],
  ...['key[]', '[key]', 'key[0]', '[]'].map(
    (name): Mistake => [
      `the query parameter ${name}`,
      source({ dangerouslyInQuery: name }),
      `[0].dangerouslyInQuery must not contain a bracket; got "${name}". Write the name alone, such as "api_key".`,
    ],
  ),
];

function undefinedOption(name: string): Mistake {
  return [
    `an undefined ${name}`,
    { ...good, [name]: undefined },
    `.${name} must have a value; got undefined. Check whether a variable is not set; remove the name only if it is optional.`,
  ];
}

describe('each mistake is a ConfigError', () => {
  test.each(options)('%s', (_, apiKeys, says) => {
    const where = 'See "Options" in the README of sallyport.';
    expect(sentence(apiKeys)).toBe(`options.apiKeys${says} ${where}`);
  });

  test.each(sources)('%s', (_, apiKeys, says) => {
    const where = 'See "Options" in the README of sallyport.';
    expect(sentence(apiKeys)).toBe(`options.apiKeys.from${says} ${where}`);
  });
});

test.each([null, false, 0, ''])('invalidations that are %j are a ConfigError', (invalidations) => {
  expect(sentence({ ...good, invalidations })).toMatch(/^options\.apiKeys\.invalidations[.:]/);
});

// The mistakes within a plan have a table of their own, in test/migration.
const plans: readonly Mistake[] = [
  ['a plan that is null', null, ' must be an object with named settings; got null.'],
  ['a plan that is true', true, ' must be an object with named settings; got true.'],
  ['a plan that is a number', 1, ' must be an object with named settings; got 1.'],
  ['a plan that is a list', [], ' must be an object with named settings; got an empty array.'],
  ['a plan that is a function', hanging, ' must be an object with named settings; got a function.'],
  [
    'a plan with a misspelt name',
    { sunsetat: '2030-01-01T00:00:00Z' },
    '.sunsetat is not a known name. Did you mean "sunsetAt"?',
  ],
  [
    'a plan with a sunset before its deprecation',
    { deprecatedAt: '2030-01-02T00:00:00Z', sunsetAt: '2030-01-01T00:00:00Z' },
    '.sunsetAt must not be earlier than deprecatedAt (RFC 9745); got "2030-01-01T00:00:00Z". Choose a later date, or an earlier deprecatedAt.',
  ],
  [
    'a source whose load is none',
    { load: 'plan.json' },
    '.load must be a function; got "plan.json".',
  ],
  [
    'a source whose load is undefined',
    { load: undefined },
    '.load must be a function; got undefined.',
  ],
  ...[0, -1, 86_401, Number.NaN, null].map(
    (every): Mistake => [
      `a source that is asked every ${every} s`,
      { load: hanging, pollInterval: every },
      `.pollInterval must be a number of seconds from 0.001 to 86400; got ${every}.`,
    ],
  ),
  [
    'a source that is asked every 1m',
    { load: hanging, pollInterval: '1m' },
    '.pollInterval must be a number of seconds from 0.001 to 86400; got "1m".',
  ],
  [
    'a source whose first plan is null',
    { load: hanging, initial: null },
    ' must be an object with named settings; got null.',
  ],
  [
    'a source whose first plan is none',
    { load: hanging, initial: { mode: 'tokens' } },
    '.mode must be one of "key-only", "dual", "deprecated", "token-only", "extension"; got "tokens".',
  ],
];

describe('a mistake in the plan is told when the guard is made', () => {
  test.each(plans)('%s', (_, plan, says) => {
    const where = 'See "The plan" in docs/api-keys.md of sallyport.';
    expect(sentence({ ...good, plan })).toBe(`plan${says} ${where}`);
  });

  test('a plan with a sunset before its deprecation', () => {
    const plan = { deprecatedAt: '2030-01-02T00:00:00Z', sunsetAt: '2030-01-01T00:00:00Z' };
    expect(sentence({ ...good, plan })).toMatch(
      /^plan\.sunsetAt.*"2030-01-01T00:00:00Z".*See "The plan"/i,
    );
  });

  test('a plan that is a path', () => {
    expect(sentence({ ...good, plan: './plan.json' })).toBe(
      'plan (line 1, column 1) must have a value here; got ".". See "The plan" in docs/api-keys.md of sallyport.',
    );
  });

  test('a first plan that is a string has its line in the sentence', () => {
    const initial = '{\n  "mode": "dual",\n  "sunset": "2030-01-01T00:00:00Z"\n}';
    expect(sentence({ ...good, plan: { load: hanging, initial } })).toMatch(
      /^plan\.sunset \(line 3\) is not a known name\. Did you mean "sunsetAt"\?/,
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
