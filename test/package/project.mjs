import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runNpm } from './child.mjs';

const consumers = fileURLToPath(new URL('consumers', import.meta.url));

/** Installs packages, by name and version, into a new folder. */
export async function install(folder, dependencies) {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  await runNpm(['install'], folder);
  return folder;
}

/** Copies a consumer project into a folder, beneath what is installed there; some share sources. */
export async function place(folder, name, ...sources) {
  const target = join(folder, name);
  for (const source of [...sources, name]) {
    await cp(join(consumers, source), target, { recursive: true });
  }
  return target;
}
