export {
  type CreateApiKeyOptions,
  type CreatedApiKey,
  checksummed,
  createApiKey,
} from './stores/api-keys/created.js';
export {
  type HashOptions,
  hmacSha256,
  type KeyHash,
  type LegacyHashOptions,
  legacyHash,
  sha256,
} from './stores/api-keys/hash.js';
export { type InMemoryApiKey, inMemoryApiKeys } from './stores/api-keys/memory.js';
