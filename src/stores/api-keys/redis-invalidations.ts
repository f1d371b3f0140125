import type { ApiKeyInvalidations } from '../../index.js';
import { listenerOf, type RedisClient, type RedisSubscriber, senderOf } from '../redis-client.js';
import { mistake, settingsOf, someText } from '../settings.js';

/** Where invalidations are told. */
export interface RedisInvalidationsOptions {
  /** @default 'sallyport:invalidated' */
  readonly channel?: string;
}

/**
 * Tells every process that listens when a key has changed. A process that was cut off from Redis
 * forgets every key once it listens again, since it may have missed one; until then what it remembers
 * of a key lasts for its time to live at most.
 * @throws ConfigError for one connection in both places, and for options that cannot be meant
 */
export function redisInvalidations(
  client: RedisClient,
  subscriber: RedisSubscriber,
  options: RedisInvalidationsOptions = {},
): ApiKeyInvalidations {
  const where = 'redisInvalidations';
  const { channel = 'sallyport:invalidated' } = settingsOf(where, options, ['channel']);
  someText(`${where}.channel`, channel);
  const send = senderOf(where, client);
  const listen = listenerOf(where, subscriber, channel);
  if ((client as object) === subscriber) {
    throw mistake(where, 'is given one connection twice: listen on one of its own');
  }
  return {
    publish: async (id) => void (await send('PUBLISH', channel, id)),
    subscribe: (listener) => listen(listener),
  };
}
