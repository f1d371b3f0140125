// Checks everything that a release needs, and publishes nothing: `npm run release:check`.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, runNpm } from './child.mjs';
import { check, finish } from './report.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path) => readFileSync(`${root}${path}`, 'utf8');
const manifest = JSON.parse(read('package.json'));
const { name, version } = manifest;

/** The version on the registry; undefined if nothing has been published yet. */
async function published() {
  try {
    const { stdout } = await runNpm(['view', name, 'version'], root);
    return stdout.trim() || undefined;
  } catch (error) {
    if (/\bE404\b/.test(error.message)) return undefined;
    throw error;
  }
}

function isNewer(one, other) {
  const [left, right] = [one, other].map((text) => text.split('.').map(Number));
  const at = left.findIndex((number, i) => number !== right[i]);
  return at >= 0 && left[at] > right[at];
}

const checks = {
  async 'the version is a release, and newer than the published one'() {
    assert.match(version, /^\d+\.\d+\.\d+$/, `version must be like 1.2.3; got ${version}`);
    const before = await published();
    const message = `${version} must be newer than ${before}: run npm version --no-git-tag-version`;
    assert(before === undefined || isNewer(version, before), message);
  },
  async 'the CHANGELOG has this version with a date, and nothing unreleased'() {
    const sections = read('CHANGELOG.md').split(/^## /m).slice(1);
    const of = (heading) => sections.find((section) => section.startsWith(heading)) ?? '';
    const [, date] = /^\S+ - (\d{4}-\d{2}-\d{2})$/m.exec(of(`[${version}] - `)) ?? [];
    assert(date, `CHANGELOG.md must have a heading "## [${version}] - YYYY-MM-DD"`);
    const isPast = Date.parse(date) <= Date.now();
    assert(isPast, `the date of ${version} in CHANGELOG.md must be a day up to today; got ${date}`);
    const unreleased = of('[Unreleased]').split('\n').slice(1).join('').trim();
    assert.equal(unreleased, '', `move what is under [Unreleased] to ${version}`);
  },
  async 'the working tree is clean'() {
    const { stdout } = await run('git', ['status', '--porcelain'], root);
    assert.equal(stdout, '', `commit or remove these files:\n${stdout}`);
  },
  async 'the lock file is in sync with package.json'() {
    const lock = JSON.parse(read('package-lock.json'));
    assert.equal(lock.version, version, 'run npm install: package-lock.json has another version');
    await runNpm(['ci', '--dry-run'], root);
  },
  async 'package.json publishes for everyone, with provenance'() {
    const wanted = { access: 'public', provenance: true };
    assert.deepEqual(manifest.publishConfig, wanted);
    assert(!manifest.private, 'package.json must not be private');
    const { url } = Object(manifest.repository);
    const message =
      'package.json needs repository.url: npm compares it with where provenance is made';
    assert.match(String(url), /^git\+https:\/\/\S+\.git$/, message);
  },
  async 'the README says how to install from npm, and its links lead into the package'() {
    const readme = read('README.md');
    assert.doesNotMatch(readme, /<!-- Before the first release/, 'see the comment under "Install"');
    assert.match(readme, new RegExp(`npm (?:install|i) ${name}\\b`));
    const { stdout } = await runNpm(['pack', '--dry-run', '--json'], root);
    const [{ files }] = Object.values(JSON.parse(stdout));
    const paths = files.map(({ path }) => path);
    for (const page of paths.filter((path) => path.endsWith('.md'))) {
      for (const [, link] of read(page).matchAll(/\]\((?!https:)([^)#]+)/g)) {
        const target = posix.join(posix.dirname(page), link);
        assert(paths.includes(target) || isFolder(paths, target), `${page} links to ${link}`);
      }
    }
  },
};

const isFolder = (paths, target) =>
  paths.some((path) => path.startsWith(`${target.replace(/\/$/, '')}/`));

/** The rest takes minutes: it runs only once the above is right, and prints as it goes. */
const commands = ['lint', 'build', 'types', 'test:full', 'check:package', 'examples'];

const results = [];
for (const [title, test] of Object.entries(checks)) results.push(await check(title, test));

if (results.every(Boolean)) {
  for (const command of commands) {
    const isDone = await check(`npm run ${command}`, () => {
      const { status } = spawnSync('npm', ['run', command], { cwd: root, stdio: 'inherit' });
      assert.equal(status, 0, `npm run ${command} failed`);
    });
    if (!isDone) break;
  }
  await check('the build is there to be published', () => {
    for (const path of [manifest.main, manifest.types]) assert(existsSync(`${root}${path}`), path);
  });
} else {
  console.log(`not run: ${commands.join(', ')}. They run once the above is right`);
}
finish();
