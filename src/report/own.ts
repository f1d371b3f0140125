import type { ClientReport, MigrationReport } from './model.js';

/**
 * What a client may be shown of itself: its own status, and no person's name. Undefined for a client
 * that is not in the report.
 */
export function ownReport(report: MigrationReport, client: string): ClientReport | undefined {
  const found = report.clients.find((one) => one.client === client);
  if (!found) return undefined;
  const { owner, ...own } = found;
  return { ...own, keys: own.keys.map(({ createdBy, ...key }) => key) };
}

/**
 * Ids of the clients for whose sake keys cannot be switched off: those that are not safe to cut. That
 * is whoever came with a key in the last 14 days, and whoever may yet come. A report without clients
 * names nobody; whether enough is known to tell is `report.safeToCut`.
 */
export const stillOnKeys = (report: MigrationReport): readonly string[] =>
  report.clients.filter(({ safeToCut }) => !safeToCut.safe).map(({ client }) => client);
