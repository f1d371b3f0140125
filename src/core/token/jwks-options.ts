import { callable, mistake, optional, seconds, settingsOf } from '../base/validate.js';
import { importKey, servesAny } from './jwk.js';

/** A JWK Set (RFC 7517 §5). */
export interface JsonWebKeySet {
  readonly keys: readonly object[];
}

/** A key set that was fetched, whose, and when: in milliseconds since 1970. */
export interface StoredJwks {
  /** Keys that do not name the issuer they are looked up for are refused. */
  readonly issuer: string;
  readonly jwks: JsonWebKeySet;
  readonly fetchedAt: number;
}

/** Shares fetched key sets between processes. What fails here costs a fetch, and nothing else. */
export interface JwksStore {
  /** The newest set of an issuer, if there is one. It is believed as if it had been fetched. */
  get(issuer: string): Promise<StoredJwks | undefined>;
  set(issuer: string, keys: StoredJwks): Promise<void>;
}

/** How keys are kept. Times in seconds; fractions are allowed. */
export interface JwksOptions {
  /** Younger keys are used without a question; from 80 % on they are fetched anew behind. @default 600 */
  readonly maxAge?: number;
  /** While nothing can be fetched, keys up to this age are used. @default 86400 */
  readonly staleIfError?: number;
  /** Between two fetches for an unknown `kid`; also the longest back-off after a failure. @default 30 */
  readonly cooldown?: number;
  /** For one fetch, discovery and body included. @default 5 */
  readonly timeout?: number;
  /** The keys to begin with, so that the first request needs no network. Of one issuer. */
  readonly initial?: JsonWebKeySet;
  /** Asked once, before the first fetch; told of every fetch. */
  readonly store?: JwksStore;
}

/** The limits, with nothing left out. */
export type JwksLimits = Required<Omit<JwksOptions, 'initial' | 'store'>>;

/** The options, checked. */
export interface JwksSettings extends JwksLimits {
  readonly initial: JsonWebKeySet | undefined;
  readonly store: JwksStore | undefined;
}

const names = ['maxAge', 'staleIfError', 'cooldown', 'timeout', 'initial', 'store'];

/**
 * Checks how keys are kept.
 * @throws ConfigError for the first mistake
 */
export function checkJwks(where: string, given: JwksOptions, several: boolean): JwksSettings {
  const own: JwksOptions = settingsOf(where, given, names);
  const { maxAge = 600, staleIfError = 86_400, cooldown = 30, timeout = 5, initial, store } = own;
  if (initial !== undefined && several) {
    throw mistake(`${where}.initial`, initial, 'is of one issuer: with several, use a store');
  }
  return {
    maxAge: seconds(`${where}.maxAge`, maxAge, [0.001, 86_400]),
    staleIfError: seconds(`${where}.staleIfError`, staleIfError, [0, 2_592_000]),
    cooldown: seconds(`${where}.cooldown`, cooldown, [0.001, 3_600]),
    timeout: seconds(`${where}.timeout`, timeout, [0.001, 60]),
    initial: optional(`${where}.initial`, initial, checkInitial),
    store: optional(`${where}.store`, store, checkStore),
  };
}

function checkInitial(where: string, given: JsonWebKeySet): JsonWebKeySet {
  const { keys } = settingsOf(where, given, Object.keys(Object(given)));
  const list = Array.isArray(keys) ? asJson(keys) : undefined;
  if (!list || list.length === 0) {
    throw mistake(where, given, 'is no key set: write { keys: […] }, as the issuer publishes it');
  }
  const imported = list.map((jwk) => importKey(jwk));
  if (imported.some((key) => key && servesAny(key))) return { keys: list };
  throw mistake(where, given, 'has no key in it that could verify a token');
}

// A copy, and just what the issuer could have published.
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
