import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type ApiKeyLookup, AuthError, UpstreamError } from '../../src/index.js';
import { deferred, down, hang, keyed, openScene, type Scene, settle } from './scene.js';

const key = 'sk_SECRET_0123456789';

/** Everything that anybody is told. */
const told = (...all: unknown[]) =>
  all
    .map((one) => inspect(one, { depth: Number.POSITIVE_INFINITY, showHidden: true }))
    .concat(JSON.stringify(all))
    .join('\n');

/** Refuses a key whose look-up fails, and shows what is said about it. */
async function expectOutage(scene: Scene, code: string): Promise<string | undefined> {
  const decision = await scene.guard(keyed(key));
  expect(decision).toMatchObject({
    allowed: false,
    error: { code, status: 503 },
    denial: {
      status: 503,
      headers: { 'Retry-After': '1' },
      body: { code: 'ERR_TEMPORARILY_UNAVAILABLE' },
    },
  });
  if (decision.allowed) return undefined;
  expect(decision.error).toBeInstanceOf(UpstreamError);
  expect(decision.denial.headers).not.toHaveProperty('WWW-Authenticate');
  const event = scene.events.at(-1);
  expect(event).toMatchObject({ outcome: 'error', status: 503, reason: code, method: 'api-key' });
  const { error } = decision;
  for (const secret of ['SECRET', 'secret word']) {
    expect(told(decision, scene.events, error.message, error.stack, error.cause)).not.toContain(
      secret,
    );
  }
  return event?.detail;
}

class PoolError extends Error {}
const nameless = Object.defineProperty(() => {}, 'name', { value: Symbol('secret word') });

/** What a store can throw, and what an operator is told of it: the class, and a code. */
const thrown: Record<string, readonly [unknown, string]> = {
  'an Error with the key in it': [new Error(`no ${key}: secret word`), 'Error'],
  'an Error of a class': [new PoolError(`select '${key}'`), 'PoolError'],
  'a TypeError': [new TypeError('secret word'), 'TypeError'],
  'an Error with a code': [
    Object.assign(new Error(key), { code: 'ECONNREFUSED' }),
    'Error ECONNREFUSED',
  ],
  'an Error with a code of SQL': [
    Object.assign(new Error(key), { code: '57P01', detail: `Key (key)=(${key})`, query: key }),
    'Error 57P01',
  ],
  'an Error with the key as its code': [Object.assign(new Error('x'), { code: key }), 'Error'],
  'an Error with a sentence as its code': [
    Object.assign(new Error('x'), { code: `no ${key}` }),
    'Error',
  ],
  'an Error with a cause': [new Error('x', { cause: new Error(key) }), 'Error'],
  'an AggregateError': [new AggregateError([new Error(key)], key), 'AggregateError'],
  'an AuthError': [new AuthError('ERR_API_KEY_UNKNOWN'), 'AuthError ERR_API_KEY_UNKNOWN'],
  'an UpstreamError': [
    new UpstreamError('ERR_JWKS_TIMEOUT', key, { retryAfter: 99, cause: key }),
    'UpstreamError ERR_JWKS_TIMEOUT',
  ],
  'our own error for a late answer': [
    new UpstreamError('ERR_LOOKUP_TIMEOUT', `no ${key}: secret word`, { cause: new Error(key) }),
    'ERR_LOOKUP_TIMEOUT',
  ],
  'a text': [key, ''],
  'a number': [500, ''],
  undefined: [undefined, 'undefined'],
  null: [null, 'null'],
  false: [false, ''],
  'an empty text': ['', ''],
  zero: [0, ''],
  NaN: [Number.NaN, ''],
  'an object': [{ message: key, key }, ''],
  'an object without a prototype': [Object.create(null), ''],
  'a function': [() => key, ''],
  'a symbol': [Symbol(key), ''],
  'a code that is no text': [Object.assign(new Error(), { code: Object.create(null) }), ''],
  'a code that cannot be read': [Object.defineProperty(new Error(), 'code', { get: down }), ''],
  'a class that cannot be named': [{ constructor: nameless }, ''],
  'what cannot be read at all': [new Proxy({}, { get: down, has: down }), ''],
};

describe('what a look-up throws is 503 and nothing more', () => {
  test.each(Object.entries(thrown))('%s', async (_, [error, words]) => {
    const ways: ApiKeyLookup[] = [
      () => Promise.reject(error),
      () => {
        throw error;
      },
      async () => {
        await settle();
        throw error;
      },
    ];
    for (const lookup of ways) {
      const scene = await openScene({ apiKeys: { lookup } });
      expect(await expectOutage(scene, 'ERR_LOOKUP_FAILED')).toContain(words);
    }
  });

  test('an answer that is late', async () => {
    const scene = await openScene({
      apiKeys: { timeout: 0.01, lookup: async () => hang() as never },
    });
    expect(await expectOutage(scene, 'ERR_LOOKUP_TIMEOUT')).toBe('no answer within 0.01 s');
  });

  test('a thenable that never settles, and one that throws', async () => {
    // biome-ignore lint/suspicious/noThenProperty: that is what is tried here
    const never = { then: () => {} };
    // biome-ignore lint/suspicious/noThenProperty: that is what is tried here
    const throwing = { then: down };
    const late = await openScene({ apiKeys: { timeout: 0.01, lookup: () => never as never } });
    await expectOutage(late, 'ERR_LOOKUP_TIMEOUT');
    const failed = await openScene({ apiKeys: { lookup: () => throwing as never } });
    await expectOutage(failed, 'ERR_LOOKUP_FAILED');
  });
});

describe('an outage', () => {
  test('is not remembered: the next request asks again', async () => {
    const { store, outcome } = await openScene();
    const { answer } = store;
    store.answer = down;
    expect(await outcome('sk_1')).toBe('503 ERR_LOOKUP_FAILED');
    expect(await outcome('sk_1')).toBe('503 ERR_LOOKUP_FAILED');
    store.answer = answer;
    expect(await outcome('sk_1')).toBe('allowed');
    expect(store.asked).toHaveLength(3);
  });

  test('is never taken for an unknown key, nor a key for one that none is needed for', async () => {
    const { store, outcome } = await openScene({ optional: true });
    store.answer = down;
    expect(await outcome('sk_0')).toBe('503 ERR_LOOKUP_FAILED');
    expect(await outcome('sk_0', { optional: true })).toBe('503 ERR_LOOKUP_FAILED');
  });

  test('ends what was refused before: after its time, that is 503 too', async () => {
    const { store, outcome, clock } = await openScene({
      apiKeys: { cache: { staleIfError: 3_600 } },
    });
    expect(await outcome('sk_disabled')).toBe('401 ERR_API_KEY_DISABLED');
    store.answer = down;
    clock.advance(9.999);
    expect(await outcome('sk_disabled')).toBe('401 ERR_API_KEY_DISABLED');
    clock.advance(0.001);
    expect(await outcome('sk_disabled')).toBe('503 ERR_LOOKUP_FAILED');
  });

  test('is told to everybody who waits for the same look-up', async () => {
    const { store, outcome } = await openScene({ apiKeys: { timeout: 0.01 } });
    store.answer = hang;
    const all = await Promise.all(Array.from({ length: 20 }, () => outcome('sk_1')));
    expect(new Set(all)).toEqual(new Set(['503 ERR_LOOKUP_TIMEOUT']));
    expect(store.asked).toEqual(['sk_1']);
  });
});

describe('what comes after the deadline', () => {
  test.each<[string, (late: ReturnType<typeof deferred>) => void]>([
    ['an answer', ({ resolve }) => resolve({ id: 'key_late' })],
    ['that there is no such key', ({ resolve }) => resolve(undefined)],
    ['what is no record', ({ resolve }) => resolve('late')],
    ['a failure', ({ reject }) => reject(new Error('late'))],
    ['a failure of nothing', ({ reject }) => reject(undefined)],
  ])('%s is not heard', async (_, end) => {
    const { store, outcome, events } = await openScene({ apiKeys: { timeout: 0.01 } });
    const late = deferred();
    store.answer = () => late.promise;
    expect(await outcome('sk_1')).toBe('503 ERR_LOOKUP_TIMEOUT');
    end(late);
    await settle();
    store.answer = () => ({ id: 'key_now' });
    expect(await outcome('sk_1')).toBe('allowed');
    expect(events.at(-1)?.keyId).toBe('key_now');
    expect(store.asked).toEqual(['sk_1', 'sk_1']);
  });

  test('an answer does not end the next look-up', async () => {
    // Long enough for the second one, on a busy machine too.
    const { store, outcome, events } = await openScene({ apiKeys: { timeout: 0.3 } });
    const [first, second] = [deferred(), deferred()];
    store.answer = () => first.promise;
    expect(await outcome('sk_1')).toBe('503 ERR_LOOKUP_TIMEOUT');
    store.answer = () => second.promise;
    const waiting = outcome('sk_1');
    first.resolve({ id: 'key_first' });
    await settle();
    second.resolve({ id: 'key_second' });
    expect(await waiting).toBe('allowed');
    expect(events.map(({ keyId }) => keyId)).toEqual([undefined, 'key_second']);
  });
});

test('a look-up on its way keeps no process alive', async () => {
  const alive = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
  const { store, outcome } = await openScene({ apiKeys: { timeout: 60 } });
  const answer = deferred<undefined>();
  store.answer = () => answer.promise;
  const before = alive();
  const waiting = Promise.all(Array.from({ length: 20 }, (_, i) => outcome(`sk_${i}`)));
  expect(alive()).toBe(before);
  answer.resolve(undefined);
  await waiting;
});

test('a guard that is closed goes on looking keys up', async () => {
  const { guard, outcome } = await openScene();
  await guard.close();
  expect(await outcome('sk_1')).toBe('allowed');
  expect(await outcome('sk_0')).toBe('401 ERR_API_KEY_UNKNOWN');
});
