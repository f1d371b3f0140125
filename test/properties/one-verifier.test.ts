import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toGuardRequest } from '../../src/adapters/node-request.js';
import type { ApiKeyOptions, ApiKeySource, DecisionEvent, Requirements } from '../../src/index.js';
import { audience, guardFor, jwksUri, keyFor, mint, seconds } from '../rfc/mint.js';
import { runs } from '../runs.js';

const key = await keyFor('ES256');
const stranger = await keyFor('ES256', 'stranger');
const claims = { scope: 'a', org_id: 'org_1' };
const good = mint(key, { claims });
const other = mint(key, { claims: { ...claims, client_id: 'client_2' } });

/** Texts, and what comes of each where a token is looked for. */
const tokens: Readonly<Record<string, string>> = {
  [good]: 'allowed',
  [other]: 'allowed',
  [mint(key, { claims: { exp: seconds - 60 } })]: 'ERR_TOKEN_EXPIRED',
  [mint(key, { claims: { aud: 'https://other.test' } })]: 'ERR_TOKEN_AUDIENCE',
  [mint(stranger)]: 'ERR_TOKEN_SIGNATURE',
  [mint(key, { claims: { iss: 'https://evil.test' } })]: 'ERR_TOKEN_ISSUER',
  opaque: 'ERR_TOKEN_NOT_JWT',
};
const clients: Readonly<Record<string, string>> = { [good]: 'client_1', [other]: 'client_2' };

const inOrg = { clientId: 'client_1', orgId: 'org_1', scopes: ['a'] };
const records = new Map<string, object>([
  ['sk_good', { id: 'key_good', ...inOrg }],
  ['sk_poor', { id: 'key_poor', clientId: 'client_2' }],
  ['sk_disabled', { id: 'key_disabled', ...inOrg, disabled: true }],
  ['sk_expired', { id: 'key_expired', ...inOrg, expiresAt: seconds }],
]);
/** The same for texts where a key is looked for; any other text is unknown. */
const keys: Readonly<Record<string, string>> = {
  sk_good: 'allowed',
  sk_poor: 'allowed',
  sk_disabled: 'ERR_API_KEY_DISABLED',
  sk_expired: 'ERR_API_KEY_EXPIRED',
  sk_outage: 'ERR_LOOKUP_FAILED',
  sk_unknown: 'ERR_API_KEY_UNKNOWN',
};

const statuses: readonly (readonly [RegExp, number])[] = [
  [/^ERR_(HEADER_|TOKEN_IN_|CREDENTIAL_(AMBIGUOUS|MISMATCH)|API_KEY_(MALFORMED|REPEATED))/, 400],
  [/^ERR_(SCOPE_MISSING|ORG_)/, 403],
  [/^ERR_LOOKUP_FAILED$/, 503],
  [/^ERR_(TOKEN_|API_KEY_|CREDENTIAL_MISSING$)/, 401],
];
const statusOf = (code: string) => statuses.find(([of]) => of.test(code))?.[1];

const sources: readonly ApiKeySource[] = [
  { header: 'x-api-key' },
  { header: 'X-Legacy' },
  { scheme: 'ApiKey' },
  { bearer: 'sk_' },
  { dangerouslyInQuery: 'api_key' },
];

const mutated = fc
  .tuple(fc.nat(), fc.constantFrom(...'Aa0-_.=~ ,"é\t'), fc.nat(1))
  .map(([at, letter, without]) => {
    const place = at % good.length;
    return good.slice(0, place) + letter + good.slice(place + without);
  });
const plain = fc.constantFrom(...Object.keys(tokens), ...Object.keys(keys));
const odd = fc.oneof(
  mutated,
  fc.string({ unit: 'binary-ascii', maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 5 }),
  fc.constantFrom('', ' ', ',', 'a, b', `${good}, ${good}`, 'sk_good,sk_good', 'a'.repeat(2_049)),
  fc.constantFrom('a'.repeat(16_385), `sk_${'a'.repeat(16_400)}`, 'Bearer', 'ApiKey sk_good'),
);
const word = fc.oneof({ weight: 4, arbitrary: plain }, odd);
const inAnyCase = (name: string) => fc.mixedCase(fc.constant(name)).map((text) => text || name);

/** Headers, names and values in turn. */
const header = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(
      inAnyCase('authorization'),
      fc
        .tuple(
          fc.oneof(
            { weight: 6, arbitrary: inAnyCase('Bearer') },
            { weight: 2, arbitrary: inAnyCase('ApiKey') },
            fc.constantFrom('Basic', 'X-API-Key'),
          ),
          fc.oneof(
            { weight: 9, arbitrary: fc.constant(' ') },
            fc.constantFrom('  ', '', '\t', ', ', '='),
          ),
          word,
        )
        .map((parts) => parts.join('')),
    ),
  },
  { weight: 3, arbitrary: fc.tuple(inAnyCase('x-api-key'), word) },
  fc.tuple(fc.constantFrom('x-legacy', 'X-Other', 'Cookie', 'Proxy-Authorization'), word),
);
const parameter = fc
  .tuple(
    fc.constantFrom(
      ...['api_key', 'api_key', 'api%5Fkey', 'api_key[]', '[api_key]', 'API_KEY', 'q'],
      ...['access_token', 'access%5Ftoken', 'sk_good', 'authorization'],
    ),
    word.map((text) => encodeURIComponent(text)),
  )
  .map((parts) => parts.join('='));

const few = <T>(one: fc.Arbitrary<T>, usual: number) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.array(one, { minLength: usual, maxLength: usual }) },
    fc.array(one, { maxLength: 3 }),
  );
const asked = fc.record({
  headers: fc.oneof(few(header, 1), few(header, 2)),
  query: few(parameter, 0),
  from: fc.oneof(fc.constant([...sources]), fc.subarray([...sources], { minLength: 1 })),
  both: fc.constantFrom('refuse', 'same-client') as fc.Arbitrary<'refuse' | 'same-client'>,
  requirements: fc.constantFrom<Requirements>({}, {}, { scopes: ['a'] }, { optional: true }),
  anything: fc.constantFrom(false, false, true),
});
type Asked = typeof asked extends fc.Arbitrary<infer T> ? T : never;

/** What stands where a key may stand, or a token: read anew, as plainly as it goes. */
function placesOf({ headers, query, from }: Asked) {
  const [inKeys, inTokens]: [string[], string[]] = [[], []];
  const has = (name: string, value: string) =>
    from.some((source) => (source as never as Record<string, string>)[name] === value);
  const values = (name: string) =>
    headers.filter(([written]) => written.toLowerCase() === name).map(([, value]) => value);
  for (const name of ['x-api-key', 'X-Legacy']) {
    if (has('header', name)) inKeys.push(...values(name.toLowerCase()));
  }
  for (const [name, value] of query.map((one) => one.split('='))) {
    if (!has('dangerouslyInQuery', 'api_key')) break;
    if (decodeURIComponent(name ?? '') === 'api_key') inKeys.push(decodeURIComponent(value ?? ''));
  }
  for (const value of values('authorization')) {
    const [, scheme = '', text = ''] = /^(\w+) +(.*)$/s.exec(value) ?? [];
    const shaped = from.some((source) => 'bearer' in source) && text.startsWith('sk_');
    if (scheme.toLowerCase() === 'apikey' && has('scheme', 'ApiKey')) inKeys.push(text);
    if (scheme.toLowerCase() === 'bearer') (shaped ? inKeys : inTokens).push(text);
  }
  return { inKeys, inTokens };
}

/** What has to come of a request in which every text is one of ours. */
function outcomeOf(one: Asked): string {
  const { both, anything, requirements } = one;
  const { inKeys, inTokens } = placesOf(one);
  const [held, another] = new Set(inKeys);
  // The same text in a key's place is a key, wherever else it stands.
  const [token] = inTokens.filter((text) => text !== held);
  if (another !== undefined || (held !== undefined && token !== undefined && both === 'refuse')) {
    return 'ERR_CREDENTIAL_AMBIGUOUS';
  }
  const ofToken = token === undefined ? 'allowed' : (tokens[token] ?? 'ERR_TOKEN_NOT_JWT');
  if (ofToken !== 'allowed') return ofToken;
  const known = held === undefined || anything;
  const ofKey = known ? 'allowed' : (keys[held] ?? 'ERR_API_KEY_UNKNOWN');
  if (ofKey !== 'allowed') return ofKey;
  if (token !== undefined) {
    const same = clients[token] === 'client_1' && (anything || held === 'sk_good');
    return held === undefined || same ? 'allowed' : 'ERR_CREDENTIAL_MISMATCH';
  }
  if (held === undefined) return requirements.optional ? 'allowed' : 'ERR_CREDENTIAL_MISSING';
  const poor = requirements.scopes && !anything && held === 'sk_poor';
  return poor ? 'ERR_SCOPE_MISSING' : 'allowed';
}

/** Asks a guard of its own, and shows what it asked for. */
async function ask({ headers, query, from, both, requirements, anything }: Asked) {
  const looked: { value: string; sha256: string }[] = [];
  const events: DecisionEvent[] = [];
  let fetched = 0;
  const lookup: ApiKeyOptions['lookup'] = async (given) => {
    looked.push(given);
    if (anything) return { id: 'key_any', ...inOrg };
    if (given.value === 'sk_outage') throw new Error('the store is down');
    return records.get(given.value) as never;
  };
  const guard = guardFor([], {
    // Small, since there are as many guards as requests.
    apiKeys: { from, both, lookup, cache: { max: 1, negativeMax: 1 } },
    tokenCache: false,
    onDecision: (event) => void events.push(event),
    async fetch(url) {
      expect(url).toBe(jwksUri);
      fetched += 1;
      return Response.json({ keys: [key.jwk] });
    },
  });
  const request = toGuardRequest({
    source: {},
    method: 'GET',
    url: `/?${query.join('&')}`,
    headers: parsed(headers),
    rawHeaders: headers.flat(),
    params: {},
    body: undefined,
  });
  const decision = await guard(request, requirements);
  const [event, ...more] = events;
  if (!event || more.length > 0) throw new Error('not one event');
  return { decision, event, looked, fetched };
}

/** Headers as Node's parser hands them on: of a repeated Authorization only the first is left. */
function parsed(headers: readonly (readonly string[])[]): Record<string, string> {
  const all: Record<string, string> = {};
  for (const [written = '', value = ''] of headers) {
    const name = written.toLowerCase();
    const before = all[name];
    if (before === undefined) all[name] = value;
    else if (name !== 'authorization') all[name] = `${before}, ${value}`;
  }
  return all;
}

test('one verifier is responsible for a request, and its failure is final', async () => {
  await fc.assert(
    fc.asyncProperty(asked, async (one) => {
      const { decision, event, looked, fetched } = await ask(one);
      const { inKeys, inTokens } = placesOf(one);
      const code = decision.allowed ? 'allowed' : decision.error.code;

      // Never two of a kind, and both kinds only where that was asked for.
      expect(looked.length).toBeLessThanOrEqual(1);
      expect(fetched).toBeLessThanOrEqual(1);
      if (event.method !== 'both') expect(looked.length + fetched).toBeLessThanOrEqual(1);
      if (event.method === 'both') expect(one.both).toBe('same-client');
      if (event.method === 'token') expect(looked).toEqual([]);
      if (event.method === 'api-key') expect(fetched).toBe(0);
      if (event.method === 'none') expect([looked, fetched]).toEqual([[], 0]);

      // What is looked up is a text in a key's place, to the letter.
      for (const { value, sha256 } of looked) {
        expect(inKeys).toContain(value);
        expect(sha256).toBe(createHash('sha256').update(value).digest('hex'));
      }

      if (decision.allowed) {
        const { principal } = decision;
        expect(event).toMatchObject({ outcome: 'allow', status: 200 });
        if (principal?.kind === 'token') {
          expect(inTokens.map((text) => tokens[text])).toEqual(['allowed']);
          expect(looked).toHaveLength(event.method === 'both' ? 1 : 0);
        } else if (principal) {
          const [text = ''] = inKeys;
          // The same text in several places is one key.
          expect([new Set([...inKeys, ...inTokens]).size, looked.length, fetched]).toEqual([
            1, 1, 0,
          ]);
          if (!one.anything) expect(keys[text]).toBe('allowed');
        } else {
          expect(one.requirements.optional).toBe(true);
          expect([inKeys, inTokens, event.method]).toEqual([[], [], 'none']);
        }
        return;
      }
      const { status, headers } = decision.denial;
      expect([code, status]).toEqual([code, statusOf(code)]);
      expect(event).toMatchObject({ status, reason: code });
      expect(event.outcome).toBe(status === 503 ? 'error' : 'deny');
      expect('WWW-Authenticate' in headers).toBe(status !== 503);
      if (headers['WWW-Authenticate']) expect(headers['WWW-Authenticate']).toContain(audience);
      // A refused token was not looked up, nor did a refused key cost a fetch.
      if (/^ERR_TOKEN_/.test(code)) expect(looked).toEqual([]);
      if (/^ERR_(API_KEY|LOOKUP)_/.test(code) && event.method !== 'both') expect(fetched).toBe(0);
      if (status === 400 && code !== 'ERR_CREDENTIAL_MISMATCH') {
        expect([looked, fetched]).toEqual([[], 0]);
      }
    }),
    { numRuns: runs(1500) },
  );
}, 30_000);

test('place and shape alone say which, and then it is what it is worth', async () => {
  const ours = fc.record({
    authorization: fc.option(
      fc.tuple(fc.constantFrom('Bearer', 'bEARER', 'ApiKey', 'apikey', 'Basic'), plain),
    ),
    inHeader: fc.option(plain),
    inOther: fc.option(plain, { freq: 3 }),
    inQuery: fc.option(plain, { freq: 3 }),
    rest: asked,
  });
  await fc.assert(
    fc.asyncProperty(ours, async ({ authorization, inHeader, inOther, inQuery, rest }) => {
      const headers: [string, string][] = [];
      if (authorization) headers.push(['Authorization', authorization.join(' ')]);
      if (inHeader !== null) headers.push(['X-API-Key', inHeader]);
      if (inOther !== null) headers.push(['x-legacy', inOther]);
      const one = { ...rest, headers, query: inQuery === null ? ['q=1'] : [`api_key=${inQuery}`] };
      const { decision } = await ask(one);
      expect(decision.allowed ? 'allowed' : decision.error.code).toBe(outcomeOf(one));
    }),
    { numRuns: runs(1000) },
  );
}, 30_000);
