import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../../src/report/command.js';

const around = (stdin = '') => ({ env: {}, width: 100, stdin: async () => stdin });
const check = (stdin: string, ...more: string[]) =>
  run(['check-plan', '-', ...more], around(stdin));

test('a valid plan is summarized', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'plan-')), 'plan.json');
  const plan = { sunsetAt: '2027-06-30T00:00:00Z', clients: { acme: 'dual' } };
  await writeFile(file, JSON.stringify(plan));
  expect(await run(['check-plan', file], around())).toEqual({
    code: 0,
    out: `${file}: valid. Mode dual, sunset 2027-06-30T00:00:00Z, 1 client, 0 cohorts, 0 brownouts\n`,
    err: '',
  });
});

test('a plan that says what cannot be meant is valid, with warnings', async () => {
  const { code, out, err } = await check('{"sunsetAt": "2020-01-01T00:00:00Z"}');
  expect([code, out]).toEqual([0, expect.stringContaining('valid')]);
  expect(err).toMatch(/^warning: plan: every sunset has passed/);
});

test('a plan with mistakes exits with 1, and each line is named', async () => {
  const { code, out, err } = await check('{\n"mode": "duel",\n"refusedStatus": 403\n}');
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toMatch(
    /^standard input: invalid\nplan\.mode \(line 2\).*\nplan\.refusedStatus \(line 3\).*\n$/,
  );
});

test('with several issuers a rule has to name one', async () => {
  const plan = '{"clients": {"acme": "dual"}}';
  const two = ['--issuer', 'https://a.test', '--issuer', 'https://b.test'];
  expect((await check(plan)).code).toBe(0);
  expect((await check(plan, ...two)).code).toBe(1);
});

test.each<[string[], RegExp]>([
  [['check-plan'], /requires one file, or "-"/],
  [['check-plan', 'a', 'b'], /got 2 files/],
  [['check-plan', '/nowhere/plan.json'], /ENOENT/],
  [['chek-plan', 'a'], /"chek-plan" is not a known command: did you mean check-plan\?/],
  [['reprot'], /"reprot" is not a known command: did you mean report\?/],
  [['report', '--usge', 'x'], /"--usge" is not a known option: did you mean --usage\?/],
  [['report', '--usage', 'x', '--format', 'yaml'], /got "yaml"/],
  [['report', '--usage', 'x', '--now', 'soon'], /got "soon"/],
])('%j is a mistake that says what was meant', async (args, says) => {
  const { code, out, err } = await run(args, around());
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toMatch(says);
});

test('no password is quoted back', async () => {
  const { err } = await run(['postgres://me:secret@db.test/x'], around());
  expect(err).not.toContain('secret');
});

test('--version is that of the package', async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8'));
  expect((await run(['--version'], around())).out).toBe(`${version}\n`);
});
