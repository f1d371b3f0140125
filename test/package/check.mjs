// Checks the package as its users get it: packed, installed from the tarball, compiled and run.
// Needs a build and the npm registry; prints one line per check.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkJavaScript, checkNeighbours, checkTypeScript, frameworks } from './frameworks.mjs';
import { checkNodes, otherNodes } from './node-versions.mjs';
import { install } from './project.mjs';
import { check, finish } from './report.mjs';
import { bare, checkBare, checkExpress4, express4 } from './smaller.mjs';
import { checkTarball, pack } from './tarball.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '');
const temporary = realpathSync(mkdtempSync(join(tmpdir(), 'sallyport-package-')));
const at = (name) => join(temporary, name);

process.on('exit', () => rmSync(temporary, { recursive: true, force: true, maxRetries: 3 }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

async function main() {
  let packed;
  const isPacked = await check('npm packs it', async () => {
    packed = await pack(root, temporary);
  });
  if (!isPacked) return;

  const sallyport = `file:${packed.tarball}`;
  const isInstalled = await check('npm installs it, alone and beside its neighbours', async () => {
    await Promise.all([
      install(at('frameworks'), { sallyport, ...frameworks }),
      install(at('express4'), { sallyport, ...express4 }),
      install(at('bare'), { sallyport, ...bare }),
      install(at('nodes'), otherNodes),
    ]);
  });
  if (!isInstalled) return;

  await checkTarball({ root, unpacked: at('bare/node_modules/sallyport'), files: packed.files });
  // Two at a time: each is one compiler or one small program.
  await Promise.all([
    checkTypeScript(at('frameworks')).then(() => checkExpress4(at('express4'), at('frameworks'))),
    checkJavaScript(at('frameworks'))
      .then(() => checkBare(at('bare'), at('frameworks')))
      .then(() => checkNeighbours(at('frameworks')))
      .then(() => checkNodes(at('nodes'), at('frameworks'))),
  ]);
}

await main();
finish();
