import type { ApiKeyInvalidations } from '../../index.js';
import { listenerOf, type RedisClient, type RedisSubscriber, senderOf } from '../redis-client.js';
import { mistake, settingsOf, someText } from '../settings.js';

/** Options of {@link redisInvalidations}. */
export interface RedisInvalidationsOptions {
  /** @default 'sallyport:invalidated' */
  readonly channel?: string;
}

/**
 * Publishes invalidations to every subscribed process, over a Redis channel. A process whose
 * connection was lost clears its cache when it is subscribed again, because it may have missed an
 * invalidation. Until then, its cache entries expire after their `ttl`.
 * @throws ConfigError if `client` and `subscriber` are the same connection, or an option is invalid
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
    const advice = 'pass client.duplicate() as the subscriber';
    throw mistake(where, `needs two connections; got the same one twice: ${advice}`);
  }
  return {
    publish: async (id) => void (await send('PUBLISH', channel, id)),
    subscribe: (listener) => listen(listener),
  };
}
