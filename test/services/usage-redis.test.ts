import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from 'vitest';
import { createGuard } from '../../src/index.js';
import { redisUsageStore } from '../../src/redis.js';
import { createTestIssuer } from '../../src/testing.js';
import type { UsageBatch, UsageStore } from '../../src/usage.js';
import { batch, recount, row, sorted, usageContract } from '../stores/usage-contract.js';
import {
  type Connection,
  openRedis,
  type RedisServer,
  redisClients,
  redisPrograms,
} from './redis-server.js';
import { describeWith, until } from './service.js';
import { guardAhead } from './usage-ahead.js';
import { openProxy } from './usage-proxy.js';

const read = async (store: UsageStore) => sorted(await store.read());

/** Minutes since 1970, as Redis counts them on the same machine. */
const now = Math.floor(Date.now() / 60_000);

/** Adds a batch as soon as the store takes it, as a guard does. */
const addAtLast = (store: UsageStore, one: UsageBatch) =>
  until(() =>
    store.add(one).then(
      () => true,
      () => false,
    ),
  );

describeWith(redisPrograms, 'redisUsageStore', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await openRedis();
  });
  afterAll(() => server?.close());

  describe.each(Object.entries(redisClients))('by %s', (_, connect) => {
    let redis: Connection;
    beforeEach(async () => {
      await server.start();
      redis = await connect(server.port);
      onTestFinished(() => redis.close());
      await redis.send('FLUSHALL');
    });
    const stored = async () => ((await redis.send('KEYS', '*')) as string[]).sort();
    const number = async (...command: [string, ...string[]]) =>
      Number(await redis.send(...command));
    const dump = async () => {
      const keys = await stored();
      return Promise.all(keys.map(async (key) => [key, await redis.send('DUMP', key)]));
    };
    const several = batch({
      rows: [
        row(),
        row({ what: 'agent', day: '', detail: 'curl' }),
        row({ what: 'refused', detail: 'ERR_API_KEY_EXPIRED', day: '2026-10-02' }),
      ],
    });

    usageContract(
      async () => redisUsageStore(redis.client),
      async () => void (await redis.send('FLUSHALL')),
    );

    test('all of it is in one slot of a cluster, under the prefix', async () => {
      await redisUsageStore(redis.client).add(several);
      await redisUsageStore(redis.client, { prefix: 'acme:{counts}:of' }).add(several);
      await redisUsageStore(redis.client, { prefix: 'acme{}' }).add(several);
      const tags = (await stored()).map((key) => /\{([^}]+)\}/.exec(key)?.[1]);
      expect([...new Set(tags)]).toEqual(['counts', 'acme{', 'sallyport:usage']);
      for (const prefix of ['sallyport:usage', 'acme:{counts}:of', 'acme{}']) {
        expect(await read(redisUsageStore(redis.client, { prefix }))).toEqual(recount([several]));
      }
    });

    test('what is told by day is forgotten with its day, whatever the clocks say', async () => {
      await redisUsageStore(redis.client, { keep: 280 }).add(several);
      for (const day of ['2026-10-01', '2026-10-02']) {
        const left = await number('TTL', `{sallyport:usage}:rows:${day}`);
        expect(left).toBeGreaterThan(280 * 86_400);
        expect(left).toBeLessThanOrEqual(281 * 86_400);
      }
      for (const key of (await stored()).filter((one) => one.includes(':details:'))) {
        expect(await number('TTL', key)).toBeGreaterThan(280 * 86_400);
      }
      await redis.send('DEL', '{sallyport:usage}:rows:2026-10-01');
      const { rows } = await read(redisUsageStore(redis.client));
      expect(rows.map(({ what }) => what).sort()).toEqual(['agent', 'refused']);
    });

    test('what has not happened for too long is forgotten, and who told it if it was closed', async () => {
      const store = redisUsageStore(redis.client, { keep: 280 });
      const days = (age: number, key: string) =>
        row({ what: 'query', day: '', key, first: now - 499_999, last: now - age * 1_440 });
      const then = (now - 281 * 1_440) * 60_000;
      await store.add(
        batch({ at: then, closed: true, rows: [days(281, 'old'), days(279, 'young')] }),
      );
      const later = batch({ instance: 'two', at: now * 60_000, rows: [] });
      // It may still let requests in: only a person can say that it is gone.
      await store.add(batch({ instance: 'silent', at: then, rows: [] }));
      await store.add(later);
      const { rows, instances } = await store.read();
      expect(rows.map(({ key }) => key)).toEqual(['young']);
      expect(instances.map(({ instance }) => instance).sort()).toEqual(['silent', 'two']);
    });

    test('of more that is too old, a part is forgotten at a time', async () => {
      const store = redisUsageStore(redis.client, { keep: 280 });
      const old = (seq: number) =>
        Array.from({ length: 900 }, (_, i) =>
          row({ what: 'query', day: '', key: `${seq}/${i}`, first: 1, last: 1 }),
        );
      const patient = redisUsageStore(redis.client, { keep: 36_500 });
      for (const seq of [1, 2]) await patient.add(batch({ seq, rows: old(seq) }));
      const lengths: number[] = [];
      for (const seq of [3, 4]) {
        await store.add(batch({ seq, rows: [] }));
        lengths.push((await store.read()).rows.length);
      }
      expect(lengths).toEqual([800, 0]);
      expect(await number('ZCARD', '{sallyport:usage}:ages')).toBe(0);
    });

    test('room for details comes back when they are too old', async () => {
      const store = redisUsageStore(redis.client, { keep: 280 });
      const agents = (name: string, last: number, length = 100) =>
        Array.from({ length }, (_, i) =>
          row({ what: 'agent', day: '', detail: `${name} ${i}`, first: last, last }),
        );
      const before = now - 281 * 1_440;
      await store.add(batch({ at: before * 60_000, rows: agents('old', before) }));
      await store.add(batch({ seq: 2, at: now * 60_000, rows: agents('new', now, 101) }));
      const { rows } = await store.read();
      expect(rows).toHaveLength(101);
      expect(rows.filter(({ detail }) => detail.startsWith('new'))).toHaveLength(100);
      expect(rows.filter(({ detail }) => detail === '(other)')).toHaveLength(1);
      expect(
        await number(
          'ZCARD',
          `{sallyport:usage}:details:${JSON.stringify(['billing', 'agent', row().issuer])}`,
        ),
      ).toBe(100);
    });

    test('a clock that is far ahead makes nobody forget', async () => {
      const store = redisUsageStore(redis.client, { keep: 280 });
      const fresh = row({ what: 'query', day: '', first: now, last: now });
      await store.add(batch({ at: now * 60_000, rows: [fresh] }));
      await store.add(batch({ instance: 'ahead', at: 253_402_300_799_999, rows: [] }));
      const { rows, instances } = await store.read();
      expect([rows, instances.length]).toEqual([[fresh], 2]);
    });

    test('a host whose clock is 730 days ahead deletes the counts of nobody', async () => {
      const store = redisUsageStore(redis.client, { keep: 280 });
      const fresh = [
        row({ first: now, last: now }),
        row({ what: 'agent', day: '', detail: 'curl', first: now, last: now }),
      ];
      await store.add(batch({ at: now * 60_000, closed: true, rows: fresh }));
      const before = await read(store);
      await guardAhead(730, store);
      const { rows, instances } = await read(store);
      expect(rows).toEqual(before.rows);
      expect(instances.filter(({ instance }) => instance === 'one')).toEqual(before.instances);
      expect(instances).toHaveLength(2);
      expect(await store.clients?.()).toEqual([{ client: 'billing', issuer: row().issuer }]);
    });

    test('a reader whose clock is ahead is told of all that was watched', async () => {
      const store = redisUsageStore(redis.client, { keep: 280 });
      await store.add(batch({ since: (now - 60) * 60_000, at: now * 60_000 }));
      const told = await read(store);
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 730 * 86_400_000 });
      onTestFinished(() => void vi.useRealTimers());
      expect(await read(store)).toEqual(told);
      expect(told.instances[0]?.watched).toHaveLength(1);
    });

    test('a guard whose clock is behind is not forgotten as soon as it is closed', async () => {
      const store = redisUsageStore(redis.client, { keep: 280 });
      const at = (now - 730 * 1_440) * 60_000;
      await store.add(batch({ at, sentAt: at, closed: true, rows: [] }));
      await store.add(batch({ instance: 'two', rows: [] }));
      expect((await store.read()).instances).toHaveLength(2);
    });

    test('clients are told without reading their rows; or by those, where their list was lost', async () => {
      const sent: string[] = [];
      const watched = redisUsageStore({
        sendCommand: ([command = '', ...args]) => {
          sent.push(`${command} ${args[0]}`);
          return redis.send(command, ...args);
        },
      });
      await watched.add(several);
      sent.length = 0;
      const issuer = row().issuer;
      expect(await watched.clients?.()).toEqual([{ client: 'billing', issuer }]);
      expect(sent).toEqual([`ZSCAN ${base}:clients`]);
      await redis.send('DEL', `${base}:clients`);
      await watched.add(batch({ seq: 2, rows: [row({ client: 'shop' })] }));
      const clients = ((await watched.clients?.()) ?? []).map(({ client }) => client);
      expect(clients.sort()).toEqual(['billing', 'shop']);
    });

    test('clients that have not come for too long are forgotten', async () => {
      const store = redisUsageStore(redis.client, { keep: 280 });
      await store.add(batch({ rows: [row({ client: 'old' })] }));
      // By the clock of Redis, which no test can set.
      const old = JSON.stringify(['old', row().issuer]);
      await redis.send('ZADD', `${base}:clients`, `${now - 281 * 1_440}`, old);
      await store.add(batch({ seq: 2, rows: [row({ first: now, last: now })] }));
      expect((await store.clients?.())?.map(({ client }) => client)).toEqual(['billing']);
    });

    const base = '{sallyport:usage}';
    const name = JSON.stringify(['billing', 'key_1', 'key', '', '2026-10-01', row().issuer]);

    test.each<[string, [string, string, ...string[]]]>([
      ['a text for a count', ['HSET', `${base}:rows:2026-10-01`, name, 'a secret']],
      ['a half count', ['HSET', `${base}:rows:2026-10-01`, name, '1.5 1 1']],
      ['a huge count', ['HSET', `${base}:rows:2026-10-01`, name, `1${'0'.repeat(15)} 1 1`]],
      ['another kind of days', ['SET', `${base}:rows:2026-10-01`, 'a secret']],
      ['another kind of rows', ['SET', `${base}:rows`, 'a secret']],
      ['another kind of instances', ['SET', `${base}:instances`, 'a secret']],
      ['an instance that is none', ['HSET', `${base}:instances`, 'one', 'a secret']],
      ['another kind of list', ['SET', `${base}:heard`, 'a secret']],
      ['another kind of list', ['SET', `${base}:ages`, 'a secret']],
      ['another kind of list', ['SET', `${base}:days`, 'a secret']],
      ['another kind of list', ['SET', `${base}:clients`, 'a secret']],
      [
        'another kind of list',
        [
          'SET',
          `${base}:details:${JSON.stringify(['billing', 'agent', row().issuer])}`,
          'a secret',
        ],
      ],
    ])('%s, put there by somebody else: nothing is added, until it is gone', async (_, put) => {
      const store = redisUsageStore(redis.client);
      await redis.send(...put);
      const before = await dump();
      const error = await store.add(several).catch((one: unknown) => one);
      expect(error).toBeInstanceOf(Error);
      expect(String(error)).not.toContain('a secret');
      expect(await dump()).toEqual(before);
      await redis.send('DEL', put[1]);
      await store.add(several);
      expect(await read(store)).toEqual(recount([several]));
    });

    test.each<[string, [string, ...string[]]]>([
      ['a count that is none', ['HSET', `${base}:rows`, name, 'a secret']],
      ['a count of another day', ['HSET', `${base}:rows`, name, '1 1 1']],
      ['a first after the last', ['HSET', `${base}:rows:2026-10-01`, name, '1 2 1']],
      ['a name that is none', ['HSET', `${base}:rows`, 'a secret', '1 1 1']],
      ['a name with another', ['HSET', `${base}:rows`, '["a secret","b","key","",""] ', '1 1 1']],
    ])('%s is left out, and said to be', async (_, put) => {
      const store = redisUsageStore(redis.client);
      await store.add(several);
      await redis.send(...put);
      const { skipped, rows, instances } = await store.read();
      expect(skipped).toBe(1);
      expect(rows.length).toBeGreaterThanOrEqual(several.rows.length - 1);
      expect(instances).toHaveLength(1);
    });

    test.each(['{"seq":"a secret"}', 'null', 'a secret', '7'])(
      'a record %s of an instance is told as one that cannot be read',
      async (record) => {
        const store = redisUsageStore(redis.client);
        await store.add(several);
        await redis.send('HSET', `${base}:instances`, 'x', record);
        const { skipped, unreadable, instances } = await store.read();
        expect([skipped, unreadable, instances.length]).toEqual([undefined, ['x'], 1]);
        for (let i = 0; i < 120; i += 1) {
          await redis.send('HSET', `${base}:instances`, `${i}`.repeat(200), record);
        }
        const many = (await store.read()).unreadable ?? [];
        expect(new Set(many).size).toBe(121);
        expect(Math.max(...many.map(({ length }) => length))).toBeLessThanOrEqual(200);
      },
    );

    test('a record without a name is left out, and everything else is read', async () => {
      const store = redisUsageStore(redis.client);
      await store.add(several);
      await redis.send('HSET', `${base}:instances`, '', 'x');
      const { skipped, unreadable, ...usage } = await store.read();
      expect([skipped, unreadable]).toEqual([1, undefined]);
      expect(sorted(usage)).toEqual(recount([several]));
    });

    test('the client of a guard whose clock is years behind is known as long as its counts are', async () => {
      const store = redisUsageStore(redis.client);
      const at = Date.now() - 730 * 86_400_000;
      const minutes = { first: Math.floor(at / 60_000), last: Math.floor(at / 60_000) };
      const rows = [
        row({ client: 'shop', ...minutes, day: new Date(at).toISOString().slice(0, 10) }),
      ];
      await store.add(batch({ since: at - 1_000, at, sentAt: at, rows }));
      const { issuer } = row();
      expect((await store.read()).rows).toEqual(rows);
      expect(await store.clients?.()).toEqual([{ client: 'shop', issuer }]);
    });

    test('a guard whose record is damaged goes on by another name, and its old one is told', async () => {
      const issuer = await createTestIssuer();
      const guard = createGuard({
        ...issuer.options,
        apiKeys: {
          from: [{ header: 'x-api-key' }],
          lookup: async () => ({ id: 'key_1', clientId: 'shop' }),
          usage: { store: redisUsageStore(redis.client) },
        },
      });
      onTestFinished(() => guard.close());
      const [{ instance = '' } = {}] = (await guard.usage()).instances;
      await redis.send('HSET', `${base}:instances`, instance, 'a secret');
      await guard({
        method: 'GET',
        url: '/',
        header: (name) => (name === 'x-api-key' ? 'k' : undefined),
      });
      const { unreadable, instances, rows } = await guard.usage();
      expect(unreadable).toEqual([instance]);
      expect(instances).toHaveLength(1);
      expect(rows.filter(({ what }) => what === 'key')).toMatchObject([
        { client: 'shop', count: 1 },
      ]);
    });

    test('by how much a clock differs from that of Redis is known', async () => {
      const store = redisUsageStore(redis.client);
      const anHour = 3_600_000;
      await store.add(batch({ sentAt: Date.now() + anHour }));
      const [{ skew = 0 } = {}] = (await store.read()).instances;
      expect(Math.abs(skew - anHour)).toBeLessThan(60_000);
    });

    test('that is full adds nothing, until there is room', async () => {
      const store = redisUsageStore(redis.client);
      await store.add(batch());
      const before = await dump();
      await redis.send('CONFIG', 'SET', 'maxmemory', '1');
      onTestFinished(() => void redis.send('CONFIG', 'SET', 'maxmemory', '0').catch(() => {}));
      const next = { ...several, seq: 2 };
      for (let i = 0; i < 3; i += 1) await expect(store.add(next)).rejects.toThrow(/OOM/);
      expect(await dump()).toEqual(before);
      expect(await read(store)).toEqual(recount([batch()]));
      await redis.send('CONFIG', 'SET', 'maxmemory', '0');
      await store.add(next);
      expect(await read(store)).toEqual(recount([batch(), next]));
    });

    test('that is a replica can be read, and adds nothing', async () => {
      await redisUsageStore(redis.client).add(several);
      const replica = await openRedis(server);
      const reading = await connect(replica.port);
      try {
        const store = redisUsageStore(reading.client);
        await expect(store.add({ ...several, seq: 2 })).rejects.toThrow(/READONLY|read only/);
        expect(await read(store)).toEqual(recount([several]));
        await reading.send('REPLICAOF', 'NO', 'ONE');
        await store.add({ ...several, seq: 2 });
        expect(await read(store)).toEqual(recount([several, { ...several, seq: 2 }]));
      } finally {
        reading.close();
        await replica.close();
      }
    });

    test('that is killed holds what was told, and takes the rest when it is back', async () => {
      const store = redisUsageStore(redis.client);
      await store.add(several);
      await server.kill();
      const next = { ...several, seq: 2 };
      await expect(store.add(next)).rejects.toThrow();
      await expect(store.read()).rejects.toThrow();
      await server.start();
      await addAtLast(store, next);
      expect(await read(store)).toEqual(recount([several, next]));
    });

    test('that hangs adds what is on its way once, whoever asks again', async () => {
      const store = redisUsageStore(redis.client);
      await store.add(batch());
      const other = await connect(server.port);
      onTestFinished(() => other.close());
      server.pause();
      const next = { ...several, seq: 2 };
      const waiting = [store, redisUsageStore(other.client), store].map((one) => one.add(next));
      server.resume();
      await Promise.all(waiting);
      expect(await read(store)).toEqual(recount([batch(), next]));
    });

    test('whose answer is lost has added the batch, and does not add it again', async () => {
      const proxy = await openProxy(server.port);
      onTestFinished(() => proxy.close());
      const behind = await connect(proxy.port);
      onTestFinished(() => behind.close());
      const [store, direct] = [redisUsageStore(behind.client), redisUsageStore(redis.client)];
      for (const seq of [1, 2, 3]) {
        const next = { ...several, seq };
        proxy.swallow(1);
        const lost = store.add(next).then(
          () => 'added',
          () => 'lost',
        );
        await until(async () => (await direct.read()).instances[0]?.seq === seq);
        proxy.cut();
        expect(await lost).toBe('lost');
        await addAtLast(store, next);
      }
      const all = [1, 2, 3].map((seq) => ({ ...several, seq }));
      expect(await read(direct)).toEqual(recount(all));
    });

    test('many instances at once lose nothing', async () => {
      const store = redisUsageStore(redis.client);
      const all = Array.from({ length: 200 }, (_, i) =>
        batch({ ...several, instance: `i${i % 20}`, seq: 1 + Math.floor(i / 20) }),
      );
      for (let seq = 1; seq <= 10; seq += 1) {
        const next = all.filter((one) => one.seq === seq);
        await Promise.all(next.map((one) => store.add(one)));
      }
      expect(await read(store)).toEqual(recount(all));
    });
  });
});
