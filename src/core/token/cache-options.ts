import { integer, seconds, settingsOf } from '../base/validate.js';

/** The cache of verified tokens. */
export interface TokenCacheOptions {
  /** Tokens, at most; the least recently used one is removed first. @default 10000 */
  readonly max?: number;
  /**
   * Seconds for which a verified token is cached: never past its `exp`, and only while its signing key
   * is in the JWKS.
   * @default 300
   */
  readonly ttl?: number;
}

/**
 * Checks the options of the cache of verified tokens.
 * @throws ConfigError for the first invalid option
 */
export function checkTokenCache(
  where: string,
  given: TokenCacheOptions,
): Required<TokenCacheOptions> {
  const own: TokenCacheOptions = settingsOf(where, given, ['max', 'ttl']);
  const { max = 10_000, ttl = 300 } = own;
  return {
    max: integer(`${where}.max`, max, { min: 1, max: 1_000_000 }),
    ttl: seconds(`${where}.ttl`, ttl, { min: 0.001, max: 3_600 }),
  };
}
