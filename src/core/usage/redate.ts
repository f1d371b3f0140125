import { minute, minutesADay } from '../base/dates.js';
import { foldDetails } from './overflow.js';
import { dayOf, type UsageRow } from './usage.js';

/** The detail of requests that a store was told of under a wrong date, and that cannot be moved. */
export const misdated = 'MISDATED';

/**
 * Rows as they are once it is known by how many milliseconds the clock was behind; negative: ahead.
 * One that was of one day by the wrong clock may be of two.
 */
export function redateRows(rows: Iterable<UsageRow>, by: number): Map<string, UsageRow> {
  const minutes = Math.round(by / minute);
  return foldDetails([...rows].flatMap((row) => redate(row, minutes)));
}

function redate(row: UsageRow, minutes: number): UsageRow[] {
  const moved = { ...row, first: row.first + minutes, last: row.last + minutes };
  return row.day === '' ? [moved] : splitAtMidnight(moved);
}

// Whoever came first and last is known to the minute, and of all others only how many they were: each
// day has its share of them.
function splitAtMidnight(row: UsageRow): UsageRow[] {
  const { first, last, count } = row;
  const midnight = Math.floor(last / minutesADay) * minutesADay;
  if (first >= midnight || count < 2) return [{ ...row, day: dayOf(last) }];
  const share = Math.round((count * (midnight - first)) / (last - first + 1));
  const before = Math.min(Math.max(share, 1), count - 1);
  return [
    { ...row, day: dayOf(first), last: midnight - 1, count: before },
    { ...row, day: dayOf(last), first: midnight, count: count - before },
  ];
}
