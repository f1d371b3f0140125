import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createGuard, type MigrationPlan } from '../../src/index.js';
import { run } from '../../src/report/command.js';
import type { MigrationReport } from '../../src/report.js';
import { createTestIssuer } from '../../src/testing.js';
import { fileUsageStore } from '../../src/usage.js';
import { bearing, requestOf } from '../rfc/ask.js';
import { createClock } from '../token/jwks-server.js';

const around = { env: {}, width: 100 };
const days = 86_400;

/** A directory with counts: acme on keys yesterday, globex moved sixty days ago. */
async function openPlace() {
  const place = await mkdtemp(join(tmpdir(), 'sallyport-'));
  await mkdir(join(place, 'usage'));
  onTestFinished(() => rm(place, { recursive: true }));
  const clock = createClock();
  const issuer = await createTestIssuer({ now: clock.now });
  const guard = createGuard({
    ...issuer.options,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async ({ value }) => ({ id: `key_${value}`, clientId: value }),
      usage: { store: fileUsageStore(join(place, 'usage')) },
    },
  });
  // A guard that tells nothing for weeks has not watched them.
  const passDays = async (many: number) => {
    for (let day = 0; day < many; day += 1) {
      clock.advance(days);
      await guard.usage();
    }
  };
  await guard(requestOf({ 'x-api-key': 'acme' }));
  await guard(requestOf({ 'x-api-key': 'globex' }));
  await passDays(2);
  await guard(requestOf({ 'x-api-key': 'globex' }));
  await passDays(58);
  await guard(requestOf({ 'x-api-key': 'acme' }));
  for (const clientId of ['acme', 'globex']) await guard(bearing(await issuer.token({ clientId })));
  await guard.close();
  const plan: MigrationPlan = {
    cohorts: { partners: {}, inside: {} },
    clients: { acme: { cohort: 'partners' }, globex: { cohort: 'inside' } },
    sunsetAt: '2030-12-01T00:00:00Z',
  };
  await writeFile(join(place, 'plan.json'), JSON.stringify(plan));
  const at = new Date(clock.now()).toISOString();
  const ask = (...args: readonly string[]) =>
    run(['report', '--usage', join(place, 'usage'), '--now', at, ...args], around);
  return { place, ask, plan: join(place, 'plan.json') };
}

describe('the report', () => {
  test('is a table, JSON, HTML or Markdown', async () => {
    const { ask, plan } = await openPlace();
    const text = await ask('--plan', plan);
    expect(text).toMatchObject({ code: 0, err: '' });
    expect(text.out).toMatch(/acme/);
    const { out } = await ask('--plan', plan, '--format', 'json');
    const report: MigrationReport = JSON.parse(out);
    expect(report.clients.map(({ client, status }) => [client, status])).toEqual([
      ...[
        ['acme', 'in progress'],
        ['globex', 'migrated'],
      ],
    ]);
    expect((await ask('--format', 'html')).out).toMatch(/^<!doctype html>/);
    expect((await ask('--format', 'markdown')).out).toMatch(/^# /);
  });

  test('is written to a file', async () => {
    const { ask, place } = await openPlace();
    const file = join(place, 'report.html');
    expect(await ask('--format', 'html', '--out', file)).toEqual({ code: 0, out: '', err: '' });
    expect(await readFile(file, 'utf8')).toMatch(/^<!doctype html>/);
  });

  test('knows clients, owners and keys from files, and leaves the own ones out', async () => {
    const { ask, place } = await openPlace();
    const [clients, keys] = [join(place, 'clients.json'), join(place, 'keys.json')];
    await writeFile(
      clients,
      JSON.stringify([{ client: 'acme', owner: 'Jo' }, { client: 'initech' }]),
    );
    await writeFile(keys, JSON.stringify([{ id: 'key_old', clientId: 'initech' }]));
    const given = ['--clients', clients, '--keys', keys, '--exclude', 'globex', '--format', 'json'];
    const report: MigrationReport = JSON.parse((await ask(...given)).out);
    expect(report.clients.map(({ client }) => client).sort()).toEqual(['acme', 'initech']);
    expect(report.clients.find(({ client }) => client === 'acme')?.owner).toBe('Jo');
    expect(report.silentKeys).toEqual([{ client: 'initech', key: 'key_old' }]);
  });

  test('fails where keys are still used, in one cohort or in all', async () => {
    const { ask, plan } = await openPlace();
    const failing = ['--plan', plan, '--fail-if-on-keys'];
    expect(await ask(...failing)).toMatchObject({
      code: 1,
      err: 'sallyport: API keys cannot be switched off: not safe to cut: acme\n',
    });
    expect(await ask(...failing, '--cohort', 'partners')).toMatchObject({ code: 1 });
    expect(await ask(...failing, '--cohort', 'inside')).toMatchObject({ code: 0, err: '' });
    const early = ['--now', '2030-01-03T00:00:00Z'];
    expect(await ask(...failing, '--cohort', 'inside', ...early)).toMatchObject({ code: 1 });
  });

  test('finds the counts by the environment too', async () => {
    const { place } = await openPlace();
    const env = { SALLYPORT_USAGE: join(place, 'usage') };
    const { code, out } = await run(['report', '--format', 'json'], { env, width: 80 });
    expect([code, JSON.parse(out).schema]).toEqual([0, 'sallyport-report-1']);
  });
});

describe('a mistake', () => {
  test.each<[readonly string[], number, string]>([
    [[], 2, 'sallyport report --usage <place>'],
    [['reports'], 2, 'did you mean report?'],
    [['report', 'more'], 2, 'report accepts only options; got "more"'],
    [['report'], 2, '--usage is required'],
    [['report', '--usage'], 2, '--usage'],
    [['report', '--use', 'x'], 2, '--use'],
    [
      ['report', '--usage', '.', '--format', 'pdf'],
      2,
      '--format must be text, json, html or markdown; got "pdf"',
    ],
    [['report', '--usage', '.', '--format', 'toString'], 2, 'got "toString"'],
    [
      ['report', '--usage', '.', '--now', 'soon'],
      2,
      '--now must be a time such as 2027-06-30T00:00:00Z; got "soon"',
    ],
    [['report', '--usage', '.', '--plan', 'no-such-file'], 2, '--plan: ENOENT'],
    [
      ['report', '--usage', '.', '--clients', 'package.json'],
      2,
      '--clients must be a file that contains a JSON array',
    ],
    [
      ['report', '--usage', '.', '--keys', 'README.md'],
      2,
      '--keys must be a file that contains a JSON array',
    ],
    [['report', '--usage', '/no/such/place'], 3, 'ENOENT'],
    [['report', '--usage', 'redis://:hush@127.0.0.1:1'], 3, 'ECONNREFUSED'],
    [['report', '--usage', 'postgres://me:hush@127.0.0.1:1/x'], 3, 'ECONNREFUSED'],
  ])('%j ends with %i', async (args, code, says) => {
    const outcome = await run(args, around);
    expect(outcome).toMatchObject({ code, out: '', err: expect.stringContaining(says) });
    expect(outcome.err).not.toMatch(/hush/);
  });

  test('a plan that cannot be meant is named with its line', async () => {
    const { place, ask } = await openPlace();
    await writeFile(join(place, 'plan.json'), '{\n  "sunsetAt": "soon"\n}');
    const { code, err } = await ask('--plan', join(place, 'plan.json'));
    expect([code, err]).toEqual([2, expect.stringMatching(/line 2/)]);
  });
});

test('the command prints, and exits with its code', async () => {
  const { place } = await openPlace();
  const args = ['--import', 'tsx', 'src/cli.ts', 'report', '--usage', join(place, 'usage')];
  const command = promisify(execFile);
  const { stdout } = await command(process.execPath, args);
  expect(stdout).toMatch(/acme/);
  await expect(command(process.execPath, [...args, '--fail-if-on-keys'])).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('cannot be switched off'),
  });
});
