import {
  dayOf,
  mergeRows,
  nameOf,
  type UsageBatch,
  type UsageInstance,
  type UsageRow,
  type UsageStore,
} from './usage.js';

const mostRows = 100_000;
const mostInstances = 1_000;
const minutesADay = 1440;

/**
 * Keeps counts in this process, for as long as it lives.
 * @param options.keep Days; what did not happen for longer is forgotten. @default 400
 */
export function memoryUsage({ keep = 400 }: { readonly keep?: number } = {}): UsageStore {
  const rows = new Map<string, UsageRow>();
  const instances = new Map<string, UsageInstance>();
  let trackingSince: number | undefined;
  let day = 0;

  function forget(minute: number): void {
    const today = Math.floor(minute / minutesADay);
    if (today <= day) return;
    day = today;
    for (const [name, { last }] of rows) if (last < minute - keep * minutesADay) rows.delete(name);
  }

  return {
    async add({ rows: counted, ...instance }: UsageBatch) {
      const held = instances.get(instance.instance);
      if (held && held.seq >= instance.seq) return;
      trackingSince ??= instance.since;
      instances.delete(instance.instance);
      instances.set(instance.instance, instance);
      const [oldest] = instances.keys();
      if (instances.size > mostInstances && oldest !== undefined) instances.delete(oldest);
      forget(Math.floor(instance.at / 60_000));
      const room = (row: UsageRow) => rows.size < mostRows || rows.has(nameOf(row));
      for (const row of counted) mergeRows(rows, room(row) ? [row] : withoutName(row));
    },
    async read() {
      return { trackingSince, rows: [...rows.values()], instances: [...instances.values()] };
    },
  };
}

// What there is no room for is still somebody's request.
function withoutName(row: UsageRow): UsageRow[] {
  const { what, last } = row;
  if (what !== 'key' && what !== 'token' && what !== 'refused') return [];
  return [{ ...row, client: '', key: '', what: 'other', detail: what, day: dayOf(last) }];
}
