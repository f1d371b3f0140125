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

const anyRoom = String.raw`index\.ts|(adapters|testing|stores|report|telemetry)\/.+\.ts`;
const entry = (own: string): RegExp => new RegExp(`^(${anyRoom}|${own})$`);
const pipeline = String.raw`core\/[^/]+\.ts`;
const anyCore = String.raw`core\/.+\.ts`;

/** Each layer, and what it may import. The first that fits a file is its own. */
const layers: readonly (readonly [name: string, of: RegExp, may: RegExp])[] = [
  ['index.ts', /^index\.ts$/, new RegExp(`^${anyCore}$`)],
  ['the adapter of Fastify', /^fastify\.ts$/, entry('fastify|fastify-plugin')],
  ['the adapter of Express', /^express\.ts$/, entry('node:http')],
  ['the adapter of Hono', /^hono\.ts$/, entry('hono')],
  ['the adapter of Node', /^node\.ts$/, entry('node:(http|http2|stream)')],
  ['the plan file', /^plan\.ts$/, entry('node:fs|node:fs/promises')],
  ['the command', /^cli\.ts$/, entry('node:process')],
  ['an entry point', /^[^/]+\.ts$/, new RegExp(`^(${anyRoom})$`)],
  ['adapters/', /^adapters\//, /^(index\.ts|adapters\/[^/]+\.ts|node:(http|http2))$/],
  ['testing/', /^testing\//, /^(index\.ts|testing\/[^/]+\.ts|jose|node:.+)$/],
  [
    'the usage store in files',
    /^stores\/usage\/file/,
    /^(index\.ts|stores\/(usage\/)?[^/]+\.ts|core\/usage\/[^/]+\.ts|node:(fs|fs\/promises|path))$/,
  ],
  [
    'stores/usage/',
    /^stores\/usage\//,
    /^(index\.ts|stores\/(usage\/)?[^/]+\.ts|core\/usage\/[^/]+\.ts|node:crypto)$/,
  ],
  [
    'stores/',
    /^stores\//,
    /^(index\.ts|core\/api-key\/record\.ts|stores\/(api-keys\/)?[^/]+\.ts|node:(crypto|zlib))$/,
  ],
  [
    'report/',
    /^report\//,
    /^(index\.ts|(report|stores|adapters)\/.+\.ts|core\/(usage|plan|base)\/[^/]+\.ts|node:(crypto|fs\/promises|util))$/,
  ],
  [
    'telemetry/',
    /^telemetry\//,
    /^(index\.ts|telemetry\/[^/]+\.ts|stores\/settings\.ts|@opentelemetry\/api|node:crypto)$/,
  ],
  ['core/', /^core\//, new RegExp(`^(${pipeline}|${anyCore}|jose|lru-cache|node:crypto)$`)],
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
