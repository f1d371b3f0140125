import { copyFile } from 'node:fs/promises';
import { onTestFinished } from 'vitest';
import { postgresUsageStore, usageTables } from '../../src/postgres.js';
import { redisUsageStore } from '../../src/redis.js';
import type { UsageStore } from '../../src/usage.js';
import { openPostgres, postgresPrograms } from './postgres-server.js';
import { openRedis, redisClients, redisPrograms } from './redis-server.js';
import { until } from './service.js';

/** A server of counts that can lose what it has. */
export interface Place {
  /** So many stores that are one, each by connections of its own. */
  stores(count: number): Promise<readonly UsageStore[]>;
  empty(): Promise<unknown>;
  /** Loses the rows and nothing else. */
  loseRows(): Promise<unknown>;
  /** Loses who told, and nothing else. */
  loseGuards(): Promise<unknown>;
  /** Loses some of all that there is. */
  loseSome(): Promise<unknown>;
  backUp(): Promise<unknown>;
  /** Breaks all connections, and is then as it was when it was backed up. */
  restore(): Promise<unknown>;
  /** Is killed, and comes back soon: it loses what it has not saved, or nothing. */
  fail(): Promise<unknown>;
  close(): Promise<void>;
}

async function openRedisPlace(kind: string): Promise<Place> {
  const server = await openRedis(undefined, 'when asked');
  const connect = () => (redisClients[kind] as (typeof redisClients)[string])(server.port);
  const send = async (...command: [string, ...string[]]) => {
    const redis = await connect();
    return redis.send(...command).finally(() => redis.close());
  };
  const backup = `${server.snapshot}.old`;
  return {
    async stores(count) {
      const all = await Promise.all(Array.from({ length: count }, connect));
      onTestFinished(() => {
        for (const redis of all) redis.close();
      });
      return all.map(({ client }) => redisUsageStore(client));
    },
    empty: () => send('FLUSHALL'),
    async loseRows() {
      const keys = (await send('KEYS', '{sallyport:usage}:rows*')) as string[];
      if (keys.length > 0) await send('DEL', ...keys);
    },
    loseGuards: () => send('DEL', '{sallyport:usage}:instances'),
    // As another application does that shares its memory.
    async loseSome() {
      const memory = String(await send('INFO', 'memory'));
      const used = Number(/used_memory:(\d+)/.exec(memory)?.[1]);
      const set = (name: string, value: string) => send('CONFIG', 'SET', name, value);
      await set('maxmemory-policy', 'allkeys-random');
      await set('maxmemory', String(used - 20_000));
      // Where that is not enough by far, it is refused.
      await send('SET', 'another', 'x').catch(() => {});
      await set('maxmemory', '0');
    },
    async backUp() {
      await send('SAVE');
      await copyFile(server.snapshot, backup);
    },
    async restore() {
      await server.kill();
      await copyFile(backup, server.snapshot);
      await server.start();
    },
    async fail() {
      await server.kill();
      await server.start();
    },
    close: server.close,
  };
}

async function openPostgresPlace(): Promise<Place> {
  const server = await openPostgres();
  const admin = server.pool();
  await admin.query('create database counts');
  const own = server.pool({ database: 'counts', max: 1 });
  // It may be the one to give way, to guards that tell; and its connections are broken, too.
  const asked = (sql: string) => atLast(() => own.query(sql));
  await asked(usageTables());
  const ends = ['', '_details', '_instances'];
  return {
    stores: async (count) =>
      Array.from({ length: count }, () => postgresUsageStore(server.pool({ database: 'counts' }))),
    empty: () => asked(`truncate ${ends.map((end) => `sallyport_usage${end}`).join(', ')}`),
    loseRows: () => asked('truncate sallyport_usage'),
    loseGuards: () => asked('truncate sallyport_usage_instances'),
    async loseSome() {
      for (const end of ends) {
        await asked(`delete from sallyport_usage${end} where random() < 0.3`);
      }
    },
    async backUp() {
      await admin.query('drop database if exists older');
      // Nobody may be connected to what is copied: whoever is, comes back.
      await atLast(async () => {
        await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = 'counts'`);
        await admin.query('create database older template counts');
      });
    },
    async restore() {
      await admin.query('drop database counts with (force)');
      await admin.query('create database counts template older');
    },
    async fail() {
      await server.kill();
      await server.start();
    },
    close: server.close,
  };
}

const atLast = (work: () => Promise<unknown>) =>
  until(() =>
    work().then(
      () => true,
      () => false,
    ),
  );

/** Each kind of place, by what speaks to it: the programs that it needs, and how it is opened. */
export const kinds: Readonly<Record<string, [readonly string[], () => Promise<Place>]>> = {
  'node-redis': [redisPrograms, () => openRedisPlace('node-redis')],
  ioredis: [redisPrograms, () => openRedisPlace('ioredis')],
  postgres: [postgresPrograms, openPostgresPlace],
};
