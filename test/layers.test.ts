import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = new URL('..', import.meta.url).pathname;
const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .sort();
const text = (file: string) => readFileSync(join(root, 'src', file), 'utf8');
const linesOf = (file: string) => text(file).trimEnd().split('\n').length;

interface Import {
  readonly from: string;
  readonly types: boolean;
}

/** What a file imports: files of src/ by their path, packages by their name; `type` alone or not. */
function importsOf(file: string): Import[] {
  const lines = /^(?:import|export)( type)?\b[^;]*?\bfrom '([^']+)';/gms;
  return [...text(file).matchAll(lines)].map(([, type, from = '']) => ({
    from: from.startsWith('.') ? posix.join(dirname(file), from).replace(/\.js$/, '.ts') : from,
    types: type !== undefined,
  }));
}

const isEntryPoint = (file: string) => !file.includes('/') && file !== 'index.ts';

interface Layer {
  readonly name: string;
  readonly files: RegExp;
  /** What its files may import: files of src/, packages, modules of Node. */
  readonly may: RegExp;
  /** Of what they may import types only. */
  readonly mayTypes?: RegExp;
}

/** Packages and modules of Node that core/ uses. */
const tools = 'jose|lru-cache|node:crypto';
/** What every capability folder of core/ stands on. */
const ground = String.raw`core\/(principal|extract|enforcement)\.ts|core\/base\/[^/]+\.ts|${tools}`;
const capabilities = [...new Set(files.map((file) => /^core\/([^/]+)\//.exec(file)?.[1]))].filter(
  (folder): folder is string => folder !== undefined && folder !== 'base',
);
const capability = (folder: string) => String.raw`core\/${folder}\/[^/]+\.ts`;
const all = (...parts: readonly string[]): RegExp => new RegExp(`^(${parts.join('|')})$`);

/** An entry point: the guard, what all adapters share, a folder of its own, and packages. */
const entryPoint = (name: string, ...own: readonly string[]): Layer => ({
  name: `${name}.ts`,
  files: all(String.raw`${name}\.ts`),
  may: all(String.raw`index\.ts`, String.raw`adapters\/[^/]+\.ts`, ...own),
});

/** Each layer, and what it may import. The first that fits a file is its own. */
const layers: readonly Layer[] = [
  // The pipeline: from the core's root down to base/, and never up.
  {
    name: 'core/base/',
    files: all(String.raw`core\/base\/.+`),
    may: all(String.raw`core\/base\/[^/]+\.ts`, tools),
  },
  {
    name: 'principal, extract and enforcement of core/',
    files: all(String.raw`core\/(principal|extract|enforcement)\.ts`),
    may: all(String.raw`core\/base\/[^/]+\.ts`),
    mayTypes: all(String.raw`core\/principal\.ts`),
  },
  // Each capability, also one that is added, stands alone; two know what a plan or a count is called.
  ...capabilities.map((folder) => ({
    name: `core/${folder}/`,
    files: all(capability(folder)),
    may: all(ground, capability(folder)),
    ...(['api-key', 'usage'].includes(folder) && {
      mayTypes: all(capability('plan'), capability('usage')),
    }),
  })),
  {
    name: 'the root of core/',
    files: all(String.raw`core\/[^/]+\.ts`),
    may: all(String.raw`core\/.+\.ts`),
  },
  // What is built on the pipeline.
  { name: 'index.ts', files: all(String.raw`index\.ts`), may: all(String.raw`core\/.+\.ts`) },
  {
    name: 'adapters/',
    files: all(String.raw`adapters\/.+`),
    may: all(String.raw`index\.ts`, String.raw`adapters\/[^/]+\.ts`, 'node:http', 'node:http2'),
  },
  {
    name: 'testing/',
    files: all(String.raw`testing\/.+`),
    may: all(String.raw`index\.ts`, String.raw`testing\/[^/]+\.ts`, 'jose', 'node:.+'),
  },
  {
    // A store adds up and compares rows as the counter does.
    name: 'stores/usage/',
    files: all(String.raw`stores\/usage\/.+`),
    may: all(
      String.raw`index\.ts`,
      String.raw`stores\/(usage\/)?[^/]+\.ts`,
      capability('usage'),
      'node:(crypto|fs|fs/promises|path)',
    ),
  },
  {
    // A store of API keys checks the records that it is given as a guard does.
    name: 'stores/',
    files: all(String.raw`stores\/.+`),
    may: all(
      String.raw`index\.ts`,
      String.raw`stores\/(api-keys\/)?[^/]+\.ts`,
      String.raw`core\/api-key\/record\.ts`,
      'node:(crypto|zlib)',
    ),
  },
  {
    // A report reads plans and counts, also by the stores, and is served as an adapter would.
    name: 'report/',
    files: all(String.raw`report\/.+`),
    may: all(
      String.raw`index\.ts`,
      String.raw`(report|stores|adapters)\/.+\.ts`,
      String.raw`core\/(usage|plan|base)\/[^/]+\.ts`,
      'node:(crypto|fs/promises|util)',
    ),
  },
  {
    name: 'telemetry/',
    files: all(String.raw`telemetry\/.+`),
    may: all(
      String.raw`index\.ts`,
      String.raw`telemetry\/[^/]+\.ts`,
      String.raw`stores\/settings\.ts`,
      '@opentelemetry\\/api',
      'node:crypto',
    ),
  },
  // The entry points.
  entryPoint('express', 'node:http'),
  entryPoint('fastify', 'fastify', 'fastify-plugin'),
  entryPoint('fetch'),
  entryPoint('hono', 'hono'),
  entryPoint('node', 'node:(http|http2|stream)'),
  entryPoint('testing', String.raw`testing\/[^/]+\.ts`),
  entryPoint('api-keys', String.raw`stores\/api-keys\/[^/]+\.ts`),
  entryPoint('(redis|postgres)', String.raw`stores\/.+\.ts`),
  entryPoint('plan', String.raw`stores\/settings\.ts`, 'node:fs', 'node:fs\\/promises'),
  entryPoint('usage', String.raw`stores\/usage\/[^/]+\.ts`),
  entryPoint('report', String.raw`report\/.+\.ts`),
  entryPoint('cli', String.raw`report\/command\.ts`, 'node:process'),
  entryPoint('(audit|otel)', String.raw`telemetry\/[^/]+\.ts`),
];

const isAllowed = ({ may, mayTypes }: Layer, { from, types }: Import): boolean =>
  may.test(from) || (types && mayTypes?.test(from) === true);

test('every import line is read', () => {
  for (const file of files) {
    expect(importsOf(file)).toHaveLength(text(file).match(/\bfrom '/g)?.length ?? 0);
  }
});

describe.each(files)('%s', (file) => {
  test('imports only what its layer may', () => {
    const layer = layers.find((one) => one.files.test(file));
    if (!layer) throw new Error('no layer has this file: give it one');
    const broken = importsOf(file).filter((one) => !isAllowed(layer, one));
    expect(broken.map(({ from }) => `${file} -> ${from}`)).toEqual([]);
    const entryPoints = importsOf(file).filter(
      ({ from }) => isEntryPoint(from) && files.includes(from),
    );
    expect(entryPoints).toEqual([]);
  });

  test('is short, not deep, and named for what it does', () => {
    expect(linesOf(file)).toBeLessThanOrEqual(250);
    if (isEntryPoint(file)) expect(linesOf(file)).toBeLessThanOrEqual(80);
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
  const entryPoints = files.filter((file) => !file.includes('/') && file !== 'cli.ts');
  const opened = entryPoints.map((file) => (file === 'index.ts' ? '.' : `./${file.slice(0, -3)}`));
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
