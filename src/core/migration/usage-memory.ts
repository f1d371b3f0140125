import { minutesADay } from './dates.js';
import {
  dayOf,
  mergeRows,
  nameOf,
  type UsageBatch,
  type UsageInstance,
  type UsageRow,
  type UsageStore,
} from './usage.js';
import { checkBatch } from './usage-batch.js';
import { folded, roomFor, topicOf } from './usage-room.js';

const mostRows = 100_000;
const mostInstances = 1_000;

/**
 * Keeps counts in this process, for as long as it lives.
 * @param options.keep Days; what did not happen for longer is forgotten. @default 400
 */
export function memoryUsage({ keep = 400 }: { readonly keep?: number } = {}): UsageStore {
  const rows = new Map<string, UsageRow>();
  const instances = new Map<string, UsageInstance>();
  /** By client and kind. */
  const details = new Map<string, Set<string>>();
  let trackingSince: number | undefined;
  let day = 0;

  function forget(minute: number): void {
    const today = Math.floor(minute / minutesADay);
    if (today <= day) return;
    day = today;
    for (const [name, { last }] of rows) if (last < minute - keep * minutesADay) rows.delete(name);
    for (const [name, { at }] of instances) {
      if (at < (minute - keep * minutesADay) * 60_000) instances.delete(name);
    }
    details.clear();
    for (const row of rows.values()) fits(row);
  }

  /** Whether there is room for a row's detail beside those of its client. */
  function fits(row: UsageRow): boolean {
    const topic = topicOf(row);
    if (topic === undefined) return true;
    const held = details.get(topic) ?? new Set<string>();
    if (!held.has(row.detail) && held.size >= roomFor(row.what)) return false;
    details.set(topic, held.add(row.detail));
    return true;
  }

  return {
    async add(given: UsageBatch) {
      const { rows: counted, ...instance } = checkBatch('memoryUsage', given);
      const held = instances.get(instance.instance);
      if (held && held.seq >= instance.seq) return;
      trackingSince ??= instance.since;
      instances.delete(instance.instance);
      instances.set(instance.instance, instance);
      const [oldest] = instances.keys();
      if (instances.size > mostInstances && oldest !== undefined) instances.delete(oldest);
      forget(Math.floor(instance.at / 60_000));
      for (const row of counted) {
        // Where there is no room for a row, its detail needs none.
        const isFull = rows.size >= mostRows;
        const named = (isFull ? rows.has(nameOf(row)) : fits(row)) ? row : folded(row);
        const hasRoom = !isFull || rows.has(nameOf(named));
        mergeRows(rows, hasRoom ? [named] : withoutName(row));
      }
    },
    async read() {
      return { trackingSince, rows: [...rows.values()], instances: [...instances.values()] };
    },
  };
}

// What there is no room for is still somebody's request.
function withoutName(row: UsageRow): UsageRow[] {
  const { what, last } = row;
  if (what === 'other') return [row];
  if (what !== 'key' && what !== 'token' && what !== 'refused') return [];
  return [{ ...row, client: '', key: '', what: 'other', detail: what, day: dayOf(last) }];
}
