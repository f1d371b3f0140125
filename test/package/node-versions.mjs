import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './child.mjs';
import { check } from './report.mjs';

const majors = [20, 22, 24, 26];
const running = Number(process.versions.node.split('.')[0]);

// npm's `node` package holds no Node: its preinstall script installs the package of the platform
// with an npm of its own, and npm 11 does not run such scripts unasked. So that package, a folder
// with one binary in it, is installed directly, each version under a name of its own.
const platform = process.platform === 'win32' ? 'win' : process.platform;
const appleSilicon = process.platform === 'darwin' && process.arch === 'arm64';
const binaryPackage = `${appleSilicon ? 'node-bin' : 'node'}-${platform}-${process.arch}`;

/** The Nodes that the tests are not running on already, as packages. */
export const otherNodes = Object.fromEntries(
  majors
    .filter((major) => major !== running)
    .map((major) => [`node${major}`, `npm:${binaryPackage}@${major}`]),
);

/** Runs the smoke test of both builds on every Node that sallyport supports. */
export async function checkNodes(nodesFolder, folder) {
  for (const file of ['smoke.mjs', 'smoke.cjs', 'smoke-steps.cjs']) {
    await cp(fileURLToPath(new URL(file, import.meta.url)), join(folder, file));
  }
  for (const major of majors) {
    const binary = join(nodesFolder, `node_modules/node${major}/bin/node`);
    const node = major === running ? process.execPath : binary;
    for (const file of ['smoke.mjs', 'smoke.cjs']) {
      await check(`node ${major}: ${file} decides, and opens every door`, async () => {
        const { stdout, stderr } = await run(node, [file], folder);
        assert.match(
          stdout,
          new RegExp(`^node v${major}\\.\\S+: fetch, api-keys, express, fastify\n$`),
        );
        assert.equal(stderr, '');
      });
    }
  }
}
