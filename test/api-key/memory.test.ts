import { describe, expect, test } from 'vitest';
import type { ApiKeyCacheOptions } from '../../src/index.js';
import { atOnce, deferred, keyed, openScene, settle } from './scene.js';

const unknown = '401 ERR_API_KEY_UNKNOWN';
const disabled = '401 ERR_API_KEY_DISABLED';
const caching = (cache: ApiKeyCacheOptions) => openScene({ apiKeys: { cache } });

describe('a good key', () => {
  test.each<[string, ApiKeyCacheOptions, number]>([
    ['60 s by default', {}, 60],
    ['as long as ttl says', { ttl: 5 }, 5],
    ['a fraction of a second', { ttl: 0.25 }, 0.25],
    ['as long as ttl says, whatever negativeTtl says', { ttl: 5, negativeTtl: 0 }, 5],
  ])('is remembered for %s, and that long it outlives its end', async (_, cache, ttl) => {
    const { store, outcome, clock } = await caching(cache);
    expect(await outcome('sk_1')).toBe('allowed');
    store.records.delete('sk_1');
    clock.advance(ttl - 0.001);
    expect(await outcome('sk_1')).toBe('allowed');
    expect(store.asked).toEqual(['sk_1']);
    clock.advance(0.001);
    expect(await outcome('sk_1')).toBe(unknown);
    expect(store.asked).toEqual(['sk_1', 'sk_1']);
  });

  test('grows no older by being asked for, and no younger', async () => {
    const { store, outcome, clock } = await caching({});
    for (let second = 0; second < 60; second += 1) {
      expect(await outcome('sk_1')).toBe('allowed');
      clock.advance(1);
    }
    expect(store.asked).toHaveLength(1);
    expect(await outcome('sk_1')).toBe('allowed');
    expect(store.asked).toHaveLength(2);
  });

  test('is as old as its look-up: from when it was asked, not from when it was answered', async () => {
    const { store, outcome, clock } = await caching({});
    const answer = deferred();
    store.answer = () => answer.promise;
    const first = outcome('sk_1');
    clock.advance(4);
    answer.resolve({ id: 'key_1' });
    expect(await first).toBe('allowed');
    store.answer = () => undefined;
    clock.advance(55.999);
    expect(await outcome('sk_1')).toBe('allowed');
    clock.advance(0.001);
    expect(await outcome('sk_1')).toBe(unknown);
  });

  test('takes on what changed: scopes, client, organization', async () => {
    const { store, outcome, clock } = await caching({});
    expect(await outcome('sk_1', { scopes: ['b'] })).toBe('403 ERR_SCOPE_MISSING');
    store.records.set('sk_1', { id: 'key_1', orgId: 'org_2', scopes: ['b'] });
    expect(await outcome('sk_1', { scopes: ['b'] })).toBe('403 ERR_SCOPE_MISSING');
    clock.advance(60);
    expect(await outcome('sk_1', { scopes: ['b'], orgId: 'org_2' })).toBe('allowed');
  });

  test('that is disabled is refused after 60 s at most', async () => {
    const { store, outcome, clock } = await caching({});
    expect(await outcome('sk_1')).toBe('allowed');
    store.records.set('sk_1', { id: 'key_1', disabled: true });
    clock.advance(60);
    expect(await outcome('sk_1')).toBe(disabled);
    // From then on it is refused from memory.
    expect(await outcome('sk_1')).toBe(disabled);
    expect(store.asked).toHaveLength(2);
  });

  test('is not remembered at all with ttl 0', async () => {
    const { store, outcome } = await caching({ ttl: 0 });
    for (let i = 0; i < 3; i += 1) expect(await outcome('sk_1')).toBe('allowed');
    expect(store.asked).toHaveLength(3);
  });
});

describe('a refused key', () => {
  test.each<[string, ApiKeyCacheOptions, number]>([
    ['10 s by default', {}, 10],
    ['as long as negativeTtl says', { negativeTtl: 2 }, 2],
    ['at most 30 s', { negativeTtl: 30, ttl: 3_600 }, 30],
    ['as long as negativeTtl says, whatever ttl says', { negativeTtl: 2, ttl: 0 }, 2],
  ])('is remembered for %s', async (_, cache, ttl) => {
    for (const [key, outcomeBefore] of [
      ['sk_3', unknown],
      ['sk_disabled', disabled],
    ] as const) {
      const { store, outcome, clock } = await caching(cache);
      expect(await outcome(key)).toBe(outcomeBefore);
      store.records.set(key, { id: 'key_3' });
      clock.advance(ttl - 0.001);
      expect(await outcome(key)).toBe(outcomeBefore);
      expect(store.asked).toEqual([key]);
      clock.advance(0.001);
      expect(await outcome(key)).toBe('allowed');
      expect(store.asked).toEqual([key, key]);
    }
  });

  test('cannot be remembered for longer than 30 s', async () => {
    await expect(caching({ negativeTtl: 30.001 })).rejects.toThrow(
      /negativeTtl must be a number of seconds from 0 to 30; got 30\.001/,
    );
  });

  test('is not remembered at all with negativeTtl 0', async () => {
    const { store, outcome } = await caching({ negativeTtl: 0 });
    for (let i = 0; i < 3; i += 1) expect(await outcome('sk_0')).toBe(unknown);
    expect(store.asked).toHaveLength(3);
  });

  test('keeps its reason and its id while it is remembered', async () => {
    const { outcome, events } = await caching({});
    for (let i = 0; i < 3; i += 1) expect(await outcome('sk_disabled')).toBe(disabled);
    expect(events.map(({ keyId }) => keyId)).toEqual(Array(3).fill('key_disabled'));
  });
});

describe('a key that ends', () => {
  test('is refused from that moment on, though it is remembered', async () => {
    const { store, outcome, clock, events } = await caching({});
    const end = clock.time / 1000 + 5;
    store.records.set('sk_3', { id: 'key_3', expiresAt: end });
    clock.advance(4.999);
    expect(await outcome('sk_3')).toBe('allowed');
    clock.advance(0.001);
    expect(await outcome('sk_3')).toBe('401 ERR_API_KEY_EXPIRED');
    expect(events.at(-1)).toMatchObject({ reason: 'ERR_API_KEY_EXPIRED', keyId: 'key_3' });
    expect(store.asked).toHaveLength(1);
  });

  test.each([0, -1, -1e11])('may have ended at %d', async (expiresAt) => {
    const { store, outcome } = await caching({});
    store.records.set('sk_3', { id: 'key_3', expiresAt });
    expect(await outcome('sk_3')).toBe('401 ERR_API_KEY_EXPIRED');
  });

  test('has no tolerance: on its second it is over', async () => {
    const { store, outcome, clock } = await openScene({ clockTolerance: 300 });
    store.records.set('sk_3', { id: 'key_3', expiresAt: clock.time / 1000 });
    store.records.set('sk_4', { id: 'key_4', expiresAt: clock.time / 1000 + 0.001 });
    expect(await outcome('sk_3')).toBe('401 ERR_API_KEY_EXPIRED');
    expect(await outcome('sk_4')).toBe('allowed');
  });

  test('that is given a later end passes again', async () => {
    const { store, outcome, clock } = await caching({});
    store.records.set('sk_3', { id: 'key_3', expiresAt: clock.time / 1000 });
    expect(await outcome('sk_3')).toBe('401 ERR_API_KEY_EXPIRED');
    store.records.set('sk_3', { id: 'key_3', expiresAt: clock.time / 1000 + 60 });
    clock.advance(10);
    expect(await outcome('sk_3')).toBe('allowed');
  });
});

describe('a clock that is set back', () => {
  test.each(['sk_1', 'sk_0', 'sk_disabled'])('makes what is held of %s old', async (key) => {
    const { store, outcome, clock } = await caching({});
    const before = await outcome(key);
    clock.advance(-3_600);
    expect(await outcome(key)).toBe(before);
    expect(store.asked).toHaveLength(2);
    // Then it is young by the new clock.
    clock.advance(9);
    expect(await outcome(key)).toBe(before);
    expect(store.asked).toHaveLength(2);
  });

  test('does not bring back a refusal that was over', async () => {
    const { store, outcome, clock } = await caching({ ttl: 1, negativeTtl: 10 });
    expect(await outcome('sk_3')).toBe(unknown);
    store.records.set('sk_3', { id: 'key_3' });
    clock.advance(10);
    expect(await outcome('sk_3')).toBe('allowed');
    clock.advance(-5);
    expect(await outcome('sk_3')).toBe('allowed');
  });

  test('and is set forth again keeps nothing for longer', async () => {
    const { store, outcome, clock } = await caching({});
    expect(await outcome('sk_1')).toBe('allowed');
    clock.advance(-1_000);
    clock.advance(1_060);
    store.records.delete('sk_1');
    expect(await outcome('sk_1')).toBe(unknown);
  });
});

describe('bounds', () => {
  test('max: with room for one good key, two keys take turns', async () => {
    const { store, outcome } = await caching({ max: 1 });
    for (let i = 0; i < 3; i += 1) {
      for (const key of ['sk_1', 'sk_2']) expect(await outcome(key)).toBe('allowed');
    }
    expect(store.asked).toHaveLength(6);
    expect(await outcome('sk_2')).toBe('allowed');
    expect(store.asked).toHaveLength(6);
  });

  test('max: the key that was not used for longest makes room', async () => {
    const { store, outcome } = await caching({ max: 2 });
    store.records.set('sk_3', { id: 'key_3' });
    for (const key of ['sk_1', 'sk_2', 'sk_1', 'sk_3', 'sk_1']) {
      expect(await outcome(key)).toBe('allowed');
    }
    expect(store.asked).toEqual(['sk_1', 'sk_2', 'sk_3']);
    expect(await outcome('sk_2')).toBe('allowed');
    expect(store.asked).toHaveLength(4);
  });

  test('negativeMax: refused keys make room for refused ones, never a good one', async () => {
    const { store, outcome } = await caching({ max: 1, negativeMax: 1 });
    expect(await outcome('sk_1')).toBe('allowed');
    for (const key of ['sk_x', 'sk_y', 'sk_x']) expect(await outcome(key)).toBe(unknown);
    expect(await outcome('sk_x')).toBe(unknown);
    expect(await outcome('sk_1')).toBe('allowed');
    expect(store.asked).toEqual(['sk_1', 'sk_x', 'sk_y', 'sk_x']);
  });

  test.each([
    [1, 3],
    [3, 1],
  ])('max %i and negativeMax %i are two limits', async (max, negativeMax) => {
    const { store, outcome } = await caching({ max, negativeMax });
    const [good, bad] = [
      ['sk_a', 'sk_b', 'sk_c'],
      ['sk_x', 'sk_y', 'sk_z'],
    ] as const;
    for (const key of good) store.records.set(key, { id: key });
    for (const key of [...good, ...bad]) await outcome(key);
    store.asked.length = 0;
    // The youngest first, so that asking again displaces none that is still to come.
    for (const key of [...good.toReversed(), ...bad.toReversed()]) await outcome(key);
    expect(store.asked).toEqual(max < negativeMax ? ['sk_b', 'sk_a'] : ['sk_y', 'sk_x']);
  });

  test('good keys never make room for a refused one to be asked again', async () => {
    const { store, outcome } = await caching({ max: 1, negativeMax: 1 });
    expect(await outcome('sk_0')).toBe(unknown);
    for (const key of ['sk_1', 'sk_2']) expect(await outcome(key)).toBe('allowed');
    expect(await outcome('sk_0')).toBe(unknown);
    expect(store.asked).toEqual(['sk_0', 'sk_1', 'sk_2']);
  });

  test('a key that turns from good to refused and back is remembered as one of them', async () => {
    const { store, outcome, clock } = await caching({ ttl: 60, negativeTtl: 10 });
    expect(await outcome('sk_1')).toBe('allowed');
    const record = store.records.get('sk_1');
    store.records.delete('sk_1');
    clock.advance(60);
    expect(await outcome('sk_1')).toBe(unknown);
    store.records.set('sk_1', record);
    clock.advance(10);
    expect(await outcome('sk_1')).toBe('allowed');
    store.records.delete('sk_1');
    // The refusal of before is gone: only the good answer is held.
    clock.advance(59.999);
    expect(await outcome('sk_1')).toBe('allowed');
    expect(store.asked).toHaveLength(3);
  });
});

describe('many at once', () => {
  test.each([
    ['a good key', 'sk_1', 'allowed'],
    ['an unknown key', 'sk_0', unknown],
  ])('1000 requests with %s are one look-up', async (_, key, result) => {
    for (const cache of [{}, { ttl: 0, negativeTtl: 0 }]) {
      const { store, outcome } = await caching(cache);
      expect(await atOnce(1_000, () => outcome(key))).toEqual([result]);
      expect(store.asked).toEqual([key]);
    }
  });

  test('different keys are looked up apart, and none gets another’s answer', async () => {
    const { store, guard } = await caching({});
    store.answer = async (value) => {
      await settle();
      return { id: `key_${value}` };
    };
    const ids = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const decision = await guard(keyed(`sk_${i % 100}`));
        return decision.allowed && decision.principal?.key?.id;
      }),
    );
    expect(ids).toEqual(Array.from({ length: 300 }, (_, i) => `key_sk_${i % 100}`));
    expect(store.asked).toHaveLength(100);
  });

  test('more than 1000 look-ups at once are 503, and afterwards all is well', async () => {
    const { store, outcome, bearing, outcomeOf, events } = await caching({});
    expect(await outcome('sk_1')).toBe('allowed');
    const answer = deferred<undefined>();
    store.answer = () => answer.promise;
    const waiting = Array.from({ length: 1_000 }, (_, i) => outcome(`sk_x${i}`));
    await settle();
    expect(await outcome('sk_more')).toBe('503 ERR_LOOKUP_BUSY');
    expect(await outcome('sk_more')).toBe('503 ERR_LOOKUP_BUSY');
    expect(events.at(-1)).toMatchObject({ outcome: 'error', reason: 'ERR_LOOKUP_BUSY' });
    expect(store.asked).not.toContain('sk_more');
    // What waits already, what is remembered and what is a token never notices.
    waiting.push(outcome('sk_x7'));
    expect(await outcome('sk_1')).toBe('allowed');
    expect(await outcomeOf(await bearing())).toBe('allowed');
    answer.resolve(undefined);
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([unknown]));
    expect(store.asked).toHaveLength(1_001);
    expect(await outcome('sk_more')).toBe(unknown);
    expect(await atOnce(1_000, (i) => outcome(`sk_y${i}`))).toEqual([unknown]);
  });

  test('look-ups that fail make room for others at once', async () => {
    const { store, outcome } = await openScene();
    const { answer } = store;
    store.answer = () => Promise.reject(new Error());
    expect(await atOnce(1_000, (i) => outcome(`sk_x${i}`))).toEqual(['503 ERR_LOOKUP_FAILED']);
    store.answer = answer;
    expect(await outcome('sk_1')).toBe('allowed');
  });

  test('those that are late count until they have ended, however often they were given up', async () => {
    const { store, outcome } = await openScene({ apiKeys: { timeout: 0.01 } });
    expect(await outcome('sk_1')).toBe('allowed');
    const { answer } = store;
    const late = deferred<undefined>();
    let underWay = 0;
    store.answer = () => {
      underWay += 1;
      return late.promise;
    };
    expect(await atOnce(1_000, (i) => outcome(`sk_x${i}`))).toEqual(['503 ERR_LOOKUP_TIMEOUT']);
    for (let round = 0; round < 3; round += 1) {
      const more = await atOnce(1_000, (i) => outcome(`sk_y${round}_${i}`));
      expect(more).toEqual(['503 ERR_LOOKUP_BUSY']);
    }
    expect(underWay).toBe(1_000);
    expect(await outcome('sk_1')).toBe('allowed');
    store.answer = answer;
    expect(await outcome('sk_2')).toBe('503 ERR_LOOKUP_BUSY');
    late.resolve(undefined);
    await settle();
    expect(await outcome('sk_2')).toBe('allowed');
  });
});
