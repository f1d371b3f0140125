import { minute as minuteLength, minutesADay } from './dates.js';

/**
 * What is counted of a request, and what `detail` says of it:
 * - `key`, `token`: it was let in with one. By day
 * - `refused`: it was known who asks, and refused all the same; the code of docs/errors.md. By day
 * - `claimed`: a token that says it is a known client's was refused, unverified; the code. By day
 * - `would-deny`: a check in report mode would have refused it; the code. By day
 * - `brownout`: its key was refused in a brownout; the start of that, ISO 8601
 * - `route`, `agent`: a key came, and where or from what; the route's template, the user agent
 * - `query`, `both`: a key came in the URL, or beside a token
 * - `other`: there was no room to count whose it is; `key`, `token` or `refused`. By day
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
  /** The issuer whose client it is; `''`, or absent in rows of an older version: not told. */
  readonly issuer?: string;
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

/** Who counted, and how far it has told. */
export interface UsageInstance {
  /** A random name of the guard that counted. */
  readonly instance: string;
  /** The number of its last batch. */
  readonly seq: number;
  /** Milliseconds since 1970: when it began to count. */
  readonly since: number;
  /** Milliseconds since 1970: when it told last. */
  readonly at: number;
  /** Seconds until it tells next: at most so much is lost if it is killed. */
  readonly every: number;
  /** Requests so far that it had no room to count by client. */
  readonly dropped: number;
  /** It was closed, and has told everything. */
  readonly closed: boolean;
  /**
   * Milliseconds since 1970: the stretches of time whose counts of this instance the store holds, the
   * newest 100 at most. @default all from `since` to `at`
   */
  readonly watched?: readonly (readonly [from: number, to: number])[];
  /** Batches that never reached the store, by their numbers. @default 0 */
  readonly missing?: number;
  /** Milliseconds by which its clock was ahead of the store's when it last told; behind: below 0. */
  readonly skew?: number;
}

/** What one instance has counted since its batch before. */
export interface UsageBatch extends UsageInstance {
  /** At most 1000, each of another name. */
  readonly rows: readonly UsageRow[];
}

/** What all instances have counted. */
export interface Usage {
  /** Milliseconds since 1970: written once, by the first batch ever; undefined before that. */
  readonly trackingSince: number | undefined;
  readonly rows: readonly UsageRow[];
  readonly instances: readonly UsageInstance[];
  /** What a store held that no guard had written, and left out. @default 0 */
  readonly skipped?: number;
}

/** Where counts are kept. Another one takes some thirty lines: see {@link mergeRows}. */
export interface UsageStore {
  /**
   * Adds a batch: all of it or nothing, and each batch of an instance once, however often it comes;
   * a batch whose number is not above the instance's last was added before, and is left out.
   */
  add(batch: UsageBatch): Promise<void>;
  read(): Promise<Usage>;
}

/** The day of a minute, both as rows have them. */
export const dayOf = (minute: number): string =>
  new Date(Math.floor(minute / minutesADay) * minutesADay * minuteLength)
    .toISOString()
    .slice(0, 10);

/** The name of a row: what two counts of one thing have in common. */
export const nameOf = ({ client, key, what, detail, day }: Omit<UsageRow, 'count'>): string =>
  JSON.stringify([client, key, what, detail, day]);

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

const sumOf = (one: UsageRow, other: UsageRow): UsageRow => ({
  ...one,
  count: one.count + other.count,
  first: Math.min(one.first, other.first),
  last: Math.max(one.last, other.last),
});
