import { has, mistake, typeName } from './settings.js';

/**
 * A client of node-redis or ioredis. `sendCommand` of a node-redis cluster or sentinel has other
 * parameters: pass `{ sendCommand: (args) => sentinel.sendCommand(false, args) }`.
 */
export type RedisClient = NodeRedis | IoRedis;

interface NodeRedis {
  sendCommand(args: string[]): Promise<unknown>;
}

interface IoRedis {
  call(command: string, ...args: string[]): Promise<unknown>;
}

/** A second connection, used only to subscribe: Redis accepts few other commands on it. */
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

/** Sends a command and resolves to its reply. */
export type Send = (command: string, ...args: string[]) => Promise<unknown>;

/**
 * Returns a function that sends commands with either client. ioredis is recognized by `call`, since
 * its `sendCommand` has another purpose.
 * @throws ConfigError if it is neither client
 */
export function senderOf(where: string, client: RedisClient): Send {
  if (isIoRedis(client)) return (command, ...args) => client.call(command, ...args);
  if (has(client, 'sendCommand')) return (...args) => client.sendCommand(args);
  throw mistake(where, `needs a client of node-redis or ioredis; got ${typeName(client)}`);
}

/** Is called with a message, or without one if messages may have been missed during a disconnect. */
type OnMessage = (message?: string) => void;

/**
 * Returns a function that subscribes to a channel and resolves to a function that unsubscribes. The
 * latter takes effect immediately, without waiting for Redis, which may be down.
 * @throws ConfigError if the subscriber is not a client of node-redis or ioredis
 */
export function listenerOf(where: string, subscriber: RedisSubscriber, channel: string) {
  if (!has(subscriber, 'subscribe') || !has(subscriber, 'on') || !has(subscriber, 'off')) {
    const wanted = 'needs a second connection of node-redis or ioredis, to subscribe on';
    throw mistake(where, `${wanted}; got ${typeName(subscriber)}`);
  }
  const subscribe = isIoRedis(subscriber)
    ? (onMessage: OnMessage) => subscribeWithIoRedis(subscriber, channel, onMessage)
    : (onMessage: OnMessage) => subscribeWithNodeRedis(subscriber, channel, onMessage);
  return async (onMessage: OnMessage): Promise<() => Promise<void>> => {
    let stopped = false;
    // A new function each time: clients identify a listener by its function.
    const unsubscribe = await subscribe((message) => {
      if (!stopped) onMessage(message);
    });
    return async () => {
      if (stopped) return;
      stopped = true;
      unsubscribe().catch(() => {});
    };
  };
}

async function subscribeWithNodeRedis(
  subscriber: NodeRedisSubscriber,
  channel: string,
  onMessage: OnMessage,
) {
  // After a reconnect, node-redis emits 'ready' once Redis has confirmed every subscription.
  const onReady = () => onMessage();
  subscriber.on('ready', onReady);
  try {
    await subscriber.subscribe(channel, onMessage);
  } catch (error) {
    subscriber.off('ready', onReady);
    throw error;
  }
  return async () => {
    subscriber.off('ready', onReady);
    await subscriber.unsubscribe(channel, onMessage);
  };
}

// ioredis does not count the listeners of a channel, and only the last one may unsubscribe.
const listeners = new WeakMap<IoRedisSubscriber, Map<string, number>>();

function changeCount(subscriber: IoRedisSubscriber, channel: string, change: 1 | -1): number {
  const counts = listeners.get(subscriber) ?? new Map<string, number>();
  const count = (counts.get(channel) ?? 0) + change;
  listeners.set(subscriber, counts.set(channel, count));
  return count;
}

async function subscribeWithIoRedis(
  subscriber: IoRedisSubscriber,
  channel: string,
  onMessage: OnMessage,
) {
  const listener = (from: string, message: string) => {
    if (from === channel) onMessage(message);
  };
  // ioredis emits 'ready' before Redis has confirmed the subscription, so it is confirmed by
  // subscribing again. If that fails because the connection is lost, the next 'ready' repeats it.
  const onReady = () =>
    void subscriber.subscribe(channel).then(
      () => onMessage(),
      () => {},
    );
  const unsubscribe = async () => {
    subscriber.off('message', listener);
    subscriber.off('ready', onReady);
    if (changeCount(subscriber, channel, -1) === 0) await subscriber.unsubscribe(channel);
  };
  subscriber.on('message', listener);
  subscriber.on('ready', onReady);
  changeCount(subscriber, channel, 1);
  try {
    await subscriber.subscribe(channel);
  } catch (error) {
    unsubscribe().catch(() => {});
    throw error;
  }
  return unsubscribe;
}

const isIoRedis = <T extends RedisClient>(client: T): client is Extract<T, IoRedis> =>
  has(client, 'call');
