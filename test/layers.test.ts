import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = new URL('..', import.meta.url).pathname;
const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .sort();
const text = (file: string) => readFileSync(join(root, 'src', file), 'utf8');
const linesOf = (file: string) => text(file).trimEnd().split('\n').length;

/** What a file imports: files of src/ by their path, packages by their name. */
function importsOf(file: string): string[] {
  return [...text(file).matchAll(/^(?:import|export)\b[^;]*?\bfrom '([^']+)';/gms)].map(
    ([, from = '']) =>
      from.startsWith('.') ? posix.join(dirname(file), from).replace(/\.js$/, '.ts') : from,
  );
}

const isDoor = (file: string) => !file.includes('/') && file !== 'index.ts';

/** Each layer, and what it may import. The first that fits a file is its own. */
const layers: readonly (readonly [name: string, of: RegExp, may: RegExp])[] = [
  ['index.ts', /^index\.ts$/, /^core\/[^/]+\.ts$/],
  [
    'a door',
    /^[^/]+\.ts$/,
    /^(index\.ts|adapters\/.+|testing\/.+|fastify|fastify-plugin|node:http)$/,
  ],
  ['adapters/', /^adapters\//, /^index\.ts$/],
  ['testing/', /^testing\//, /^(index\.ts|testing\/[^/]+\.ts|jose|node:.+)$/],
  [
    'core/verify/',
    /^core\/verify\//,
    /^(core\/verify\/[^/]+\.ts|core\/(algorithms|config|errors|issuers|options|principal)\.ts|jose|lru-cache|node:crypto)$/,
  ],
  ['core/', /^core\//, /^core\/([^/]+|verify\/[^/]+)\.ts$/],
];

test('every import line is read', () => {
  for (const file of files) {
    expect(importsOf(file)).toHaveLength(text(file).match(/\bfrom '/g)?.length ?? 0);
  }
});

describe.each(files)('%s', (file) => {
  test('imports only what its layer may', () => {
    const [name, , may] = layers.find(([, of]) => of.test(file)) ?? [];
    expect(name).toBeDefined();
    for (const from of importsOf(file)) {
      expect(from, `${name} imports it`).toMatch(may as RegExp);
      expect(files.includes(from) && isDoor(from), 'nothing imports a door').toBe(false);
    }
  });

  test('is short, not deep, and named for what it does', () => {
    expect(linesOf(file)).toBeLessThanOrEqual(250);
    if (isDoor(file)) expect(linesOf(file)).toBeLessThanOrEqual(80);
    expect(file.split('/').length).toBeLessThanOrEqual(3);
    expect(file).not.toMatch(/(^|\/)(utils?|helpers?|common|lib|types|shared|misc)(\/|\.ts$)/);
  });
});

test('guard.ts can be read at a glance', () => {
  expect(linesOf('core/guard.ts')).toBeLessThanOrEqual(120);
});

test('no import runs in a circle', () => {
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    expect(way, 'a circle').not.toContain(file);
    if (done.has(file) || !files.includes(file)) return;
    for (const from of importsOf(file)) visit(from, [...way, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(done.size).toBe(files.length);
});

test('the root of src/ is the exports of the package', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const subpaths = Object.keys(exports).filter((name) => name !== './package.json');
  const doors = files.filter((file) => !file.includes('/'));
  expect(
    doors.map((file) => (file === 'index.ts' ? '.' : `./${file.slice(0, -3)}`)).sort(),
  ).toEqual(subpaths.sort());
});

test('one file knows WWW-Authenticate, one place makes a decision out of an error', () => {
  expect(files.filter((file) => text(file).includes('WWW-Authenticate'))).toEqual([
    'core/challenge.ts',
  ]);
  const deciding = files.filter((file) => /catch \(.*allowed: false/s.test(text(file)));
  expect(deciding).toEqual(['core/guard.ts']);
  expect(text('core/guard.ts').match(/\bcatch\b/g)).toHaveLength(1);
});

test('nothing is printed', () => {
  for (const file of files) expect(text(file)).not.toMatch(/\bconsole\.|process\.std/);
});
