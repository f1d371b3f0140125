import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../../src/report/command.js';
import type { MigrationReport } from '../../src/report.js';

const around = { env: {}, width: 100 };

async function openPlace(): Promise<string> {
  const place = await mkdtemp(join(tmpdir(), 'sallyport-'));
  await mkdir(join(place, 'usage'));
  onTestFinished(() => rm(place, { recursive: true }));
  return place;
}

const ask = (place: string, ...args: readonly string[]) =>
  run(['report', '--usage', place, ...args], around);

test.each([
  ['mysql://me:hush@db.test/x'],
  ['REDIS://:hush@cache.test'],
  ['Postgres://me:hush@db.test/x'],
  ['redis://:hush@127.0.0.1:99999'],
  ['redis://:hush@127.0.0.1:1/no-number'],
  ['redis://:hush@[::1'],
  ['postgres://me:hush@127.0.0.1:99999/x'],
  ['postgres://me:%zzhush@127.0.0.1:1/x'],
  ['postgres://me@127.0.0.1:1/x?password=hush'],
])('the password of %j is in no error', async (place) => {
  const { code, out, err } = await ask(place);
  expect(code).toBeGreaterThan(1);
  expect(out).toBe('');
  expect(err).toMatch(/^sallyport: ./);
  expect(err).not.toMatch(/hush/);
});

test.each([
  ...['redis://user:s3cr3t@127.0.0.1:1/0', 'redis://user:s3c/r3t@127.0.0.1:1'],
  ...['redis://user:s3c@r3t@127.0.0.1:1', 'postgres://user:s3c/r3t@127.0.0.1:1/db'],
  ...['postgresql://user:s3c r3t@127.0.0.1:1/db', 'postgres://127.0.0.1:1/db?password=s3cr3t'],
  ...['redis://user:s3c%zzr3t@127.0.0.1:1', 'redis://user:s3cr3t@host:99999'],
  ...['http://u:s3cr3t@h/', 'redis//u:s3cr3t@h', 'u:s3cr3t@h:6379', '//u:s3cr3t@h'],
  ...['redis:/u:s3cr3t@h', './u:s3cr3t@h', '\u00a0redis://u:s3cr3t@h', ' redis://u:s3cr3t@h'],
  ...['postgres:user:s3cr3t@h', 'host=h password=s3cr3t', 'redis://u:s3cr3t@\nh'],
])('a mistyped address is not echoed with its password: %j', async (place) => {
  for (const args of [
    ['report', '--usage', place],
    ['report', `--${place}`],
  ]) {
    const { code, out, err } = await run(args, around);
    expect(code).toBeGreaterThan(1);
    expect(out + err).not.toMatch(/s3c|r3t/);
  }
});

test('a guard that fell silent is named with the option that says it is gone', async () => {
  const place = await openPlace();
  const at = Date.parse('2030-02-09T00:00:00Z');
  const day = 86_400_000;
  const minutes = Math.floor((at - 40 * day) / 60_000);
  const row = { client: 'acme', issuer: '', key: '', what: 'token', detail: '', day: '2029-12-31' };
  const rows = [{ ...row, count: 1, first: minutes, last: minutes }];
  const told = { seq: 1, every: 30, dropped: 0, closed: false, rows };
  const batches = [
    { instance: 'a', ...told, since: at - 300 * day, at: at - 31 * day },
    { instance: 'b', ...told, since: at - 100 * day, at: at - 1_000 },
  ];
  for (const batch of batches) {
    const file = join(place, 'usage', `${batch.instance}.ndjson`);
    await writeFile(file, `${JSON.stringify(batch)}\n`);
  }
  await writeFile(join(place, 'clients.json'), JSON.stringify([{ client: 'acme' }]));
  const given = ['--now', new Date(at).toISOString(), '--clients', join(place, 'clients.json')];
  const failing = [...given, '--fail-if-on-keys', '--cohort', 'all'];
  await writeFile(
    join(place, 'plan.json'),
    JSON.stringify({ cohorts: { all: {} }, cohort: 'all' }),
  );
  const plan = ['--plan', join(place, 'plan.json')];
  const json = await ask(join(place, 'usage'), ...given, ...plan, '--format', 'json');
  const { dataQuality }: MigrationReport = JSON.parse(json.out);
  expect(dataQuality.notes.join()).toContain('--gone a@2030-01-09T00:00:30.000Z');
  const gone = ['--gone', 'a@2030-01-09T00:00:00.000Z'];
  const outcome = await ask(join(place, 'usage'), ...failing, ...plan, ...gone);
  expect(outcome).toMatchObject({ code: 0, err: '' });
  for (const wrong of ['a', 'c@2030-01-09T00:00:00Z', 'a@2029-01-09T00:00:00Z', 'a@soon']) {
    const mistaken = await ask(join(place, 'usage'), ...given, '--gone', wrong);
    expect(mistaken).toMatchObject({ code: 2, out: '' });
  }
});

test('where nothing was counted, nothing is safe, and the reason is another', async () => {
  const place = await openPlace();
  expect(await ask(join(place, 'usage'), '--fail-if-on-keys')).toMatchObject({
    code: 1,
    err: expect.stringMatching(
      /it is not known yet whether they are safe to cut\n {2}Nothing .* check that the guards/,
    ),
  });
  expect(await ask(join(place, 'usage'))).toMatchObject({ code: 0, err: '' });
});

test.each([
  ['a line that was cut off', '{"instance":"one","seq":1,"row', 0],
  ['zeros that a crash has left', '\0\0\0\0\n', 0],
  ['an empty file', '', 0],
  ['a number', '5\n', 0],
  ['a page of HTML', '<!doctype html>\n', 0],
  ['a list', '[]\n', 0],
  ['a line of something else', '{"level":30,"msg":"hello"}\n', 0],
])('%s among the counts', async (_, text, code) => {
  const place = await openPlace();
  const file = join(place, 'usage', 'a\u001b[31m.ndjson');
  await writeFile(file, text);
  const outcome = await ask(join(place, 'usage'));
  expect(outcome.code).toBe(code);
  expect(outcome.err).toMatch(code === 0 ? /^$/ : /^sallyport: fileUsageStore: line 1 of /);
  // The name of the file is a stranger's, perhaps.
  expect(outcome.err).not.toContain('\u001b');
});

test.each([
  ['brackets without an end', '['.repeat(10_000_000)],
  ['one long text', `{"guide":"https://a.test/${'x'.repeat(10_000_000)}"}`],
  ['brackets in brackets', `{"clients":${'['.repeat(500_000)}${']'.repeat(500_000)}}`],
])('a plan of %s is a mistake, told in a line', async (_, text) => {
  const place = await openPlace();
  await writeFile(join(place, 'plan.json'), text);
  const given = ['--plan', join(place, 'plan.json')];
  const { code, err } = await ask(join(place, 'usage'), ...given);
  expect(code).toBe(2);
  expect(err).toMatch(/^sallyport: plan.{1,500}\n$/);
});

test.each([
  [{ cohorts: { partners: { mode: 'token-only', percent: 50 } } }, 'dual'],
  [{ cohorts: { partners: { mode: 'token-only' } } }, 'token-only'],
  [{ mode: 'deprecated', cohorts: { partners: {} } }, 'deprecated'],
])('the mode of a cohort is the plan’s, unless it holds for all of it: %j', async (plan, mode) => {
  const place = await openPlace();
  await writeFile(join(place, 'plan.json'), JSON.stringify(plan));
  const given = ['--plan', join(place, 'plan.json'), '--cohort', 'partners', '--format', 'json'];
  const { out } = await ask(join(place, 'usage'), ...given);
  const report: MigrationReport = JSON.parse(out);
  expect([report.onlyCohort, report.plan.mode]).toEqual(['partners', mode]);
});
