import { spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import { createTestIssuer } from 'sallyport/testing';
import { app as onExpress } from './express.js';
import { app as onFastify } from './fastify.js';
import onFetch from './fetch.js';
import { app as onHono } from './hono.js';
import { listen } from './listen.js';

const issuer = await createTestIssuer({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
});

// The examples stay word for word as they are quoted: the issuer that they name is played here.
const network = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const { origin } = new URL(input instanceof Request ? input.url : input);
  return (origin === issuer.issuer ? issuer.fetch : network)(input, init);
};

/** What `/orders` says to nobody, to a token without the scope, and to one that has it. */
async function tryOrders(origin: string): Promise<string> {
  const ask = async (token?: string) => {
    const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` });
    const response = await fetch(`${origin}/orders`, { headers });
    return `${response.status} ${response.ok ? await response.text() : ''}`.trim();
  };
  const answers = [
    await ask(),
    await ask(await issuer.token({ scopes: ['orders:write'] })),
    await ask(await issuer.token({ scopes: ['orders:read'] })),
  ];
  return answers.join(', ');
}

async function tryServer(server: Server): Promise<string> {
  const { origin, close } = await listen(server);
  try {
    return await tryOrders(origin);
  } finally {
    close();
  }
}

async function tryFastify(): Promise<string> {
  try {
    return await tryOrders(await onFastify.listen({ port: 0, host: '127.0.0.1' }));
  } finally {
    await onFastify.close();
  }
}

function tryTest(): string {
  const file = fileURLToPath(new URL('testing.test.ts', import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, ['--import', 'tsx', '--test', file], {
    encoding: 'utf8',
  });
  return status === 0 ? 'its test passes' : stdout;
}

const guarded = '401, 403, 200 {"orders":[],"for":"user_1"}';
const examples: readonly [name: string, expected: string, run: () => string | Promise<string>][] = [
  ['express.ts', guarded, () => tryServer(createServer(onExpress))],
  ['fastify.ts', guarded, tryFastify],
  ['hono.ts', guarded, () => tryServer(createServer(getRequestListener(onHono.fetch)))],
  ['fetch.ts', guarded, () => tryServer(createServer(getRequestListener(onFetch.fetch)))],
  ['testing.test.ts', 'its test passes', tryTest],
];

let failed = 0;
for (const [name, expected, run] of examples) {
  const answer = await Promise.resolve().then(run).catch(String);
  const fine = answer === expected;
  if (!fine) failed += 1;
  console.log(`${fine ? '✓' : '✗'} ${name.padEnd(15)}  ${answer}`);
  if (!fine) console.log(`  expected         ${expected}`);
}
console.log(`${examples.length - failed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
