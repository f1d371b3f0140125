import { expect, onTestFinished } from 'vitest';
import { createGuard, type Guard } from '../../src/index.js';
import {
  type ClientReport,
  type MigrationReport,
  migrationReport,
  type ReportInput,
} from '../../src/report.js';
import { createTestIssuer } from '../../src/testing.js';
import type { UsageStore } from '../../src/usage.js';
import { until } from './service.js';

export const day = 86_400_000;

/** Each client by its id, and whether it comes with its key so many days before the end. */
export type Habits = Readonly<Record<string, (ago: number) => boolean>>;

/** What happens to a store once, while all guards serve and tell. */
export type Disaster = () => Promise<unknown>;

/** Guards that serve keys and tell one store, day for day, until today. */
export interface Team {
  readonly guards: readonly Guard[];
  /** What their operators were told, and what whoever asked for the counts. */
  readonly told: readonly string[];
  /** Has one of them serve a key. */
  ask(guard: Guard | undefined, client: string): Promise<void>;
  /** The time of their clocks. */
  time(): number;
  /** Lets time pass in which nothing happens. */
  wait(milliseconds: number): void;
  /** Serves and tells, all guards at once, on each day until so many are left; at its start, a disaster. */
  live(untilLeft: number, disaster?: Disaster): Promise<void>;
  /** What the store's counts say, once these guards could tell: all of them. */
  report(options?: ReportOptions): Promise<MigrationReport>;
  /** Requests with a key that the store has, by client and day. */
  held(): Promise<ReadonlyMap<string, number>>;
  /** Requests with a key that there were, by client and day. */
  readonly served: ReadonlyMap<string, number>;
}

interface ReportOptions {
  readonly tell?: readonly Guard[];
  readonly gone?: ReportInput['gone'];
}

interface TeamOptions {
  /** One for each guard. */
  readonly stores: readonly UsageStore[];
  readonly days: number;
  readonly habits: Habits;
  readonly every?: number;
}

const perDay = 2;

export async function openTeam({ stores, days, habits, every }: TeamOptions): Promise<Team> {
  const issuer = await createTestIssuer();
  let left = days;
  // Their last day is today: stores have clocks of their own.
  let time = Date.now() - days * day;
  const told: string[] = [];
  const guards = stores.map((store) =>
    createGuard({
      ...issuer.options,
      now: () => time,
      apiKeys: {
        from: [{ header: 'x-api-key' }],
        lookup: async ({ value }) => ({ id: `key of ${value}`, clientId: fromHeader(value) }),
        usage: { store, ...(every && { flushInterval: every }) },
        onMigration: (event) => void ('detail' in event && told.push(event.detail ?? '')),
      },
    }),
  );
  onTestFinished(async () => {
    await Promise.all(guards.map((guard) => guard.close()));
  });
  const served = new Map<string, number>();

  const hear = ({ message }: Error) => void told.push(message);

  async function ask(guard: Guard | undefined, client: string): Promise<void> {
    const header = (name: string) => (name === 'x-api-key' ? inHeader(client) : undefined);
    const decision = await guard?.({ method: 'GET', url: '/', header });
    expect(decision?.allowed).toBe(true);
    const name = nameOf(client, time);
    served.set(name, (served.get(name) ?? 0) + 1);
  }

  async function liveDay(disaster?: Disaster): Promise<void> {
    const clients = Object.keys(habits).filter((client) => habits[client]?.(left));
    await Promise.all([
      disaster?.(),
      ...guards.map(async (guard) => {
        for (let i = 0; i < perDay; i += 1) {
          const telling = guard.usage().catch(hear);
          await Promise.all(clients.map((client) => ask(guard, client)));
          await telling;
        }
      }),
    ]);
    time += day;
    left -= 1;
  }

  async function flush(all: readonly Guard[]): Promise<void> {
    for (const guard of all) {
      await until(() =>
        guard.usage().then(
          () => true,
          () => false,
        ),
      );
    }
  }

  const read = async () => (stores[0] as UsageStore).read();
  return {
    guards,
    told,
    ask,
    served,
    time: () => time,
    wait(milliseconds) {
      time += milliseconds;
    },
    async live(untilLeft, disaster) {
      await liveDay(disaster);
      while (left > untilLeft) await liveDay();
    },
    async report({ tell = guards, gone } = {}) {
      await flush(tell);
      // All of them are known to the company, whatever the store has lost.
      const keys = Object.keys(habits).map((clientId) => ({ id: `key of ${clientId}`, clientId }));
      const usage = await read();
      return migrationReport({ usage, keys, now: time, ...(gone && { gone }) });
    },
    async held() {
      const counts = new Map<string, number>();
      for (const row of (await read()).rows.filter(({ what }) => what === 'key')) {
        const name = JSON.stringify([row.client, row.day]);
        counts.set(name, (counts.get(name) ?? 0) + row.count);
      }
      return counts;
    },
  };
}

// A header has no other characters.
const inHeader = (client: string): string => encodeURIComponent(client);
const fromHeader = (value: string): string => decodeURIComponent(value);

const dateOf = (time: number): string => new Date(time).toISOString().slice(0, 10);
const nameOf = (client: string, time: number): string => JSON.stringify([client, dateOf(time)]);

/** Counts of days that are not within the time are as they were; within it, there are no more. */
export async function expectCounts(
  team: Team,
  [from, to]: readonly [number, number] = [0, 0],
): Promise<{ readonly lost: number }> {
  const held = await team.held();
  const [first, last] = [dateOf(from), dateOf(to)];
  let lost = 0;
  for (const name of held.keys()) expect(team.served.has(name)).toBe(true);
  for (const [name, count] of team.served) {
    const on = JSON.parse(name)[1] as string;
    const there = held.get(name) ?? 0;
    expect(there, name).toBeLessThanOrEqual(count);
    if (on < first || on > last) expect(there, name).toBe(count);
    lost += count - there;
  }
  return { lost };
}

export function clientIn({ clients }: MigrationReport, client: string): ClientReport {
  const found = clients.find((one) => one.client === client);
  if (!found) throw new Error(`the report has no ${client}`);
  return found;
}

export const safeIn = ({ clients }: MigrationReport): readonly string[] =>
  clients.filter(({ safeToCut }) => safeToCut.safe).map(({ client }) => client);

/** That the report names time from about the one to about the other, and its length. */
export function expectNamed(
  { dataQuality }: MigrationReport,
  [from, to]: readonly [number, number],
  slack: number,
): void {
  const { stretches, seconds } = dataQuality.unwatched;
  const [longest] = stretches;
  if (!longest) throw new Error('the report names no time that was not watched');
  const [start, end] = [Date.parse(longest.from), Date.parse(longest.to)];
  expect(Math.abs(start - from)).toBeLessThanOrEqual(slack);
  expect(Math.abs(end - to)).toBeLessThanOrEqual(slack);
  expect(longest.seconds).toBe(Math.ceil((end - start) / 1000));
  expect(seconds).toBeGreaterThanOrEqual(longest.seconds);
  expect(dataQuality.notes.join('\n')).toContain(`${longest.from} to ${longest.to}`);
}
