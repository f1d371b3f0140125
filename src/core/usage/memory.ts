import { minutesADay } from '../base/dates.js';
import { integer } from '../base/validate.js';
import { checkBatch } from './batch.js';
import { advanceInstance, trackingSinceOf, withoutOld } from './coverage.js';
import { clientsIn, folded, leastKeep, mostKeep, roomFor, topicOf } from './overflow.js';
import { withoutClient } from './refusal-rooms.js';
import {
  mergeRows,
  nameOf,
  type UsageBatch,
  type UsageInstance,
  type UsageRow,
  type UsageStore,
} from './usage.js';

const mostRows = 100_000;
/** Of those, rows of unverified tokens, which anyone who knows client ids can create. */
const mostClaims = 20_000;
const mostInstances = 1_000;

/**
 * Stores usage counts in the memory of this process.
 * @param options.keep Days, 280 to 36500, after which counts are deleted. The report needs at least 280
 * days to recognise a quarterly job. @default 400
 * @throws ConfigError if `keep` is invalid
 */
export function memoryUsageStore({ keep = 400 }: { readonly keep?: number } = {}): UsageStore {
  integer('memoryUsageStore.keep', keep, { min: leastKeep, max: mostKeep });
  const rows = new Map<string, UsageRow>();
  const instances = new Map<string, UsageInstance>();
  /** By client and kind. */
  const details = new Map<string, Set<string>>();
  let claims = 0;
  let day = 0;

  function forget(minute: number): void {
    const today = Math.floor(minute / minutesADay);
    if (today <= day) return;
    day = today;
    for (const [name, { last }] of rows) if (last < minute - keep * minutesADay) rows.delete(name);
    const cutoff = (minute - keep * minutesADay) * 60_000;
    for (const [name, one] of instances) {
      // An instance that was not closed may still accept requests, so it is never deleted here.
      if (one.closed && one.at < cutoff) instances.delete(name);
      else instances.set(name, withoutOld(one, cutoff));
    }
    details.clear();
    claims = 0;
    for (const row of rows.values()) {
      fits(row);
      if (row.what === 'claimed') claims += 1;
    }
  }

  function addRow(row: UsageRow): void {
    // A row that does not fit must not reserve room for its detail.
    const isFull = rows.size >= mostRows || (row.what === 'claimed' && claims >= mostClaims);
    const named = (isFull ? rows.has(nameOf(row)) : fits(row)) ? row : folded(row);
    const hasRoom = !isFull || rows.has(nameOf(named));
    const before = rows.size;
    mergeRows(rows, hasRoom ? [named] : withoutName(row));
    if (row.what === 'claimed') claims += rows.size - before;
  }

  // Prefers closed instances: an open one shows until when counts may be missing.
  function forgetInstance(): void {
    if (instances.size <= mostInstances) return;
    const [oldest] = instances.keys();
    const closed = [...instances.values()].find((one) => one.closed);
    instances.delete(closed?.instance ?? String(oldest));
  }

  /** Returns whether the row's detail fits the limit of its client and kind. */
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
      const batch = checkBatch('memoryUsageStore', given);
      const { rows: counted } = batch;
      const instance = advanceInstance(instances.get(batch.instance), batch);
      if (!instance) return;
      instances.delete(instance.instance);
      instances.set(instance.instance, instance);
      forgetInstance();
      forget(Math.floor(instance.at / 60_000));
      for (const row of counted) addRow(row);
    },
    async read() {
      const told = [...instances.values()];
      return { trackingSince: trackingSinceOf(told), rows: [...rows.values()], instances: told };
    },
    clients: async () => clientsIn(rows.values()),
  };
}

/**
 * Creates the store of a guard without the `store` option. Its counts are marked as temporary, because
 * there may be other processes.
 */
export function defaultUsageStore(): UsageStore {
  const store = memoryUsageStore();
  return {
    ...store,
    async read() {
      const usage = await store.read();
      const instances = usage.instances.map((one) => ({ ...one, temporary: true as const }));
      return { ...usage, instances };
    },
  };
}

// A request that does not fit is still counted, without its client.
function withoutName(row: UsageRow): UsageRow[] {
  const { what } = row;
  if (what === 'other') return [row];
  if (what === 'claimed') return [withoutClient(row)];
  if (what !== 'key' && what !== 'token' && what !== 'refused') return [];
  const nobody = { client: '', key: '', issuer: '', what: 'other' } as const;
  return [{ ...row, ...nobody, detail: what }];
}
