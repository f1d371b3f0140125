import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import type { RedisClient, RedisSubscriber } from '../../src/redis.js';
import { find, freePort, runService, type Service, until } from './service.js';

export const redisPrograms = ['redis-server', 'ps'];

/** A Redis of its own. */
export interface RedisServer extends Service {
  /** The file that `SAVE` writes. */
  readonly snapshot: string;
  /** Ends it, and leaves nothing behind. */
  close(): Promise<void>;
}

/**
 * @param saves killed, it loses nothing; or, when it is to save only `when asked`, all since `SAVE`
 */
export async function openRedis(
  primary?: Service,
  saves: 'always' | 'when asked' = 'always',
): Promise<RedisServer> {
  const [port, cwd] = [await freePort(), await mkdtemp(join(tmpdir(), 'sallyport-redis-'))];
  const address = ['--bind', '127.0.0.1', '--port', String(port)];
  const appendonly = saves === 'always' ? 'yes' : 'no';
  const lasting = ['--appendonly', appendonly, '--appendfsync', 'always', '--save', ''];
  const quick = ['--repl-diskless-sync-delay', '0'];
  const following = primary ? ['--replicaof', '127.0.0.1', String(primary.port)] : [];
  const service = runService({
    file: find('redis-server') as string,
    args: [...address, '--dir', cwd, ...lasting, ...quick, ...following],
    port,
    cwd,
    ready: /Ready to accept connections/,
    stopBy: 'SIGTERM',
  });
  await service.start();
  if (primary) await service.said(/MASTER <-> REPLICA sync: Finished with success/);
  return {
    ...service,
    snapshot: join(cwd, 'dump.rdb'),
    async close() {
      await service.kill();
      await rm(cwd, { recursive: true, force: true });
    },
  };
}

/** Either client, and how to end it. */
export interface Connection {
  readonly client: RedisClient & RedisSubscriber;
  send(command: string, ...args: string[]): Promise<unknown>;
  close(): void;
}

/** Each client, connected; it connects again by itself, and queues nothing meanwhile. */
export const redisClients: Readonly<Record<string, (port: number) => Promise<Connection>>> = {
  async 'node-redis'(port) {
    const client = createClient({
      socket: { host: '127.0.0.1', port, reconnectStrategy: 20 },
      disableOfflineQueue: true,
    });
    client.on('error', () => {});
    await client.connect();
    return {
      client,
      send: (...args) => client.sendCommand(args),
      close: () => client.destroy(),
    };
  },
  async ioredis(port) {
    const client = new Redis({
      host: '127.0.0.1',
      port,
      lazyConnect: true,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => 20,
    });
    client.on('error', () => {});
    await client.connect();
    return {
      client,
      send: (command, ...args) => client.call(command, ...args),
      close: () => client.disconnect(),
    };
  },
};

/** A client, and how each pointing of one digest to another that was asked of it ended. */
export function watch(client: RedisClient) {
  const pointed: Promise<unknown>[] = [];
  const seen = (command: string | undefined, answer: Promise<unknown>): Promise<unknown> => {
    if (command === 'SET') pointed.push(answer);
    return answer;
  };
  const watched: RedisClient =
    'call' in client
      ? { call: (command, ...args) => seen(command, client.call(command, ...args)) }
      : { sendCommand: (args) => seen(args[0], client.sendCommand(args)) };
  return {
    client: watched,
    /** Those since it was last asked, once there are so many, and no more on their way. */
    async pointers(count: number): Promise<string[]> {
      await until(() => pointed.length >= count);
      const settled = await Promise.allSettled(pointed.splice(0));
      return settled.map((one) => (one.status === 'fulfilled' ? 'done' : one.reason.message));
    },
  };
}
