import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = new URL('..', import.meta.url).pathname;
const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .sort();
const text = (file: string) => readFileSync(join(root, 'src', file), 'utf8');
const linesOf = (file: string) => text(file).trimEnd().split('\n').length;

/** What a file imports: files of src/ by their path, packages by their name; `type` alone or not. */
function importsOf(file: string): { readonly from: string; readonly types: boolean }[] {
  const lines = /^(?:import|export)( type)?\b[^;]*?\bfrom '([^']+)';/gms;
  return [...text(file).matchAll(lines)].map(([, type, from = '']) => ({
    from: from.startsWith('.') ? posix.join(dirname(file), from).replace(/\.js$/, '.ts') : from,
    types: type !== undefined,
  }));
}

const isDoor = (file: string) => !file.includes('/') && file !== 'index.ts';

const anyDoor = String.raw`index\.ts|(adapters|testing|stores|report|telemetry)\/[^/]+\.ts`;
const door = (own: string): RegExp => new RegExp(`^(${anyDoor}|${own})$`);

/** Each layer, and what it may import. The first that fits a file is its own. */
const layers: readonly (readonly [name: string, of: RegExp, may: RegExp])[] = [
  ['index.ts', /^index\.ts$/, /^core\/(migration\/)?[^/]+\.ts$/],
  ['the door of Fastify', /^fastify\.ts$/, door('fastify|fastify-plugin')],
  ['the door of Express', /^express\.ts$/, door('node:http')],
  ['the door of Hono', /^hono\.ts$/, door('hono')],
  ['the door of Node', /^node\.ts$/, door('node:(http|http2|stream)')],
  ['the door of plans', /^plan\.ts$/, door('node:fs|node:fs/promises')],
  ['the command', /^cli\.ts$/, door('node:process')],
  ['a door', /^[^/]+\.ts$/, new RegExp(`^(${anyDoor})$`)],
  ['adapters/', /^adapters\//, /^(index\.ts|adapters\/[^/]+\.ts|node:(http|http2))$/],
  ['testing/', /^testing\//, /^(index\.ts|testing\/[^/]+\.ts|jose|node:.+)$/],
  [
    'the store in files',
    /^stores\/usage-file/,
    /^(index\.ts|stores\/[^/]+\.ts|core\/migration\/usage[^/]*\.ts|node:(fs|fs\/promises|path))$/,
  ],
  [
    'stores of usage',
    /^stores\/usage-/,
    /^(index\.ts|stores\/[^/]+\.ts|core\/migration\/usage[^/]*\.ts|node:crypto)$/,
  ],
  ['stores/', /^stores\//, /^(index\.ts|core\/record\.ts|stores\/[^/]+\.ts|node:(crypto|zlib))$/],
  [
    'report/',
    /^report\//,
    /^(index\.ts|(report|stores|adapters)\/[^/]+\.ts|core\/migration\/(usage|plan|read-plan|stance|brownout|dates)\.ts|node:(crypto|fs\/promises|util))$/,
  ],
  [
    'telemetry/',
    /^telemetry\//,
    /^(index\.ts|telemetry\/[^/]+\.ts|stores\/settings\.ts|@opentelemetry\/api|node:crypto)$/,
  ],
  [
    'core/verify/',
    /^core\/verify\//,
    /^(core\/verify\/[^/]+\.ts|core\/(algorithms|api-keys|config|errors|issuers|key-events|key-options|options|principal|record|ruling)\.ts|core\/migration\/plan\.ts|jose|lru-cache|node:crypto)$/,
  ],
  [
    'core/migration/',
    /^core\/migration\//,
    /^core\/((migration\/)?[^/]+|verify\/(deadline|digest|json))\.ts$/,
  ],
  ['core/', /^core\//, /^core\/((verify|migration)\/)?[^/]+\.ts$/],
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
    for (const { from } of importsOf(file)) {
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

test('what verifies a credential knows of the plan no more than its types', () => {
  for (const file of files.filter((name) => name.startsWith('core/verify/'))) {
    for (const { from, types } of importsOf(file)) {
      if (from.startsWith('core/migration/')) expect(types, `${file} imports ${from}`).toBe(true);
    }
  }
});

test('no store brings a client along', () => {
  const named = files.flatMap((file) => importsOf(file).map(({ from }) => from));
  for (const name of ['pg', 'redis', 'ioredis', '@redis/client']) expect(named).not.toContain(name);
});

test('guard.ts can be read at a glance', () => {
  expect(linesOf('core/guard.ts')).toBeLessThanOrEqual(120);
});

test('no import runs in a circle', () => {
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    expect(way, 'a circle').not.toContain(file);
    if (done.has(file) || !files.includes(file)) return;
    for (const { from } of importsOf(file)) visit(from, [...way, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(done.size).toBe(files.length);
});

test('the root of src/ is the exports of the package', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const subpaths = Object.keys(exports).filter((name) => name !== './package.json');
  const doors = files.filter((file) => !file.includes('/') && file !== 'cli.ts');
  const opened = doors.map((file) => (file === 'index.ts' ? '.' : `./${file.slice(0, -3)}`));
  const schemas = ['audit', 'plan', 'report'].map((name) => `./${name}.schema.json`);
  expect([...opened, ...schemas].sort()).toEqual(subpaths.sort());
});

test('one file knows WWW-Authenticate, one place makes a decision out of an error', () => {
  expect(files.filter((file) => text(file).includes('WWW-Authenticate'))).toEqual([
    'core/challenge.ts',
  ]);
  const deciding = files.filter((file) => /catch \(.*allowed: false/s.test(text(file)));
  expect(deciding).toEqual(['core/guard.ts']);
  expect(text('core/guard.ts').match(/\bcatch\b/g)).toHaveLength(1);
});

test('timers keep no process alive, and are not taken for objects: Workers have numbers', () => {
  for (const file of files) expect(text(file), file).not.toMatch(/\bunref\(/);
});

test('nothing is printed but by the command', () => {
  for (const file of files.filter((name) => name !== 'cli.ts')) {
    expect(text(file)).not.toMatch(/\bconsole\.|process\.std/);
  }
});
