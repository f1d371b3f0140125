import type { MigrationReport } from 'sallyport/report';
import type { Entry } from './year.js';

const isRefused = ({ answer }: Entry) => !answer.startsWith('200');
const countOf = (entries: readonly Entry[], wanted: (entry: Entry) => boolean) =>
  entries.filter(wanted).length;

/** With a key, and with a key alone: beside a token, the token counts. */
const byKey = (entry: Entry) => entry.with === 'key';
const byToken = (entry: Entry) => entry.with === 'token' || entry.with === 'both';

/** A key that was refused, or a token that its issuer signed and that is not for this API. */
const isRefusal = (entry: Entry) =>
  (byKey(entry) && isRefused(entry)) || entry.with === 'bad token';

/** Counts everything again, by what the clients have seen. Answers where a report says otherwise. */
export function mistakesIn(report: MigrationReport, entries: readonly Entry[]): readonly string[] {
  const mistakes: string[] = [];
  const compare = (what: string, told: unknown, seen: unknown) => {
    if (told !== seen) mistakes.push(`${what}: the report says ${told}, and it was ${seen}`);
  };
  const today = Date.parse(report.generatedAt.slice(0, 10));
  const daysAgo = ({ day }: Entry) => (today - Date.parse(day)) / 86_400_000;

  for (const { client, ...told } of report.clients) {
    const own = entries.filter((entry) => entry.client === client);
    for (const [window, days] of [
      ['week', 7],
      ['month', 30],
    ] as const) {
      const seen = own.filter((entry) => daysAgo(entry) < days);
      const lately = (what: string) => `${what} of ${client}, ${window}`;
      compare(lately('keys'), told.keyRequests[window], countOf(seen, byKey));
      compare(lately('tokens'), told.tokenRequests[window], countOf(seen, byToken));
      const refused = countOf(seen, isRefusal);
      compare(lately('refusals'), told.refusedRequests[window], refused);
    }
    const lastOf = (all: readonly Entry[]) => {
      const minute = all.at(-1)?.minute;
      return minute === undefined ? undefined : new Date(minute * 60_000).toISOString();
    };
    // A key together with a token is a use of the key too.
    const withKey = own.filter((entry) => byKey(entry) || entry.with === 'both');
    compare(`last key of ${client}`, told.lastKeyUse, lastOf(withKey));
    compare(`last token of ${client}`, told.lastTokenUse, lastOf(own.filter(byToken)));
    const misdirected = own.filter((entry) => entry.with === 'bad token' && daysAgo(entry) < 30);
    const told401 = told.refusals.find(({ reason }) => reason === 'ERR_TOKEN_AUDIENCE');
    compare(`bad tokens of ${client}`, told401?.count ?? 0, misdirected.length);
  }

  for (const { day, key, token, refused } of report.days) {
    const seen = entries.filter((entry) => entry.day === day);
    compare(
      `keys on ${day}`,
      key,
      countOf(seen, (entry) => byKey(entry) && !isRefused(entry)),
    );
    compare(`tokens on ${day}`, token, countOf(seen, byToken));
    compare(`refusals on ${day}`, refused, countOf(seen, isRefusal));
  }
  const silent = report.clients.map(({ client }) => client);
  for (const { client } of entries)
    if (!silent.includes(client)) mistakes.push(`${client} is missing`);
  compare('requests that were not counted', report.dataQuality.dropped, 0);
  compare('requests of no client', report.dataQuality.withoutClient, 0);
  return [...new Set(mistakes)];
}
