import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { getHeapSnapshot } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { fetchGuard } from '../../src/fetch.js';
import { type ApiKeyOptions, type GuardRequest, UpstreamError } from '../../src/index.js';
import { deferred, hang, openScene, type Scene } from '../api-key/scene.js';
import { requestOf, sending } from '../rfc/ask.js';
import { inFull } from '../runs.js';

const key = 'sk_live_Zq7Rk2Vw9Xy4Tn6Bm1Pc8';
const digest = (encoding: 'hex' | 'base64' | 'base64url') =>
  createHash('sha256').update(key).digest(encoding);

/** The key in every dress in which it could be recognized. */
const secrets: readonly string[] = [
  key,
  key.toLowerCase(),
  key.slice(0, 16),
  key.slice(-10),
  digest('hex'),
  digest('hex').toUpperCase(),
  digest('base64').slice(0, 40),
  digest('base64url'),
  ...(['base64', 'base64url', 'hex'] as const).map((encoding) =>
    Buffer.from(key).toString(encoding).slice(0, 32),
  ),
  [...key].reverse().join(''),
];

/** Everything that a log could hold of a value. */
function logged(value: unknown): string {
  const options = {
    depth: Number.POSITIVE_INFINITY,
    showHidden: true,
    showProxy: true,
    getters: true,
    maxStringLength: null,
    maxArrayLength: null,
  };
  const texts = [inspect(value, options), `${JSON.stringify(value)}`];
  if (value instanceof Error) texts.push(value.stack ?? '', value.message, logged(value.cause));
  return texts.join('\n');
}

function expectSilent(...values: readonly unknown[]): void {
  for (const text of values.map(logged)) {
    for (const secret of secrets) expect(text).not.toContain(secret);
  }
}

const from = [
  { header: 'x-api-key' },
  { scheme: 'ApiKey' },
  { bearer: 'sk_' },
  { dangerouslyInQuery: 'api_key' },
];
const requests: Readonly<Record<string, GuardRequest>> = {
  'in a header': requestOf({ 'x-api-key': key }),
  'behind a scheme': sending(`ApiKey ${key}`),
  'behind Bearer': sending(`Bearer ${key}`),
  'in the query': requestOf({}, { url: `/orders?api_key=${key}` }),
};

const opaque = new Error(`no row for ${key} (${digest('hex')})`, { cause: new Error(key) });
const late = new UpstreamError('ERR_LOOKUP_TIMEOUT', opaque.message, { cause: opaque });
const record = { id: 'key_1', clientId: 'client_1', scopes: ['a'] };

interface Way {
  readonly answer: () => unknown;
  readonly apiKeys?: Partial<ApiKeyOptions>;
  readonly outcome: string;
}

/** Every way in which a request with a key can end. */
const ways: Readonly<Record<string, Way>> = {
  'it is good': { answer: () => record, outcome: 'allowed' },
  'it is unknown': { answer: () => undefined, outcome: '401 ERR_API_KEY_UNKNOWN' },
  'it is disabled': {
    answer: () => ({ ...record, disabled: true }),
    outcome: '401 ERR_API_KEY_DISABLED',
  },
  'it expired': { answer: () => ({ ...record, expiresAt: 1 }), outcome: '401 ERR_API_KEY_EXPIRED' },
  'it is of another environment': {
    answer: () => record,
    apiKeys: { environment: 'live' },
    outcome: '401 ERR_API_KEY_ENVIRONMENT',
  },
  'it is not well formed': {
    answer: hang,
    apiKeys: { wellFormed: () => false },
    outcome: '401 ERR_API_KEY_INVALID',
  },
  'its client has migrated': {
    answer: () => record,
    apiKeys: { plan: { mode: 'token-only', guide: 'https://api.test/migrate' } },
    outcome: '401 ERR_API_KEY_MIGRATED',
  },
  'the look-up throws': {
    answer: () => {
      throw opaque;
    },
    outcome: '503 ERR_LOOKUP_FAILED',
  },
  'the look-up throws the key itself': {
    answer: () => Promise.reject(key),
    outcome: '503 ERR_LOOKUP_FAILED',
  },
  'the look-up throws an outage of our own': {
    answer: () => Promise.reject(late),
    outcome: '503 ERR_LOOKUP_(FAILED|TIMEOUT)',
  },
  'the look-up hangs': {
    answer: hang,
    apiKeys: { timeout: 0.01 },
    outcome: '503 ERR_LOOKUP_TIMEOUT',
  },
};

/** A guard whose look-up ends in one way, and what became of a request. */
async function asked(way: Way, request: GuardRequest) {
  const scene = await openScene({ apiKeys: { from, ...way.apiKeys } });
  scene.store.answer = way.answer;
  const decision = await scene.guard(request, { scopes: ['a'] });
  // The test's own list of what was asked must not be found in its place.
  scene.store.asked.length = 0;
  return { scene, decision };
}

describe.each(Object.entries(ways))('where %s', (_, way) => {
  test.each(Object.entries(requests))('and stood %s, nobody is told of it', async (_, request) => {
    const { scene, decision } = await asked(way, request);
    const outcome = decision.allowed
      ? 'allowed'
      : `${decision.denial.status} ${decision.error.code}`;
    expect(outcome).toMatch(new RegExp(`^${way.outcome}$`));
    expectSilent(decision, scene.events, scene.guard, scene.guard.counts());
    if (decision.allowed) expectSilent(decision.principal, decision.headers);
    else expectSilent(decision.error, decision.denial);
  });

  test('a Response has nothing of it either', async () => {
    const { scene } = await asked(way, requests['in a header'] as GuardRequest);
    const check = fetchGuard(scene.guard);
    const answer = await check(
      new Request(`https://api.test/orders?api_key=${key}`, { headers: { accept: '*/*' } }),
    );
    if (!(answer instanceof Response)) return expectSilent(answer);
    expectSilent([...answer.headers], await answer.text(), answer.statusText);
  });
});

describe('a request that is malformed around a key', () => {
  test.each<[string, GuardRequest]>([
    ['twice', requestOf({ 'x-api-key': `${key}, ${key}` })],
    ['with SP', requestOf({ 'x-api-key': `${key} ${key}` })],
    ['with obs-text', requestOf({ 'x-api-key': `${key}\u00e9` })],
    ['in brackets', requestOf({}, { url: `/?api_key[]=${key}` })],
    ['as access_token', requestOf({}, { url: `/?access_token=${key}` })],
    ['in two places', requestOf({ 'x-api-key': key }, { url: `/?api_key=${key}` })],
    ['in a broken header', sending(`ApiKey "${key}`)],
    ['overlong', requestOf({ 'x-api-key': key.repeat(100) })],
    ['in a place that is not ours', sending(`X-Key ${key}`)],
  ])('%s: nobody is told of it', async (_, request) => {
    const { guard, events } = await openScene({ apiKeys: { from } });
    const decision = await guard(request);
    expect(decision.allowed).toBe(false);
    expectSilent(decision, events, guard);
  });
});

describe('a bug', () => {
  test.each<[string, Partial<ApiKeyOptions>, unknown]>([
    ['a record that is none', {}, { id: 3, value: key }],
    ['a record that is a text', {}, key],
    ['a record with the key for its scopes', {}, { id: 'key_1', scopes: key }],
    ['a record with the key for its end', {}, { id: 'key_1', expiresAt: key }],
    ['wellFormed that answers the key', { wellFormed: (value) => value as never }, undefined],
  ])('%s: what is thrown does not show it', async (_, apiKeys, answer) => {
    const { guard, store, events } = await openScene({ apiKeys });
    store.answer = () => answer;
    const thrown: unknown = await guard(requestOf({ 'x-api-key': key })).catch((error) => error);
    expect(thrown).toBeInstanceOf(TypeError);
    expectSilent(thrown, events);
  });
});

/** The texts on the heap in which these parts stand joined by "_". */
async function onHeap(parts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const pattern = new RegExp(`${parts.join('_')}\\w*`, 'g');
  let rest = '';
  for await (const chunk of getHeapSnapshot()) {
    const text = rest + String(chunk);
    found.push(...(text.match(pattern) ?? []));
    rest = text.slice(-100);
  }
  return found.filter((text) => text !== parts.join('_'));
}

describe('what a guard holds', () => {
  const used = async (scene: Scene) => {
    for (const request of Object.values(requests)) await scene.guard(request);
    scene.store.asked.length = 0;
    return scene;
  };

  test('cannot be seen from outside, once keys were good, refused and on their way', async () => {
    const scene = await openScene({ apiKeys: { from } });
    await used(scene);
    scene.store.records.set(key, record);
    scene.clock.advance(10);
    await used(scene);
    const answer = deferred<undefined>();
    scene.clock.advance(60);
    scene.store.answer = () => answer.promise;
    const waiting = scene.guard(requestOf({ 'x-api-key': key }));
    scene.store.asked.length = 0;
    const { guard } = scene;
    expectSilent(guard, waiting, Object.getOwnPropertyDescriptors(guard));
    expectSilent(...Object.values(guard), Object.getOwnPropertySymbols(guard));
    answer.resolve(undefined);
    await waiting;
    expectSilent(guard, waiting);
  });

  test.runIf(inFull)(
    'is no key: once it is answered, none is anywhere in memory',
    async () => {
      const parts = ['sk', 'Hn5Wd8', 'Lc3Yt6', 'Gf9Pz2'];
      const joined = (name: string) => [...parts, name].join('_');
      const { guard } = await openScene({
        apiKeys: {
          timeout: 0.01,
          lookup: async ({ value }) => {
            if (value.endsWith('down')) throw new Error(value);
            if (value.endsWith('hanging')) return new Promise(() => {});
            return value.endsWith('good') ? { id: 'key_1' } : undefined;
          },
        },
      });
      for (const name of ['good', 'unknown', 'down', 'hanging']) {
        await guard(requestOf({ 'x-api-key': joined(name) }));
      }
      // V8 keeps the text that a pattern was last tried on.
      expect(/^b/.test('abc')).toBe(false);
      expect(await onHeap(parts)).toEqual([]);
    },
    30_000,
  );

  test('invalidating a key by its text is no way to learn of one', async () => {
    const { guard } = await used(await openScene({ apiKeys: { from } }));
    expect(await guard.invalidateApiKey(key)).toBeUndefined();
    expectSilent(guard, guard.counts());
  });
});
