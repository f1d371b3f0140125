import { day } from '../../core/base/dates.js';
import type { Usage, UsageRow } from '../../core/usage/usage.js';
import type { Clock } from './clock.js';
import { adding, addTo, type ClientCounts, noCounts, type Seen, type Windows } from './counts.js';
import { ClientMap, type ClientRef, type Issuers } from './refs.js';
import { dayNumber, isKnown, slice } from './usage-check.js';

/** What happened on a day; what was refused is not among the keys and tokens. */
export interface DayCounts {
  key: number;
  token: number;
  refused: number;
}

/** What was counted, client by client and in all. */
export interface Counts {
  readonly clients: ClientMap<ClientCounts>;
  /** By days since 1970. */
  readonly days: ReadonlyMap<number, DayCounts>;
  /** Let in. */
  readonly traffic: { readonly key: Windows; readonly token: Windows };
  readonly withoutClient: Windows;
  /** Minutes since 1970: the last request, perhaps with a key, that there was no room to count. */
  readonly lastUncounted: number | undefined;
  /** Requests whose client was not counted. */
  readonly uncounted: number;
  /** Requests that the rows hold, by `YYYY-MM-DD`: of all clients, wanted or not. */
  readonly held: ReadonlyMap<string, number>;
  /** Minutes since 1970; undefined if there are no rows. */
  readonly oldest: number | undefined;
  /** Minutes by which the newest count is ahead of the report's clock. */
  readonly ahead: number;
  /** Rows of kinds that are not known here. */
  readonly unknown: number;
}

/** Whose counts are wanted. */
export type Wanted = (client: ClientRef) => boolean;

interface Scope {
  readonly clock: Clock;
  readonly issuers: Issuers;
  readonly wanted: Wanted;
  readonly everyone: boolean;
}

/**
 * Adds up the rows of wanted clients, each row once. What names no client, or had no room, is in the
 * totals of all clients, and in those of one cohort it is not. Others may have their turn at each yield.
 */
export function* countRows(
  { rows }: Usage,
  { clock, issuers, wanted, everyone }: Scope,
): Generator<undefined, Counts> {
  const clients = new ClientMap<{ readonly counts: ClientCounts | undefined }>();
  const days = new Map<number, DayCounts>();
  const held = new Map<string, number>();
  const traffic = { key: windows(), token: windows() };
  const withoutClient = windows();
  let lastUncounted: number | undefined;
  let uncounted = 0;
  let oldest: number | undefined;
  let newest = 0;
  let unknown = 0;

  const countsOf = (row: UsageRow): ClientCounts | undefined => {
    const ref = { client: row.client, issuer: issuers.of(row) };
    const known = clients.get(ref);
    if (known) return known.counts;
    const counts = wanted(ref) ? noCounts() : undefined;
    clients.set(ref, { counts });
    return counts;
  };
  const addTotal = (what: string, seen: Seen): void => {
    if (what !== 'key' && what !== 'token' && what !== 'refused') return;
    const sums = days.get(seen.on) ?? { key: 0, token: 0, refused: 0 };
    sums[what] += seen.count;
    days.set(seen.on, sums);
    if (what !== 'refused') addTo(traffic[what], seen, clock);
  };

  for (const [index, row] of rows.entries()) {
    if (index % slice === 0) yield;
    if (!isKnown(row.what)) {
      unknown += 1;
      continue;
    }
    newest = Math.max(newest, row.last);
    oldest = Math.min(oldest ?? row.first, row.first);
    if (isRequest(row.what)) held.set(row.day, (held.get(row.day) ?? 0) + row.count);
    const seen = clamped(row, clock, row.day === '' ? clock.today : dayNumber(row.day));
    if (row.what === 'other') {
      uncounted += row.count;
      if (row.detail !== 'token') lastUncounted = Math.max(lastUncounted ?? 0, seen.last);
      if (everyone) addTotal(row.detail, seen);
      continue;
    }
    if (row.client === '') {
      if (row.what === 'key' || row.what === 'token') addTo(withoutClient, seen, clock);
      if (everyone) addTotal(row.what, seen);
      continue;
    }
    const counts = countsOf(row);
    if (!counts) continue;
    if (row.what !== 'claimed') counts.seen = true;
    adding.get(row.what)?.(counts, seen, clock);
    addTotal(row.what, seen);
  }
  const ahead = Math.max(0, newest - clock.minute);
  const found = new ClientMap<ClientCounts>();
  for (const [ref, { counts }] of clients.entries()) if (counts) found.set(ref, counts);
  return {
    ...{ clients: found, days, held, traffic, withoutClient },
    ...{ lastUncounted, uncounted, oldest, ahead, unknown },
  };
}

/** Tells whether a store adds rows of this kind to what it has taken from an instance. */
const isRequest = (what: string): boolean =>
  what === 'key' || what === 'token' || what === 'refused' || what === 'other';

const windows = (): Windows => ({ day: 0, week: 0, month: 0 });

// Of a clock that is ahead it is certain that the request came, and that it is not yet over.
const clamped = (row: UsageRow, { minute, today }: Clock, on: number): Seen => ({
  key: row.key,
  detail: row.detail,
  count: row.count,
  first: Math.min(row.first, minute),
  last: Math.min(row.last, minute),
  on: Math.min(on, today),
});

/** The days up to today, the oldest first and none left out, 90 at most. */
export function lastDays(
  days: ReadonlyMap<number, DayCounts>,
  { today }: Clock,
  trackingSince: number | undefined,
) {
  let first = trackingSince === undefined ? today + 1 : Math.floor(trackingSince / day);
  for (const on of days.keys()) first = Math.min(first, on);
  first = Math.max(first, today - 89);
  return Array.from({ length: Math.max(0, today - first + 1) }, (_, index) => ({
    day: new Date((first + index) * day).toISOString().slice(0, 10),
    ...(days.get(first + index) ?? { key: 0, token: 0, refused: 0 }),
  }));
}
