import type { ClientReport, MigrationReport } from './model.js';

/**
 * Returns what a client may be shown of itself: its own status, and no person's name. Undefined for a
 * client that is not in the report, and for one that another issuer knows by the same id.
 * @param issuer - of the client's credential; an id means nothing outside its issuer (RFC 8725 §3.8)
 */
export function ownReport(
  report: MigrationReport,
  client: string,
  issuer?: string,
): ClientReport | undefined {
  const found = report.clients.find(
    (one) => one.client === client && (one.issuer ?? issuer ?? '') === (issuer ?? ''),
  );
  if (!found) return undefined;
  const { owner, ...own } = found;
  return { ...own, keys: own.keys.map(({ createdBy, ...key }) => key) };
}

/**
 * Names (`ref`, or ids where there is one issuer) of the clients for whose sake keys cannot be switched off: those that are not safe to cut. That
 * is whoever came with a key in the last 14 days, and whoever may yet come. A report without clients
 * names nobody; whether enough is known to tell is `report.safeToCut`.
 */
export const stillOnKeys = (report: MigrationReport): readonly string[] =>
  report.clients.filter(({ safeToCut }) => !safeToCut.safe).map(({ client, ref = client }) => ref);
