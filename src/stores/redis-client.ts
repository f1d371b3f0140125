import { has, mistake } from './settings.js';

/**
 * A connection of node-redis or of ioredis. A cluster or a sentinel of node-redis takes other
 * parameters, so hand over `{ sendCommand: (args) => sentinel.sendCommand(false, args) }`.
 */
export type RedisClient = NodeRedis | IoRedis;

interface NodeRedis {
  sendCommand(args: string[]): Promise<unknown>;
}

interface IoRedis {
  call(command: string, ...args: string[]): Promise<unknown>;
}

/** A second connection, for listening: Redis gives one that listens to nothing else. */
export type RedisSubscriber = NodeRedisSubscriber | IoRedisSubscriber;

interface NodeRedisSubscriber extends NodeRedis {
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  unsubscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  on(event: 'ready', listener: () => void): unknown;
  off(event: 'ready', listener: () => void): unknown;
}

interface IoRedisSubscriber extends IoRedis {
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  on(event: 'message', listener: (channel: string, message: string) => void): unknown;
  on(event: 'ready', listener: () => void): unknown;
  off(event: 'message', listener: (channel: string, message: string) => void): unknown;
  off(event: 'ready', listener: () => void): unknown;
}

/** Sends a command. */
export type Send = (command: string, ...args: string[]) => Promise<unknown>;

/** Sends a command, whichever client it is. ioredis has a sendCommand too, for another purpose. */
export function senderOf(where: string, client: RedisClient): Send {
  if (isIoRedis(client)) return (command, ...args) => client.call(command, ...args);
  if (has(client, 'sendCommand')) return (...args) => client.sendCommand(args);
  throw mistake(where, 'needs a client of node-redis or ioredis');
}

/** Hears a message; or nothing, where one may have been missed while the connection was lost. */
type Hear = (message?: string) => void;

/**
 * Listens to a channel; answers how to stop. That is done at once, and what Redis has to be told of
 * it is not waited for: it may be down.
 */
export function listenerOf(where: string, subscriber: RedisSubscriber, channel: string) {
  if (!has(subscriber, 'subscribe') || !has(subscriber, 'on') || !has(subscriber, 'off')) {
    throw mistake(where, 'needs a second connection of node-redis or ioredis, to listen on');
  }
  const listen = isIoRedis(subscriber)
    ? (hear: Hear) => listenByIoRedis(subscriber, channel, hear)
    : (hear: Hear) => listenByNodeRedis(subscriber, channel, hear);
  return async (hear: Hear): Promise<() => Promise<void>> => {
    let stopped = false;
    // A function of its own, or two who hear alike would be one, and stop together.
    const leave = await listen((message) => {
      if (!stopped) hear(message);
    });
    return async () => {
      if (stopped) return;
      stopped = true;
      leave().catch(() => {});
    };
  };
}

async function listenByNodeRedis(subscriber: NodeRedisSubscriber, channel: string, hear: Hear) {
  // node-redis is ready again only once Redis has confirmed every subscription.
  const missed = () => hear();
  subscriber.on('ready', missed);
  try {
    await subscriber.subscribe(channel, hear);
  } catch (error) {
    subscriber.off('ready', missed);
    throw error;
  }
  return async () => {
    subscriber.off('ready', missed);
    await subscriber.unsubscribe(channel, hear);
  };
}

// ioredis does not count who listens: the last one out has to unsubscribe, and nobody before.
const listening = new WeakMap<IoRedisSubscriber, Map<string, number>>();

function count(subscriber: IoRedisSubscriber, channel: string, change: 1 | -1): number {
  const counts = listening.get(subscriber) ?? new Map<string, number>();
  const now = (counts.get(channel) ?? 0) + change;
  listening.set(subscriber, counts.set(channel, now));
  return now;
}

async function listenByIoRedis(subscriber: IoRedisSubscriber, channel: string, hear: Hear) {
  const listener = (from: string, message: string) => {
    if (from === channel) hear(message);
  };
  // ioredis is ready before Redis has confirmed anything, so that is asked for. If the connection is
  // lost again meanwhile, the next one is ready, and this is asked again.
  const missed = () =>
    void subscriber.subscribe(channel).then(
      () => hear(),
      () => {},
    );
  const leave = async () => {
    subscriber.off('message', listener);
    subscriber.off('ready', missed);
    if (count(subscriber, channel, -1) === 0) await subscriber.unsubscribe(channel);
  };
  subscriber.on('message', listener);
  subscriber.on('ready', missed);
  count(subscriber, channel, 1);
  try {
    await subscriber.subscribe(channel);
  } catch (error) {
    leave().catch(() => {});
    throw error;
  }
  return leave;
}

const isIoRedis = <T extends RedisClient>(client: T): client is Extract<T, IoRedis> =>
  has(client, 'call');
