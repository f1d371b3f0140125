import express from 'express';
import fastify from 'fastify';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { expressGuard } from '../../src/express.js';
import { fastifyGuard } from '../../src/fastify.js';
import { fetchGuard } from '../../src/fetch.js';
import {
  type ApiKeyRecord,
  createGuard,
  type Guard,
  type GuardRequest,
  type MigrationEvent,
  type MigrationPlan,
  memoryUsageStore,
  type Usage,
  type UsageBatch,
  type UsageOptions,
  type UsageRow,
  type UsageStore,
} from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { listenTo } from '../adapters/open.js';
import { bearing, requestOf } from '../rfc/ask.js';
import { createClock } from '../token/jwks-server.js';

const minute = 60_000;
const day = 1440 * minute;
const start = Date.parse('2030-01-01T00:00:00Z');

const records: Readonly<Record<string, ApiKeyRecord>> = {
  'acme-key': { id: 'key_acme', clientId: 'acme', scopes: ['orders:read'] },
  'acme-second': { id: 'key_acme_2', clientId: 'acme' },
  'globex-key': { id: 'key_globex', clientId: 'globex' },
  'old-key': { id: 'key_old', clientId: 'acme', disabled: true },
  'orphan-key': { id: 'key_orphan' },
};

interface SceneOptions {
  readonly plan?: MigrationPlan;
  readonly usage?: UsageOptions | false;
  readonly both?: 'same-client';
}

async function openScene({ plan = {}, usage, both = undefined }: SceneOptions = {}) {
  const clock = createClock();
  const issuer = await createTestIssuer({ now: clock.now });
  const events: MigrationEvent[] = [];
  const guard = createGuard({
    ...issuer.options,
    apiKeys: {
      from: [{ header: 'x-api-key' }, { dangerouslyInQuery: 'api_key' }],
      lookup: async ({ value }) => records[value],
      plan,
      onMigration: (event) => events.push(event),
      ...(both && { both }),
      ...(usage !== undefined && { usage }),
    },
  });
  onTestFinished(() => guard.close());
  const rows = async (...kinds: readonly string[]) => rowsOf(await guard.usage(), kinds);
  const withKey = (key: string, more: Partial<GuardRequest> = {}) =>
    guard({ ...requestOf({ 'x-api-key': key, 'user-agent': 'curl/8' }), ...more });
  const withToken = async (clientId: string, options = {}) =>
    guard(bearing(await issuer.token({ clientId, ...options })));
  return { clock, issuer, guard, events, rows, withKey, withToken };
}

const order = ({ client, key, what, detail, day: on }: UsageRow) =>
  [client, key, what, detail, on].join('\n');

/** Rows without their times, in a fixed order. */
const rowsOf = ({ rows }: Usage, kinds: readonly string[]) =>
  rows
    .filter(({ what }) => kinds.length === 0 || kinds.includes(what))
    .sort((a, b) => (order(a) < order(b) ? -1 : 1))
    .map(({ client, key, what, detail, day: on, count }) => [
      ...[client, key, what, detail, on, count],
    ]);

describe('what is counted', () => {
  test('keys and tokens, by client, key and day, with the minutes of the first and the last', async () => {
    const { clock, guard, withKey, withToken } = await openScene();
    await withKey('acme-key');
    clock.advance(90);
    await withKey('acme-key');
    await withKey('acme-second');
    await withToken('acme');
    clock.advance(86_400);
    await withKey('acme-key');
    const usage = await guard.usage();
    expect(rowsOf(usage, ['key', 'token'])).toEqual([
      ['acme', '', 'token', '', '2030-01-01', 1],
      ['acme', 'key_acme', 'key', '', '2030-01-01', 2],
      ['acme', 'key_acme', 'key', '', '2030-01-02', 1],
      ['acme', 'key_acme_2', 'key', '', '2030-01-01', 1],
    ]);
    const first = usage.rows.find(({ key, day: on }) => key === 'key_acme' && on === '2030-01-01');
    expect([first?.first, first?.last]).toEqual([start / minute, start / minute + 1]);
    expect(usage.trackingSince).toBe(start);
  });

  test('a key without a client is a client of its own, a token without one is nobody’s', async () => {
    const { rows, withKey, withToken } = await openScene();
    await withKey('orphan-key');
    await withToken('nobody', { claims: { client_id: undefined } });
    expect(await rows('key', 'token')).toEqual([
      ['', '', 'token', '', '2030-01-01', 1],
      ['key_orphan', 'key_orphan', 'key', '', '2030-01-01', 1],
    ]);
  });

  test('a key that is known and refused, with where it came from', async () => {
    const { rows, withKey } = await openScene();
    await withKey('old-key');
    expect(await rows()).toEqual([
      ['acme', 'key_old', 'agent', 'curl/8', '', 1],
      ['acme', 'key_old', 'refused', 'ERR_API_KEY_DISABLED', '2030-01-01', 1],
      ['acme', 'key_old', 'route', '', '', 1],
    ]);
  });

  test('nothing of a key that is not known, and of a request without a credential', async () => {
    const { guard, rows, withKey } = await openScene();
    await withKey('no-such-key');
    await guard(requestOf({}));
    await guard(requestOf({ authorization: 'Bearer x' }));
    expect(await rows()).toEqual([]);
  });

  test('a brownout by its start, and a key that the plan refuses by its reason', async () => {
    const brownout = { start: '2030-01-01T00:00:00+00:00', end: '2030-01-01T01:00:00Z' };
    const plan: MigrationPlan = { brownouts: [brownout], clients: { globex: 'token-only' } };
    const { rows, withKey } = await openScene({ plan });
    await withKey('acme-key');
    await withKey('globex-key');
    expect(await rows('brownout', 'refused', 'key')).toEqual([
      ['acme', 'key_acme', 'brownout', '2030-01-01T00:00:00.000Z', '', 1],
      ['acme', 'key_acme', 'refused', 'ERR_API_KEY_BROWNOUT', '2030-01-01', 1],
      ['globex', 'key_globex', 'refused', 'ERR_API_KEY_MIGRATED', '2030-01-01', 1],
    ]);
  });

  test('a token that is refused once its client is known for certain', async () => {
    const { issuer, guard, rows } = await openScene();
    const request = bearing(await issuer.token({ clientId: 'acme', scopes: [] }));
    await guard(request, { scopes: ['orders:read'] });
    expect(await rows()).toEqual([['acme', '', 'refused', 'ERR_SCOPE_MISSING', '2030-01-01', 1]]);
  });

  test('a refused token that claims to be a client: of known ones alone', async () => {
    const { rows, withToken, withKey } = await openScene({
      plan: { clients: { initech: 'dual' } },
    });
    for (const client of ['acme', 'initech', 'stranger'])
      await withToken(client, { audience: 'https://other' });
    await withKey('acme-key');
    await withToken('acme', { audience: 'https://other' });
    expect(await rows('claimed', 'refused')).toEqual([
      ['acme', '', 'refused', 'ERR_TOKEN_AUDIENCE', '2030-01-01', 2],
      ['initech', '', 'refused', 'ERR_TOKEN_AUDIENCE', '2030-01-01', 1],
    ]);
  });

  test('what checks in report mode would have refused', async () => {
    const plan: MigrationPlan = { tokenChecks: { audience: 'report' } };
    const { rows, withToken } = await openScene({ plan });
    await withToken('acme', { audience: 'https://other' });
    expect(await rows()).toEqual([
      ['acme', '', 'token', '', '2030-01-01', 1],
      ['acme', '', 'would-deny', 'ERR_TOKEN_AUDIENCE', '2030-01-01', 1],
    ]);
  });

  test('a key in the URL, and one beside a token', async () => {
    const { issuer, guard, rows } = await openScene({ both: 'same-client' });
    await guard({ ...requestOf({}), url: '/orders?api_key=acme-key' });
    const authorization = `Bearer ${await issuer.token({ clientId: 'acme' })}`;
    await guard(requestOf({ authorization, 'x-api-key': 'acme-key' }));
    expect(await rows('query', 'both', 'token', 'key')).toEqual([
      ['acme', '', 'token', '', '2030-01-01', 1],
      ['acme', 'key_acme', 'both', '', '2030-01-01', 1],
      ['acme', 'key_acme', 'key', '', '2030-01-01', 1],
      ['acme', 'key_acme', 'query', '', '', 1],
    ]);
  });

  test('one request once, however many guards it meets', async () => {
    const { guard, rows } = await openScene();
    const source = {};
    const request = { ...requestOf({ 'x-api-key': 'acme-key' }), source };
    await guard(request);
    await guard({ ...request });
    await guard(request, { scopes: ['admin'] });
    await guard(request, { scopes: ['admin'] });
    expect(await rows('key', 'refused')).toEqual([
      ['acme', 'key_acme', 'key', '', '2030-01-01', 1],
      ['acme', 'key_acme', 'refused', 'ERR_SCOPE_MISSING', '2030-01-01', 1],
    ]);
  });

  test('nothing of the team’s own clients, and nothing at all if that is wished', async () => {
    const excluding = await openScene({ usage: { exclude: ['acme'] } });
    await excluding.withKey('acme-key');
    await excluding.withKey('old-key');
    await excluding.withToken('acme');
    await excluding.withKey('globex-key');
    expect(await excluding.rows('key', 'token', 'refused')).toHaveLength(1);
    const off = await openScene({ usage: false });
    await off.withKey('acme-key');
    expect(await off.guard.usage()).toEqual({ trackingSince: undefined, rows: [], instances: [] });
  });

  test('a request that cannot be counted is decided all the same', async () => {
    const { guard, rows } = await openScene();
    const request = requestOf({ 'x-api-key': 'acme-key' });
    const route = { get: () => expect.unreachable() };
    const decision = await guard(Object.defineProperty({ ...request }, 'route', route));
    expect(decision.allowed).toBe(true);
    expect(await rows('key')).toHaveLength(1);
  });
});

describe('there is a limit', () => {
  test('to the clients that are counted apart: the others are one, and said to be', async () => {
    const { guard, withKey } = await openScene({ usage: { max: 2 } });
    for (const key of ['acme-key', 'acme-second', 'globex-key', 'orphan-key', 'globex-key']) {
      await withKey(key);
    }
    const usage = await guard.usage();
    expect(rowsOf(usage, ['key', 'other'])).toEqual([
      ['', '', 'other', 'key', '2030-01-01', 3],
      ['acme', 'key_acme', 'key', '', '2030-01-01', 1],
      ['acme', 'key_acme_2', 'key', '', '2030-01-01', 1],
    ]);
    expect(usage.instances.map(({ dropped }) => dropped)).toEqual([3]);
    await withKey('globex-key');
    expect(rowsOf(await guard.usage(), ['key'])).toHaveLength(3);
  });

  test('to the user agents of a key, however many it makes up', async () => {
    const { guard, rows } = await openScene();
    for (let i = 0; i < 60; i += 1) {
      const headers = { 'x-api-key': 'acme-key', 'user-agent': `agent-${i}${'x'.repeat(300)}` };
      await guard(requestOf(headers));
    }
    const agents = await rows('agent');
    expect(agents).toHaveLength(51);
    expect(agents.find(([, , , detail]) => detail === '(other)')?.at(-1)).toBe(10);
    for (const [, , , detail] of agents) expect(String(detail).length).toBeLessThanOrEqual(128);
  });
});

describe('the route', () => {
  const routes = async (guard: Guard) => {
    const { rows } = await guard.usage();
    return rows.filter(({ what }) => what === 'route').map(({ detail }) => detail);
  };
  const headers = { 'x-api-key': 'acme-key' };

  test('of Express is its template, under what its router is mounted at', async () => {
    const { guard } = await openScene();
    const requireToken = expressGuard(guard);
    const app = express();
    const answer: express.RequestHandler = (_, response) => void response.end();
    app.get('/orders/:id', requireToken(), answer);
    const inner = express.Router();
    inner.get('/', requireToken(), answer);
    inner.get('/lines/:line', requireToken(), answer);
    app.use('/v1/tenants/:tenant', inner);
    app.get('/named/:id', requireToken({ routeTemplate: '/named/:name' }), answer);
    app.get(/^\/any/, requireToken(), answer);
    app.use(requireToken(), answer);
    const { origin, close } = await listenTo(app);
    onTestFinished(close);
    for (const path of ['/orders/42', '/v1/tenants/t-17/', '/v1/tenants/t-17/lines/3']) {
      await fetch(origin + path, { headers });
    }
    for (const path of ['/named/7', '/anything', '/else?api=1'])
      await fetch(origin + path, { headers });
    expect((await routes(guard)).sort()).toEqual([
      '',
      '/named/:name',
      '/orders/:id',
      '/v1/*/*',
      '/v1/*/*/lines/:line',
    ]);
  });

  test('of Fastify is its template, with its prefix', async () => {
    const { guard } = await openScene();
    const app = fastify();
    onTestFinished(() => app.close());
    await app.register(fastifyGuard, { guard });
    await app.register(
      async (inner) => {
        inner.get('/orders/:id', { onRequest: inner.requireToken() }, async () => 'ok');
      },
      { prefix: '/v1' },
    );
    const origin = await app.listen({ host: '127.0.0.1', port: 0 });
    await fetch(`${origin}/v1/orders/42`, { headers });
    expect(await routes(guard)).toEqual(['/v1/orders/:id']);
  });

  test('of a Fetch host is what it is told', async () => {
    const { guard } = await openScene();
    const check = fetchGuard(guard);
    const request = () => new Request('https://api.example/orders/42', { headers });
    await check(request(), { routeTemplate: '/orders/:id' });
    await check(request());
    expect((await routes(guard)).sort()).toEqual(['', '/orders/:id']);
  });

  test.each(['orders', '/orders?key=1', '', '/or ders', `/${'x'.repeat(128)}`, 7])(
    'that cannot be meant is a mistake: %j',
    async (routeTemplate) => {
      const { guard } = await openScene();
      const requirements = { routeTemplate } as never;
      await expect(guard(requestOf({}), requirements)).rejects.toThrow('routeTemplate');
    },
  );
});

/** What a guard says when it starts. */
const isAnnouncement = ({ seq, rows, closed }: UsageBatch) =>
  seq === 1 && rows.length === 0 && !closed;

/** A store that does what it is told, in turn; then it keeps what it is handed. */
function storeOf(...answers: readonly (() => Promise<unknown>)[]) {
  const kept = memoryUsageStore();
  const batches: UsageBatch[] = [];
  const left = [...answers];
  const store: UsageStore = {
    async add(batch) {
      if (isAnnouncement(batch)) return kept.add(batch);
      batches.push(batch);
      await left.shift()?.();
      await kept.add(batch);
    },
    read: () => kept.read(),
  };
  return { store, batches };
}

describe('a flush', () => {
  const refuse = async () => {
    throw new Error('out of memory');
  };

  test('that fails is told again, the same, before anything newer', async () => {
    const { store, batches } = storeOf(refuse, refuse);
    const { guard, withKey, rows } = await openScene({ usage: { store } });
    await withKey('acme-key');
    await expect(guard.usage()).rejects.toThrow('out of memory');
    await withKey('acme-key');
    await expect(guard.usage()).rejects.toThrow('out of memory');
    expect(await rows('key')).toEqual([['acme', 'key_acme', 'key', '', '2030-01-01', 2]]);
    expect(batches.map(({ seq }) => seq)).toEqual([2, 2, 2, 3]);
    expect(batches[1]).toEqual(batches[0]);
  });

  test('whose answer is lost counts nothing twice', async () => {
    const kept = memoryUsageStore();
    let lost = 2;
    const store: UsageStore = {
      async add(batch) {
        await kept.add(batch);
        if (!isAnnouncement(batch)) lost -= 1;
        if (!isAnnouncement(batch) && lost >= 0) throw new Error('connection lost');
      },
      read: () => kept.read(),
    };
    const { guard, withKey, rows } = await openScene({ usage: { store } });
    await withKey('acme-key');
    for (let i = 0; i < 2; i += 1) await expect(guard.usage()).rejects.toThrow('connection lost');
    await withKey('acme-key');
    expect(await rows('key')).toEqual([['acme', 'key_acme', 'key', '', '2030-01-01', 2]]);
  });

  test('of many rows is several batches, each of a number of its own', async () => {
    const { store, batches } = storeOf();
    const { issuer, guard } = await openScene({ usage: { store } });
    for (let i = 0; i < 1_200; i += 1) {
      await guard(bearing(await issuer.token({ clientId: `client-${i}` })));
    }
    const { rows } = await guard.usage();
    expect(rows).toHaveLength(1_200);
    expect(batches.map(({ seq, rows: some }) => [seq, some.length])).toEqual([
      [2, 1_000],
      [3, 200],
    ]);
  });

  test('on close tells the rest, and that it is the last', async () => {
    const { store, batches } = storeOf();
    const { guard, withKey } = await openScene({ usage: { store } });
    await withKey('acme-key');
    await guard.close();
    await guard.close();
    expect(batches).toHaveLength(1);
    expect(batches[0]).toMatchObject({ closed: true, seq: 2, since: start, every: 30, dropped: 0 });
    const { instances } = await store.read();
    expect(instances).toMatchObject([{ closed: true, at: start }]);
  });

  test('on close that fails is told to operators', async () => {
    const { store } = storeOf(refuse);
    const { guard, withKey, events } = await openScene({ usage: { store } });
    await withKey('acme-key');
    await guard.close();
    const detail = 'usage counts since the last flush were lost: out of memory';
    await expect.poll(() => events).toContainEqual({ time: start, kind: 'usage-failed', detail });
  });

  test('is never waited for by a request, nor begun twice at a time', async () => {
    let release = () => {};
    const { store, batches } = storeOf(
      () =>
        new Promise<void>((done) => {
          release = done;
        }),
    );
    const { guard, withKey, rows } = await openScene({ usage: { store } });
    await withKey('acme-key');
    const first = guard.usage();
    await vi.waitFor(() => expect(batches).toHaveLength(1));
    for (let i = 0; i < 5; i += 1) expect((await withKey('acme-key')).allowed).toBe(true);
    expect(batches).toHaveLength(1);
    release();
    await first;
    expect(await rows('key')).toEqual([['acme', 'key_acme', 'key', '', '2030-01-01', 6]]);
  });

  test('that is never answered is tried three times, and then only waited for', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { store, batches } = storeOf(
      ...Array.from({ length: 9 }, () => () => new Promise(() => {})),
    );
    const { guard, withKey, events } = await openScene({ usage: { store, flushInterval: 10 } });
    await withKey('acme-key');
    for (let i = 0; i < 20; i += 1) await vi.advanceTimersByTimeAsync(12_000);
    expect(batches.map(({ seq }) => seq)).toEqual([2, 2, 2]);
    const failures = events.filter(({ kind }) => kind === 'usage-failed');
    expect(failures.map((event) => 'detail' in event && event.detail)).toEqual([
      'usage counts could not be saved yet: no answer within 10 s',
      'usage counts could not be saved yet: the usage store does not respond',
    ]);
    const closed = guard.close();
    await vi.advanceTimersByTimeAsync(10_000);
    await closed;
    expect(batches).toHaveLength(3);
  });

  test('comes by itself, every now and then, with nothing to tell too', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { store, batches } = storeOf();
    const { guard } = await openScene({ usage: { store, flushInterval: 10 } });
    await vi.advanceTimersByTimeAsync(7_999);
    expect(batches).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(4_001);
    expect(batches.map(({ seq, rows }) => [seq, rows.length])).toEqual([[2, 0]]);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(batches.length).toBeGreaterThanOrEqual(10);
    await guard.close();
    const told = batches.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(batches).toHaveLength(told);
    expect(batches.at(-1)?.closed).toBe(true);
  });

  test('says how the days went by while nothing could be told', async () => {
    const { clock, withKey, rows } = await openScene();
    for (let i = 0; i < 3; i += 1) {
      await withKey('acme-key');
      clock.advance(day / 1000);
    }
    expect((await rows('key')).map(([, , , , on]) => on)).toEqual([
      ...['2030-01-01', '2030-01-02', '2030-01-03'],
    ]);
  });
});

describe('options that cannot be meant', () => {
  test.each<[unknown, string]>([
    [{ store: {} }, 'options.apiKeys.usage.store.add'],
    [{ store: { add() {} } }, 'options.apiKeys.usage.store.read'],
    [{ flushInterval: 5 }, 'options.apiKeys.usage.flushInterval'],
    [{ flushInterval: 61 }, 'options.apiKeys.usage.flushInterval'],
    [{ max: 0 }, 'options.apiKeys.usage.max'],
    [{ exclude: [] }, 'options.apiKeys.usage.exclude'],
    [{ exclude: [''] }, 'options.apiKeys.usage.exclude'],
    [{ excluded: [] }, 'options.apiKeys.usage.excluded'],
    [true, 'options.apiKeys.usage'],
  ])('%j', async (usage, where) => {
    await expect(openScene({ usage: usage as UsageOptions })).rejects.toThrow(where);
  });
});
