import { readFileSync } from 'node:fs';
import type { MigrationPlan } from 'sallyport';
import {
  type ClientStatus,
  type MigrationReport,
  migrationReport,
  renderHtml,
  renderText,
} from 'sallyport/report';
import { storedKeys } from './clients.js';
import { mistakesIn } from './ledger.js';
import type { Teller } from './teller.js';
import type { World } from './year.js';

/** A plan of docs/migration.md. */
export const planOf = (name: string): MigrationPlan =>
  JSON.parse(readFileSync(new URL(`plans/${name}.json`, import.meta.url), 'utf8'));

/** How many clients should have each status. */
export type Expected = Partial<Record<ClientStatus, number>>;

const owners = [...new Set(storedKeys.map(({ id, clientId }) => clientId ?? id))]
  .filter((client) => !client.startsWith('key_'))
  .map((client) => ({ client, owner: `api@${client}.example` }));

/** The figures of a report. */
export const figures = '  Clients migrated';

/** What every chapter needs: the report of that day, held against what really happened. */
export function createScene(world: World, teller: Teller) {
  const { api, clock, entries } = world;

  return {
    ...world,
    ...teller,
    /** Prints the head of the report, and checks that it says what the clients have seen. */
    async report(
      expected: Expected,
      parts: readonly string[] = [],
    ): Promise<{ report: MigrationReport; page: string }> {
      const report = migrationReport({
        usage: await api.guard.usage(),
        plan: api.plan(),
        keys: storedKeys,
        clients: owners,
        now: clock.time,
      });
      teller.quote(excerpt(renderText(report, { width: 96 }), parts));
      const counted: Record<string, number> = {};
      for (const { status } of report.clients) counted[status] = (counted[status] ?? 0) + 1;
      const sorted = (counts: object) => Object.entries(counts).sort();
      const words = sorted(expected).map(([status, count]) => `${count} ${status}`);
      const mistakes = mistakesIn(report, entries).slice(0, 5);
      teller.check(
        `counted by hand: ${words.join(', ')}; and ${entries.length} requests add up`,
        [sorted(counted), mistakes],
        [sorted(expected), []],
      );
      return { report, page: renderHtml(report) };
    },
  };
}

export type Scene = ReturnType<typeof createScene>;

/** Its head, and the first lines of those parts of it that begin with one of these. */
function excerpt(text: string, names: readonly string[]): readonly string[] {
  const lines = text
    .trimEnd()
    .split('\n\n')
    .filter((part, i) => i === 0 || names.some((name) => part.startsWith(name)))
    .flatMap((part) => part.split('\n').slice(0, 10));
  return [...lines, `… and ${text.split('\n').length - lines.length} lines more`];
}

/** What the report says of one client. */
export function clientIn({ clients }: MigrationReport, name: string) {
  const found = clients.find(({ client }) => client === name);
  if (!found) throw new Error(`${name} is not in the report`);
  return found;
}
