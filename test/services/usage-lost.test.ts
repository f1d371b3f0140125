import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { describeWith } from './service.js';
import { kinds, type Place } from './usage-lossy.js';
import {
  clientIn,
  day,
  expectCounts,
  expectNamed,
  type Habits,
  openTeam,
  safeIn,
} from './usage-team.js';

/** `ended` came daily and stopped; `hidden` came again, on days that are lost in some of the tests. */
const habits: Habits = {
  daily: () => true,
  weekly: (ago) => ago % 7 === 3,
  monthly: (ago) => ago % 30 === 15,
  ended: (ago) => ago > 70,
  hidden: (ago) => ago > 45 || (ago < 30 && ago >= 12),
};

vi.setConfig({ testTimeout: 120_000 });

for (const [kind, [programs, open]] of Object.entries(kinds)) {
  describeWith(programs, `a report of counts that ${kind} has lost under load`, () => {
    let place: Place;
    beforeAll(async () => {
      place = await open();
    });
    afterAll(() => place?.close());
    beforeEach(() => place.empty());
    const openGuards = async () => openTeam({ stores: await place.stores(3), days: 100, habits });

    test('of none: all is counted, and only who stopped is safe to cut', async () => {
      const team = await openGuards();
      await team.live(0);
      const report = await team.report();
      expect(await expectCounts(team)).toEqual({ lost: 0 });
      expect(safeIn(report)).toEqual(['ended']);
      expect(report.dataQuality).toMatchObject({
        ...{ daysTracked: 100, daysWatched: 100, reporting: 3, missingBatches: 0, lost: [] },
        unwatched: { seconds: 0, stretches: [] },
      });
    });

    describe.each([3, 40])('%i days after it was emptied', (ago) => {
      test('nobody is safe whose quiet time was not watched since', async () => {
        const team = await openGuards();
        await team.live(ago + 1);
        const at = team.time();
        await team.live(0, place.empty);
        const report = await team.report();
        const { dataQuality } = report;
        const { lost } = await expectCounts(team, [0, at]);
        expect(lost).toBeGreaterThan(0);
        expect(safeIn(report)).toEqual([]);
        // What it did before is not known to be nothing.
        const { safeToCut } = clientIn(report, 'ended');
        expect(safeToCut).toMatchObject({ safe: false, known: false });
        expect(Date.parse(dataQuality.trackingSince ?? '')).toBeGreaterThanOrEqual(at - day);
        expect(dataQuality.daysTracked).toBeLessThanOrEqual(ago + 1 + 1);
        expect(dataQuality.missingBatches).toBeGreaterThan(3 * (100 - ago - 2));
        expect(dataQuality.notes.join('\n')).toMatch(/batches of 3 guards .* lost them \(emptied/);
      });
    });

    test('restored from an older backup: the time between is named, and is not quiet time', async () => {
      const team = await openGuards();
      await team.live(31);
      const backedUp = team.time();
      await team.live(11, place.backUp);
      const restored = team.time();
      await team.live(0, place.restore);
      const report = await team.report();
      const { lost } = await expectCounts(team, [backedUp, restored]);
      expect(lost).toBeGreaterThan(0);
      expectNamed(report, [backedUp, restored], day);
      const [gap] = report.dataQuality.unwatched.stretches;
      expect(gap).toMatchObject({ why: 'not stored' });
      expect(gap?.instances).toHaveLength(3);
      expect(report.dataQuality.missingBatches).toBeGreaterThanOrEqual(3 * 18);
      expect(report.dataQuality.daysWatched).toBeLessThanOrEqual(100 - 19);
      // What came in that time nobody can know: its days are left out, and that is said.
      expect(safeIn(report)).toContain('ended');
      for (const client of safeIn(report)) {
        expect(['ended', 'hidden']).toContain(client);
        expect(clientIn(report, client).safeToCut.why).toMatch(
          /Not watched in that time: (19|20|21) days/,
        );
      }
    });

    test('restored from a backup of before the quiet time: who came since then is not safe', async () => {
      const team = await openGuards();
      await team.live(45);
      const backedUp = team.time();
      await team.live(10, place.backUp);
      const restored = team.time();
      await team.live(0, place.restore);
      const report = await team.report();
      await expectCounts(team, [backedUp, restored]);
      expectNamed(report, [backedUp, restored], day);
      expect(safeIn(report)).toEqual(['ended']);
      expect(clientIn(report, 'hidden').safeToCut).toMatchObject({ safe: false, known: false });
    });

    test('of rows alone: each day of which some are missing is not watched', async () => {
      const team = await openGuards();
      await team.live(20);
      const at = team.time();
      await team.live(0, place.loseRows);
      const report = await team.report();
      const { lost } = await expectCounts(team, [0, at]);
      expect(lost).toBeGreaterThan(0);
      expect(safeIn(report)).toEqual([]);
      expectNamed(report, [Date.parse(report.dataQuality.trackingSince ?? ''), at], 2 * day);
      expect(report.dataQuality.notes.join('\n')).toMatch(
        /lost counts of (79|8\d) days that it had accepted/,
      );
    });

    test('of who told alone: all counts are there, and no time before was watched', async () => {
      const team = await openGuards();
      await team.live(11);
      const at = team.time();
      await team.live(0, place.loseGuards);
      const report = await team.report();
      expect(await expectCounts(team)).toEqual({ lost: 0 });
      expect(safeIn(report)).toEqual([]);
      expect(clientIn(report, 'ended').safeToCut).toMatchObject({ safe: false, known: false });
      expect(Date.parse(report.dataQuality.trackingSince ?? '')).toBeGreaterThanOrEqual(at - day);
    });
  });
}
