import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { freePort, runService, type Service, until } from '../service.js';

const run = promisify(execFile);

/** The packages of npm that hold the runtimes; the binary is in a package of the platform. */
export const runtimes = {
  workerd: { version: '1.20261117.1', binary: /^@cloudflare\/workerd-[\w-]+\/bin\/workerd$/ },
  bun: { version: '1.4.5', binary: /^@oven\/bun-[\w-]+\/bin\/bun$/ },
  deno: { version: '2.9.6', binary: /^@deno\/[\w-]+\/deno$/ },
} as const;

export type Runtime = keyof typeof runtimes;

/** What the API is told about the outside. */
export type Settings = Readonly<Record<'ISSUER' | 'SLOW' | 'DOWN' | 'KEY_DIGEST', string>>;

/** A folder with the packed package, and what could be installed of the runtimes. */
export interface Installed {
  readonly folder: string;
  /** The binary, or the reason why there is none. */
  readonly binaries: Readonly<Record<Runtime, { file: string } | { missing: string }>>;
  remove(): Promise<void>;
}

/** Installs the package as a user does, and each runtime by itself, so that one may be missing. */
export async function installRuntimes(root: string): Promise<Installed> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-runtimes-')));
  const { devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const packed = await npm(root, 'pack', '--json', '--pack-destination', folder);
  const [{ filename }] = Object.values<{ filename: string }>(JSON.parse(packed)) as [
    { filename: string },
  ];
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  await npm(folder, 'install', join(folder, filename), `hono@${devDependencies.hono}`);
  await copyFile(join(root, 'test/services/runtimes/api.ts'), join(folder, 'api.ts'));
  const names = Object.keys(runtimes) as Runtime[];
  const entries: [Runtime, { file: string } | { missing: string }][] = [];
  for (const name of names) entries.push([name, await installOne(folder, name)]);
  return {
    folder,
    binaries: Object.fromEntries(entries) as Installed['binaries'],
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function installOne(
  folder: string,
  name: Runtime,
): Promise<{ file: string } | { missing: string }> {
  const { version, binary } = runtimes[name];
  try {
    await npm(folder, 'install', `${name}@${version}`);
    const modules = join(folder, 'node_modules');
    const paths = await readdir(modules, { recursive: true });
    const file = paths.map((path) => path.replaceAll('\\', '/')).find((path) => binary.test(path));
    if (!file) return { missing: `${name}@${version} has no binary for this machine` };
    await run(join(modules, file), ['--version']);
    return { file: join(modules, file) };
  } catch (error) {
    const [line] = String((error as Error).message).split('\n');
    return { missing: `${name}@${version} could not be installed: ${line}` };
  }
}

// The scripts of these packages only move the binary to where it starts faster.
async function npm(cwd: string, ...args: string[]): Promise<string> {
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(package|lifecycle)_|^INIT_CWD$/.test(name),
    ),
  );
  return (await run('npm', [...args, ...quiet], { cwd, env, timeout: 120_000 })).stdout;
}

/** Starts the API in a runtime; resolves once it responds. */
export async function startApi(
  runtime: Runtime,
  { file, folder }: { readonly file: string; readonly folder: string },
  settings: Settings,
): Promise<Service> {
  const port = await freePort();
  const env = { ...settings, HOME: folder, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' };
  const service = runService({
    file,
    args: await argumentsFor(runtime, { folder, port, settings }),
    port,
    cwd: folder,
    env: { ...env, PORT: String(port), BUN_CONFIG_NO_CLEAR_TERMINAL: '1' },
    ready: /^/,
    stopBy: 'SIGTERM',
  });
  await service.start();
  // Where it ends instead, what it printed is the reason.
  await Promise.race([until(() => responds(port)), service.said(/(?!)/)]);
  return service;
}

const responds = (port: number) =>
  fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  );

/** How a runtime is told to serve the default export of api.ts. */
async function argumentsFor(
  runtime: Runtime,
  { folder, port, settings }: { folder: string; port: number; settings: Settings },
): Promise<readonly string[]> {
  if (runtime === 'bun') return ['run', 'api.ts'];
  if (runtime === 'deno') {
    const may = ['--allow-net', '--allow-env', '--allow-read', '--no-check'];
    return [
      'serve',
      ...may,
      '--node-modules-dir=manual',
      '--host=127.0.0.1',
      `--port=${port}`,
      'api.ts',
    ];
  }
  await writeWorker(folder, { port, settings });
  return ['serve', 'worker.capnp'];
}

/** A Worker is one file, bundled as Wrangler does it, and a configuration. */
async function writeWorker(
  folder: string,
  { port, settings }: { port: number; settings: Settings },
): Promise<void> {
  await build({
    entryPoints: [join(folder, 'api.ts')],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*', 'cloudflare:*'],
    logLevel: 'error',
  });
  const bindings = Object.entries(settings).map(
    ([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`,
  );
  await writeFile(
    join(folder, 'worker.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "api", worker = (
      modules = [(name = "worker", esModule = embed "worker.js")],
      bindings = [${bindings.join(', ')}],
      compatibilityDate = "2026-01-01",
      compatibilityFlags = ["nodejs_compat"],
    )),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "api")],
);
`,
  );
}
