import { callable, invalid, optional, seconds, settingsOf } from '../base/validate.js';
import { importKey, servesAny } from './jwk.js';

/** A JWK Set (RFC 7517 §5). */
export interface JsonWebKeySet {
  readonly keys: readonly object[];
}

/** A JWK Set that was fetched from an issuer. */
export interface StoredJwks {
  /** Must be the issuer that the set is looked up for; otherwise the set is not used. */
  readonly issuer: string;
  readonly jwks: JsonWebKeySet;
  /** Milliseconds since 1970. */
  readonly fetchedAt: number;
}

/** Shares fetched JWK Sets between processes. If it fails, the guard fetches the set itself. */
export interface JwksStore {
  /** Resolves to the newest set of an issuer, which is trusted as if it had been fetched. */
  get(issuer: string): Promise<StoredJwks | undefined>;
  /** Stores a set that was fetched. */
  set(issuer: string, keys: StoredJwks): Promise<void>;
}

/** Caching of an issuer's JWK Set. Times in seconds; fractions are accepted. */
export interface JwksOptions {
  /** Younger keys are used without a fetch; from 80 % of it on, one is made in the background. @default 600 */
  readonly maxAge?: number;
  /** While fetches fail, keys up to this age are used (RFC 5861 §4). @default 86400 */
  readonly staleIfError?: number;
  /** Between two fetches for an unknown `kid`; also the longest back-off after a failure. @default 30 */
  readonly cooldown?: number;
  /** Timeout of one fetch, including discovery and the body. @default 5 */
  readonly timeout?: number;
  /** The keys to start with, so that the first request needs no network. Only with one issuer. */
  readonly initial?: JsonWebKeySet;
  /** Read once, before the first fetch; written after every fetch. */
  readonly store?: JwksStore;
}

/** The limits, with all defaults filled in. */
export type JwksLimits = Required<Omit<JwksOptions, 'initial' | 'store'>>;

/** The options, checked. */
export interface JwksSettings extends JwksLimits {
  readonly initial: JsonWebKeySet | undefined;
  readonly store: JwksStore | undefined;
}

const names = ['maxAge', 'staleIfError', 'cooldown', 'timeout', 'initial', 'store'];

/**
 * Checks the options of the JWKS cache.
 * @throws ConfigError for the first invalid option
 */
export function checkJwks(where: string, given: JwksOptions, several: boolean): JwksSettings {
  const own: JwksOptions = settingsOf(where, given, names);
  const { maxAge = 600, staleIfError = 86_400, cooldown = 30, timeout = 5, initial, store } = own;
  if (initial !== undefined && several) {
    throw invalid(`${where}.initial`, initial, {
      must: 'be absent where there are several issuers, since it contains the keys of one',
      advice: 'Use jwks.store in its place',
    });
  }
  return {
    maxAge: seconds(`${where}.maxAge`, maxAge, { min: 0.001, max: 86_400 }),
    staleIfError: seconds(`${where}.staleIfError`, staleIfError, { min: 0, max: 2_592_000 }),
    cooldown: seconds(`${where}.cooldown`, cooldown, { min: 0.001, max: 3_600 }),
    timeout: seconds(`${where}.timeout`, timeout, { min: 0.001, max: 60 }),
    initial: optional(`${where}.initial`, initial, checkInitial),
    store: optional(`${where}.store`, store, checkStore),
  };
}

function checkInitial(where: string, given: JsonWebKeySet): JsonWebKeySet {
  const { keys } = settingsOf(where, given, Object.keys(Object(given)));
  const list = Array.isArray(keys) ? asJson(keys) : undefined;
  if (!list || list.length === 0) {
    throw invalid(where, given, {
      must: 'be a JWK Set with at least one key (RFC 7517 §5)',
      advice: 'Set it to the JSON that the issuer publishes at its jwks_uri, parsed',
    });
  }
  const imported = list.map((jwk) => importKey(jwk));
  if (imported.some((key) => key && servesAny(key))) return { keys: list };
  throw invalid(where, keys, {
    must: 'contain a public key that can verify a token',
    advice: 'Set it to the JSON that the issuer publishes at its jwks_uri, parsed',
  });
}

// A copy that contains only what the issuer could have published.
function asJson(keys: readonly unknown[]): readonly object[] | undefined {
  try {
    return JSON.parse(JSON.stringify(keys));
  } catch {
    return undefined;
  }
}

function checkStore(where: string, given: JwksStore): JwksStore {
  callable(`${where}.get`, Object(given).get);
  callable(`${where}.set`, Object(given).set);
  return given;
}
