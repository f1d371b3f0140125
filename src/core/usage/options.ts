import { isObject } from '../base/json.js';
import {
  callable,
  integer,
  invalid,
  oneOf,
  optional,
  seconds,
  settingsOf,
} from '../base/validate.js';
import type { ExcludedClient, UsageStore } from './usage.js';

/** Options for counting which clients use API keys and which use tokens. */
export interface UsageOptions {
  /** Stores the counts of all processes. @default memory of this process */
  readonly store?: UsageStore;
  /** Seconds between two flushes, 10 to 60. A killed process loses at most this much. @default 30 */
  readonly flushInterval?: number;
  /** How many clients and keys are counted separately between two flushes. @default 10000 */
  readonly max?: number;
  /**
   * Clients that are not counted, such as your own support tools; at most 1000. With several issuers,
   * each entry must name one: a client id is unique only within its issuer (RFC 8725 §3.8).
   */
  readonly exclude?: readonly ExcludedClient[];
}

/** Validated {@link UsageOptions}. */
export interface UsageSettings {
  readonly store: UsageStore | undefined;
  readonly flushInterval: number;
  readonly max: number;
  readonly exclude: Exclusions;
}

/** The clients that are not counted. */
export interface Exclusions {
  has(client: string, issuer: string): boolean;
  /** The entries as configured. */
  readonly entries: readonly ExcludedClient[];
}

/**
 * Validates the usage options of a guard with these issuers.
 * @throws ConfigError for the first invalid option
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
    throw invalid(where, given, {
      must: 'be an array of client ids',
      advice: 'For example ["support"]',
    });
  }
  if (given.length === 0) {
    throw invalid(where, given, {
      must: 'not be empty',
      advice: 'Add a client, or remove the option',
    });
  }
  // Bounded, because each batch lists them: the report must not show them as unused.
  integer(`${where}.length`, given.length, { min: 0, max: 1_000 });
  return given.map((one, index) => checkExcluded(`${where}[${index}]`, one, issuers));
}

function checkExcluded(where: string, given: unknown, issuers: readonly string[]): ExcludedClient {
  if (typeof given === 'string' && given !== '') {
    if (issuers.length <= 1) return given;
    throw invalid(where, given, {
      must: 'name the issuer of the client, because the guard has several issuers',
      advice: `Write { client: "…", issuer: "${issuers[0]}" }`,
    });
  }
  if (!isObject(given)) {
    throw invalid(where, given, clientIdRequired);
  }
  const { client, issuer } = settingsOf(where, given, ['client', 'issuer']);
  if (typeof client !== 'string' || client === '') {
    throw invalid(`${where}.client`, client, clientIdRequired);
  }
  return Object.freeze({ client, issuer: oneOf(`${where}.issuer`, issuer, issuers) });
}

const clientIdRequired = { must: 'be a client id', advice: 'For example "support"' };

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
