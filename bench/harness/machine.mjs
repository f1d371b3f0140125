import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));

/** What the numbers depend on. */
export function machine() {
  const cpus = os.cpus();
  return {
    processor: cpus[0]?.model.trim() ?? 'unknown processor',
    cores: cpus.length,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: `Node ${process.version}`,
    openssl: process.versions.openssl,
    // Anything near the number of cores, and somebody else was using them.
    load: os.loadavg()[0].toFixed(2),
  };
}

/** The contestants' versions, as installed. */
export function versions() {
  const { dependencies } = read('../package.json');
  return Object.fromEntries(
    Object.keys(dependencies).map((name) => [
      name,
      read(`../node_modules/${name}/package.json`).version,
    ]),
  );
}

/** The version, and the commit where there is one. */
export function sallyportVersion() {
  const { version } = read('../../package.json');
  const commit = git('rev-parse', '--short', 'HEAD');
  if (commit === undefined) return version;
  const changed = git('status', '--porcelain', '--', 'src', 'package-lock.json');
  return `${version} (${commit}${changed ? ', with changes' : ''})`;
}

function git(...args) {
  try {
    const cwd = new URL('../..', import.meta.url);
    return execFileSync('git', args, { cwd, encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return undefined;
  }
}
