import { minute, week as weekLong } from '../../core/base/dates.js';
import type { Clock } from './clock.js';

/** How often, and between which minutes since 1970. */
export interface ClientTally {
  count: number;
  first: number;
  last: number;
}

/** How often, up to now: today, and with the 6 and the 29 days before. */
export interface Windows {
  day: number;
  week: number;
  month: number;
}

/** What was counted of one client. */
export interface ClientCounts {
  /** From when to when, once for each row: keys of its own, accepted or not, or beside a token. */
  readonly uses: [first: number, last: number][];
  /** The last of them. */
  lastKey: number | undefined;
  /** The last one that was let in. */
  lastKeyLetIn: number | undefined;
  token: ClientTally | undefined;
  /** The last token that was refused and is known for certain to be the client's. */
  lastTokenRefused: number | undefined;
  readonly keyRequests: Windows;
  readonly tokenRequests: Windows;
  readonly refusedRequests: Windows;
  readonly keys: Map<string, { last: number; month: number }>;
  readonly routes: Map<string, ClientTally>;
  readonly agents: Map<string, ClientTally>;
  /** By reason, in the last 30 days: of what is known for certain to be the client's. */
  readonly refused: Map<string, ClientTally>;
  /** In the last 30 days there was a token among the refused. */
  failing: boolean;
  readonly wouldDeny: Map<string, ClientTally>;
  /** By reason: in minutes since 1970, however long ago. */
  readonly wouldDenySince: Map<string, number>;
  /** By the start of the brownout. */
  readonly brownouts: Map<string, ClientTally>;
  /** By key. */
  readonly inUrl: Map<string, ClientTally>;
  /** Keys that came beside a token. */
  beside: ClientTally | undefined;
  /** Those of them of which older versions told no day: how often they came is not known. */
  undated: ClientTally | undefined;
  /** A bit for each week back from now in which a key came, the last seven days being bit 0. */
  weeks: number;
}

/** The weeks that a projection looks back on. */
export const mostWeeks = 12;

export function noCounts(): ClientCounts {
  return {
    uses: [],
    lastKey: undefined,
    lastKeyLetIn: undefined,
    token: undefined,
    lastTokenRefused: undefined,
    keyRequests: none(),
    tokenRequests: none(),
    refusedRequests: none(),
    keys: new Map(),
    routes: new Map(),
    agents: new Map(),
    refused: new Map(),
    failing: false,
    wouldDeny: new Map(),
    wouldDenySince: new Map(),
    brownouts: new Map(),
    inUrl: new Map(),
    beside: undefined,
    undated: undefined,
    weeks: 0,
  };
}

const none = (): Windows => ({ day: 0, week: 0, month: 0 });

/** A row with its times clamped to now, and its day by number. */
export interface Seen extends ClientTally {
  readonly key: string;
  readonly detail: string;
  /** Days since 1970; today of what is not told by day. */
  readonly on: number;
  readonly isDated: boolean;
}

/** What each kind of row adds to its client. A kind that is not here adds nothing. */
export const adding: ReadonlyMap<string, (to: ClientCounts, seen: Seen, clock: Clock) => void> =
  new Map([
    [
      'key',
      (to, seen, clock) => {
        to.lastKeyLetIn = later(to.lastKeyLetIn, seen.last);
        addUse(to, seen, clock);
      },
    ],
    [
      'token',
      (to, seen, clock) => {
        to.token = sum(to.token, seen);
        addTo(to.tokenRequests, seen, clock);
      },
    ],
    [
      'refused',
      (to, seen, clock) => {
        addTo(to.refusedRequests, seen, clock);
        if (isRecent(seen, clock)) add(to.refused, seen.detail, seen);
        if (hadKey(seen)) addUse(to, seen, clock);
        else addRefusedToken(to, seen, clock);
      },
    ],
    [
      'would-deny',
      (to, seen, clock) => {
        const since = to.wouldDenySince.get(seen.detail) ?? seen.first;
        to.wouldDenySince.set(seen.detail, Math.min(since, seen.first));
        if (isRecent(seen, clock)) add(to.wouldDeny, seen.detail, seen);
      },
    ],
    ['brownout', (to, seen) => add(to.brownouts, seen.detail, seen)],
    ['route', (to, seen) => add(to.routes, seen.detail, seen)],
    ['agent', (to, seen) => add(to.agents, seen.detail, seen)],
    ['query', (to, seen) => add(to.inUrl, seen.key, seen)],
    ['both', addBeside],
  ]);

/** Refused tokens that only say that they are a client's: nothing but doubts rests on them. */
export interface Claims {
  /** By reason, in the last 30 days. */
  readonly unverified: Map<string, ClientTally>;
  /** Minutes since 1970: the last token that names it and was not examined. */
  lastUnexamined: number | undefined;
}

export const noClaims = (): Claims => ({ unverified: new Map(), lastUnexamined: undefined });

export function addClaim(to: Claims, seen: Seen, clock: Clock): void {
  if (seen.detail === unexamined) to.lastUnexamined = later(to.lastUnexamined, seen.last);
  if (isRecent(seen, clock)) add(to.unverified, seen.detail, seen);
}

/** The detail of a token that was not examined, since too many came. */
export const unexamined = 'UNEXAMINED';

/** A request with two credentials has brought a key, whosever id was told of it. */
const hadKey = ({ key, detail }: Seen): boolean =>
  key !== '' || detail === 'ERR_CREDENTIAL_AMBIGUOUS';

function addUse(to: ClientCounts, seen: Seen, clock: Clock): void {
  to.uses.push([seen.first, seen.last]);
  addTo(to.keyRequests, seen, clock);
  addKey(to, seen, clock);
  const held = to.keys.get(seen.key);
  if (held && isRecent(seen, clock)) held.month += seen.count;
}

/** The request is in the counts of its token, or of what was refused; that a key came is not. */
function addBeside(to: ClientCounts, seen: Seen, clock: Clock): void {
  to.beside = sum(to.beside, seen);
  if (seen.isDated) to.uses.push([seen.first, seen.last]);
  else to.undated = sum(to.undated, seen);
  addKey(to, seen, clock);
}

function addKey(to: ClientCounts, seen: Seen, clock: Clock): void {
  to.lastKey = later(to.lastKey, seen.last);
  // A row is of one day, so at most one end of a week is between its first and its last.
  to.weeks |= weekBit(seen.first, clock) | weekBit(seen.last, clock);
  if (seen.key === '') return;
  const held = to.keys.get(seen.key) ?? { last: seen.last, month: 0 };
  held.last = Math.max(held.last, seen.last);
  to.keys.set(seen.key, held);
}

function weekBit(at: number, { now }: Clock): number {
  const ago = Math.floor((now - at * minute) / weekLong);
  return ago < mostWeeks ? 1 << ago : 0;
}

function addRefusedToken(to: ClientCounts, seen: Seen, clock: Clock): void {
  to.lastTokenRefused = later(to.lastTokenRefused, seen.last);
  if (isRecent(seen, clock)) to.failing = true;
}

export const later = (one: number | undefined, other: number): number =>
  Math.max(one ?? other, other);

/** Tells whether a day, or the day of a minute, is one of the last 30. */
export const isRecent = ({ on }: Pick<Seen, 'on'>, { today }: Clock): boolean => on > today - 30;

/** Adds to the windows that a day is in. */
export function addTo(windows: Windows, { on, count }: Seen, { today }: Clock): void {
  if (on > today - 30) windows.month += count;
  if (on > today - 7) windows.week += count;
  if (on === today) windows.day += count;
}

function add(to: Map<string, ClientTally>, name: string, seen: Seen): void {
  to.set(name, sum(to.get(name), seen));
}

function sum(held: ClientTally | undefined, { count, first, last }: ClientTally): ClientTally {
  if (!held) return { count, first, last };
  held.count += count;
  held.first = Math.min(held.first, first);
  held.last = Math.max(held.last, last);
  return held;
}
