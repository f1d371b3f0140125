import { readdir, readFile, writeFile } from 'node:fs/promises';
import { transform } from 'esbuild';
import { defineConfig } from 'tsup';

const shared = {
  entry: [
    ...['index', 'api-keys', 'audit', 'cli', 'express', 'fastify', 'fetch', 'hono', 'node', 'otel'],
    ...['plan', 'postgres', 'redis', 'report', 'testing', 'usage'],
  ].map((name) => `src/${name}.ts`),
  format: 'esm',
  target: 'node20',
  platform: 'node',
  removeNodeProtocol: false,
  // One AuthError for all subpaths.
  splitting: true,
} as const;

// Declarations come from tsc, file by file: a bundler of declarations renames globals.
export default defineConfig([
  { ...shared, outDir: 'dist/esm' },
  {
    ...shared,
    outDir: 'dist/cjs',
    // Jest 30 on Node 20 cannot load the ESM-only jose from CommonJS.
    noExternal: ['jose'],
    onSuccess: toCommonJs,
  },
]);

// tsup's own way from split ESM to CommonJS breaks jose's classes; esbuild's does not.
async function toCommonJs(): Promise<void> {
  for (const name of await readdir('dist/cjs')) {
    const file = `dist/cjs/${name}`;
    const { code } = await transform(await readFile(file, 'utf8'), { format: 'cjs' });
    await writeFile(file, code);
  }
  await writeFile('dist/cjs/package.json', '{ "type": "commonjs" }\n');
}
