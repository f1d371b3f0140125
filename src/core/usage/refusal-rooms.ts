import { day as dayLength } from '../base/dates.js';
import { otherDetail, unexamined } from './overflow.js';
import { dayOf, mergeRows, nameOf, type UsageRow } from './usage.js';

/** The row of requests whose client is not counted: of any client, for all that is known. */
export const uncountedRow = (detail: string, count: number, minute: number): UsageRow => ({
  ...{ client: '', issuer: '', key: '', what: 'other', detail },
  ...{ day: dayOf(minute), count, first: minute, last: minute },
});

/**
 * What a refused token is for the counts, each with room of its own: strangers can make up as many
 * claims as they like, and take no room from what is proven.
 */
const kinds = ['proven', 'unexamined', 'claimed'] as const;
type Kind = (typeof kinds)[number];

const kindOf = ({ what, detail }: UsageRow): Kind => {
  if (what === 'refused') return 'proven';
  return detail === unexamined ? 'unexamined' : 'claimed';
};

/** Rows that are kept apart, by kind; `aDay`: no more new ones in a day. Of others there is one row for all. */
export type Room = Readonly<Record<Kind, number>>;

/** Rows of refused tokens, as many as there is room for. */
export interface RefusalRooms {
  /** Keeps a row; what does not fit is counted all the same, without its client. */
  add(row: UsageRow): void;
  /** Takes out those that are wanted. */
  take(wanted: (row: UsageRow) => boolean): UsageRow[];
  /** Takes out what did not fit. */
  takeOver(): UsageRow[];
  /** Moves what is kept, by a function that keeps the names apart. */
  move(how: (rows: Iterable<UsageRow>) => Map<string, UsageRow>): void;
  size(): number;
}

export function createRefusalRooms(room: Room, { aDay = false } = {}): RefusalRooms {
  const rooms = Object.fromEntries(kinds.map((kind) => [kind, new Map()])) as unknown as Record<
    Kind,
    Map<string, UsageRow>
  >;
  /** Names of this day, those that were taken out too. */
  const names = { day: '', proven: new Set(), unexamined: new Set(), claimed: new Set() };
  let over = new Map<string, UsageRow>();

  function turnDay(day: string): void {
    // Some of the day before come late, at midnight; a clock may have been wrong by years.
    if (day === names.day || Date.parse(names.day) - Date.parse(day) === dayLength) return;
    names.day = day;
    for (const kind of kinds) names[kind].clear();
  }

  function hasRoom(row: UsageRow, kind: Kind): boolean {
    const name = nameOf(row);
    if (rooms[kind].has(name)) return true;
    if (rooms[kind].size >= room[kind]) return false;
    if (!aDay) return true;
    turnDay(row.day);
    if (names[kind].size >= room[kind] && !names[kind].has(name)) return false;
    names[kind].add(name);
    return true;
  }

  return {
    add(row) {
      const kind = kindOf(row);
      if (hasRoom(row, kind)) mergeRows(rooms[kind], [row]);
      else mergeRows(over, [withoutClient(row)]);
    },
    take(wanted) {
      const taken: UsageRow[] = [];
      for (const rows of Object.values(rooms)) {
        for (const [name, row] of rows) {
          if (!wanted(row)) continue;
          rows.delete(name);
          taken.push(row);
        }
      }
      return taken;
    },
    takeOver() {
      const rows = [...over.values()];
      over = new Map();
      return rows;
    },
    move(how) {
      for (const kind of kinds) rooms[kind] = how(rooms[kind].values());
      over = how(over.values());
    },
    size: () => kinds.reduce((sum, kind) => sum + rooms[kind].size, over.size),
  };
}

/**
 * A row that stands for those that there is no room for. A token that was proven to be somebody's, or
 * may be, is any client's then; what anybody may have claimed is nobody's.
 */
export function withoutClient(row: UsageRow): UsageRow {
  const nobody = { ...row, client: '', issuer: '', key: '' };
  if (kindOf(row) === 'claimed') return { ...nobody, detail: otherDetail };
  return { ...nobody, what: 'other', detail: unexamined };
}
