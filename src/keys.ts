export {
  type CreateApiKeyOptions,
  type CreatedApiKey,
  checksummed,
  createApiKey,
} from './stores/created.js';
export {
  type HashOptions,
  hmacSha256,
  type KeyHash,
  type LegacyHashOptions,
  legacyHash,
  sha256,
} from './stores/hash.js';
export { type HashedKey, hashedKeys } from './stores/memory.js';
