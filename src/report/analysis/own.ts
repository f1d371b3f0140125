import type { ClientReport, MigrationReport } from './model.js';

/** All clients of reports that were made here, also those that were left out of `clients`. */
const whole = new WeakMap<MigrationReport, readonly ClientReport[]>();

/** Keeps all clients of a report, for as long as it is there, for their own reports. */
export function keepAll(report: MigrationReport, clients: readonly ClientReport[]): void {
  if (clients.length > report.clients.length) whole.set(report, clients);
}

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
  const found = (whole.get(report) ?? report.clients).find(
    (one) => one.client === client && (one.issuer ?? issuer ?? '') === (issuer ?? ''),
  );
  if (!found) return undefined;
  const { owner, ...own } = found;
  return { ...own, keys: own.keys.map(({ createdBy, ...key }) => key) };
}

/**
 * Names (`ref`, or ids where there is one issuer) of the clients for whose sake keys cannot be switched off: those that are not safe to cut. That
 * is whoever came with a key in the last 14 days, and whoever may yet come. A report without clients
 * names nobody; whether enough is known to tell is `report.safeToCut`. Of more than a report lists, the
 * last entry says how many more there are: `(+12 more)`.
 */
export function stillOnKeys({ clients, statuses }: MigrationReport): readonly string[] {
  const names = clients
    .filter(({ safeToCut }) => !safeToCut.safe)
    .map(({ client, ref = client }) => ref);
  const all = Object.values(statuses).reduce((sum, one) => sum + one.clients - one.safe, 0);
  return all > names.length ? [...names, `(+${all - names.length} more)`] : names;
}
