export {
  deleteRedisKey,
  type RedisKeysOptions,
  redisKeys,
  type StoreRedisKeyOptions,
  storeRedisKey,
} from './stores/api-keys/redis.js';
export {
  type RedisInvalidationsOptions,
  redisInvalidations,
} from './stores/api-keys/redis-invalidations.js';
export type { RedisClient, RedisSubscriber } from './stores/redis-client.js';
export { type RedisPlanOptions, redisPlan } from './stores/redis-plan.js';
export { type RedisUsageOptions, redisUsage } from './stores/usage/redis.js';
