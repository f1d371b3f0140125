import { isObject } from '../base/json.js';
import {
  callable,
  integer,
  mistake,
  oneOf,
  optional,
  seconds,
  settingsOf,
} from '../base/validate.js';
import type { ExcludedClient, UsageStore } from './usage.js';

/** How it is counted who uses keys, and who tokens. */
export interface UsageOptions {
  /** Where the counts of all processes add up. @default in this process, until it ends */
  readonly store?: UsageStore;
  /** Seconds between two flushes, 10 to 60: what is lost at most if the process is killed. @default 30 */
  readonly flushInterval?: number;
  /** Clients' tokens and keys that are counted apart between two flushes. @default 10000 */
  readonly max?: number;
  /**
   * Clients that are not counted, such as your own support tools; at most 1000. An id means nothing
   * outside its issuer: with several issuers each entry names one (RFC 8725 §3.8).
   */
  readonly exclude?: readonly ExcludedClient[];
}

/** {@link UsageOptions}, checked. */
export interface UsageSettings {
  readonly store: UsageStore | undefined;
  readonly flushInterval: number;
  readonly max: number;
  readonly exclude: Exclusions;
}

/** The clients that are not counted. */
export interface Exclusions {
  has(client: string, issuer: string): boolean;
  /** As they were given. */
  readonly entries: readonly ExcludedClient[];
}

/**
 * Checks how it is counted, by a guard of these issuers.
 * @throws ConfigError for the first mistake
 */
export function checkUsage(
  where: string,
  given: UsageOptions,
  issuers: readonly string[],
): UsageSettings {
  const own: UsageOptions = settingsOf(where, given, ['store', 'flushInterval', 'max', 'exclude']);
  const { store, flushInterval = 30, max = 10_000, exclude } = own;
  const read = (place: string, entries: unknown) => checkExclude(place, entries, issuers);
  return {
    store: optional(`${where}.store`, store, checkStore),
    flushInterval: seconds(`${where}.flushInterval`, flushInterval, { min: 10, max: 60 }),
    max: integer(`${where}.max`, max, { min: 1, max: 1_000_000 }),
    exclude: exclusionsOf(optional(`${where}.exclude`, exclude, read) ?? []),
  };
}

function checkStore(where: string, given: UsageStore): UsageStore {
  callable(`${where}.add`, Object(given).add);
  callable(`${where}.read`, Object(given).read);
  return given;
}

function checkExclude(
  where: string,
  given: unknown,
  issuers: readonly string[],
): readonly ExcludedClient[] {
  if (!Array.isArray(given)) {
    throw mistake(where, given, 'is no list of client ids: write ["support"]');
  }
  if (given.length === 0) throw mistake(where, given, 'is empty: name a client, or leave it out');
  // Each batch names them, so that nobody takes them for clients that do not come.
  integer(`${where}.length`, given.length, { min: 0, max: 1_000 });
  return given.map((one, index) => checkExcluded(`${where}[${index}]`, one, issuers));
}

function checkExcluded(where: string, given: unknown, issuers: readonly string[]): ExcludedClient {
  if (typeof given === 'string' && given !== '') {
    if (issuers.length <= 1) return given;
    const meant = `needs its issuer, since the guard has several: write { client: ${JSON.stringify(given)}, issuer: "https://…" }`;
    throw mistake(where, given, meant);
  }
  if (!isObject(given)) {
    throw mistake(where, given, 'is no client id: write one client id per entry');
  }
  const { client, issuer } = settingsOf(where, given, ['client', 'issuer']);
  if (typeof client !== 'string' || client === '') {
    throw mistake(`${where}.client`, client, 'is no client id: write one client id per entry');
  }
  return Object.freeze({ client, issuer: oneOf(`${where}.issuer`, issuer, issuers) });
}

function exclusionsOf(entries: readonly ExcludedClient[]): Exclusions {
  const ids = new Set<string>();
  const pairs = new Set<string>();
  for (const one of entries) {
    if (typeof one === 'string') ids.add(one);
    else pairs.add(pairOf(one.client, one.issuer));
  }
  return {
    entries,
    has: (client, issuer) =>
      ids.has(client) || (pairs.size > 0 && pairs.has(pairOf(client, issuer))),
  };
}

const pairOf = (client: string, issuer: string): string => `${issuer}\n${client}`;
