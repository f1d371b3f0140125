import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { redisInvalidations } from '../../src/redis.js';
import { openRedis, type RedisServer, redisClients, redisPrograms } from './redis-server.js';
import { describeWith, until } from './service.js';

/** What was heard, and a promise of the next. */
function ear() {
  const heard: string[] = [];
  return {
    heard,
    hear: (id = 'everything') => void heard.push(id),
    until: (length: number) => until(() => heard.length >= length),
  };
}

describeWith(redisPrograms, 'redisInvalidations', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await openRedis();
  });
  afterAll(() => server?.close());

  describe.each(Object.entries(redisClients))('by %s', (name, connect) => {
    async function open() {
      const connection = await connect(server.port);
      onTestFinished(() => connection.close());
      return connection;
    }
    const openPair = async (options = {}) => {
      const [talking, listening] = [await open(), await open()];
      const invalidations = redisInvalidations(talking.client, listening.client, options);
      return { ...invalidations, listening, talking };
    };

    test('everybody who listens hears it, whoever tells', async () => {
      const [one, other] = [await openPair(), await openPair()];
      const [a, b] = [ear(), ear()];
      await one.subscribe(a.hear);
      await other.subscribe(b.hear);
      await one.publish('key_1');
      await other.publish('kéy "2"\n');
      await Promise.all([a.until(2), b.until(2)]);
      // Redis orders what one connection says, and not what two do.
      expect(a.heard.sort()).toEqual(['key_1', 'kéy "2"\n']);
      expect(b.heard.sort()).toEqual(['key_1', 'kéy "2"\n']);
    });

    test('who has stopped hears nothing; who has not, still does', async () => {
      const { subscribe, publish } = await openPair();
      const [a, b, c] = [ear(), ear(), ear()];
      const stops = [await subscribe(a.hear), await subscribe(b.hear), await subscribe(b.hear)];
      await publish('1');
      await Promise.all([a.until(1), b.until(2)]);
      await stops[0]?.();
      await stops[0]?.();
      await stops[1]?.();
      await publish('2');
      await b.until(3);
      await stops[2]?.();
      await subscribe(c.hear);
      await publish('3');
      await c.until(1);
      expect([a.heard, b.heard, c.heard]).toEqual([['1'], ['1', '1', '2'], ['3']]);
    });

    test('two on one connection do not stop each other', async () => {
      const { talking, listening } = await openPair();
      const [a, b] = [ear(), ear()];
      const [one, other] = [a, b].map(() => redisInvalidations(talking.client, listening.client));
      const stop = await one?.subscribe(a.hear);
      await other?.subscribe(b.hear);
      await stop?.();
      await one?.publish('1');
      await b.until(1);
      expect([a.heard, b.heard]).toEqual([[], ['1']]);
    });

    test('channels are apart', async () => {
      const { talking, listening, ...main } = await openPair();
      const own = redisInvalidations(talking.client, listening.client, { channel: 'acme' });
      const [a, b] = [ear(), ear()];
      await main.subscribe(a.hear);
      await own.subscribe(b.hear);
      await main.publish('1');
      await own.publish('2');
      await Promise.all([a.until(1), b.until(1)]);
      expect([a.heard, b.heard]).toEqual([['1'], ['2']]);
      expect(await talking.send('PUBSUB', 'CHANNELS')).toEqual(
        expect.arrayContaining(['sallyport:invalidated', 'acme']),
      );
    });

    test('who stops leaves nothing subscribed', async () => {
      const { subscribe, talking } = await openPair({ channel: 'left' });
      const stop = await subscribe(() => {});
      expect(await talking.send('PUBSUB', 'NUMSUB', 'left')).toEqual(['left', 1]);
      await stop();
      await until(async () => {
        const [, listeners] = (await talking.send('PUBSUB', 'NUMSUB', 'left')) as [string, number];
        return listeners === 0;
      });
    });

    test('who listens hears again after the server was killed', async () => {
      const { subscribe, publish, talking } = await openPair({ channel: 'killed' });
      const { heard, hear } = ear();
      await subscribe(hear);
      await server.kill();
      await expect(publish('lost')).rejects.toThrow();
      await server.start();
      const listeners = async () =>
        (await talking.send('PUBSUB', 'NUMSUB', 'killed')) as [string, number];
      await until(async () => (await listeners().catch(() => []))[1] === 1);
      await publish('found');
      await until(() => heard.includes('found'));
      expect(heard.filter((one) => one !== 'everything')).toEqual(['found']);
    });

    test('who was cut off is told, once it listens again, that it may have missed any', async () => {
      const channel = `cut_${name}`;
      const { subscribe, publish, talking } = await openPair({ channel });
      const { heard, hear } = ear();
      await subscribe(hear);
      const listeners = async () =>
        ((await talking.send('PUBSUB', 'NUMSUB', channel)) as [string, number])[1];
      for (let round = 1; round <= 3; round += 1) {
        heard.length = 0;
        await talking.send('CLIENT', 'KILL', 'TYPE', 'pubsub');
        // Lost, if it is told before the other listens again.
        await publish('missed');
        await until(() => heard.includes('everything'));
        // It said so no sooner than it listened again.
        expect(await listeners()).toBe(1);
        await publish(`heard ${round}`);
        await until(() => heard.includes(`heard ${round}`));
        expect(heard.indexOf('everything')).toBeLessThan(heard.indexOf(`heard ${round}`));
      }
    });

    test('who has stopped is not told of a new connection either', async () => {
      const { subscribe, talking } = await openPair({ channel: 'stopped' });
      const [a, b] = [ear(), ear()];
      const stop = await subscribe(a.hear);
      await subscribe(b.hear);
      await stop();
      await talking.send('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await b.until(1);
      expect([a.heard, b.heard]).toEqual([[], ['everything']]);
    });

    test('who stops while the server is down does not wait for it', async () => {
      const { subscribe, publish } = await openPair();
      const [a, b] = [ear(), ear()];
      const stop = await subscribe(a.hear);
      server.pause();
      await stop();
      server.resume();
      await subscribe(b.hear);
      await publish('1');
      await b.until(1);
      expect(a.heard).toEqual([]);
    });

    test('it goes from process to process', async () => {
      const { subscribe, publish } = await openPair();
      const { heard, hear, until } = ear();
      await subscribe(hear);
      const process = fork(
        new URL('listening-process.ts', import.meta.url),
        [name, String(server.port)],
        {
          execArgv: ['--import', 'tsx'],
        },
      );
      onTestFinished(() => void process.kill('SIGKILL'));
      expect(await next(process)).toBe('listening');
      await publish('from here');
      expect(await next(process)).toBe('heard from here');
      process.send('from there');
      await until(2);
      expect(heard).toEqual(['from here', 'from there']);
      process.send('stop');
      expect(await once(process, 'exit')).toEqual([0, null]);
    });
  });
});

async function next(process: ChildProcess): Promise<unknown> {
  const [message] = await once(process, 'message');
  return message;
}
