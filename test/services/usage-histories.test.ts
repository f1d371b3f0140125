import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { MigrationReport } from '../../src/report.js';
import { describeWith } from './service.js';
import { kinds, type Place } from './usage-lossy.js';
import { day, type Habits, openTeam, type Team } from './usage-team.js';

/** Days of a history. */
const days = 100;

const happenings = [
  ...(['backUp', 'restore', 'fail', 'empty', 'loseRows', 'loseGuards', 'loseSome'] as const),
];

/** What happens to the store, and so many days before the end. */
interface Event {
  readonly left: number;
  readonly what: (typeof happenings)[number];
}

const histories: fc.Arbitrary<Event[]> = fc.array(
  fc.record({
    left: fc.integer({ min: 2, max: days - 1 }),
    what: fc.constantFrom(...happenings),
  }),
  { maxLength: 4 },
);

const habits: Habits = {
  daily: () => true,
  ...Object.fromEntries([10, 20, 40, 80].map((end) => [`until_${end}`, (ago) => ago > end])),
  weekly: (ago) => ago % 7 === 3 && ago > 30,
  monthly: (ago) => ago % 30 === 15,
  returning: (ago) => ago > 70 || (ago < 45 && ago > 42),
};

async function live(team: Team, place: Place, events: readonly Event[]): Promise<void> {
  let left = days;
  for (const event of [...events].sort((one, other) => other.left - one.left)) {
    if (event.left >= left) continue;
    await team.live(event.left);
    left = event.left - 1;
    await team.live(left, place[event.what]);
    // Days are short here: connections come back within one.
    await team.report();
  }
  if (left > 0) await team.live(0);
}

/** For each day, in order, whether the store holds all that was counted: one client came on each. */
async function heldDays(team: Team): Promise<ReadonlyMap<string, boolean>> {
  const held = await team.held();
  const all = [...team.served].map(([name, count]) => ({ name, isHeld: held.get(name) === count }));
  const days = new Map<string, boolean>();
  for (const { name, isHeld } of all) {
    const [, on] = JSON.parse(name) as [string, string];
    days.set(on, isHeld && days.get(on) !== false);
  }
  return days;
}

/** Who is said to be safe, all of whom have brought no key on as many days as it takes that are held. */
async function safeAndRight(team: Team, report: MigrationReport): Promise<readonly string[]> {
  const held = await team.held();
  const byDay = [...(await heldDays(team))].sort(([one], [other]) => (one < other ? -1 : 1));
  const safe = report.clients.filter(({ safeToCut }) => safeToCut.safe);
  for (const { client, safeToCut } of safe) {
    const uses = byDay.filter(([on]) => held.has(JSON.stringify([client, on])));
    const last = uses.at(-1)?.[0] ?? '';
    const quiet = byDay.filter(([on, isHeld]) => isHeld && on > last);
    // Of the days of its last use and of what was lost only a part may be so.
    expect(quiet.length, client).toBeGreaterThanOrEqual(safeToCut.quietDays - 1);
  }
  return safe.map(({ client }) => client);
}

/** Each day of which counts are lost is before all that is watched, or in time that is named. */
async function expectAllNamed(team: Team, { dataQuality }: MigrationReport): Promise<void> {
  const { unwatched, trackingSince = '', notes } = dataQuality;
  const lost = [...(await heldDays(team))].filter(([, isHeld]) => !isHeld).map(([on]) => on);
  for (const on of lost.filter((one) => one > trackingSince.slice(0, 10))) {
    const from = Date.parse(on);
    const isNamed = unwatched.stretches.some(
      (one) => Date.parse(one.from) < from + day && Date.parse(one.to) > from,
    );
    expect(isNamed, `${on} is named`).toBe(true);
  }
  expect(unwatched.leftOut).toBe(0);
  if (unwatched.seconds > 60) expect(notes.join('\n')).toContain('Not watched: ');
}

vi.setConfig({ testTimeout: 240_000 });

for (const [kind, [programs, open]] of Object.entries(kinds)) {
  describeWith(programs, `histories of a store that ${kind} speaks to`, () => {
    let place: Place;
    beforeAll(async () => {
      place = await open();
    });
    afterAll(() => place?.close());

    async function run(events: readonly Event[]): Promise<readonly string[]> {
      await place.empty();
      // Nothing of the run before is in what it may go back to.
      await place.backUp();
      const team = await openTeam({ stores: await place.stores(2), days, habits });
      try {
        await live(team, place, events);
        const report = await team.report();
        await expectAllNamed(team, report);
        return await safeAndRight(team, report);
      } finally {
        await Promise.all(team.guards.map((guard) => guard.close()));
      }
    }

    test('who is safe was away for that long, and each day that was lost is named', async () => {
      // Without any event it says something.
      const { length } = await run([]);
      expect(length).toBeGreaterThanOrEqual(4);
      await fc.assert(
        fc.asyncProperty(histories, async (events) => void (await run(events))),
        { numRuns: 6, endOnFailure: true },
      );
    });
  });
}
