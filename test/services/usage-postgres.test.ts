import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { postgresUsageStore, usageTables } from '../../src/postgres.js';
import type { UsageBatch, UsageRow, UsageStore } from '../../src/usage.js';
import { batch, october, recount, row, sorted, usageContract } from '../stores/usage-contract.js';
import { openPostgres, type PostgresServer, postgresPrograms } from './postgres-server.js';
import { describeWith, until } from './service.js';
import { guardAhead } from './usage-ahead.js';
import { openProxy } from './usage-proxy.js';

const read = async (store: UsageStore) => sorted(await store.read());

/** Minutes since 1970, as PostgreSQL counts them on the same machine. */
const now = Math.floor(Date.now() / 60_000);

/** Adds a batch as soon as the store takes it, as a guard does. */
const addAtLast = (store: UsageStore, one: UsageBatch) =>
  until(() =>
    store.add(one).then(
      () => true,
      () => false,
    ),
  );

const several = batch({
  rows: [
    row(),
    row({ what: 'agent', day: '', detail: 'curl' }),
    row({ what: 'refused', detail: 'ERR_API_KEY_EXPIRED', day: '2026-10-02' }),
  ],
});
/** A pool, and each deletion that was asked of it. */
function watchSweeps(pool: pg.Pool) {
  const sweeps: Promise<unknown>[] = [];
  return {
    sweeps,
    pool: {
      query(text: string, values?: unknown[]) {
        const answer = pool.query(text, values);
        if (text.startsWith('delete')) sweeps.push(answer);
        return answer;
      },
    },
  };
}

const tables = ['', '_details', '_instances'].map((end) => `sallyport_usage${end}`);

describeWith(postgresPrograms, 'postgresUsageStore', () => {
  let server: PostgresServer;
  let pool: pg.Pool;
  beforeAll(async () => {
    server = await openPostgres();
    pool = server.pool({ max: 20 });
    await pool.query(usageTables());
  });
  afterAll(() => server?.close());

  const empty = async () => void (await pool.query(`truncate ${tables.join(', ')}`));
  beforeEach(async () => {
    server.resume();
    await server.start();
    await until(() =>
      pool.query('select 1').then(
        () => true,
        () => false,
      ),
    );
    await empty();
  });
  const dump = async () => {
    const all = await Promise.all(tables.map((name) => pool.query(`select * from ${name}`)));
    return all.map(({ rows }) => rows);
  };

  usageContract(async () => postgresUsageStore(pool), empty);

  test('finds its tables in another schema, by names that need quotes', async () => {
    await pool.query('create schema "my Schema"');
    for (const table of ['my Schema.Usage "of" keys', 'plain', 'b'.repeat(50)]) {
      await pool.query(usageTables({ table }));
      const store = postgresUsageStore(pool, { table });
      await store.add(several);
      expect(await read(store)).toEqual(recount([several]));
    }
    expect((await postgresUsageStore(pool).read()).rows).toEqual([]);
  });

  test('makes no table by itself, and says which is missing', async () => {
    const store = postgresUsageStore(pool, { table: 'nowhere' });
    await expect(store.add(batch())).rejects.toThrow(/"nowhere[_a-z]*" does not exist/);
    await expect(store.read()).rejects.toThrow(/"nowhere[_a-z]*" does not exist/);
  });

  test('what Postgres cannot keep as it is can be read again as it was', async () => {
    const store = postgresUsageStore(pool);
    const clients = ['a\0b', 'a\ud800b', 'a\ufffdb', 'фирма', 'a\\u0000b', '\\', '\\\\u0041'];
    const all = batch({
      rows: [...clients.map((client) => row({ client })), row({ key: '\udc00' })],
    });
    await store.add(all);
    expect(await read(store)).toEqual(recount([all]));
  });

  test('a database in LATIN1 takes any client’s id', async () => {
    const latin =
      'create database latin encoding LATIN1 lc_collate C lc_ctype C template template0';
    await pool.query(latin.replace(/(LATIN1|C )/g, (one) => `'${one.trim()}' `));
    const other = server.pool({ database: 'latin' });
    await other.query(usageTables());
    const store = postgresUsageStore(other);
    const all = batch({ rows: [row({ client: 'фирма', detail: '🗝' }), row({ client: 'é' })] });
    await store.add(all);
    expect(await read(store)).toEqual(recount([all]));
  });

  test('tables made by hand that lack a column are an error that says what to do', async () => {
    await pool.query(usageTables({ table: 'by_hand' }));
    await pool.query('alter table by_hand_instances drop column watched');
    await pool.query('alter table by_hand drop column issuer');
    const store = postgresUsageStore(pool, { table: 'by_hand' });
    for (const work of [() => store.add(batch()), () => store.read()]) {
      await expect(work()).rejects.toMatchObject({
        code: 'ERR_USAGE_TABLES',
        message: expect.stringMatching(/usageTables\(\).*(watched|issuer)[\s\S]*usageTables\(\)/),
      });
    }
  });

  test('emptied, or restored from a backup, it says from when on it is told again', async () => {
    const store = postgresUsageStore(pool);
    const told = (seq: number) =>
      batch({ seq, from: (october + seq - 1) * 60_000, at: (october + seq) * 60_000 });
    const stretches = async () => {
      const [{ watched = [], missing } = {}] = (await store.read()).instances;
      return [missing, ...watched.map((both) => both.map((time) => time / 60_000 - october))];
    };
    for (const seq of [1, 2, 3]) await store.add(told(seq));
    await pool.query('create table backup as select * from sallyport_usage_instances');
    for (const seq of [4, 5]) await store.add(told(seq));
    await pool.query('delete from sallyport_usage_instances');
    await pool.query('insert into sallyport_usage_instances select * from backup');
    await store.add(told(6));
    expect(await stretches()).toEqual([2, [0, 3], [5, 6]]);
    await empty();
    await store.add(told(9));
    expect(await stretches()).toEqual([8, [8, 9]]);
  });

  test('by how much a clock differs from that of the server is known', async () => {
    const store = postgresUsageStore(pool);
    const twentyDays = 20 * 86_400_000;
    const sentAt = Date.now() - twentyDays;
    await store.add(batch({ sentAt }));
    const [{ skew = 0 } = {}] = (await store.read()).instances;
    expect(Math.abs(skew + twentyDays)).toBeLessThan(60_000);
    expect((await store.read()).trackingSince).toBe(batch().since - skew);
  });

  test('a sweep that fails keeps no batch out', async () => {
    const warnings: string[] = [];
    const hear = ({ message }: Error) => void warnings.push(message);
    process.on('warning', hear);
    onTestFinished(() => void process.off('warning', hear));
    await pool.query(`create role teller login; grant select, insert, update on
      ${tables.join(', ')} to teller`);
    const store = postgresUsageStore(server.pool({ user: 'teller' }));
    await store.add(batch());
    await store.add(batch({ instance: 'two' }));
    expect((await store.read()).instances).toHaveLength(2);
    await until(() => warnings.some((one) => /could not be deleted: permission denied/.test(one)));
  });

  test('with a statement timeout and many old rows it takes what it is told', async () => {
    await pool.query(`insert into sallyport_usage select 'n' || g, 'c' || g % 1000, '', 'k', '', 'key',
      '2020-01-01', 1, 1, 1 from generate_series(1, 200000) g`);
    const store = postgresUsageStore(server.pool({ statement_timeout: 200, max: 2 }));
    await store.add(batch());
    await store.add(batch({ seq: 61, rows: [] }));
    expect((await postgresUsageStore(pool).read()).instances).toHaveLength(1);
    const old = async () =>
      Number(
        (await pool.query(`select count(*) from sallyport_usage where day < '2021'`)).rows[0].count,
      );
    await until(async () => (await old()) <= 190_000);
  });

  const days = (age: number, more: Partial<UsageRow>) => {
    const last = now - age * 1_440;
    return row({ first: now - 499_999, last, ...more });
  };
  const dayOf = (age: number) => new Date((now - age * 1_440) * 60_000).toISOString().slice(0, 10);

  test('what has not happened for too long is forgotten, and who told it if it was closed', async () => {
    const store = postgresUsageStore(pool, { keep: 280 });
    const rows = [281, 279].flatMap((age) => [
      days(age, { day: dayOf(age), key: `by day, ${age}` }),
      days(age, { what: 'agent', day: '', detail: `${age}` }),
    ]);
    await store.add(batch({ at: (now - 281 * 1_440) * 60_000, closed: true, rows }));
    const later = batch({ instance: 'two', at: now * 60_000, rows: [] });
    // It may still let requests in: only a person can say that it is gone.
    await store.add(batch({ instance: 'silent', at: (now - 281 * 1_440) * 60_000, rows: [] }));
    await store.add(later);
    await until(async () => (await store.read()).instances.length === 2);
    const { rows: kept, instances } = await read(store);
    expect(kept.map(({ key, detail }) => detail || key)).toEqual(['by day, 279', '279']);
    expect(instances.map(({ instance }) => instance).sort()).toEqual(['silent', 'two']);
    const { rows: details } = await pool.query(`select * from ${tables[1]}`);
    expect(details).toHaveLength(1);
  });

  test('forgetting is rare: with the first batch of an instance, and each sixtieth', async () => {
    const store = postgresUsageStore(pool, { keep: 280 });
    const patient = postgresUsageStore(pool, { keep: 36_500 });
    const old = (seq: number) => batch({ seq, rows: [days(281, { what: 'query', day: '' })] });
    await patient.add(old(1));
    for (const seq of [2, 59, 60]) await store.add(batch({ seq, rows: [] }));
    expect((await store.read()).rows).toHaveLength(1);
    await store.add(batch({ seq: 61, rows: [] }));
    await until(async () => (await store.read()).rows.length === 0);
  });

  test('a clock that is far ahead makes nobody forget', async () => {
    const store = postgresUsageStore(pool, { keep: 280 });
    const fresh = row({ what: 'query', day: '', first: now, last: now });
    await store.add(batch({ at: now * 60_000, rows: [fresh] }));
    await store.add(batch({ instance: 'ahead', at: 253_402_300_799_999, rows: [] }));
    const { rows, instances } = await store.read();
    expect([rows, instances.length]).toEqual([[fresh], 2]);
  });

  test('a host whose clock is 730 days ahead deletes the counts of nobody', async () => {
    const { pool: watched, sweeps } = watchSweeps(pool);
    const store = postgresUsageStore(watched, { keep: 280 });
    const fresh = [
      row({ day: dayOf(0), first: now, last: now }),
      row({ what: 'agent', day: '', detail: 'curl', first: now, last: now }),
    ];
    await store.add(batch({ at: now * 60_000, closed: true, rows: fresh }));
    await until(() => sweeps.length === 4);
    await Promise.all(sweeps);
    const [rows, details, instances = []] = await dump();
    await guardAhead(730, store);
    await until(() => sweeps.length === 8);
    await Promise.all(sweeps);
    const after = await dump();
    expect(after.slice(0, 2)).toEqual([rows, details]);
    expect(after[2]).toEqual(expect.arrayContaining(instances));
    expect(after[2]).toHaveLength(2);
  });

  test('a reader whose clock is ahead is told of all that was watched', async () => {
    const store = postgresUsageStore(pool, { keep: 280 });
    await store.add(batch({ since: (now - 60) * 60_000, at: now * 60_000 }));
    const told = await read(store);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 730 * 86_400_000 });
    onTestFinished(() => void vi.useRealTimers());
    expect(await read(store)).toEqual(told);
    expect(told.instances[0]?.watched).toHaveLength(1);
  });

  test('a guard whose clock is behind is not forgotten as soon as it is closed', async () => {
    const { pool: watched, sweeps } = watchSweeps(pool);
    const store = postgresUsageStore(watched, { keep: 280 });
    const at = (now - 730 * 1_440) * 60_000;
    await store.add(batch({ at, sentAt: at, closed: true, rows: [] }));
    await until(() => sweeps.length === 4);
    await Promise.all(sweeps);
    expect((await store.read()).instances).toHaveLength(1);
  });

  test.each([
    'update sallyport_usage set first = last + 1',
    'update sallyport_usage set count = -1',
    `update sallyport_usage set day = 'a secret'`,
    `update sallyport_usage set what = ''`,
    `update sallyport_usage_instances set at = 'NaN'`,
    `update sallyport_usage_instances set every = -1`,
    `update sallyport_usage_instances set watched = '{}'`,
  ])('%s: what is no count is left out, and said to be', async (sql) => {
    const store = postgresUsageStore(pool);
    await store.add(several);
    await pool.query(sql);
    const { skipped = 0, unreadable = [], rows, instances } = await store.read();
    expect(unreadable).toEqual(sql.includes('_instances') ? ['one'] : []);
    expect(skipped > 0).toBe(unreadable.length === 0);
    expect([rows.length + skipped, instances.length + unreadable.length]).toEqual([3, 1]);
  });

  test('a batch of an instance whose record is damaged is to be told by another name', async () => {
    const store = postgresUsageStore(pool);
    await store.add(several);
    await pool.query(`update sallyport_usage_instances set watched = '{}'`);
    const next = { ...several, seq: 2 };
    await expect(store.add(next)).rejects.toMatchObject({ code: 'ERR_USAGE_INSTANCE' });
    await store.add({ ...several, instance: 'two' });
    expect((await store.read()).unreadable).toEqual(['one']);
  });

  test('that cannot be written adds nothing, until it can', async () => {
    const store = postgresUsageStore(pool);
    await store.add(batch());
    const reading = server.pool({ options: '-c default_transaction_read_only=on' });
    const next = { ...several, seq: 2 };
    await expect(postgresUsageStore(reading).add(next)).rejects.toMatchObject({ code: '25006' });
    const held = postgresUsageStore(reading);
    expect(await read(held)).toEqual(recount([batch()]));
    await store.add(next);
    expect(await read(held)).toEqual(recount([batch(), next]));
  });

  test.each([
    ['the rows', tables[0]],
    ['the details', tables[1]],
  ])('that fails at %s adds nothing, not even that it was told', async (_, table) => {
    const store = postgresUsageStore(pool);
    const before = await dump();
    await pool.query(`alter table ${table} add constraint refuse check (false) not valid`);
    try {
      await expect(store.add(several)).rejects.toMatchObject({ code: '23514' });
      expect(await dump()).toEqual(before);
    } finally {
      await pool.query(`alter table ${table} drop constraint refuse`);
    }
    await store.add(several);
    expect(await read(store)).toEqual(recount([several]));
  });

  test('that is killed holds what was told, and takes the rest when it is back', async () => {
    const store = postgresUsageStore(pool);
    await store.add(several);
    await server.kill();
    const next = { ...several, seq: 2 };
    await expect(store.add(next)).rejects.toThrow();
    await server.start();
    await addAtLast(store, next);
    expect(await read(store)).toEqual(recount([several, next]));
  });

  test('that hangs adds what is on its way once, whoever asks again', async () => {
    const store = postgresUsageStore(pool);
    await Promise.all(Array.from({ length: 5 }, () => pool.query('select pg_sleep(0)')));
    await store.add(batch());
    server.pause();
    const next = { ...several, seq: 2 };
    const waiting = Array.from({ length: 5 }, () => store.add(next));
    server.resume();
    await Promise.all(waiting);
    expect(await read(store)).toEqual(recount([batch(), next]));
  });

  test('whose answer is lost has added the batch, and does not add it again', async () => {
    const proxy = await openProxy(server.port);
    onTestFinished(() => proxy.close());
    const direct = postgresUsageStore(pool);
    const behind = postgresUsageStore(server.pool({ port: proxy.port }));
    for (const seq of [2, 3, 4]) {
      const next = { ...several, seq };
      // Connected, so that what is lost is the answer and not the greeting.
      await behind.read();
      proxy.swallow(1);
      const lost = behind.add(next).then(
        () => 'added',
        () => 'lost',
      );
      await until(async () => (await direct.read()).instances[0]?.seq === seq);
      proxy.cut();
      expect(await lost).toBe('lost');
      await addAtLast(behind, next);
    }
    const all = [2, 3, 4].map((seq) => ({ ...several, seq }));
    expect(await read(direct)).toEqual(recount(all));
  });

  test('many instances with the same rows, in any order, never wait in a circle, and lose none', async () => {
    const store = postgresUsageStore(pool);
    const rows = Array.from({ length: 300 }, (_, i) =>
      row({ what: 'agent', day: '', client: `client_${i % 100}`, detail: `${i % 3}` }),
    ).map((one, i) => ({ ...one, key: `key_${Math.floor(i / 150)}` }));
    const distinct = recount([batch({ rows })]).rows;
    const all = Array.from({ length: 120 }, (_, i) =>
      batch({
        instance: `i${i % 20}`,
        seq: 1 + Math.floor(i / 20),
        rows: i % 2 ? distinct : [...distinct].reverse(),
      }),
    );
    for (let seq = 1; seq <= 6; seq += 1) {
      await Promise.all(all.filter((one) => one.seq === seq).map((one) => store.add(one)));
    }
    expect(await read(store)).toEqual(recount(all));
  });
});
