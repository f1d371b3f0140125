import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { sha256 } from '../../src/api-keys.js';
import { type ApiKeyOptions, createGuard } from '../../src/index.js';
import { redisApiKeys, redisInvalidations, redisPlan, storeRedisApiKey } from '../../src/redis.js';
import { createTestIssuer } from '../../src/testing.js';
import { openRedis, type RedisServer, redisClients, redisPrograms } from './redis-server.js';
import { describeWith, until } from './service.js';

describeWith(redisPrograms, 'guards that share a Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await openRedis();
  });
  afterAll(() => server?.close());

  describe.each(Object.entries(redisClients))('by %s', (_, connect) => {
    /** A guard with connections of its own, as in a process of its own. */
    async function openGuard(options: Partial<ApiKeyOptions> = {}) {
      const [{ client, send, close }, listening] = [
        await connect(server.port),
        await connect(server.port),
      ];
      const issuer = await createTestIssuer();
      const guard = createGuard({
        ...issuer.options,
        apiKeys: {
          from: [{ header: 'x-api-key' }],
          lookup: redisApiKeys(client),
          invalidations: redisInvalidations(client, listening.client),
          onMigration: () => {},
          ...options,
        },
      });
      onTestFinished(async () => {
        await guard.close();
        listening.close();
        close();
      });
      const ask = async (value: string) => {
        const header = (name: string) => (name === 'x-api-key' ? value : undefined);
        const decision = await guard({ method: 'GET', url: '/', header });
        return decision.allowed ? '200' : `${decision.denial.status} ${decision.error.code}`;
      };
      const put = (disabled: boolean) =>
        storeRedisApiKey(client, { id: 'key_1', disabled, digest: sha256.digest('one') });
      return { guard, ask, client, put, send };
    }

    const day = { ttl: 3_600, negativeTtl: 30 };

    test('a key that one of them invalidates is asked about again by all', async () => {
      const one = await openGuard({ cache: day });
      const other = await openGuard({ cache: day });
      await one.put(false);
      await Promise.all([one.guard.ready(), other.guard.ready()]);
      expect([await one.ask('one'), await other.ask('one')]).toEqual(['200', '200']);
      await one.put(true);
      expect([await one.ask('one'), await other.ask('one')]).toEqual(['200', '200']);
      await one.guard.invalidateApiKey('key_1');
      expect(await one.ask('one')).toBe('401 ERR_API_KEY_DISABLED');
      await until(async () => (await other.ask('one')) === '401 ERR_API_KEY_DISABLED');
      await one.put(false);
      await other.guard.invalidateApiKey('key_1');
      await until(async () => (await one.ask('one')) === '200');
    });

    test('what is stored and cannot be meant is 503, and the operator is told which it is', async () => {
      const { guard, ask, send } = await openGuard();
      await send('SET', `sallyport:key:${sha256.digest('two')}`, 'no JSON');
      const header = (name: string) => (name === 'x-api-key' ? 'two' : undefined);
      expect(await guard({ method: 'GET', url: '/', header })).toMatchObject({
        allowed: false,
        error: { message: expect.stringContaining('TypeError ERR_RECORD_JSON') },
      });
      expect(await ask('two')).toBe('503 ERR_LOOKUP_FAILED');
    });

    test('the plan is the one that Redis holds; none is an outage, not an open door', async () => {
      const { client, put, send } = await openGuard();
      await put(false);
      await send('DEL', 'sallyport:plan');
      const plan = redisPlan(client, { pollInterval: 60 });
      const without = await openGuard({ plan });
      await expect(without.guard.ready()).rejects.toMatchObject({
        code: 'ERR_PLAN_UNAVAILABLE',
        message: expect.stringMatching(
          /^no plan is loaded: redisPlan.*"sallyport:plan" does not exist/,
        ),
      });
      expect(await without.ask('one')).toBe('503 ERR_PLAN_UNAVAILABLE');
      await send('SET', 'sallyport:plan', '{"clients":{"key_1":"token-only"}}');
      const migrated = await openGuard({ plan });
      await migrated.guard.ready();
      expect(await migrated.ask('one')).toBe('401 ERR_API_KEY_MIGRATED');
      await send('SET', 'sallyport:plan', '{"clients":{"key_1":"dual"}}');
      const dual = await openGuard({ plan });
      await dual.guard.ready();
      expect(await dual.ask('one')).toBe('200');
    });
  });
});
