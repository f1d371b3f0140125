import {
  callable,
  integer,
  oneOf,
  optional,
  seconds,
  settingsOf,
  someText,
} from '../base/validate.js';
import type { KeyPlaces } from '../extract.js';
import type { MigrationEvent } from '../plan/events.js';
import type { MigrationPlan, PlanSource } from '../plan/plan.js';
import type { ApiKeyRecord } from '../principal.js';
import type { UsageOptions, UsageSettings } from '../usage/options.js';
import { type ApiKeySource, checkSources } from './places.js';

/**
 * An {@link ApiKeyRecord} as databases return it: `null` for an absent member, a `Date` for a time, a
 * number for an id. Members with other names are an error: put your own data into `metadata`.
 */
export type FoundApiKey = {
  readonly [M in keyof ApiKeyRecord]: M extends 'id'
    ? string | number
    : ApiKeyRecord[M] | null | (M extends 'expiresAt' ? Date : never);
};

/**
 * Resolves to the record of an API key, or to `undefined` if the key is unknown. `sha256` is the digest of
 * `value` in lowercase hex. If it throws or rejects, the response is 503.
 */
export type ApiKeyLookup<Found = ApiKeyRecord> = (key: {
  readonly value: string;
  readonly sha256: string;
}) => Promise<Found | undefined>;

/** Carries the ids of invalidated keys between processes. */
export interface ApiKeyInvalidations {
  /** Notifies every process, including this one, that a key has changed. */
  publish(id: string): Promise<void>;
  /**
   * Subscribes, and resolves to a function that unsubscribes. Called without an id, the listener removes
   * every key from the cache: call it like that after each interruption in which messages may have been
   * lost, such as a lost connection, once messages arrive again.
   */
  subscribe(listener: (id?: string) => void): Promise<() => Promise<void>>;
}

/** The cache of API keys. Times in seconds; fractions are accepted. */
export interface ApiKeyCacheOptions {
  /** Valid keys, at most. @default 10000 */
  readonly max?: number;
  /** How long a valid key is cached: the longest delay before a revocation takes effect. @default 60 */
  readonly ttl?: number;
  /** Rejected keys, at most; they never evict a valid one. @default 10000 */
  readonly negativeMax?: number;
  /** How long a rejected key is cached; at most 30. @default 10 */
  readonly negativeTtl?: number;
  /** While lookups fail, valid keys up to this age are accepted (RFC 5861 §4). @default 0 */
  readonly staleIfError?: number;
}

/** API keys to accept alongside tokens. */
export interface ApiKeyOptions {
  /** Where a request may contain a key: one entry for each place. */
  readonly from: readonly ApiKeySource[];
  readonly lookup: ApiKeyLookup<FoundApiKey>;
  /**
   * The issuer of the clients, subjects and organizations in records that do not name one; must be one
   * of the guard's.
   * @default none
   */
  readonly issuer?: string;
  /** Seconds for one lookup. @default 5 */
  readonly timeout?: number;
  /**
   * A key and a token in one request: `'refuse'` rejects it with 400; `'same-client'` accepts it if both
   * are valid and belong to the same client and organization, and uses the token.
   * @default 'refuse'
   */
  readonly both?: 'refuse' | 'same-client';
  /** The value that `ApiKeyRecord.environment` must have. @default any, or none */
  readonly environment?: string;
  /** Returns whether a string can be a key; one that cannot is rejected without a lookup. */
  readonly wellFormed?: (value: string) => boolean;
  readonly cache?: ApiKeyCacheOptions;
  /** Which clients may still use API keys, and until when. @default all, without an end */
  readonly plan?: MigrationPlan | PlanSource;
  /** Carries invalidations to other processes. @default this process only */
  readonly invalidations?: ApiKeyInvalidations;
  /** Usage counts per client; `false` disables them. @default in memory */
  readonly usage?: UsageOptions | false;
  /** Called with every change of plan and mode, and with warnings; it cannot change a decision. */
  readonly onMigration?: (event: MigrationEvent) => void;
}

/** The options, checked, with all defaults filled in. */
export interface ApiKeySettings {
  readonly places: KeyPlaces;
  readonly lookup: ApiKeyLookup<FoundApiKey>;
  readonly issuer: string | undefined;
  /** All issuers of the guard. */
  readonly issuers: readonly string[];
  readonly timeout: number;
  readonly environment: string | undefined;
  readonly wellFormed: ((value: string) => boolean) | undefined;
  readonly cache: Required<ApiKeyCacheOptions>;
  readonly plan: MigrationPlan | PlanSource | undefined;
  readonly invalidations: ApiKeyInvalidations | undefined;
  readonly usage: UsageSettings | false;
  readonly onMigration: ((event: MigrationEvent) => void) | undefined;
}

const names: readonly (keyof ApiKeyOptions)[] = [
  'from',
  'lookup',
  'issuer',
  'timeout',
  'both',
  'environment',
  'wellFormed',
  'cache',
  'plan',
  'invalidations',
  'usage',
  'onMigration',
];

const cacheNames: readonly (keyof ApiKeyCacheOptions)[] = [
  'max',
  'ttl',
  'negativeMax',
  'negativeTtl',
  'staleIfError',
];

interface Surroundings {
  /** Those of the guard. */
  readonly issuers: readonly string[];
  readonly checkUsage: (
    where: string,
    given: UsageOptions,
    issuers: readonly string[],
  ) => UsageSettings;
}

/**
 * Checks the options of API keys, for a guard with these issuers.
 * @throws ConfigError for the first invalid option
 */
export function checkApiKeys(
  where: string,
  given: unknown,
  { issuers, checkUsage }: Surroundings,
): ApiKeySettings {
  const own: Partial<ApiKeyOptions> = settingsOf(where, given, names);
  const { timeout = 5, both = 'refuse', environment, wellFormed, cache = {}, onMigration } = own;
  const { usage = {} } = own;
  const at = (name: keyof ApiKeyOptions) => `${where}.${name}`;
  return {
    places: {
      ...checkSources(at('from'), own.from),
      besideToken: oneOf(at('both'), both, ['refuse', 'same-client']) === 'same-client',
    },
    lookup: callable(at('lookup'), own.lookup as ApiKeyLookup<FoundApiKey>),
    issuer: optional(at('issuer'), own.issuer, (place, issuer) => oneOf(place, issuer, issuers)),
    issuers,
    timeout: seconds(at('timeout'), timeout, { min: 0.001, max: 60 }),
    environment: optional(at('environment'), environment, (place, value) =>
      someText(place, value, { advice: 'Set it to one environment, such as "live"' }),
    ),
    wellFormed: optional(at('wellFormed'), wellFormed, callable),
    cache: checkCache(at('cache'), cache),
    plan: own.plan,
    invalidations: optional(at('invalidations'), own.invalidations, checkInvalidations),
    usage: usage === false ? false : checkUsage(at('usage'), usage, issuers),
    onMigration: optional(at('onMigration'), onMigration, callable),
  };
}

function checkCache(where: string, given: ApiKeyCacheOptions): Required<ApiKeyCacheOptions> {
  const own: ApiKeyCacheOptions = settingsOf(where, given, cacheNames);
  const { max = 10_000, ttl = 60, negativeMax = 10_000, negativeTtl = 10, staleIfError = 0 } = own;
  return {
    max: integer(`${where}.max`, max, { min: 1, max: 1_000_000 }),
    ttl: seconds(`${where}.ttl`, ttl, { min: 0, max: 3_600 }),
    negativeMax: integer(`${where}.negativeMax`, negativeMax, { min: 1, max: 1_000_000 }),
    negativeTtl: seconds(`${where}.negativeTtl`, negativeTtl, { min: 0, max: 30 }),
    staleIfError: seconds(`${where}.staleIfError`, staleIfError, { min: 0, max: 86_400 }),
  };
}

function checkInvalidations(where: string, given: ApiKeyInvalidations): ApiKeyInvalidations {
  callable(`${where}.publish`, Object(given).publish);
  callable(`${where}.subscribe`, Object(given).subscribe);
  return given;
}
