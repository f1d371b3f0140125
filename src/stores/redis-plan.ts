import type { PlanSource } from '../index.js';
import { type RedisClient, senderOf } from './redis-client.js';
import { settingsOf, someText } from './settings.js';

/** Where the plan is stored, and how often it is read. */
export interface RedisPlanOptions {
  /** @default 'sallyport:plan' */
  readonly key?: string;
  /** Seconds between two reads. @default 5 */
  readonly pollInterval?: number;
}

/**
 * Returns a plan source that reads the plan from Redis, as JSON, so that all processes share it.
 * @throws ConfigError if an option is invalid
 */
export function redisPlan(client: RedisClient, options: RedisPlanOptions = {}): PlanSource {
  const where = 'redisPlan';
  const send = senderOf(where, client);
  const { key = 'sallyport:plan', ...others } = settingsOf(where, options, ['key', 'pollInterval']);
  someText(`${where}.key`, key);
  return {
    ...others,
    async load() {
      const plan = await send('GET', key);
      if (plan !== null && plan !== undefined) return String(plan);
      throw new Error(`${where}: the key "${key}" does not exist in Redis: store the plan there`);
    },
  };
}
