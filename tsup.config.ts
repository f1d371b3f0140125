import { readdir, readFile, writeFile } from 'node:fs/promises';
import { transform } from 'esbuild';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';
import { defineConfig } from 'tsup';

/** Public entry points: the subpaths of the exports map. */
const entries = [
  ...['index', 'api-keys', 'audit', 'express', 'fastify', 'fetch', 'hono', 'node', 'otel'],
  ...['plan', 'postgres', 'redis', 'report', 'testing', 'usage'],
];

const shared = {
  entry: [...entries, 'cli'].map((name) => `src/${name}.ts`),
  format: 'esm',
  target: 'node20',
  platform: 'node',
  removeNodeProtocol: false,
  // One AuthError for all subpaths.
  splitting: true,
} as const;

export default defineConfig([
  { ...shared, outDir: 'dist/esm', onSuccess: bundleDeclarations },
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
  const names = await readdir('dist/cjs');
  for (const name of names.filter((one) => one.endsWith('.js'))) {
    const file = `dist/cjs/${name}`;
    const { code } = await transform(await readFile(file, 'utf8'), { format: 'cjs' });
    await writeFile(file, code);
  }
  await writeFile('dist/cjs/package.json', '{ "type": "commonjs" }\n');
}

// One declaration file per entry point, and one for what they share: AuthError is one type everywhere.
// The build in CommonJS has the same declarations, which its package.json makes CommonJS.
async function bundleDeclarations(): Promise<void> {
  const bundle = await rollup({
    input: Object.fromEntries(entries.map((name) => [name, `src/${name}.ts`])),
    plugins: [dts({ tsconfig: 'tsconfig.json' })],
    external: /^node:/,
    // Types that no entry point exports stay private, as they were in a file of their own.
    onLog: (level, log, handle) => {
      if (!log.message.includes('references private shared type exports')) handle(level, log);
    },
  });
  for (const format of ['esm', 'cjs']) {
    await bundle.write({
      dir: `dist/${format}`,
      entryFileNames: '[name].d.ts',
      chunkFileNames: '[name].d.ts',
      manualChunks: (id) => (id.includes('/src/core/') ? 'core' : undefined),
      minifyInternalExports: false,
    });
  }
  await bundle.close();
}
