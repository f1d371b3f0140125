import type { Decision } from '../decision.js';
import { UpstreamError } from '../errors.js';
import { type Attempt, claimedClient, printable, routeOf } from '../events.js';
import { clientOf, type KnownKey, knownKey } from '../principal.js';
import { day as dayLength, minute as minuteLength } from './dates.js';
import type { Plan } from './plan.js';
import type { Fresh } from './tally.js';
import { dayOf, type UsageKind, type UsageRow } from './usage.js';
import { otherDetail } from './usage-room.js';

/** Counts who uses which credential. */
export interface Counter {
  /** Counts one attempt; a second look at the same request is not counted again. */
  add(attempt: Attempt, decision: Decision, fresh: Fresh): void;
  /** Hands over what was counted since the last time, and begins anew. */
  take(): UsageRow[];
  /** Requests so far that there was no room to count by client. */
  dropped(): number;
}

interface CounterOptions {
  /** Clients' tokens, and keys, that are counted apart. */
  readonly max: number;
  /** Clients that are not counted. */
  readonly exclude: ReadonlySet<string>;
  readonly now: () => number;
  readonly plan: () => Plan | undefined;
}

/** What is counted, beside whose it is. */
interface Count {
  readonly what: UsageKind;
  readonly detail?: string;
  readonly minute: number;
}

/** One row while it is counted. */
interface Cell {
  count: number;
  first: number;
  last: number;
  /** The number of its day. */
  day: number;
}

/** What is counted of a client's tokens, or of one of its keys. */
interface Holder {
  readonly client: string;
  readonly key: string;
  /** Requests let in, which are nearly all. */
  readonly used: Cell;
  readonly others: Map<UsageKind, Map<string, Cell>>;
  /** Rows of days that are over. */
  readonly over: UsageRow[];
  /** The user agent that came last, as it was written and as it is counted: most come again. */
  agent: { readonly written: string | undefined; readonly counted: string };
}

/** Beyond so many of one kind until the next flush, the others are one: a client may make them up. */
const mostDetails = 50;
/** Rows of days that are over: many only where nothing could be flushed for months. */
const mostOver = 400;

const minutesADay = dayLength / minuteLength;
const undated: ReadonlySet<UsageKind> = new Set(['brownout', 'route', 'agent', 'query', 'both']);

const newCell = (): Cell => ({ count: 0, first: 0, last: 0, day: 0 });

const newHolder = (client: string, key: string): Holder => ({
  client,
  key,
  used: newCell(),
  others: new Map(),
  over: [],
  agent: { written: undefined, counted: '' },
});

/** Counts in memory: for a request that is let in a look-up, two additions and a time. */
export function createCounter({ max, exclude, now, plan }: CounterOptions): Counter {
  const clients = new Map<string, Map<string, Holder>>();
  const nobody = newHolder('', '');
  const used = new WeakSet<object>();
  let held = 0;
  let dropped = 0;

  /** Where a request of this client is counted: with nobody, if there is no more room. */
  function holderOf(client: string, key: string): Holder {
    const keys = clients.get(client);
    const known = keys?.get(key);
    if (known) return known;
    if (held >= max) return nobody;
    held += 1;
    const holder = newHolder(client, key);
    if (keys) keys.set(key, holder);
    else clients.set(client, new Map([[key, holder]]));
    return holder;
  }

  /** Whose a request is; undefined if that is not known, or not counted. */
  function whose(attempt: Attempt): Holder | undefined {
    const { principal, seen } = attempt;
    if (principal) {
      const client = clientOf(principal) ?? '';
      return exclude.has(client) ? undefined : holderOf(client, principal.key?.id ?? '');
    }
    if (seen.key) {
      return exclude.has(seen.key.client) ? undefined : holderOf(seen.key.client, seen.key.id);
    }
    // Anybody can write any client into a token: one that is known is all that is counted of it.
    const claimed = claimedClient(seen);
    if (claimed === undefined || exclude.has(claimed)) return undefined;
    const isKnown = clients.has(claimed) || plan()?.clients.has(claimed);
    return isKnown ? holderOf(claimed, '') : undefined;
  }

  function count(holder: Holder, { what, detail = '', minute }: Count): void {
    if (holder !== nobody) mark(holder, { what, detail, minute });
    else if (what === 'key' || what === 'token' || what === 'refused') {
      dropped += 1;
      mark(nobody, { what: 'other', detail: what, minute });
    }
  }

  /** What a key came with: where it should be looked for. */
  function countPlaces(attempt: Attempt, key: KnownKey, minute: number): void {
    const { request, credential, principal, stance } = attempt;
    const holder = holderOf(key.client, key.id);
    const written = request.header('user-agent');
    if (holder.agent.written !== written) {
      holder.agent = { written, counted: printable(written) ?? '' };
    }
    count(holder, { what: 'route', detail: routeOf(attempt) ?? '', minute });
    count(holder, { what: 'agent', detail: holder.agent.counted, minute });
    if (credential?.kind !== 'token' && credential?.place === 'query') {
      count(holder, { what: 'query', minute });
    }
    if (credential?.kind === 'both') count(holder, { what: 'both', minute });
    if (principal && stance?.refusal === 'brownout' && stance.brownout !== undefined) {
      const detail = new Date(stance.brownout).toISOString();
      count(holder, { what: 'brownout', detail, minute });
    }
  }

  return {
    add(attempt, decision, fresh) {
      const holder = whose(attempt);
      if (!holder) return;
      const { principal, seen, request } = attempt;
      const minute = Math.floor(now() / minuteLength);
      const source = request.source ?? request;
      const isUse = decision.allowed && principal !== undefined && !used.has(source);
      const key = principal?.key ? knownKey(principal.key) : seen.key;
      const isVerified = principal !== undefined || key !== undefined;
      if (isUse) {
        used.add(source);
        count(holder, { what: principal.kind === 'token' ? 'token' : 'key', minute });
      }
      if (!decision.allowed && fresh.refused) {
        const { error } = decision;
        if (isVerified) count(holder, { what: 'refused', detail: error.code, minute });
        else if (!(error instanceof UpstreamError)) {
          count(holder, { what: 'claimed', detail: error.code, minute });
        }
      }
      if (key && (isUse || fresh.refused)) countPlaces(attempt, key, minute);
      if (!isVerified) return;
      for (const detail of fresh.notes) count(holder, { what: 'would-deny', detail, minute });
    },
    take() {
      const holders = [nobody, ...[...clients.values()].flatMap((keys) => [...keys.values()])];
      const rows = holders.flatMap(takeRows);
      // Who came is remembered while there is room, so that a failing client is known by its name.
      if (held > max / 2) {
        clients.clear();
        held = 0;
      }
      return rows;
    },
    dropped: () => dropped,
  };
}

function mark(holder: Holder, { what, detail = '', minute }: Count): void {
  const cell = cellOf(holder, what, detail);
  if (cell.count > 0) {
    const day = undated.has(what) ? cell.day : Math.floor(minute / minutesADay);
    if (day !== cell.day) {
      if (holder.over.length < mostOver) holder.over.push(rowOf(holder, { what, detail, cell }));
      cell.count = 0;
    }
  }
  if (cell.count === 0) {
    cell.day = Math.floor(minute / minutesADay);
    cell.first = minute;
    cell.last = minute;
  }
  cell.count += 1;
  if (minute > cell.last) cell.last = minute;
  else if (minute < cell.first) cell.first = minute;
}

function cellOf({ used, others, key }: Holder, what: UsageKind, detail: string): Cell {
  if (what === (key === '' ? 'token' : 'key')) return used;
  const cells = others.get(what) ?? newCells(others, what);
  const name = cells.has(detail) || cells.size < mostDetails ? detail : otherDetail;
  const held = cells.get(name);
  if (held) return held;
  const cell = newCell();
  cells.set(name, cell);
  return cell;
}

function newCells(others: Holder['others'], what: UsageKind): Map<string, Cell> {
  const cells = new Map<string, Cell>();
  others.set(what, cells);
  return cells;
}

interface Marked {
  readonly what: UsageKind;
  readonly detail: string;
  readonly cell: Cell;
}

const rowOf = ({ client, key }: Holder, { what, detail, cell }: Marked): UsageRow => ({
  client,
  key,
  what,
  detail,
  day: undated.has(what) ? '' : dayOf(cell.first),
  count: cell.count,
  first: cell.first,
  last: cell.last,
});

function takeRows(holder: Holder): UsageRow[] {
  const { key, used, others, over } = holder;
  const rows = over.splice(0);
  if (used.count > 0) {
    rows.push(rowOf(holder, { what: key === '' ? 'token' : 'key', detail: '', cell: used }));
    used.count = 0;
  }
  for (const [what, cells] of others) {
    for (const [detail, cell] of cells) rows.push(rowOf(holder, { what, detail, cell }));
  }
  others.clear();
  return rows;
}
