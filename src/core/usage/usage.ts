import { minute as minuteLength, minutesADay } from '../base/dates.js';

/**
 * What is counted of a request, and what `detail` says of it:
 * - `key`, `token`: it was let in with one. By day
 * - `refused`: it was known who asks, by a key or by a token with a valid signature, and it was
 *   refused all the same; the code of docs/errors.md, or `error` where a function threw. A refused
 *   request with several credentials is one of each. By day
 * - `claimed`: a token that says it is a known client's was refused, unverified; the code. Nobody's
 *   (client `''`) if its issuer is not one of the guard's. By day
 * - `would-deny`: a check in report mode would have refused it; the code. By day
 * - `brownout`: its key was refused in a brownout; the start of that, ISO 8601
 * - `route`, `agent`: a key came, and where or from what; the route's template, the user agent
 * - `query`: a key came in the URL
 * - `both`: a key came beside a token; let in or refused. By day
 * - `other`: nobody's, for there was no room to count whose it is; `key`, `token`, `refused` or
 *   `both`. Or `lookup`: a key came, and it could not be looked up whose it is. By day
 */
export type UsageKind = (typeof usageKinds)[number];
export const usageKinds = [
  ...(['key', 'token', 'refused', 'claimed', 'would-deny', 'brownout'] as const),
  ...(['route', 'agent', 'query', 'both', 'other'] as const),
] as const;

/** How often one thing happened. What all but `count`, `first` and `last` say is the row's name. */
export interface UsageRow {
  /** The client's id; `''` where a token names none. */
  readonly client: string;
  /** The issuer whose client it is: an id means nothing outside of it; `''` where that is not told. */
  readonly issuer: string;
  /** The id of the key; `''` for a token. */
  readonly key: string;
  readonly what: UsageKind;
  readonly detail: string;
  /** `YYYY-MM-DD`, UTC; `''` of what is not told by day. */
  readonly day: string;
  readonly count: number;
  /** Minutes since 1970. */
  readonly first: number;
  /** Minutes since 1970. */
  readonly last: number;
}

/** A client that is not counted: its id, of the only issuer, or with its issuer. */
export type ExcludedClient = string | { readonly client: string; readonly issuer: string };

/** A stretch of time, in milliseconds since 1970. */
export type Stretch = readonly [from: number, to: number];

/** What a batch and a store say of a guard that counts. */
interface InstanceState {
  /** A random name of the guard that counted. */
  readonly instance: string;
  /** The number of its last batch; the first one is 1. */
  readonly seq: number;
  /** Milliseconds since 1970: when it began to count. Another one than before: its clock was set. */
  readonly since: number;
  /** Milliseconds since 1970, by its clock: when it counted last what it has told. */
  readonly at: number;
  /** Seconds until it tells next. What is lost if it is killed is all since `at`. */
  readonly every: number;
  /** Requests so far that it had no room to count by client, or that no store would store. */
  readonly dropped: number;
  /** It was closed, and has told everything. */
  readonly closed: boolean;
  /** Clients that it does not count, at most 1000. @default none */
  readonly excludes?: readonly ExcludedClient[];
  /**
   * Tells the batch from another one of the same number and name, as a copy of the process makes it: at
   * most 100 characters. A store holds that of the newest batch. @default none: it is told by its times
   */
  readonly tag?: string;
}

/** What a store knows of a guard that counts. */
export interface UsageInstance extends InstanceState {
  /**
   * The time whose counts the store holds of this instance, in order: the newest 100 stretches. An
   * instance without them was read by an older version: `since` to `at`.
   */
  readonly watched?: readonly Stretch[];
  /** How many of its batches the store does not hold: lost by the store, or never stored. @default 0 */
  readonly missing?: number;
  /**
   * Milliseconds by which its clock was ahead of the store's when it told last; negative if behind.
   * Only stores with a clock of their own know it.
   */
  readonly skew?: number;
  /**
   * By day, how many counts the store was told of by this instance: all its rows of the
   * kinds `key`, `token`, `refused`, `other` and `both`. Fewer in the rows: some of them were lost.
   */
  readonly counted?: Readonly<Record<string, number>>;
  /** The number of the earliest of its batches after which none is missing. */
  readonly unbroken?: number;
  /** Of `dropped`, how many the store was told of in rows of the kind `other`, by day. @default 0 */
  readonly droppedByDay?: number;
  /**
   * Milliseconds since 1970, by its clock: when the others of `dropped` had all come, of which no row
   * tells the day. @default `at`
   */
  readonly droppedUntil?: number;
  /** Its counts are in its process only. */
  readonly temporary?: true;
}

/** What one instance has counted since its batch before. */
export interface UsageBatch extends InstanceState {
  /**
   * Milliseconds since 1970: the batch, with those before it, holds all counts from then until `at`.
   * @default the `at` of the batch before, if that is held; `since` for the first one; else `at`
   */
  readonly from?: number;
  /** Milliseconds since 1970, by the instance's clock: when it was handed to the store. */
  readonly sentAt?: number;
  /** The number of the first batch of its flush: without one of those, no time is covered. @default its own */
  readonly firstSeq?: number;
  /** At most 1000, each of another name. */
  readonly rows: readonly UsageRow[];
}

/** What all instances have counted. */
export interface Usage {
  /** Milliseconds since 1970: the earliest time whose counts are held; undefined if there is none. */
  readonly trackingSince: number | undefined;
  readonly rows: readonly UsageRow[];
  readonly instances: readonly UsageInstance[];
  /** What is stored there and is no count: so many rows, lines or files were left out. @default 0 */
  readonly skipped?: number;
  /**
   * Names of all instances or files of theirs that the store held and that could not be read: a record or file that is damaged, was replaced by a link, or is missing although another instance
   * saw it. What such a guard counted, and when, is not known. @default none
   */
  readonly unreadable?: readonly string[];
}

/** A client, as a store knows it. */
export type UsageClient = Pick<UsageRow, 'client' | 'issuer'>;

/** Where counts are kept. Another one takes some thirty lines: see {@link mergeRows}. */
export interface UsageStore {
  /**
   * Adds a batch: all of it or nothing, and each batch of an instance once, however often it comes;
   * the instance's newest batch was added before, and is left out, and one with a lower number is
   * another guard's: an instance tells the next batch only once the one before was added. What it
   * says of its instance is added by {@link advanceInstance}.
   * @throws an Error with the code `ERR_USAGE_INSTANCE` where another guard has the instance's name;
   * one with the code `ERR_USAGE_BATCH` for a batch that can never be stored; anything
   * else is an outage, and the same batch comes again
   */
  add(batch: UsageBatch): Promise<void>;
  read(): Promise<Usage>;
  /**
   * The clients that were let in, or refused with a credential of theirs; where a store can tell them
   * with less work than by `read()`.
   */
  clients?(): Promise<readonly UsageClient[]>;
}

/** The day of a minute, both as rows have them. */
export const dayOf = (minute: number): string =>
  new Date(Math.floor(minute / minutesADay) * minutesADay * minuteLength)
    .toISOString()
    .slice(0, 10);

/** The name of a row: what two counts of one thing have in common. */
export const nameOf = (row: NamedRow): string =>
  JSON.stringify([row.client, row.key, row.what, row.detail, row.day, row.issuer ?? '']);

type NamedRow = Pick<UsageRow, 'client' | 'key' | 'what' | 'detail' | 'day'> & {
  readonly issuer?: string;
};

/**
 * Adds rows to others, in whatever order they come: counts add up, `first` is the earliest and
 * `last` the latest.
 */
export function mergeRows(into: Map<string, UsageRow>, rows: Iterable<UsageRow>): void {
  for (const row of rows) {
    const name = nameOf(row);
    const held = into.get(name);
    into.set(name, held ? sumOf(held, row) : row);
  }
}

/** No count gets larger: what all stores can read again. */
export const mostCount = 999_999_999_999_999;

const sumOf = (one: UsageRow, other: UsageRow): UsageRow => ({
  ...one,
  count: Math.min(one.count + other.count, mostCount),
  first: Math.min(one.first, other.first),
  last: Math.max(one.last, other.last),
});
