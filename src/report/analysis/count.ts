import { day } from '../../core/base/dates.js';
import type { Usage, UsageRow } from '../../core/usage/usage.js';
import type { Clock } from './clock.js';
import {
  addClaim,
  adding,
  addTo,
  type Claims,
  type ClientCounts,
  later,
  noClaims,
  noCounts,
  type Seen,
  unexamined,
  type Windows,
} from './counts.js';
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
  /** By credentials; with those that came under an id without an issuer, wanted or not. */
  readonly clients: ClientMap<ClientCounts>;
  /** By what refused tokens say. */
  readonly claims: ClientMap<Claims>;
  /** By days since 1970. */
  readonly days: ReadonlyMap<number, DayCounts>;
  /** Let in. */
  readonly traffic: { readonly key: Windows; readonly token: Windows };
  readonly withoutClient: Windows;
  readonly nobody: Nobody;
  /** Requests that the rows hold, by `YYYY-MM-DD`: of all clients, wanted or not. */
  readonly held: ReadonlyMap<string, number>;
  /** Minutes since 1970; undefined if there are no rows. */
  readonly oldest: number | undefined;
  /** Minutes by which the newest count is ahead of the report's clock. */
  readonly ahead: number;
  /** Rows of kinds that are not known here. */
  readonly unknown: number;
}

/** What was counted for no client. Times are minutes since 1970. */
export interface Nobody {
  /** The last request, perhaps with a key, that there was no room to count. */
  lastUncounted: number | undefined;
  /** Requests that there was no room to count by client. */
  uncounted: number;
  /** The last key that could not be looked up, so that nobody knows whose it was. */
  lastLookup: number | undefined;
  /** Such requests: guards count them among those that they dropped. */
  lookups: number;
  /** `YYYY-MM-DD`: on which days there were such keys. */
  readonly lookupDays: Set<string>;
  /** The last refused token of nobody knows whom that was not examined. */
  lastUnexamined: number | undefined;
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
  const clients = new ClientMap<Counted>();
  const claims = new ClientMap<Claims>();
  const days = new Map<number, DayCounts>();
  const held = new Map<string, number>();
  const traffic = { key: windows(), token: windows() };
  const withoutClient = windows();
  const nobody = noNobody();
  let oldest: number | undefined;
  let newest = 0;
  let unknown = 0;

  const countsOf = (row: UsageRow): Counted => {
    const ref = { client: row.client, issuer: issuers.of(row) };
    const known = clients.get(ref);
    if (known) return known;
    const isWanted = wanted(ref);
    // Keys without an issuer are those of each client of that id, and it is one of those that may be wanted.
    const isBare = issuers.several && ref.issuer === '';
    const one = { isWanted, counts: isWanted || isBare ? noCounts() : undefined };
    clients.set(ref, one);
    return one;
  };
  const claimsOf = (row: UsageRow): Claims => {
    const ref = { client: row.client, issuer: issuers.ofClaim(row) };
    const held = claims.get(ref) ?? noClaims();
    claims.set(ref, held);
    return held;
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
    if (isRequest(row)) held.set(row.day, (held.get(row.day) ?? 0) + row.count);
    const seen = clamped(row, clock);
    if (row.what === 'other') {
      addNobody(nobody, row, seen.last);
      if (everyone) addTotal(row.detail, seen);
      continue;
    }
    if (row.what === 'claimed') {
      if (row.client !== '') addClaim(claimsOf(row), seen, clock);
      continue;
    }
    newest = Math.max(newest, row.last);
    oldest = Math.min(oldest ?? row.first, row.first);
    if (row.client === '') {
      if (row.what === 'key' || row.what === 'token') addTo(withoutClient, seen, clock);
      if (everyone) addTotal(row.what, seen);
      continue;
    }
    const { counts, isWanted } = countsOf(row);
    if (counts) adding.get(row.what)?.(counts, seen, clock);
    if (isWanted) addTotal(row.what, seen);
  }
  const ahead = Math.max(0, newest - clock.minute);
  const found = new ClientMap<ClientCounts>();
  for (const [ref, { counts }] of clients.entries()) if (counts) found.set(ref, counts);
  return {
    ...{ clients: found, claims, days, held, traffic, withoutClient },
    ...{ nobody, oldest, ahead, unknown },
  };
}

interface Counted {
  /** Undefined of a client whose counts nothing in the report needs. */
  readonly counts: ClientCounts | undefined;
  readonly isWanted: boolean;
}

const noNobody = (): Nobody => ({
  lastUncounted: undefined,
  uncounted: 0,
  lastLookup: undefined,
  lookups: 0,
  lookupDays: new Set(),
  lastUnexamined: undefined,
});

/** The detail of a request whose key could not be looked up. */
const notLookedUp = 'lookup';

function addNobody(to: Nobody, { detail, day: on, count }: UsageRow, last: number): void {
  if (detail === notLookedUp) {
    to.lastLookup = later(to.lastLookup, last);
    to.lookups += count;
    to.lookupDays.add(on);
  } else if (detail === unexamined) {
    to.lastUnexamined = later(to.lastUnexamined, last);
  } else {
    to.uncounted += count;
    if (detail !== 'token') to.lastUncounted = later(to.lastUncounted, last);
  }
}

/** Tells whether a store adds a row to what it has taken from an instance. */
const isRequest = ({ what, day: on }: UsageRow): boolean =>
  what === 'key' ||
  what === 'token' ||
  what === 'refused' ||
  what === 'other' ||
  (what === 'both' && on !== '');

const windows = (): Windows => ({ day: 0, week: 0, month: 0 });

// Of a clock that is ahead it is certain that the request came, and that it is not yet over.
const clamped = (row: UsageRow, { minute, today }: Clock): Seen => ({
  key: row.key,
  detail: row.detail,
  count: row.count,
  first: Math.min(row.first, minute),
  last: Math.min(row.last, minute),
  on: row.day === '' ? today : Math.min(dayNumber(row.day), today),
  isDated: row.day !== '',
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
