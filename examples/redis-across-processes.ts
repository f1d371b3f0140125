import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from 'redis';
import type { ApiKeyRecord, MigrationPlan } from 'sallyport';
import { createApiKey } from 'sallyport/api-keys';
import { redisUsageStore, storeRedisApiKey } from 'sallyport/redis';
import { createTestIssuer } from 'sallyport/testing';
import { ask, tryKey } from './story.js';

// Three processes of one API, which share state only through Redis: migration/redis-api.ts.

const given = process.env.REDIS_URL;
const server = given ? undefined : await startRedis();
const url = given ?? server?.url;
try {
  if (url) await tellStory(url);
  else console.log('skipped: REDIS_URL is not set, and no redis-server is installed');
} finally {
  await server?.close();
}

async function tellStory(REDIS_URL: string): Promise<void> {
  const redis = createClient({ url: REDIS_URL, disableOfflineQueue: true });
  redis.on('error', console.error);
  await redis.connect();
  const mine = () => redis.keys('*orders:*');
  if ((await mine()).length > 0) throw new Error("orders:* in Redis is somebody else's");
  const issuer = await createTestIssuer({ audience: 'https://api.example.com' });
  await issuer.listen();
  const running: Api[] = [];

  const setPlan = (plan: MigrationPlan) => redis.set('orders:plan', JSON.stringify(plan));
  const { key, digest } = createApiKey({ prefix: 'acme_live' });
  const store = (record: Partial<ApiKeyRecord> = {}) =>
    storeRedisApiKey(
      redis,
      { id: 'key_1', clientId: 'shop', digest, ...record },
      { prefix: 'orders:key:' },
    );

  async function everywhere(expected: string): Promise<void> {
    for (const { name, origin } of running) await tryKey([origin, name, key], expected);
  }

  /** Runs an action, and waits until every process has received the event. */
  async function heardBy(kind: string, act: () => unknown): Promise<void> {
    const heard = running.map(({ child }) => next(child, kind));
    await act();
    await Promise.all(heard);
  }

  async function stop(): Promise<void> {
    for (const { child } of running.splice(0)) {
      const ended = once(child, 'exit');
      child.send({});
      await ended;
    }
  }

  async function addUp(): Promise<void> {
    const { rows, instances } = await redisUsageStore(redis, { prefix: 'orders:usage' }).read();
    const count = (wanted: string) =>
      rows.reduce((sum, { what, count }) => sum + (what === wanted ? count : 0), 0);
    const [key, token, refused] = ['key', 'token', 'refused'].map(count);
    const told = `${key} with the key, ${token} with a token, ${refused} refused`;
    console.log(`  ${instances.length} processes counted: ${told}`);
    assert.equal(told, '9 with the key, 3 with a token, 6 refused');
    assert.equal(instances.filter(({ closed }) => closed).length, 3);
  }

  try {
    await setPlan({ mode: 'dual' });
    const env = { ...process.env, REDIS_URL, ISSUER: issuer.issuer };
    for (const name of ['A', 'B', 'C']) running.push(await startApi(name, env));

    console.log("the shop's key is stored once");
    await store();
    await everywhere('200');

    console.log('the plan closes the old door to the shop');
    await heardBy('mode', () => setPlan({ clients: { shop: 'token-only' } }));
    await everywhere('401 ERR_API_KEY_RETIRED');

    console.log('that was too early: the plan is set back');
    await heardBy('mode', () => setPlan({ mode: 'dual' }));
    await everywhere('200');

    console.log('the key has leaked. It is disabled, and all remember it, until A says otherwise');
    await store({ disabled: true });
    await everywhere('200');
    await heardBy('invalidated', () => running[0]?.child.send({ invalidate: 'key_1' }));
    await everywhere('401 ERR_API_KEY_INVALID');

    console.log('the shop comes with tokens');
    const authorization = `Bearer ${await issuer.token({ clientId: 'shop' })}`;
    for (const { name, origin } of running) {
      const answer = await ask(origin, { authorization });
      console.log(`  ${name}: ${answer}`);
      assert.equal(answer, '200', name);
    }

    console.log('all processes end, and what each has counted adds up');
    await stop();
    await addUp();
  } finally {
    await stop();
    const left = await mine();
    if (left.length > 0) await redis.del(left);
    redis.destroy();
    await issuer.close();
  }
}

interface Api {
  readonly name: string;
  readonly origin: string;
  readonly child: ChildProcess;
}

async function startApi(name: string, env: NodeJS.ProcessEnv): Promise<Api> {
  const file = fileURLToPath(new URL('migration/redis-api.ts', import.meta.url));
  const child = fork(file, { env, execArgv: ['--import', 'tsx'] });
  const { origin } = await next(child, 'listening');
  return { name, origin: String(origin), child };
}

/** Resolves to the next message of a kind. */
function next(child: ChildProcess, kind: string): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no ${kind} within 20 seconds`)), 20_000);
    const hear = (message: Readonly<Record<string, unknown>>) => {
      if (message.kind !== kind) return;
      clearTimeout(late);
      child.off('message', hear);
      resolve(message);
    };
    child.on('message', hear);
  });
}

/** Starts a Redis server for this example; resolves to undefined if none is installed. */
async function startRedis(): Promise<{ url: string; close(): Promise<void> } | undefined> {
  if (spawnSync('redis-server', ['--version']).status !== 0) return undefined;
  const finder = createServer().listen(0, '127.0.0.1');
  await once(finder, 'listening');
  const { port } = finder.address() as { port: number };
  finder.close();
  await once(finder, 'close');
  const cwd = await mkdtemp(join(tmpdir(), 'sallyport-redis-'));
  const address = ['--bind', '127.0.0.1', '--port', String(port)];
  const child = spawn('redis-server', [...address, '--save', '', '--dir', cwd]);
  process.once('exit', () => child.kill('SIGKILL'));
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    if (String(chunk).includes('Ready to accept connections')) break;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    async close() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await rm(cwd, { recursive: true, force: true });
    },
  };
}
