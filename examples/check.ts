import './clock.js';
import { spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import type { MigrationReport } from 'sallyport/report';
import { createTestIssuer } from 'sallyport/testing';
import { app as onExpressWithKeys } from './api-keys-express.js';
import { app as onExpress } from './express.js';
import { app as onFastify } from './fastify.js';
import onFetch from './fetch.js';
import { app as onHono } from './hono.js';
import { hosts } from './hosts.js';
import { listen } from './listen.js';
import { server as onNode } from './node.js';
import { app as onExpressWithReport } from './report.js';

const issuer = await createTestIssuer({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
});

// The examples run exactly as the docs quote them, so their issuer is simulated here.
const network = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const { origin } = new URL(input instanceof Request ? input.url : input);
  return (origin === issuer.issuer ? issuer.fetch : network)(input, init);
};

const bearer = async (...scopes: string[]) => ({
  authorization: `Bearer ${await issuer.token({ scopes })}`,
});

/** Returns the responses of `/orders` to these credentials. */
async function tryOrders(origin: string, all: readonly Record<string, string>[]): Promise<string> {
  const answers: string[] = [];
  for (const headers of all) {
    const response = await fetch(`${origin}/orders`, { headers });
    const told = [response.ok ? await response.text() : '', response.headers.get('sunset') ?? ''];
    answers.push([response.status, ...told.filter((text) => text !== '')].join(' '));
  }
  return answers.join(', ');
}

// No credential, a token without the scope, and one with it.
const tokens = [{}, await bearer('orders:write'), await bearer('orders:read')];

// No credential, a key, a token, both, and an unknown key.
const shop = { 'x-api-key': 'acme_live_flyGhg5CFBen7ru2uqFJB3TyaLooZc1b2SOe' };
const token = await bearer('orders:read');
const keys = [{}, shop, token, { ...shop, ...token }, { 'x-api-key': 'acme_live_of_nobody' }];

async function tryServer(server: Server, credentials = tokens): Promise<string> {
  const { origin, close } = await listen(server);
  try {
    return await tryOrders(origin, credentials);
  } finally {
    close();
  }
}

/** Sends requests with a key and with a token, neither of which may see the page, and reads the page. */
async function tryReport(): Promise<string> {
  const { origin, close } = await listen(createServer(onExpressWithReport));
  const shown = async (headers: Record<string, string>) => {
    const accept = { accept: 'application/json' };
    const response = await fetch(`${origin}/migration`, { headers: { ...headers, ...accept } });
    if (!response.ok) return response.status;
    const { clients } = (await response.json()) as MigrationReport;
    return clients.map(({ client, status }) => `${client} ${status}`).join(' and ');
  };
  try {
    await tryOrders(origin, [shop, token]);
    const readers = [{}, token, await bearer('migration:read')];
    return (await Promise.all(readers.map(shown))).join(', ');
  } finally {
    close();
  }
}

async function tryFastify(): Promise<string> {
  try {
    return await tryOrders(await onFastify.listen({ port: 0, host: '127.0.0.1' }), tokens);
  } finally {
    await onFastify.close();
  }
}

function run(file: string, ...options: string[]) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const args = ['--import', 'tsx', ...options, path];
  return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 });
}

function tryTest(): string {
  const { status, stdout } = run('testing.test.ts', '--test');
  return status === 0 ? 'its test passes' : stdout;
}

const guarded = '401, 403, 200 {"orders":[],"for":"user_1"}';
const withKeys = [
  ...['401', '200 {"orders":[],"for":"shop"} Wed, 30 Jun 2027 00:00:00 GMT'],
  ...['200 {"orders":[],"for":"client_1"}', '400', '401'],
].join(', ');

type Example = [name: string, expected: string, run: () => string | Promise<string>];
const examples: readonly Example[] = [
  ['express.ts', guarded, () => tryServer(createServer(onExpress))],
  ['fastify.ts', guarded, tryFastify],
  ['hono.ts', guarded, () => tryServer(createServer(getRequestListener(onHono.fetch)))],
  ['fetch.ts', guarded, () => tryServer(createServer(getRequestListener(onFetch.fetch)))],
  ['node.ts', guarded, () => tryServer(onNode)],
  ...hosts.map(([name, expected, run]) => [name, expected, () => run(tokens)] satisfies Example),
  ['testing.test.ts', 'its test passes', tryTest],
  ['report.ts', '401, 403, shop on keys and client_1 migrated', tryReport],
  ['api-keys-express.ts', withKeys, () => tryServer(createServer(onExpressWithKeys), keys)],
];

// These print what they do, and fail if a result is not the expected one.
const stories = [
  ...['plan-file.ts', 'openfeature.ts', 'postgres-keys.ts', 'before-after.ts'],
  ...['redis-across-processes.ts', 'audit.ts'],
];

const counts = { passed: 0, failed: 0, skipped: 0 };
const marks = { passed: '✓', failed: '✗', skipped: '-' } as const;

function tell(outcome: keyof typeof counts, name: string, text: string): void {
  counts[outcome] += 1;
  console.log(`${marks[outcome]} ${name.padEnd(19)}  ${text}`.replace(/ +\n/, '\n'));
}

for (const [name, expected, run] of examples) {
  const answer = await Promise.resolve().then(run).catch(String);
  tell(answer === expected ? 'passed' : 'failed', name, answer);
  if (answer !== expected) console.log(`  expected             ${expected}`);
}

for (const name of stories) {
  const { status, stdout, stderr } = run(name);
  const lines = `${stdout}${status === 0 ? '' : stderr}`.trimEnd();
  if (lines.startsWith('skipped')) tell('skipped', name, lines);
  else tell(status === 0 ? 'passed' : 'failed', name, `\n${lines}`.replaceAll('\n', '\n    '));
}

const { passed, failed, skipped } = counts;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
if (failed > 0) process.exitCode = 1;
