import { describe, expect, test } from 'vitest';
import { inMemoryApiKeys, legacyHash, sha256 } from '../../src/api-keys.js';
import type { ApiKeyCacheOptions, ApiKeyLookup } from '../../src/index.js';
import { deferred, down, hang, keyed, openScene, type SceneOptions, settle } from './scene.js';

const old = legacyHash('sha1');

/** A guard that has seen sk_1, and whose store broke when that was this many seconds old. */
async function openBroken(
  age: number,
  { cache = {}, timeout = 5 }: { cache?: ApiKeyCacheOptions; timeout?: number } = {},
  answer: () => unknown = down,
  more: SceneOptions = {},
) {
  const scene = await openScene({
    ...more,
    apiKeys: { timeout, cache: { staleIfError: 3_600, ...cache } },
  });
  expect(await scene.outcome('sk_1')).toBe('allowed');
  const well = scene.store.answer;
  scene.clock.advance(age);
  scene.store.answer = answer;
  return {
    ...scene,
    heal: () => {
      scene.store.answer = well;
    },
  };
}

describe('while the store is down', () => {
  test('a key that is remembered goes on until staleIfError, and then it is 503', async () => {
    const { outcome, clock } = await openBroken(60);
    expect(await outcome('sk_1')).toBe('allowed');
    clock.advance(3_539.999);
    expect(await outcome('sk_1')).toBe('allowed');
    clock.advance(0.001);
    expect(await outcome('sk_1')).toBe('503 ERR_LOOKUP_FAILED');
  });

  test('by default nothing goes on: after its ttl a key is 503', async () => {
    const { outcome, store } = await openBroken(60, { cache: { staleIfError: 0 } });
    expect(await outcome('sk_1')).toBe('503 ERR_LOOKUP_FAILED');
    expect(store.asked).toHaveLength(2);
    const plain = await openScene();
    expect(await plain.outcome('sk_1')).toBe('allowed');
    plain.store.answer = down;
    plain.clock.advance(59.999);
    expect(await plain.outcome('sk_1')).toBe('allowed');
    plain.clock.advance(0.001);
    expect(await plain.outcome('sk_1')).toBe('503 ERR_LOOKUP_FAILED');
  });

  test('a staleIfError under ttl shortens no ttl, and lengthens none', async () => {
    const { outcome, clock } = await openBroken(59.999, { cache: { staleIfError: 10 } });
    expect(await outcome('sk_1')).toBe('allowed');
    clock.advance(0.001);
    expect(await outcome('sk_1')).toBe('503 ERR_LOOKUP_FAILED');
  });

  test('staleIfError works without a ttl', async () => {
    const { outcome, clock } = await openBroken(0, { cache: { ttl: 0, staleIfError: 60 } });
    expect(await outcome('sk_1')).toBe('allowed');
    clock.advance(60);
    expect(await outcome('sk_1')).toBe('503 ERR_LOOKUP_FAILED');
  });

  test('a key that nobody has seen is 503, and so is one that was refused', async () => {
    const { outcome, clock, heal, store } = await openBroken(60);
    expect(await outcome('sk_2')).toBe('503 ERR_LOOKUP_FAILED');
    heal();
    expect(await outcome('sk_disabled')).toBe('401 ERR_API_KEY_DISABLED');
    store.answer = down;
    clock.advance(10);
    expect(await outcome('sk_disabled')).toBe('503 ERR_LOOKUP_FAILED');
  });

  test('a key ends when it ends', async () => {
    const scene = await openScene({ apiKeys: { cache: { staleIfError: 3_600 } } });
    const expiresAt = scene.clock.time / 1000 + 100;
    scene.store.records.set('sk_3', { id: 'key_3', expiresAt });
    expect(await scene.outcome('sk_3')).toBe('allowed');
    scene.store.answer = down;
    scene.clock.advance(99.999);
    expect(await scene.outcome('sk_3')).toBe('allowed');
    scene.clock.advance(0.001);
    expect(await scene.outcome('sk_3')).toBe('401 ERR_API_KEY_EXPIRED');
  });

  test('a key that was forgotten does not go on', async () => {
    const { outcome, guard } = await openBroken(60);
    expect(await outcome('sk_1')).toBe('allowed');
    await guard.invalidateApiKey('key_1');
    expect(await outcome('sk_1')).toBe('503 ERR_LOOKUP_FAILED');
  });

  test('nor one that is forgotten while it is looked up', async () => {
    const answer = deferred();
    const { outcome, guard } = await openBroken(60, {}, () => answer.promise);
    const waiting = outcome('sk_1');
    await guard.invalidateApiKey('key_1');
    answer.reject(new Error('the store is down'));
    expect(await waiting).toBe('503 ERR_LOOKUP_FAILED');
  });

  test('nor any by a clock that was set back behind its look-up', async () => {
    const { outcome, clock } = await openBroken(60);
    expect(await outcome('sk_1')).toBe('allowed');
    clock.advance(-61);
    expect(await outcome('sk_1')).toBe('503 ERR_LOOKUP_FAILED');
  });

  test('nor one of which a store of ours says what cannot be used: that is no outage', async () => {
    const lookups = [
      inMemoryApiKeys([{ id: 'key_1', digest: sha256.digest('sk_1') }]),
      inMemoryApiKeys(
        [
          { id: 'key_1', digest: sha256.digest('sk_1') },
          { id: 'key_2', digest: old.digest('sk_1'), disabled: true },
        ],
        { hashes: [sha256, old] },
      ),
      down,
    ];
    let at = 0;
    const lookup: ApiKeyLookup = async (key) => (lookups[at] as ApiKeyLookup)(key);
    const { outcome, clock, events } = await openScene({
      apiKeys: { lookup, cache: { staleIfError: 3_600 } },
    });
    expect(await outcome('sk_1')).toBe('allowed');
    clock.advance(60);
    for (at = 1; at < lookups.length; at += 1) {
      expect(await outcome('sk_1')).toBe('503 ERR_LOOKUP_FAILED');
    }
    expect(events[1]?.detail).toContain('ERR_KEY_TWICE: inMemoryApiKeys: ');
  });

  test('the requirements of the route still hold', async () => {
    const { outcome } = await openBroken(60);
    expect(await outcome('sk_1', { scopes: ['admin'] })).toBe('403 ERR_SCOPE_MISSING');
    expect(await outcome('sk_1', { orgId: 'org_2' })).toBe('403 ERR_ORG_MISMATCH');
  });

  test('1000 other keys that wait do not end what is remembered', async () => {
    const { outcome } = await openBroken(60, { timeout: 0.05 }, hang);
    const waiting = Array.from({ length: 1_000 }, (_, i) => outcome(`sk_x${i}`));
    expect(await outcome('sk_1')).toBe('allowed');
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['503 ERR_LOOKUP_TIMEOUT']));
  });
});

describe('while the store hangs', () => {
  const timeout = 0.02;

  test('only the first request waits for it, and the next use what is held', async () => {
    const { outcome, store, clock } = await openBroken(60, { timeout }, hang);
    expect(await outcome('sk_1')).toBe('allowed');
    expect(store.asked).toHaveLength(2);
    for (let i = 0; i < 100; i += 1) expect(await outcome('sk_1')).toBe('allowed');
    clock.advance(timeout - 0.001);
    expect(await outcome('sk_1')).toBe('allowed');
    expect(store.asked).toHaveLength(2);
    clock.advance(0.001);
    expect(await outcome('sk_1')).toBe('allowed');
    expect(store.asked).toHaveLength(3);
  });

  test('all who come at once wait for one look-up, and all go on', async () => {
    const { outcome, store } = await openBroken(60, { timeout }, hang);
    const all = await Promise.all(Array.from({ length: 50 }, () => outcome('sk_1')));
    expect(new Set(all)).toEqual(new Set(['allowed']));
    expect(store.asked).toHaveLength(2);
  });

  test('while one request asks again, the others go on with what is held', async () => {
    const { outcome, store, clock } = await openBroken(60);
    expect(await outcome('sk_1')).toBe('allowed');
    clock.advance(5);
    const answer = deferred();
    store.answer = () => answer.promise;
    const first = outcome('sk_1');
    expect(await Promise.race([outcome('sk_1'), settle()])).toBe('allowed');
    answer.resolve({ id: 'key_1' });
    expect(await first).toBe('allowed');
    expect(store.asked).toHaveLength(3);
  });

  test('tokens never notice', async () => {
    const { outcome, outcomeOf, bearing } = await openBroken(60, { timeout: 0.05 }, hang);
    const waiting = outcome('sk_2');
    expect(await outcomeOf(await bearing())).toBe('allowed');
    expect(await outcomeOf(await bearing({ scopes: ['a'] }), { scopes: ['a'] })).toBe('allowed');
    expect(await outcomeOf(await bearing({ wrongKey: true }))).toBe('401 ERR_TOKEN_SIGNATURE');
    expect(await waiting).toBe('503 ERR_LOOKUP_TIMEOUT');
    expect(await outcomeOf(await bearing())).toBe('allowed');
  });
});

test('while nothing is amiss, nobody goes on with what is old: all wait for the answer', async () => {
  const answer = deferred<undefined>();
  const { outcome, store } = await openBroken(60, {}, () => answer.promise);
  const waiting = [outcome('sk_1'), outcome('sk_1')];
  await settle();
  waiting.push(outcome('sk_1'));
  answer.resolve(undefined);
  expect(await Promise.all(waiting)).toEqual(Array(3).fill('401 ERR_API_KEY_UNKNOWN'));
  expect(store.asked).toHaveLength(2);
});

describe('when the store comes back', () => {
  test('a revocation is seen as soon as it is asked again', async () => {
    const { outcome, store, clock, heal } = await openBroken(60, { timeout: 5 });
    expect(await outcome('sk_1')).toBe('allowed');
    store.records.set('sk_1', { id: 'key_1', disabled: true });
    heal();
    clock.advance(4.999);
    expect(await outcome('sk_1')).toBe('allowed');
    clock.advance(0.001);
    expect(await outcome('sk_1')).toBe('401 ERR_API_KEY_DISABLED');
    // From then on no outage brings it back.
    store.answer = down;
    expect(await outcome('sk_1')).toBe('401 ERR_API_KEY_DISABLED');
    clock.advance(10);
    expect(await outcome('sk_1')).toBe('503 ERR_LOOKUP_FAILED');
  });

  test.each([
    ['deleted', undefined, '401 ERR_API_KEY_UNKNOWN'],
    ['disabled', { id: 'key_1', disabled: true }, '401 ERR_API_KEY_DISABLED'],
    ['ended', { id: 'key_1', expiresAt: 1 }, '401 ERR_API_KEY_EXPIRED'],
  ])('a key that was %s is not used as a stale one', async (_, record, refused) => {
    const { outcome, store, heal } = await openBroken(60);
    heal();
    store.records.set('sk_1', record);
    expect(await outcome('sk_1')).toBe(refused);
    store.answer = down;
    expect(await outcome('sk_1')).toBe(refused);
  });

  test('a key that is still good is young again', async () => {
    const { outcome, store, clock, heal } = await openBroken(3_000);
    expect(await outcome('sk_1')).toBe('allowed');
    heal();
    clock.advance(5);
    expect(await outcome('sk_1')).toBe('allowed');
    expect(store.asked).toHaveLength(3);
    store.answer = down;
    clock.advance(3_599.999);
    expect(await outcome('sk_1')).toBe('allowed');
    clock.advance(0.001);
    expect(await outcome('sk_1')).toBe('503 ERR_LOOKUP_FAILED');
  });

  test('an invalidation is seen at once, whatever was to be waited for', async () => {
    const { outcome, store, guard, heal } = await openBroken(60);
    expect(await outcome('sk_1')).toBe('allowed');
    heal();
    store.records.set('sk_1', { id: 'key_1', disabled: true });
    await guard.invalidateApiKey('key_1');
    expect(await outcome('sk_1')).toBe('401 ERR_API_KEY_DISABLED');
  });

  test('what is no record is a bug at every request, and nothing is used in its place', async () => {
    const { guard, outcome, store, clock } = await openBroken(60);
    expect(await outcome('sk_1')).toBe('allowed');
    clock.advance(5);
    store.answer = () => ({ id: 'key_1', disabled: 'true' });
    for (let i = 0; i < 3; i += 1) {
      await expect(guard(keyed('sk_1'))).rejects.toThrow(/whose disabled /);
    }
  });

  test('nor in the place of the next that comes, while one asks', async () => {
    const { guard, store } = await openBroken(60, {}, () => 'no record');
    await expect(guard(keyed('sk_1'))).rejects.toThrow(TypeError);
    const both = await Promise.allSettled([guard(keyed('sk_1')), guard(keyed('sk_1'))]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(store.asked).toHaveLength(3);
  });

  test('a clock that is set back does not put that off', async () => {
    const { outcome, store, clock, heal } = await openBroken(1_800, { timeout: 5 });
    expect(await outcome('sk_1')).toBe('allowed');
    heal();
    store.records.delete('sk_1');
    clock.advance(-900);
    expect(await outcome('sk_1')).toBe('401 ERR_API_KEY_UNKNOWN');
  });

  test('an answer that comes too late does not make a key young', async () => {
    const late = deferred();
    const { outcome, clock, store } = await openBroken(60, { timeout: 0.01 }, () => late.promise);
    expect(await outcome('sk_1')).toBe('allowed');
    late.resolve({ id: 'key_late', scopes: ['admin'] });
    await settle();
    expect(await outcome('sk_1', { scopes: ['admin'] })).toBe('403 ERR_SCOPE_MISSING');
    store.answer = down;
    clock.advance(3_540);
    expect(await outcome('sk_1')).toBe('503 ERR_LOOKUP_FAILED');
  });
});
