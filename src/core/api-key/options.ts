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
 * An {@link ApiKeyRecord} as databases have it: `null` for what is absent, a `Date` or a number where
 * that says the same. Members of other names are an error: put data of your own into `metadata`.
 */
export type FoundApiKey = {
  readonly [M in keyof ApiKeyRecord]: M extends 'id'
    ? string | number
    : ApiKeyRecord[M] | null | (M extends 'expiresAt' ? Date : never);
};

/**
 * Answers whose key this is, `undefined` for one that is not known. `sha256` is the digest of
 * `value` in lower-case hex. What it throws is an outage: 503.
 */
export type ApiKeyLookup<Found = ApiKeyRecord> = (key: {
  readonly value: string;
  readonly sha256: string;
}) => Promise<Found | undefined>;

/** Carries the ids of invalidated keys between processes. */
export interface ApiKeyInvalidations {
  /** Tells every process, this one too, that a key has changed. */
  publish(id: string): Promise<void>;
  /**
   * Begins to listen; returns how to stop. Without an id the listener forgets every key: call it so
   * after each time in which a message may have been missed, such as a lost connection, once messages
   * arrive again.
   */
  subscribe(listener: (id?: string) => void): Promise<() => Promise<void>>;
}

/** How keys are remembered. Times in seconds; fractions are allowed. */
export interface ApiKeyCacheOptions {
  /** Good keys, at most. @default 10000 */
  readonly max?: number;
  /** For how long a good key is not asked about again: the revocation latency. @default 60 */
  readonly ttl?: number;
  /** Refused keys, at most; they never displace a good one. @default 10000 */
  readonly negativeMax?: number;
  /** For how long a refused key is not asked about again; at most 30. @default 10 */
  readonly negativeTtl?: number;
  /** While nothing can be looked up, good keys up to this age are used. @default 0 */
  readonly staleIfError?: number;
}

/** API keys, accepted beside tokens. */
export interface ApiKeyOptions {
  /** Where keys are; several at once. */
  readonly from: readonly ApiKeySource[];
  readonly lookup: ApiKeyLookup<FoundApiKey>;
  /**
   * The issuer to which the clients, subjects and organizations of the records belong that name none;
   * one of the guard's.
   * @default none
   */
  readonly issuer?: string;
  /** Seconds for one look-up. @default 5 */
  readonly timeout?: number;
  /**
   * Key and token on one request: 400, or accepted if both are good and of the same client and
   * organization. Then the token counts.
   * @default 'refuse'
   */
  readonly both?: 'refuse' | 'same-client';
  /** What `ApiKeyRecord.environment` has to be. @default any, or none */
  readonly environment?: string;
  /** Whether a text can be a key at all; one that cannot costs no look-up. */
  readonly wellFormed?: (value: string) => boolean;
  readonly cache?: ApiKeyCacheOptions;
  /** Who may still use keys, and until when. @default everybody, for ever */
  readonly plan?: MigrationPlan | PlanSource;
  readonly invalidations?: ApiKeyInvalidations;
  /** How it is counted who still uses keys; `false`: not at all. */
  readonly usage?: UsageOptions | false;
  /** Told of every change of plan and mode, and of what may go wrong. Nothing it does matters. */
  readonly onMigration?: (event: MigrationEvent) => void;
}

/** The options, checked, with nothing left out. */
export interface ApiKeySettings {
  readonly places: KeyPlaces;
  readonly lookup: ApiKeyLookup<FoundApiKey>;
  readonly issuer: string | undefined;
  /** The guard's. */
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
 * Checks how keys are taken, by a guard of these issuers.
 * @throws ConfigError for the first mistake
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
    timeout: seconds(at('timeout'), timeout, [0.001, 60]),
    environment: optional(at('environment'), environment, (place, value) =>
      someText(place, value, 'is no environment: write "live"'),
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
    max: integer(`${where}.max`, max, [1, 1_000_000]),
    ttl: seconds(`${where}.ttl`, ttl, [0, 3_600]),
    negativeMax: integer(`${where}.negativeMax`, negativeMax, [1, 1_000_000]),
    negativeTtl: seconds(`${where}.negativeTtl`, negativeTtl, [0, 30]),
    staleIfError: seconds(`${where}.staleIfError`, staleIfError, [0, 86_400]),
  };
}

function checkInvalidations(where: string, given: ApiKeyInvalidations): ApiKeyInvalidations {
  callable(`${where}.publish`, Object(given).publish);
  callable(`${where}.subscribe`, Object(given).subscribe);
  return given;
}
