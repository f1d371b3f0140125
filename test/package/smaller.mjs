import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { compile, works } from './frameworks.mjs';
import { place } from './project.mjs';
import { check } from './report.mjs';

/** What a user without a framework has installed, beside sallyport. */
export const bare = { '@types/node': '20' };

/** What a user of Express 4 has installed, beside sallyport: no Fastify. */
export const express4 = { '@types/express': '4', '@types/node': '20', express: '4' };

/** No framework is there. The compiler lives elsewhere, so that it brings nothing along either. */
export async function checkBare(folder, compilerFolder) {
  await check('bare: nothing is installed but what sallyport needs', async () => {
    const installed = await readdir(join(folder, 'node_modules'));
    const allowed = ['@types', 'undici-types', 'sallyport', 'fastify-plugin', 'jose', 'lru-cache'];
    assert.deepEqual(
      installed.filter((name) => !name.startsWith('.') && !allowed.includes(name)),
      [],
    );
  });
  for (const file of ['doors.mjs', 'doors.cjs']) {
    await check(`bare: every door opens without a framework and a client (${file})`, async () => {
      await works(file, await place(folder, 'bare'));
    });
  }
  await check('ts-bare: the fetch door needs the types of no framework', async () => {
    const project = await place(folder, 'ts-bare');
    await compile(compilerFolder, project);
    await works('out/main.js', project);
  });
  await check('ts-workers: the fetch door needs no types of Node', async () => {
    await compile(compilerFolder, await place(folder, 'ts-workers'));
  });
}

/** Express alone is there, in the older of its versions. */
export async function checkExpress4(folder, compilerFolder) {
  await check('ts-express4: the Express door needs no types of Fastify, and runs', async () => {
    const project = await place(folder, 'ts-express4');
    await compile(compilerFolder, project);
    await works('out/main.js', project);
  });
}
