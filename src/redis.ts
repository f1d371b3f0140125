export {
  deleteRedisApiKey,
  type RedisApiKeysOptions,
  redisApiKeys,
  type StoreRedisApiKeyOptions,
  storeRedisApiKey,
} from './stores/api-keys/redis.js';
export {
  type RedisInvalidationsOptions,
  redisInvalidations,
} from './stores/api-keys/redis-invalidations.js';
export type { RedisClient, RedisSubscriber } from './stores/redis-client.js';
export { type RedisPlanOptions, redisPlan } from './stores/redis-plan.js';
export { type RedisUsageStoreOptions, redisUsageStore } from './stores/usage/redis.js';
