import { mergeRows, type UsageClient, type UsageKind, type UsageRow } from './usage.js';

/**
 * For how many days counts must be kept at least: what comes once in three months, which is up to 93
 * days, is known to be a rhythm once it has come three times.
 */
export const leastKeep = 280;
/** For how many days counts can be kept at most. */
export const mostKeep = 36_500;

/** What the details of a client are folded into that there is no room for. */
export const otherDetail = '(other)';

/** The detail of a token that may be its client's own, and was not examined for lack of time or room. */
export const unexamined = 'UNEXAMINED';

/**
 * How many different details of one kind are kept apart for each client: a client can make up a
 * user agent for each request. Brownouts are the plan's, which may have four a day for months. Whoever
 * knows a client's id can claim to be it with each of the codes, every day.
 */
export const roomFor = (what: UsageKind): number =>
  what === 'brownout' ? 1_000 : what === 'claimed' ? 3 : 100;

/** What shares room; undefined for a row without a detail of its own, and for one that says what is not known. */
export const topicOf = ({ client, what, detail, issuer }: UsageRow): string | undefined =>
  detail === '' || detail === otherDetail || detail === unexamined
    ? undefined
    : JSON.stringify([client, what, issuer]);

/** The row that stands for those that there is no room for. */
export const folded = (row: UsageRow): UsageRow => ({ ...row, detail: otherDetail });

/** Keeps the details that come first, as many as there is room for. */
export function foldDetails(rows: Iterable<UsageRow>): Map<string, UsageRow> {
  const kept = new Map<string, Set<string>>();
  const into = new Map<string, UsageRow>();
  for (const row of rows) {
    const topic = topicOf(row);
    const details = topic === undefined ? undefined : (kept.get(topic) ?? new Set<string>());
    const fits =
      details === undefined || details.has(row.detail) || details.size < roomFor(row.what);
    if (details && topic !== undefined && fits) kept.set(topic, details.add(row.detail));
    mergeRows(into, [fits ? row : folded(row)]);
  }
  return into;
}

/** Kinds of counts that only a credential of the client itself can make. */
const verified: ReadonlySet<UsageKind> = new Set(['key', 'token', 'refused']);

/** The clients of rows, each once. Who is only claimed to be one is none of them. */
export function clientsIn(rows: Iterable<UsageRow>): UsageClient[] {
  const clients = new Map<string, UsageClient>();
  for (const { client, issuer, what } of rows) {
    if (client === '' || !verified.has(what)) continue;
    clients.set(JSON.stringify([client, issuer]), { client, issuer });
  }
  return [...clients.values()];
}
