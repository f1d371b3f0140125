import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { KeyLookup } from '../../src/index.js';
import { createApiKey, hmacSha256, type KeyHash, legacyHash, sha256 } from '../../src/keys.js';
import { redisKeys, redisPlan, storeRedisKey } from '../../src/redis.js';
import {
  type Connection,
  openRedis,
  type RedisServer,
  redisClients,
  redisPrograms,
  watch,
} from './redis-server.js';
import { describeWith } from './service.js';

const ask = (lookup: KeyLookup, value: string) => lookup({ value, sha256: sha256.digest(value) });
const prefix = 'sallyport:key:';

describeWith(redisPrograms, 'Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await openRedis();
  });
  afterAll(() => server?.close());

  describe.each(Object.entries(redisClients))('by %s', (_, connect) => {
    let redis: Connection;
    beforeAll(async () => {
      redis = await connect(server.port);
    });
    afterAll(() => redis?.close());
    beforeEach(() => redis.send('FLUSHALL'));

    const stored = async () => ((await redis.send('KEYS', '*')) as string[]).sort();
    const at = (hash: KeyHash, value: string) => prefix + hash.digest(value);

    describe('redisKeys', () => {
      test('finds what storeRedisKey stored, and nothing else', async () => {
        const { key, digest } = createApiKey({ prefix: 'acme' });
        const record = {
          id: 'key_1',
          clientId: 'billing',
          orgId: 'org_1',
          subject: 'user_1',
          scopes: ['a', 'b'],
          expiresAt: 1_893_456_000,
          disabled: false,
          environment: 'live',
          createdBy: 'ann',
        };
        await storeRedisKey(redis.client, { ...record, digest });
        expect(await stored()).toEqual([prefix + digest]);
        expect(await redis.send('GET', prefix + digest)).toBe(JSON.stringify(record));
        const lookup = redisKeys(redis.client);
        expect(await ask(lookup, key)).toEqual(record);
        expect(await ask(lookup, digest)).toBeUndefined();
        await storeRedisKey(redis.client, { id: 'key_1', disabled: true, digest });
        expect(await ask(lookup, key)).toEqual({ id: 'key_1', disabled: true });
        await redis.send('DEL', prefix + digest);
        expect(await ask(lookup, key)).toBeUndefined();
      });

      test('looks under another prefix if it is told to', async () => {
        const key = { id: 'key_1', digest: sha256.digest('one') };
        const options = { prefix: '{keys}:' };
        await storeRedisKey(redis.client, key, options);
        expect(await stored()).toEqual([`{keys}:${key.digest}`]);
        expect(await ask(redisKeys(redis.client, options), 'one')).toEqual({ id: 'key_1' });
        expect(await ask(redisKeys(redis.client), 'one')).toBeUndefined();
      });

      test.each(['{"id":"a secret"', 'a secret', '"a secret"', '["a secret"]', 'null', '7', ''])(
        'throws for %s, and shows nothing of it',
        async (text) => {
          await redis.send('SET', at(sha256, 'one'), text);
          const error = await ask(redisKeys(redis.client), 'one').catch((one: unknown) => one);
          expect(error).toBeInstanceOf(TypeError);
          expect(inspect(error)).toMatch(/redisKeys: what is stored for a key is/);
          for (const shown of ['a secret', sha256.digest('one')]) {
            expect(inspect(error)).not.toContain(shown);
          }
        },
      );

      test('finds nothing where there is no text', async () => {
        await redis.send('HSET', at(sha256, 'one'), 'id', 'key_1');
        expect(await ask(redisKeys(redis.client), 'one')).toBeUndefined();
      });

      test('throws for a key that is stored twice', async () => {
        const old = legacyHash('md5');
        for (const hash of [sha256, old]) {
          await storeRedisKey(redis.client, { id: 'key_1', digest: hash.digest('one') });
        }
        const lookup = redisKeys(redis.client, { hashes: [sha256, old] });
        await expect(ask(lookup, 'one')).rejects.toThrow('the same key is stored 2 times');
        expect(await ask(redisKeys(redis.client, { hashes: [old, old] }), 'one')).toEqual({
          id: 'key_1',
        });
      });
    });

    describe('re-hashing', () => {
      const pepper = hmacSha256('the first pepper');
      const schemes: readonly KeyHash[] = [
        pepper,
        legacyHash('md5'),
        legacyHash('sha1', { prefix: 'salt' }),
        legacyHash('sha384', { suffix: 'salt' }),
        legacyHash('sha512', { encoding: 'base64' }),
        legacyHash('sha512-256', { encoding: 'base64url' }),
        { name: 'own', digest: (value) => `v1$${sha256.digest(`tenant\0${value}`)}` },
      ];

      test('brings every scheme to the first one', async () => {
        const today = sha256;
        const names = schemes.map(({ name }) => name);
        for (const hash of schemes) {
          await storeRedisKey(redis.client, { id: hash.name, digest: hash.digest(hash.name) });
        }
        const { client, renames } = watch(redis.client);
        const lookup = redisKeys(client, { hashes: [today, ...schemes] });
        for (const id of names) expect(await ask(lookup, id)).toEqual({ id });
        expect(await renames()).toEqual(names.map(() => 'done'));
        expect(await stored()).toEqual(names.map((name) => at(today, name)).sort());
        for (const id of names) expect(await ask(redisKeys(client), id)).toEqual({ id });
        expect(await renames()).toEqual([]);
      });

      test('lets a pepper be rotated, and keeps the time to live', async () => {
        await storeRedisKey(redis.client, { id: 'key_1', digest: pepper.digest('one') });
        await redis.send('EXPIREAT', at(pepper, 'one'), '4102444800');
        const today = hmacSha256('the second pepper');
        const { client, renames } = watch(redis.client);
        expect(await ask(redisKeys(client, { hashes: [today, pepper] }), 'one')).toEqual({
          id: 'key_1',
        });
        expect(await renames()).toEqual(['done']);
        expect(await redis.send('EXPIRETIME', at(today, 'one'))).toBe(4_102_444_800);
        expect(await ask(redisKeys(client, { hashes: [pepper] }), 'one')).toBeUndefined();
        expect(await ask(redisKeys(client, { hashes: [today] }), 'one')).toEqual({ id: 'key_1' });
      });

      test.each([
        ['is disabled', { disabled: true }, {}],
        ['has expired', { expiresAt: 1 }, {}],
        ['is good, where it is off', {}, { rehash: false }],
      ])('leaves a key alone that %s', async (_, record, options) => {
        await storeRedisKey(redis.client, { id: 'key_1', ...record, digest: pepper.digest('one') });
        const { client, renames } = watch(redis.client);
        const lookup = redisKeys(client, { hashes: [sha256, pepper], ...options });
        expect(await ask(lookup, 'one')).toEqual({ id: 'key_1', ...record });
        expect(await renames()).toEqual([]);
        expect(await stored()).toEqual([at(pepper, 'one')]);
      });

      test('of one key by many at once harms nobody', async () => {
        await storeRedisKey(redis.client, { id: 'key_1', digest: pepper.digest('one') });
        const { client, renames } = watch(redis.client);
        const lookup = redisKeys(client, { hashes: [sha256, pepper] });
        const all = await Promise.all(Array.from({ length: 30 }, () => ask(lookup, 'one')));
        expect(all).toEqual(all.map(() => ({ id: 'key_1' })));
        expect(await renames()).toContain('done');
        expect(await stored()).toEqual([at(sha256, 'one')]);
      });

      test('does not take place on a replica, and look-ups go on', async () => {
        await storeRedisKey(redis.client, { id: 'key_1', digest: pepper.digest('one') });
        await storeRedisKey(redis.client, { id: 'key_2', digest: sha256.digest('two') });
        const replica = await openRedis(server);
        const reading = await connect(replica.port);
        try {
          const { client, renames } = watch(reading.client);
          const lookup = redisKeys(client, { hashes: [sha256, pepper] });
          for (let i = 0; i < 3; i += 1) {
            expect(await ask(lookup, 'one')).toEqual({ id: 'key_1' });
            expect(await ask(lookup, 'two')).toEqual({ id: 'key_2' });
            expect(await renames()).toEqual([expect.stringMatching(/^READONLY/)]);
          }
          const untouched = [at(pepper, 'one'), at(sha256, 'two')].sort();
          expect(((await reading.send('KEYS', '*')) as string[]).sort()).toEqual(untouched);
          expect(await stored()).toEqual(untouched);
        } finally {
          reading.close();
          await replica.close();
        }
      });
    });

    describe('redisPlan', () => {
      test('answers the text that is there now', async () => {
        const source = redisPlan(redis.client);
        for (const plan of ['{"mode":"dual"}', '{"mode":"token-only","guide":"§"}', '']) {
          await redis.send('SET', 'sallyport:plan', plan);
          expect(await source.load()).toBe(plan);
        }
      });

      test('throws where nothing is, and says where', async () => {
        const source = redisPlan(redis.client, { key: 'acme:plan' });
        await expect(source.load()).rejects.toThrow('redisPlan: nothing is at "acme:plan"');
        await redis.send('HSET', 'acme:plan', 'mode', 'dual');
        await expect(source.load()).rejects.toThrow(/WRONGTYPE/);
      });
    });
  });
});
