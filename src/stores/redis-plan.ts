import type { PlanSource } from '../index.js';
import { type RedisClient, senderOf } from './redis-client.js';
import { settingsOf, someText } from './settings.js';

/** Where the plan is, and how often it is looked for. */
export interface RedisPlanOptions {
  /** @default 'sallyport:plan' */
  readonly key?: string;
  /** Seconds. */
  readonly pollInterval?: number;
}

/**
 * A plan that is kept in Redis as JSON, for all processes to go by.
 * @throws ConfigError for options that cannot be meant
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
      if (plan === null || plan === undefined) throw new Error(`${where}: nothing is at "${key}"`);
      return String(plan);
    },
  };
}
