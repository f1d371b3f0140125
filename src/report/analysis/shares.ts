import type { Counts } from './count.js';
import type { ClientReport, ClientStatus, MigrationReport, Share, Traffic } from './model.js';
import { urgency } from './status.js';

/** How many clients have each status, and how many of them are safe to cut. */
export function statusesOf(clients: readonly ClientReport[]): MigrationReport['statuses'] {
  const counts = Object.fromEntries(
    urgency.map((status) => [status, { clients: 0, safe: 0 }]),
  ) as Record<ClientStatus, { clients: number; safe: number }>;
  for (const { status, safeToCut } of clients) {
    counts[status].clients += 1;
    if (safeToCut.safe) counts[status].safe += 1;
  }
  return counts;
}

/** Of a hundred, rounded down, so that 100 is all. */
const percent = (part: number, whole: number): { percent?: number } =>
  whole === 0 ? {} : { percent: Math.floor((100 * part) / whole) };

// An inactive client has not migrated, and need not: it is in neither number.
export function shareOf(clients: readonly ClientReport[]): Share {
  const migrated = clients.filter(({ status }) => status === 'migrated').length;
  const gone = clients.filter((one) => one.status === 'inactive' && one.safeToCut.safe).length;
  const total = clients.length;
  return { total, migrated, left: total - migrated - gone, ...percent(migrated, total) };
}

export function trafficOf({ traffic }: Counts, window: 'week' | 'month'): Traffic {
  const key = traffic.key[window];
  const token = traffic.token[window];
  return { key, token, ...percent(token, key + token) };
}
