import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { runNpm } from './child.mjs';
import { check } from './report.mjs';

const runtimeDependencies = ['fastify-plugin', 'jose', 'lru-cache'];
// The CommonJS build carries its own copy of jose, which Jest cannot load.
const mayImport = { esm: runtimeDependencies, cjs: ['fastify-plugin', 'lru-cache'] };
const published =
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|docs\/[\w-]+\.md|examples\/[\w./-]+\.(ts|json)|dist\/cjs\/package\.json|dist\/(audit|plan|report)\.schema\.json|dist\/(esm|cjs)\/[\w/-]+\.(js|d\.ts))$/;
// Files that stand for themselves, and are no doors.
const schemas = ['audit', 'plan', 'report'].map((name) => `./${name}.schema.json`);
const data = ['./package.json', ...schemas];

/** Packs what `npm publish` would, and answers the tarball and its list of files. */
export async function pack(root, folder) {
  if (!existsSync(join(root, 'dist/esm/index.js'))) throw new Error('build first: npm run build');
  const { stdout } = await runNpm(['pack', '--json', '--pack-destination', folder], root);
  const [{ filename, files }] = Object.values(JSON.parse(stdout));
  return { tarball: join(folder, filename), files: files.map(({ path }) => path) };
}

/** Checks what is in the tarball, as it was unpacked by an installation. */
export async function checkTarball({ root, unpacked, files }) {
  const read = (path) => readFile(join(unpacked, path), 'utf8');
  const manifest = JSON.parse(await read('package.json'));

  await check('the tarball holds the build and the papers, and nothing else', () => {
    assert.deepEqual(
      files.filter((path) => !published.test(path)),
      [],
    );
    const papers = ['README.md', 'CHANGELOG.md'].filter((path) => existsSync(join(root, path)));
    for (const path of ['package.json', 'LICENSE', 'dist/cjs/package.json', ...papers]) {
      assert(files.includes(path), `${path} is missing`);
    }
  });

  await check('everything that package.json points at is in the tarball', () => {
    const targets = [];
    JSON.stringify(
      [manifest.main, manifest.types, manifest.bin, manifest.exports, manifest.typesVersions],
      (_, value) => {
        if (typeof value === 'string') targets.push(value.replace(/^\.\//, ''));
        return value;
      },
    );
    assert(targets.length > 20);
    for (const target of targets) assert(files.includes(target), `${target} is missing`);
  });

  await check('every door has both builds, and the types of each', () => {
    for (const [subpath, target] of Object.entries(manifest.exports)) {
      if (data.includes(subpath)) continue;
      const name = subpath === '.' ? 'index' : subpath.slice(2);
      const build = (format) => ({
        types: `./dist/${format}/${name}.d.ts`,
        default: `./dist/${format}/${name}.js`,
      });
      assert.deepEqual(target, { import: build('esm'), require: build('cjs') });
      if (subpath !== '.') {
        assert.deepEqual(manifest.typesVersions['*'][name], [`./dist/cjs/${name}.d.ts`]);
      }
    }
  });

  await check('the schemas are there, as JSON, and that of plans names every member', async () => {
    for (const name of schemas) {
      assert.equal(manifest.exports[name], name.replace('./', './dist/'));
      assert.equal(typeof JSON.parse(await read(name.replace('./', 'dist/'))).$schema, 'string');
    }
    const schema = JSON.parse(await read('dist/plan.schema.json'));
    assert.equal(schema.additionalProperties, false);
    for (const name of ['mode', 'sunsetAt', 'clients']) assert(name in schema.properties, name);
  });

  await check('there are no other runtime dependencies, and the frameworks are optional', () => {
    assert.deepEqual(Object.keys(manifest.dependencies).sort(), runtimeDependencies);
    assert.equal(manifest.optionalDependencies, undefined);
    for (const client of ['pg', 'redis', 'ioredis']) {
      assert(
        !(client in manifest.peerDependencies),
        `${client}: a pool or a client is handed over`,
      );
    }
    for (const peer of Object.keys(manifest.peerDependencies)) {
      assert.deepEqual(manifest.peerDependenciesMeta[peer], { optional: true });
    }
  });

  await check('installing it runs no script', () => {
    for (const name of ['preinstall', 'install', 'postinstall']) {
      assert.equal(manifest.scripts?.[name], undefined);
    }
  });

  const declarations = files.filter((path) => path.endsWith('.d.ts'));

  await check('declarations are bundled: one for each entry point, and few that they share', () => {
    const entries = Object.keys(manifest.exports).length - data.length;
    assert(declarations.length <= 2 * (entries + 5), `${declarations.length} declarations`);
  });

  await check('every entry point has the same AuthError, and no global was renamed', async () => {
    const declaring = { AuthError: [], ConfigError: [], UpstreamError: [], Guard: [] };
    for (const path of declarations) {
      const text = await read(path);
      assert.doesNotMatch(text, /\w\$\d/, `${path} has a name made up by the bundler`);
      for (const [name, paths] of Object.entries(declaring)) {
        if (new RegExp(`\\bdeclare class ${name}\\b|^type ${name} =`, 'm').test(text))
          paths.push(path);
      }
    }
    for (const paths of Object.values(declaring)) {
      assert.deepEqual(paths.sort(), ['dist/cjs/core.d.ts', 'dist/esm/core.d.ts']);
    }
  });

  await check(
    'no declaration imports jose, or anything else but Node and its own framework',
    async () => {
      assert(declarations.length > 10);
      for (const path of declarations) {
        const others = importedBy(await read(path)).filter((name) => !ownOf(path).includes(name));
        assert.deepEqual(others, [], path);
      }
    },
  );

  for (const format of ['esm', 'cjs']) {
    await check(`the ${format} build imports ${mayImport[format].join(', ')} at most`, async () => {
      const scripts = files.filter(
        (path) => path.startsWith(`dist/${format}/`) && path.endsWith('.js'),
      );
      assert(scripts.length > 4);
      for (const path of scripts) {
        const others = importedBy(await read(path)).filter(
          (name) => ![...mayImport[format], ...ownOf(path)].includes(name),
        );
        assert.deepEqual(others, [], path);
      }
    });
  }

  await check('no published file tells where it was built', async () => {
    for (const path of files) assert(!(await read(path)).includes(root), path);
  });
}

/** What a door may import that no other file may: an optional peer. */
function ownOf(path) {
  if (path.endsWith('/fastify.d.ts')) return ['fastify'];
  if (path.endsWith('/hono.d.ts')) return ['hono'];
  return /\/(otel|decisions)\.(js|d\.ts)$/.test(path) ? ['@opentelemetry/api'] : [];
}

/** The packages that a module or a declaration names, Node's own and relative paths left out. */
function importedBy(text) {
  const code = text.replace(/^\s*(\/?\*|\/\/(?!\/)).*$/gm, '');
  // The word in quotes is a text like any other: a list of names may have it.
  const imports =
    /(?:(?<!["'])\b(?:from|import|module|require\(|import\()|<reference types=)\s*["']([^"'\n]+)["']/g;
  return [...code.matchAll(imports)]
    .map(([, name]) => name)
    .filter((name) => !name.startsWith('.') && !isBuiltin(name));
}
