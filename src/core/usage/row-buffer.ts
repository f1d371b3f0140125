import { copyOf } from '../base/copy.js';
import { minutesADay } from '../base/dates.js';
import { isUndated } from './batch.js';
import { otherDetail } from './overflow.js';
import { dayOf, mergeRows, type UsageKind, type UsageRow } from './usage.js';

/** What is counted, beside whose it is. */
export interface Count {
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
export interface RowBuffer {
  readonly issuer: string;
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

const newCell = (): Cell => ({ count: 0, first: 0, last: 0, day: 0 });

/** Begins to count for a client's tokens, or for a key. */
export const createRowBuffer = (issuer: string, client: string, key: string): RowBuffer => ({
  issuer: copyOf(issuer),
  client: copyOf(client),
  key: copyOf(key),
  used: newCell(),
  others: new Map(),
  over: [],
  agent: { written: undefined, counted: '' },
});

/** Counts; answers how many of a day that is over there was no room for. */
export function addToBuffer(holder: RowBuffer, { what, detail = '', minute }: Count): number {
  const cell = cellOf(holder, what, detail);
  let lost = 0;
  if (cell.count > 0) {
    const day = isUndated(what) ? cell.day : Math.floor(minute / minutesADay);
    if (day !== cell.day) {
      if (holder.over.length < mostOver) holder.over.push(rowOf(holder, { what, detail, cell }));
      else lost = cell.count;
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
  return lost;
}

/** Takes a count back, if it was not handed over yet. */
export function takeBack({ others }: RowBuffer, { what, detail = '', minute }: Count): void {
  const cells = others.get(what);
  const cell = cells?.get(detail);
  const isSameDay = isUndated(what) || cell?.day === Math.floor(minute / minutesADay);
  if (!cell || cell.count === 0 || !isSameDay) return;
  cell.count -= 1;
  if (cell.count === 0) cells?.delete(detail);
}

function cellOf({ used, others, key }: RowBuffer, what: UsageKind, detail: string): Cell {
  if (what === (key === '' ? 'token' : 'key')) return used;
  const cells = others.get(what) ?? newCells(others, what);
  const name = cells.has(detail) || cells.size < mostDetails ? detail : otherDetail;
  const held = cells.get(name);
  if (held) return held;
  const cell = newCell();
  cells.set(copyOf(name), cell);
  return cell;
}

function newCells(others: RowBuffer['others'], what: UsageKind): Map<string, Cell> {
  const cells = new Map<string, Cell>();
  others.set(what, cells);
  return cells;
}

interface Marked {
  readonly what: UsageKind;
  readonly detail: string;
  readonly cell: Cell;
}

const rowOf = ({ client, key, issuer }: RowBuffer, { what, detail, cell }: Marked): UsageRow => ({
  client,
  issuer,
  key,
  what,
  detail,
  day: isUndated(what) ? '' : dayOf(cell.first),
  count: cell.count,
  first: cell.first,
  last: cell.last,
});

/** Hands over what was counted, and begins anew. */
export function takeRows(holder: RowBuffer): UsageRow[] {
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
  // A clock that is set back over midnight comes to a day again.
  const merged = new Map<string, UsageRow>();
  mergeRows(merged, rows);
  return [...merged.values()];
}
