export {
  deleteRedisKey,
  type RedisKeysOptions,
  type RedisPlanOptions,
  redisKeys,
  redisPlan,
  type StoreRedisKeyOptions,
  storeRedisKey,
} from './stores/api-keys/redis.js';
export {
  type RedisInvalidationsOptions,
  redisInvalidations,
} from './stores/api-keys/redis-invalidations.js';
export type { RedisClient, RedisSubscriber } from './stores/redis-client.js';
export { type RedisUsageOptions, redisUsage } from './stores/usage/redis.js';
