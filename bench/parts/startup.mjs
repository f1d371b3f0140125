import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { part } from '../harness/part.mjs';
import { interleave, summarise } from '../harness/rounds.mjs';

const run = promisify(execFile);
const child = fileURLToPath(new URL('../harness/import.mjs', import.meta.url));

const entries = [
  { name: 'sallyport/express', load: ['../../dist/esm/express.js'] },
  { name: 'sallyport/fastify', load: ['../../dist/esm/fastify.js'] },
  { name: 'jose', load: ['jose'] },
  { name: 'express-oauth2-jwt-bearer', load: ['express-oauth2-jwt-bearer'] },
  { name: 'express-jwt + jwks-rsa', load: ['express-jwt', 'jwks-rsa'] },
  { name: 'aws-jwt-verify', load: ['aws-jwt-verify'] },
  { name: 'fast-jwt + get-jwks', load: ['fast-jwt', 'get-jwks'] },
  { name: 'fastify-jwt-jwks', load: ['fastify-jwt-jwks'] },
  {
    name: 'MCP SDK + jose',
    load: ['@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js', 'jose'],
  },
  { name: 'sallyport/express, by require', how: 'require', load: ['../../dist/cjs/express.js'] },
  {
    name: 'express-oauth2-jwt-bearer, by require',
    how: 'require',
    load: ['express-oauth2-jwt-bearer'],
  },
];

/** What it costs to load a library, each time in a new process. No framework is loaded with it. */
part(async ({ quick }) => {
  const rounds = quick ? 2 : 15;
  // The first time, files come from the disk.
  const modules = {};
  for (const entry of entries) modules[entry.name] = (await ask('count', entry)).modules;
  const samples = await interleave(rounds, entries, (entry) => ask('time', entry));
  const summary = summarise(samples, entries[0]);
  for (const name of Object.keys(summary)) summary[name].modules = modules[name];
  return summary;
});

async function ask(what, { how = 'import', load }) {
  const { stdout } = await run(process.execPath, [child, how, what, ...load]);
  return JSON.parse(stdout);
}
