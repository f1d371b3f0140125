import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createApiKey, hmacSha256, type KeyHash, legacyHash, sha256 } from '../../src/api-keys.js';
import type { ApiKeyLookup } from '../../src/index.js';
import { deleteRedisApiKey, redisApiKeys, redisPlan, storeRedisApiKey } from '../../src/redis.js';
import {
  type Connection,
  openRedis,
  type RedisServer,
  redisClients,
  redisPrograms,
  watch,
} from './redis-server.js';
import { describeWith, until } from './service.js';

const ask = (lookup: ApiKeyLookup, value: string) =>
  lookup({ value, sha256: sha256.digest(value) });
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

    describe('redisApiKeys', () => {
      test('finds what storeRedisApiKey stored, and nothing else', async () => {
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
        await storeRedisApiKey(redis.client, { ...record, digest });
        expect(await stored()).toEqual([prefix + digest]);
        expect(await redis.send('GET', prefix + digest)).toBe(JSON.stringify(record));
        const lookup = redisApiKeys(redis.client);
        expect(await ask(lookup, key)).toEqual(record);
        expect(await ask(lookup, digest)).toBeUndefined();
        await storeRedisApiKey(redis.client, { id: 'key_1', disabled: true, digest });
        expect(await ask(lookup, key)).toEqual({ id: 'key_1', disabled: true });
        await redis.send('DEL', prefix + digest);
        expect(await ask(lookup, key)).toBeUndefined();
      });

      test('looks under another prefix if it is told to', async () => {
        const key = { id: 'key_1', digest: sha256.digest('one') };
        const options = { prefix: '{keys}:' };
        await storeRedisApiKey(redis.client, key, options);
        expect(await stored()).toEqual([`{keys}:${key.digest}`]);
        expect(await ask(redisApiKeys(redis.client, options), 'one')).toEqual({ id: 'key_1' });
        expect(await ask(redisApiKeys(redis.client), 'one')).toBeUndefined();
      });

      test.each([
        ...['{"id":"a secret"', 'a secret', '"a secret"', '["a secret"]', 'null', '7', ''],
        '{"id":"a secret"} and more',
        '{"id":"a secret","disabled":true,"disabled":false}',
        '{"id":"a secret","__proto__":{"disabled":false}}',
        '{"id":"key_1","revoked":true}',
        '{"id":"key_1","Disabled":true}',
        '{"id":"key_1","expiresAt":"a secret"}',
        '{"clientId":"a secret"}',
      ])('throws for %s, and shows nothing of it', async (text) => {
        await redis.send('SET', at(sha256, 'one'), text);
        const error = await ask(redisApiKeys(redis.client), 'one').catch((one: unknown) => one);
        expect(error).toBeInstanceOf(TypeError);
        expect(inspect(error)).toMatch(/redisApiKeys: the value stored for a key is/);
        for (const shown of ['a secret', sha256.digest('one')]) {
          expect(inspect(error)).not.toContain(shown);
        }
      });

      test.each([
        ['a hash', ['HSET', 'id', 'key_1']],
        ['a list', ['RPUSH', '{"id":"key_1"}']],
        ['a set', ['SADD', 'disabled']],
      ] as const)('throws for %s, and says that it is there', async (_, [command, ...values]) => {
        await redis.send(command, at(sha256, 'one'), ...values);
        const failure = ask(redisApiKeys(redis.client), 'one');
        await expect(failure).rejects.toMatchObject({ code: 'ERR_RECORD_TYPE' });
        await expect(failure).rejects.toThrow('the value stored for a key is not a string');
      });

      test('keeps the time to live of a key that is stored anew, unless it is told another', async () => {
        const digest = sha256.digest('one');
        const store = (options = {}) =>
          storeRedisApiKey(redis.client, { id: 'key_1', digest }, options);
        const left = () => redis.send('PTTL', prefix + digest);
        await store();
        expect(await left()).toBe(-1);
        await redis.send('EXPIREAT', prefix + digest, '4102444800');
        await store();
        expect(await redis.send('EXPIRETIME', prefix + digest)).toBe(4_102_444_800);
        await store({ ttl: 60 });
        expect(await left()).toBeGreaterThan(50_000);
        expect(await left()).toBeLessThanOrEqual(60_000);
        await store({ ttl: false });
        expect(await left()).toBe(-1);
      });

      test('what cannot be read can be replaced, and deleted', async () => {
        const digest = sha256.digest('one');
        await redis.send('HSET', prefix + digest, 'id', 'key_1');
        await storeRedisApiKey(redis.client, { id: 'key_1', digest });
        expect(await ask(redisApiKeys(redis.client), 'one')).toEqual({ id: 'key_1' });
        await redis.send('SET', prefix + digest, 'no JSON');
        expect(await deleteRedisApiKey(redis.client, digest)).toBe(true);
        expect(await deleteRedisApiKey(redis.client, digest)).toBe(false);
        expect(await ask(redisApiKeys(redis.client), 'one')).toBeUndefined();
      });

      test('throws for a key that is stored twice', async () => {
        const old = legacyHash('md5');
        for (const hash of [sha256, old]) {
          await storeRedisApiKey(redis.client, { id: 'key_1', digest: hash.digest('one') });
        }
        const lookup = redisApiKeys(redis.client, { hashes: [sha256, old] });
        await expect(ask(lookup, 'one')).rejects.toThrow('the same key is stored 2 times');
        expect(await ask(redisApiKeys(redis.client, { hashes: [old, old] }), 'one')).toEqual({
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

      test('lets every scheme be left for the first one', async () => {
        const today = sha256;
        const names = schemes.map(({ name }) => name);
        for (const hash of schemes) {
          await storeRedisApiKey(redis.client, { id: hash.name, digest: hash.digest(hash.name) });
        }
        const { client, pointers } = watch(redis.client);
        const lookup = redisApiKeys(client, { hashes: [today, ...schemes] });
        for (const id of names) expect(await ask(lookup, id)).toEqual({ id });
        expect(await pointers(names.length)).toEqual(names.map(() => 'done'));
        for (const id of names) expect(await ask(redisApiKeys(client), id)).toEqual({ id });
        for (const id of names) expect(await ask(lookup, id)).toEqual({ id });
        expect(await pointers(0)).toEqual([]);
      });

      test('lets a pepper be rotated, twice, and keeps the time to live', async () => {
        await storeRedisApiKey(redis.client, { id: 'key_1', digest: pepper.digest('one') });
        await redis.send('EXPIREAT', at(pepper, 'one'), '4102444800');
        const [second, third] = [hmacSha256('the second pepper'), hmacSha256('the third pepper')];
        const { client, pointers } = watch(redis.client);
        for (const hashes of [
          [second, pepper],
          [third, second],
        ]) {
          expect(await ask(redisApiKeys(client, { hashes }), 'one')).toEqual({ id: 'key_1' });
          expect(await pointers(1)).toEqual(['done']);
        }
        expect(await redis.send('EXPIRETIME', at(pepper, 'one'))).toBe(4_102_444_800);
        for (const hash of [pepper, second, third]) {
          expect(await ask(redisApiKeys(client, { hashes: [hash] }), 'one')).toEqual({
            id: 'key_1',
          });
        }
        await redis.send('DEL', at(pepper, 'one'));
        for (const hash of [pepper, second, third]) {
          expect(await ask(redisApiKeys(client, { hashes: [hash] }), 'one')).toBeUndefined();
        }
      });

      describe('and then', () => {
        const old = legacyHash('sha1');
        const both = [sha256, old];

        async function rehashed() {
          await storeRedisApiKey(redis.client, { id: 'key_1', digest: old.digest('one') });
          const { client, pointers } = watch(redis.client);
          await ask(redisApiKeys(client, { hashes: both }), 'one');
          expect(await pointers(1)).toEqual(['done']);
          expect(await stored()).toEqual([at(sha256, 'one'), at(old, 'one')].sort());
        }

        /** What is found of the key, with the old hash and without. */
        const found = async () => [
          await ask(redisApiKeys(redis.client, { hashes: both }), 'one'),
          await ask(redisApiKeys(redis.client), 'one'),
        ];

        test.each([old, sha256])(
          'disabling a key by its digest of $name takes effect',
          async (by) => {
            await rehashed();
            const disabled = { id: 'key_1', disabled: true };
            await storeRedisApiKey(redis.client, { ...disabled, digest: by.digest('one') });
            expect(await found()).toEqual([disabled, disabled]);
          },
        );

        test.each([old, sha256])(
          'deleting a key by its digest of $name takes effect',
          async (by) => {
            await rehashed();
            expect(await deleteRedisApiKey(redis.client, by.digest('one'))).toBe(true);
            expect(await found()).toEqual([undefined, undefined]);
            expect(await deleteRedisApiKey(redis.client, by.digest('one'))).toBe(false);
          },
        );

        test('so does a plain DEL of what was stored, and a plain SET', async () => {
          await rehashed();
          await redis.send('SET', at(old, 'one'), '{"id":"key_1","disabled":true}');
          expect(await found()).toEqual(Array(2).fill({ id: 'key_1', disabled: true }));
          await redis.send('DEL', at(old, 'one'));
          expect(await found()).toEqual([undefined, undefined]);
        });

        test('and so does its time to live', async () => {
          await rehashed();
          await redis.send('PEXPIRE', at(old, 'one'), '1');
          await until(async () => (await redis.send('EXISTS', at(old, 'one'))) === 0);
          expect(await found()).toEqual([undefined, undefined]);
        });

        test('a record that is set over the pointer makes it a key that is stored twice', async () => {
          await rehashed();
          await redis.send('SET', at(sha256, 'one'), '{"id":"key_1","disabled":true}');
          const twice = ask(redisApiKeys(redis.client, { hashes: both }), 'one');
          await expect(twice).rejects.toMatchObject({ code: 'ERR_KEY_TWICE' });
        });

        test('a pointer to a pointer is an error, not a way without an end', async () => {
          await rehashed();
          await redis.send('SET', at(old, 'one'), `{"sameAs":"${sha256.digest('one')}"}`);
          await expect(ask(redisApiKeys(redis.client), 'one')).rejects.toThrow(/refers to another/);
        });
      });

      test.each([
        ['is disabled', { disabled: true }, {}],
        ['has expired', { expiresAt: 1 }, {}],
        ['is good, where it is off', {}, { rehash: false }],
      ])('leaves a key alone that %s', async (_, record, options) => {
        await storeRedisApiKey(redis.client, {
          id: 'key_1',
          ...record,
          digest: pepper.digest('one'),
        });
        const { client, pointers } = watch(redis.client);
        const lookup = redisApiKeys(client, { hashes: [sha256, pepper], ...options });
        expect(await ask(lookup, 'one')).toEqual({ id: 'key_1', ...record });
        expect(await pointers(0)).toEqual([]);
        expect(await stored()).toEqual([at(pepper, 'one')]);
      });

      test('of one key by many at once harms nobody', async () => {
        await storeRedisApiKey(redis.client, { id: 'key_1', digest: pepper.digest('one') });
        const { client, pointers } = watch(redis.client);
        const lookup = redisApiKeys(client, { hashes: [sha256, pepper] });
        const all = await Promise.all(Array.from({ length: 30 }, () => ask(lookup, 'one')));
        expect(all).toEqual(all.map(() => ({ id: 'key_1' })));
        expect(await pointers(1)).toContain('done');
        expect(await stored()).toEqual([at(sha256, 'one'), at(pepper, 'one')].sort());
        expect(await ask(lookup, 'one')).toEqual({ id: 'key_1' });
      });

      test('does not take place on a replica, and look-ups go on', async () => {
        await storeRedisApiKey(redis.client, { id: 'key_1', digest: pepper.digest('one') });
        await storeRedisApiKey(redis.client, { id: 'key_2', digest: sha256.digest('two') });
        const replica = await openRedis(server);
        const reading = await connect(replica.port);
        try {
          const { client, pointers } = watch(reading.client);
          const lookup = redisApiKeys(client, { hashes: [sha256, pepper] });
          for (let i = 0; i < 3; i += 1) {
            expect(await ask(lookup, 'one')).toEqual({ id: 'key_1' });
            expect(await ask(lookup, 'two')).toEqual({ id: 'key_2' });
            expect(await pointers(1)).toEqual([expect.stringMatching(/^READONLY/)]);
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
        await expect(source.load()).rejects.toThrow(
          'redisPlan: the key "acme:plan" does not exist in Redis',
        );
        await redis.send('HSET', 'acme:plan', 'mode', 'dual');
        await expect(source.load()).rejects.toThrow(/WRONGTYPE/);
      });
    });
  });
});
