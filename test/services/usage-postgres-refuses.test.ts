import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { postgresUsageStore, usageTables } from '../../src/postgres.js';
import { openPostgres, type PostgresServer, postgresPrograms } from './postgres-server.js';
import { describeWith } from './service.js';
import { clientIn, expectCounts, type Habits, openTeam, safeIn } from './usage-team.js';

vi.setConfig({ testTimeout: 120_000 });

describeWith(postgresPrograms, 'a report of counts that PostgreSQL does not take at once', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await openPostgres();
  });
  afterAll(() => server?.close());

  let databases = 0;
  /** A database of its own, and pools that go there. */
  async function openDatabase(encoding = 'UTF8') {
    databases += 1;
    const database = `counts_${databases}`;
    await server.pool().query(`create database ${database} encoding '${encoding}'
      lc_collate 'C' lc_ctype 'C' template template0`);
    const pool = (options: pg.PoolConfig = {}) => server.pool({ database, ...options });
    await pool().query(usageTables());
    return pool;
  }

  describe.each(['LATIN1', 'SQL_ASCII'])('in %s', (encoding) => {
    const habits: Habits = {
      фирма: () => true,
      'Müller & Söhne': () => true,
      日本商事: (ago) => ago % 7 === 0,
      '🗝\\u0041': (ago) => ago % 2 === 0,
      ушла: (ago) => ago > 40,
    };

    test('each client is counted by its own name, and only who stopped is safe to cut', async () => {
      const pool = await openDatabase(encoding);
      const stores = [1, 2, 3].map(() => postgresUsageStore(pool()));
      const team = await openTeam({ stores, days: 80, habits });
      await team.live(0);
      const report = await team.report();
      expect(await expectCounts(team)).toEqual({ lost: 0 });
      expect(report.clients.map(({ client }) => client).sort()).toEqual(Object.keys(habits).sort());
      expect(safeIn(report)).toEqual(['ушла']);
      expect(report.dataQuality).toMatchObject({
        ...{ daysWatched: 80, missingBatches: 0, dropped: 0, lost: [] },
        unwatched: { seconds: 0 },
      });
      expect(team.told).toEqual([]);
    });
  });

  describe('with a statement timeout, while its table is locked', () => {
    const habits: Habits = {
      daily: () => true,
      ended: (ago) => ago > 40,
      // Comes only while nothing can be stored.
      hidden: (ago) => ago <= 25 && ago > 20,
    };
    const timeout = /canceling statement due to statement timeout/;

    async function openGuards() {
      const pool = await openDatabase();
      const stores = [1, 2, 3].map(() =>
        postgresUsageStore(pool({ statement_timeout: 50, max: 2 })),
      );
      const team = await openTeam({ stores, days: 80, habits, every: 10 });
      const admin = await pool().connect();
      onTestFinished(() => admin.release());
      return {
        team,
        async lock() {
          await admin.query('begin');
          await admin.query('lock table sallyport_usage in exclusive mode');
        },
        unlock: () => admin.query('rollback'),
      };
    }

    test('what waited for days is told then: nothing is lost, and no time was not watched', async () => {
      const { team, lock, unlock } = await openGuards();
      await team.live(30);
      const before = await team.held();
      await team.live(20, lock);
      expect(team.told.some((one) => timeout.test(one))).toBe(true);
      const meanwhile = await team.held();
      await team.live(0, unlock);
      const report = await team.report();
      // What was on its way when it was locked may have got there.
      expect(meanwhile.size - before.size).toBeLessThanOrEqual(1);
      expect(await expectCounts(team)).toEqual({ lost: 0 });
      expect(safeIn(report)).toEqual(['ended']);
      expect(clientIn(report, 'hidden').safeToCut.why).toMatch(
        /^A key was last used (20|21) days ago/,
      );
      expect(report.dataQuality).toMatchObject({
        ...{ daysWatched: 80, missingBatches: 0, dropped: 0, lost: [] },
        unwatched: { seconds: 0 },
      });
    });

    test('a guard that is closed meanwhile has lost its counts, and for how long is named', async () => {
      const { team, lock, unlock } = await openGuards();
      await team.live(0);
      await team.report();
      const told = team.time();
      const [one, two, three] = team.guards;
      await lock();
      team.wait(120_000);
      for (const guard of team.guards) await team.ask(guard, 'daily');
      await three?.close();
      expect(team.told.join('\n')).toMatch(
        /usage counts since the last flush were lost: .* timeout/,
      );
      team.wait(120_000);

      // Nobody can tell anything: nobody knows who is still there.
      const meanwhile = await team.report({ tell: [] });
      expect(meanwhile.dataQuality).toMatchObject({
        reporting: 0,
        unwatched: { seconds: 240, stretches: [{ why: 'silent' }] },
      });
      expect(meanwhile.dataQuality.lost.map(({ atMostSeconds }) => atMostSeconds)).toEqual([
        ...[240, 240, 240],
      ]);
      expect(safeIn(meanwhile)).toEqual(['ended']);

      await unlock();
      const tell = [one, two].filter((guard) => guard !== undefined);
      const report = await team.report({ tell });
      const { lost, unwatched, reporting } = report.dataQuality;
      expect(await expectCounts(team, [told, team.time()])).toEqual({ lost: 1 });
      expect(reporting).toBe(2);
      expect(lost).toMatchObject([{ lastTold: new Date(told).toISOString(), atMostSeconds: 240 }]);
      expect(unwatched).toMatchObject({ seconds: 240, stretches: [{ why: 'silent' }] });

      const [{ instance = '' } = {}] = lost;
      const at = new Date(told + 130_000).toISOString();
      const gone = await team.report({ tell, gone: [{ instance, at }] });
      expect(gone.dataQuality.lost).toMatchObject([{ gone: at, atMostSeconds: 130 }]);
      expect(gone.dataQuality.unwatched).toMatchObject({
        seconds: 130,
        stretches: [{ why: 'gone', instances: [instance], to: at }],
      });
    });
  });
});
