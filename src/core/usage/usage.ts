import { minute as minuteLength, minutesADay } from '../base/dates.js';

/**
 * What a row counts, and what its `detail` contains:
 * - `key`, `token`: accepted requests with an API key or a token. Per day
 * - `refused`: rejected requests of an identified client (a known key, or a token with a valid
 *   signature). Detail: the code of docs/errors.md, or `error` if a function threw. A request with
 *   several credentials counts once for each. Per day
 * - `claimed`: rejected tokens that name a known client but were not verified. Detail: the code.
 *   Counted for client `''` if the issuer is not one of the guard's. Per day
 * - `would-deny`: requests that failed a report-only check. Detail: the code. Per day
 * - `brownout`: keys rejected in a brownout. Detail: the start of the brownout, ISO 8601
 * - `route`, `agent`: requests with a key. Detail: the route template, or the user agent
 * - `query`: keys in the URL
 * - `both`: keys beside a token, accepted or rejected. Per day
 * - `other`: requests not counted per client because of limits. Detail: `key`, `token`, `refused`
 *   or `both`; or `lookup` if the key's owner could not be looked up. Per day
 */
export type UsageKind = (typeof usageKinds)[number];
export const usageKinds = [
  ...(['key', 'token', 'refused', 'claimed', 'would-deny', 'brownout'] as const),
  ...(['route', 'agent', 'query', 'both', 'other'] as const),
] as const;

/** A count. All members except `count`, `first` and `last` identify the row. */
export interface UsageRow {
  /** The client id; `''` if a token names none. */
  readonly client: string;
  /** The client's issuer, because an id is unique only within it; `''` if unknown. */
  readonly issuer: string;
  /** The id of the key; `''` for a token. */
  readonly key: string;
  readonly what: UsageKind;
  readonly detail: string;
  /** `YYYY-MM-DD`, UTC; `''` for kinds that are not counted per day. */
  readonly day: string;
  readonly count: number;
  /** Minutes since 1970. */
  readonly first: number;
  /** Minutes since 1970. */
  readonly last: number;
}

/** A client that is not counted: its id, or, with several issuers, its id and issuer. */
export type ExcludedClient = string | { readonly client: string; readonly issuer: string };

/** An interval of time, in milliseconds since 1970. */
export type Stretch = readonly [from: number, to: number];

/** The state of a counting guard, in batches and in stores. */
interface InstanceState {
  /** A random name for the guard. */
  readonly instance: string;
  /** The number of its latest batch; the first is 1. */
  readonly seq: number;
  /** Milliseconds since 1970: when it started counting. A different value than before: its clock was set. */
  readonly since: number;
  /** Milliseconds since 1970, by its clock: the end of the time covered by its batches. */
  readonly at: number;
  /** Seconds until its next flush. If the process is killed, counts since `at` are lost. */
  readonly every: number;
  /** Total requests not counted per client because of limits, or rejected by the store. */
  readonly dropped: number;
  /** Whether it was closed after a final flush. */
  readonly closed: boolean;
  /** Clients that it does not count; at most 1000. @default none */
  readonly excludes?: readonly ExcludedClient[];
  /**
   * Distinguishes the batch from one with the same number and name, made by a clone of the process; at
   * most 100 characters. A store keeps the newest batch's tag. @default none: times are compared
   */
  readonly tag?: string;
}

/** What a store knows about a counting guard. */
export interface UsageInstance extends InstanceState {
  /**
   * The intervals whose counts the store has from this instance, in order; the newest 100. If absent
   * (written by an older version): `since` to `at`.
   */
  readonly watched?: readonly Stretch[];
  /** How many of its batches are missing: lost by the store, or never stored. @default 0 */
  readonly missing?: number;
  /**
   * Milliseconds by which its clock was ahead of the store's at the last flush; negative if behind.
   * Only stores with their own clock provide it.
   */
  readonly skew?: number;
  /**
   * Sums per day of all rows this instance has sent of the kinds `key`, `token`, `refused`, `other` and
   * `both`. If the stored rows add up to less, some were lost.
   */
  readonly counted?: Readonly<Record<string, number>>;
  /** The number of the batch from which on none is missing. */
  readonly unbroken?: number;
  /** Of `dropped`, how many requests have rows of the kind `other`, by day. @default 0 */
  readonly droppedByDay?: number;
  /**
   * Milliseconds since 1970, by its clock: when the others of `dropped`, of which no row has the day, had
   * all come. @default `at`
   */
  readonly droppedUntil?: number;
  /** Whether its counts exist only in its process. */
  readonly temporary?: true;
}

/** The counts of one instance since its previous batch. */
export interface UsageBatch extends InstanceState {
  /**
   * Milliseconds since 1970: this batch and the earlier ones contain all counts from then until `at`.
   * @default the `at` of the previous batch, if stored; `since` for the first batch; else `at`
   */
  readonly from?: number;
  /** Milliseconds since 1970, by the instance's clock: when it was passed to the store. */
  readonly sentAt?: number;
  /** The number of the first batch of the same flush: if one is missing, no time is covered. @default `seq` */
  readonly firstSeq?: number;
  /** At most 1000, each with a different name. */
  readonly rows: readonly UsageRow[];
}

/** The counts of all instances. */
export interface Usage {
  /** Milliseconds since 1970: the start of the earliest stored interval; undefined if there is none. */
  readonly trackingSince: number | undefined;
  readonly rows: readonly UsageRow[];
  readonly instances: readonly UsageInstance[];
  /** How many rows, lines or files were skipped because they are not valid counts. @default 0 */
  readonly skipped?: number;
  /**
   * Names of all instances, or of their files, that could not be read. A record or file is damaged, was
   * replaced by a link, or is missing although another instance saw it. The counts of such an instance
   * are unknown. @default none
   */
  readonly unreadable?: readonly string[];
}

/** A client, as a store identifies it. */
export type UsageClient = Pick<UsageRow, 'client' | 'issuer'>;

/** Stores usage counts. Writing your own takes about thirty lines: see {@link mergeRows}. */
export interface UsageStore {
  /**
   * Adds a batch atomically. A repeated batch must not be added again. An instance sends its next batch
   * only after the previous one was added, so a lower number comes from another guard with the same
   * name. Update the stored instance with {@link advanceInstance}.
   * @throws an Error with the code `ERR_USAGE_INSTANCE` if another guard uses the instance's name, or
   * `ERR_USAGE_BATCH` for a batch that can never be stored. After any other error the batch is sent again
   */
  add(batch: UsageBatch): Promise<void>;
  read(): Promise<Usage>;
  /**
   * Returns the clients with an accepted request, or a rejected one with their own credential. Optional:
   * implement it if that is cheaper than `read()`.
   */
  clients?(): Promise<readonly UsageClient[]>;
}

/** Returns the `day` of a minute since 1970. */
export const dayOf = (minute: number): string =>
  new Date(Math.floor(minute / minutesADay) * minutesADay * minuteLength)
    .toISOString()
    .slice(0, 10);

/** Returns the name of a row. Rows with the same name count the same thing. */
export const nameOf = (row: NamedRow): string =>
  JSON.stringify([row.client, row.key, row.what, row.detail, row.day, row.issuer ?? '']);

type NamedRow = Pick<UsageRow, 'client' | 'key' | 'what' | 'detail' | 'day'> & {
  readonly issuer?: string;
};

/**
 * Merges rows into a map by name, in any order: adds up `count`, and keeps the earliest `first` and the
 * latest `last`.
 */
export function mergeRows(into: Map<string, UsageRow>, rows: Iterable<UsageRow>): void {
  for (const row of rows) {
    const name = nameOf(row);
    const existing = into.get(name);
    into.set(name, existing ? sumOf(existing, row) : row);
  }
}

/** Counts are capped at this, which all stores can represent. */
export const mostCount = 999_999_999_999_999;

const sumOf = (one: UsageRow, other: UsageRow): UsageRow => ({
  ...one,
  count: Math.min(one.count + other.count, mostCount),
  first: Math.min(one.first, other.first),
  last: Math.max(one.last, other.last),
});
