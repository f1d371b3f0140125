import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { postgresUsageStore, usageTables } from '../../src/postgres.js';
import { redisUsageStore } from '../../src/redis.js';
import { fileUsageStore, type Usage } from '../../src/usage.js';
import { openPostgres, postgresPrograms } from './postgres-server.js';
import { type Connection, openRedis, redisClients, redisPrograms } from './redis-server.js';
import { describeWith, type Service, until } from './service.js';
import { openProxy } from './usage-proxy.js';

/** Where counts are kept, and how the processes get there. */
interface Place {
  /** A port, or a directory. */
  readonly place: string;
  /** Reads, whatever happened to the server before. */
  read(): Promise<Usage>;
  empty(): Promise<unknown>;
  close(): Promise<void>;
  readonly server?: Service;
}

async function openRedisPlace(kind: string): Promise<Place> {
  const server = await openRedis();
  const connected = async <T>(work: (redis: Connection) => Promise<T>): Promise<T> => {
    const redis = await (redisClients[kind] as (typeof redisClients)[string])(server.port);
    return work(redis).finally(() => redis.close());
  };
  return {
    place: String(server.port),
    read: () => connected(({ client }) => redisUsageStore(client).read()),
    empty: () => connected(({ send }) => send('FLUSHALL')),
    close: server.close,
    server,
  };
}

async function openPostgresPlace(): Promise<Place> {
  const server = await openPostgres();
  const pool = server.pool();
  await pool.query(usageTables());
  const store = postgresUsageStore(pool);
  const tables = ['', '_details', '_instances'].map((end) => `sallyport_usage${end}`);
  return {
    place: String(server.port),
    read: () => store.read(),
    empty: () => pool.query(`truncate ${tables.join(', ')}`),
    close: server.close,
    server,
  };
}

async function openFiles(): Promise<Place> {
  const place = await mkdtemp(join(tmpdir(), 'sallyport-usage-'));
  return {
    place,
    read: () => fileUsageStore(place).read(),
    async empty() {
      for (const name of await readdir(place)) await rm(join(place, name));
    },
    close: () => rm(place, { recursive: true, force: true }),
  };
}

/** An API in a process of its own. */
interface Api {
  /** Comes with keys of these clients, so often each. */
  count(clients: Readonly<Record<string, number>>): Promise<void>;
  /** Has it tell its counts; whether it could. */
  flush(): Promise<string>;
  /** Has it tell its counts, and does not wait for the end of that. */
  beginFlush(): Promise<void>;
  close(): Promise<void>;
  kill(): Promise<void>;
}

async function openApi(kind: string, place: string): Promise<Api> {
  const script = new URL('usage-process.ts', import.meta.url);
  const child = fork(script, [kind, place], { execArgv: ['--import', 'tsx'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const port = Number(await said(child, /^\d+$/));
  return {
    async count(clients) {
      const keys = Object.entries(clients).flatMap(([key, times]) => Array(times).fill(key));
      const answers = keys.map((key) =>
        fetch(`http://127.0.0.1:${port}/any`, { headers: { 'x-api-key': key } }),
      );
      for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    },
    async flush() {
      const answer = said(child, /^(flushed|failed)$/);
      child.send('flush');
      return answer;
    },
    async beginFlush() {
      const answer = said(child, /^flushing$/);
      child.send('flush');
      await answer;
    },
    async close() {
      const exited = once(child, 'exit');
      const answer = said(child, /^closed$/);
      child.send('close');
      await answer;
      await exited;
    },
    async kill() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function said(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const end = () => reject(new Error(`it ended, and never said ${pattern}`));
    const hear = (message: unknown) => {
      if (!pattern.test(String(message))) return;
      child.off('message', hear);
      child.off('exit', end);
      resolve(String(message));
    };
    child.on('message', hear);
    child.once('exit', end);
  });
}

const requestsOf = ({ rows }: Usage): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { what, client, count } of rows) {
    if (what === 'key') counts[client] = (counts[client] ?? 0) + count;
  }
  return counts;
};

const flushAtLast = (api: Api) => until(async () => (await api.flush()) === 'flushed');

const openApis = (kind: string, place: string, length: number): Promise<Api[]> =>
  Promise.all(Array.from({ length }, () => openApi(kind, place)));

const kinds: Readonly<Record<string, [readonly string[], () => Promise<Place>]>> = {
  'node-redis': [redisPrograms, () => openRedisPlace('node-redis')],
  ioredis: [redisPrograms, () => openRedisPlace('ioredis')],
  postgres: [postgresPrograms, openPostgresPlace],
  files: [[], openFiles],
};

// Each test starts processes, which on a busy machine takes seconds for each.
vi.setConfig({ testTimeout: 120_000 });

for (const [kind, [programs, open]] of Object.entries(kinds)) {
  describeWith(programs, `processes that count by ${kind}`, () => {
    let opened: Place;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened?.close());
    beforeEach(async () => {
      opened.server?.resume();
      await opened.server?.start();
      await opened.empty();
    });

    test('and are closed in good order lose nothing', async () => {
      const { place, read } = opened;
      const apis = await openApis(kind, place, 4);
      await Promise.all(
        apis.map(async (api, i) => {
          await api.count({ billing: 20 + i, shop: 5 });
          if (i % 2) expect(await api.flush()).toBe('flushed');
          await api.count({ billing: 10, [`own_${i}`]: i + 1 });
          await api.close();
        }),
      );
      const usage = await read();
      const own = { own_0: 1, own_1: 2, own_2: 3, own_3: 4 };
      expect(requestsOf(usage)).toEqual({ billing: 86 + 40, shop: 20, ...own });
      expect(usage.instances.map(({ closed }) => closed)).toEqual([true, true, true, true]);
      expect(usage.rows.find(({ what }) => what === 'route')?.detail).toBe('/:any');
    });

    test('and are killed lose what they have not told, and that it is so can be seen', async () => {
      const { place, read } = opened;
      const apis = await openApis(kind, place, 3);
      await Promise.all(
        apis.map(async (api, i) => {
          await api.count({ billing: 30, [`own_${i}`]: 10 });
          expect(await api.flush()).toBe('flushed');
          await api.count({ billing: 7, [`own_${i}`]: 3 });
          if (i === 0) await api.close();
          else await api.kill();
        }),
      );
      const usage = await read();
      expect(requestsOf(usage)).toEqual({ billing: 97, own_0: 13, own_1: 10, own_2: 10 });
      const told = usage.instances.map(({ closed, every, at, since }) => [
        closed,
        every,
        at > since,
      ]);
      expect(told.sort()).toEqual([
        [false, 60, true],
        [false, 60, true],
        [true, 60, true],
      ]);
    });

    test('and are killed while they tell have told all of it or nothing', async () => {
      const { place, read, server } = opened;
      for (const [i, api] of (await openApis(kind, place, 4)).entries()) {
        await api.count({ [`own_${i}`]: 10 });
        expect(await api.flush()).toBe('flushed');
        await api.count({ [`own_${i}`]: 3, [`other_${i}`]: 3 });
        if (i % 2) server?.pause();
        await api.beginFlush();
        await api.kill();
        server?.resume();
        const counts = requestsOf(await read());
        const [own, other] = [counts[`own_${i}`], counts[`other_${i}`]];
        expect(['10 undefined', '13 3']).toContain(`${own} ${other}`);
      }
      const { instances } = await read();
      expect(instances.map(({ closed }) => closed)).toEqual([false, false, false, false]);
    });

    if (kind === 'files') return;

    test('whose server is killed and comes back: nothing is lost, and nothing counted twice', async () => {
      const { place, read, server } = opened as Required<Place>;
      const apis = await openApis(kind, place, 3);
      const all = (work: (api: Api) => Promise<unknown>) => Promise.all(apis.map(work));
      for (let round = 0; round < 3; round += 1) {
        await all((api) => api.count({ billing: 10 }));
        const flushing = all((api) => api.flush());
        await server.kill();
        await flushing;
        await all((api) => api.count({ billing: 5 }));
        expect(await all((api) => api.flush())).toEqual(['failed', 'failed', 'failed']);
        await server.start();
        await all(flushAtLast);
      }
      await all((api) => api.close());
      const usage = await read();
      expect(requestsOf(usage)).toEqual({ billing: 3 * 3 * 15 });
      expect(usage.instances.every(({ closed }) => closed)).toBe(true);
    });

    test('whose server answers into the void: nothing is lost, and nothing counted twice', async () => {
      const { read, server } = opened as Required<Place>;
      const proxy = await openProxy(server.port);
      onTestFinished(() => proxy.close());
      const api = await openApi(kind, String(proxy.port));
      await api.count({ billing: 1 });
      expect(await api.flush()).toBe('flushed');
      for (let round = 1; round <= 3; round += 1) {
        await api.count({ billing: 10 });
        proxy.swallow(1);
        const answer = api.flush();
        // It is in the store, and only the process does not know it.
        await until(async () => requestsOf(await read()).billing === 1 + 10 * round);
        proxy.cut();
        expect(await answer).toBe('failed');
        await flushAtLast(api);
        expect(requestsOf(await read())).toEqual({ billing: 1 + 10 * round });
      }
      await api.close();
      expect(requestsOf(await read())).toEqual({ billing: 31 });
    });
  });
}
