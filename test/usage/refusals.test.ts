import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  createGuard,
  type GuardOptions,
  type MigrationEvent,
  memoryUsageStore,
  type UsageBatch,
  type UsageStore,
} from '../../src/index.js';
import { createTestIssuer, trustTestIssuers } from '../../src/testing.js';
import { bearing, requestOf } from '../rfc/ask.js';
import { createClock } from '../token/jwks-server.js';

const audience = 'https://api.test';
const first = await createTestIssuer({
  audience,
  issuer: 'https://a.test',
  now: createClock().now,
});
const second = await createTestIssuer({
  audience,
  issuer: 'https://b.test',
  now: createClock().now,
});

async function open(store: UsageStore = memoryUsageStore(), issuers = [first]) {
  const clock = createClock();
  const events: MigrationEvent[] = [];
  const options = issuers.length > 1 ? trustTestIssuers(...issuers) : first.options;
  const create = () => {
    const guard = createGuard({
      ...(options as GuardOptions),
      now: clock.now,
      apiKeys: {
        from: [{ header: 'x-api-key' }],
        lookup: async ({ value }) => ({ id: `key_${value}`, clientId: value }),
        usage: { store },
        onMigration: (event) => events.push(event),
      },
    });
    onTestFinished(() => guard.close());
    return guard;
  };
  const make = async () => {
    const guard = create();
    await guard.ready();
    return guard;
  };
  const rows = async (guard: Awaited<ReturnType<typeof make>>, ...kinds: readonly string[]) =>
    (await guard.usage()).rows
      .filter(({ what }) => kinds.includes(what))
      .map(({ issuer, client, what, detail, count }) =>
        [issuer, client, what, detail, count].join(' '),
      )
      .sort();
  return { clock, create, make, rows, events, store };
}

const other = { audience: 'https://other' };
const forged = async (clientId: string) => {
  const [header, payload] = (await first.token({ clientId, ...other })).split('.');
  return `${header}.${payload}.${Buffer.alloc(256, 7).toString('base64url')}`;
};

describe('a refused token', () => {
  test('of a client that only the store knows is counted, after a restart too', async () => {
    const { make, rows } = await open();
    const before = await make();
    await before(requestOf({ 'x-api-key': 'monthly' }));
    await before.close();
    const later = await make();
    for (let i = 0; i < 3; i += 1) {
      await later(bearing(await first.token({ clientId: 'monthly', ...other })));
      await later(bearing(await first.token({ clientId: 'nobody', ...other })));
    }
    expect(await rows(later, 'refused', 'claimed')).toEqual([
      'https://a.test monthly refused ERR_TOKEN_AUDIENCE 3',
    ]);
  });

  test('can be proven where no other token ever came, so that no keys are there yet', async () => {
    const { create, rows } = await open();
    const guard = create();
    await guard(requestOf({ 'x-api-key': 'monthly' }));
    await guard(bearing(await first.token({ clientId: 'monthly', ...other })));
    expect(await rows(guard, 'refused', 'claimed')).toEqual([
      'https://a.test monthly refused ERR_TOKEN_AUDIENCE 1',
    ]);
  });

  test('is the client’s own only if its issuer has signed it, and not long expired', async () => {
    const { make, rows } = await open();
    const guard = await make();
    await guard(requestOf({ 'x-api-key': 'acme' }));
    for (const token of [
      await first.token({ clientId: 'acme', ...other }),
      await first.token({ clientId: 'acme', expiresIn: -3_600 }),
      await first.token({ clientId: 'acme', expiresIn: -90_000 }),
      await forged('acme'),
    ]) {
      await guard(bearing(token));
      await guard(bearing(token));
    }
    expect(await rows(guard, 'refused', 'claimed')).toEqual([
      'https://a.test acme claimed ERR_TOKEN_AUDIENCE 2',
      'https://a.test acme claimed ERR_TOKEN_EXPIRED 2',
      'https://a.test acme refused ERR_TOKEN_AUDIENCE 2',
      'https://a.test acme refused ERR_TOKEN_EXPIRED 2',
    ]);
  });

  test('of another issuer’s client of the same name is that client’s', async () => {
    const { make, rows } = await open(memoryUsageStore(), [first, second]);
    const guard = await make();
    for (const issuer of [first, second])
      await guard(bearing(await issuer.token({ clientId: 'acme' })));
    await guard(bearing(await second.token({ clientId: 'acme', ...other })));
    expect(await rows(guard, 'token', 'refused')).toEqual([
      'https://a.test acme token  1',
      'https://b.test acme refused ERR_TOKEN_AUDIENCE 1',
      'https://b.test acme token  1',
    ]);
  });

  test('made up without end takes no room from others, and makes no store large', async () => {
    const { make, rows, store } = await open();
    const guard = await make();
    await guard(requestOf({ 'x-api-key': 'acme' }));
    await guard.usage();
    for (let i = 0; i < 300; i += 1) {
      const payload = { iss: 'https://a.test', client_id: `made-up-${i}`, exp: 4_000_000_000 };
      const parts = [{ alg: 'RS256', kid: `${i}` }, payload].map((one) =>
        Buffer.from(JSON.stringify(one)).toString('base64url'),
      );
      await guard(bearing(`${parts.join('.')}.AAAA`));
    }
    await guard(bearing(await first.token({ clientId: 'acme', ...other })));
    expect(await rows(guard, 'key', 'refused', 'claimed', 'other')).toEqual([
      'https://a.test acme key  1',
      'https://a.test acme refused ERR_TOKEN_AUDIENCE 1',
    ]);
    const { rows: stored, instances } = await store.read();
    expect(stored.some(({ client }) => client.startsWith('made-up'))).toBe(false);
    expect(instances.map(({ dropped }) => dropped)).toEqual([0]);
  });
});

describe('a stranger’s forged tokens in a client’s name', () => {
  // Each with a payload of its own, so that none is known already.
  const forge = async (clientId: string, name: string) => {
    const payload = { iss: 'https://a.test', aud: 'https://other', client_id: clientId, sub: name };
    const parts = [
      { alg: 'RS256', typ: 'at+jwt', kid: name },
      { ...payload, exp: 4_000_000_000 },
    ];
    return `${parts.map((one) => Buffer.from(JSON.stringify(one)).toString('base64url')).join('.')}.AAAA`;
  };

  test('that come first, as many as are examined, keep none of its own from being proven', async () => {
    const { make, rows, clock } = await open();
    const guard = await make();
    await guard(requestOf({ 'x-api-key': 'acme' }));
    for (let day = 0; day < 5; day += 1) {
      clock.advance(86_400);
      for (let i = 0; i < 12; i += 1) await guard(bearing(await forge('acme', `${day}/${i}`)));
      const iat = Math.floor(clock.time / 1_000);
      const claims = { iat, nbf: iat, exp: iat + 300 };
      await guard(bearing(await first.token({ clientId: 'acme', ...other, claims })));
      await guard.usage();
    }
    // One of each day.
    const own = 'https://a.test acme refused ERR_TOKEN_AUDIENCE 1';
    expect(await rows(guard, 'refused')).toEqual(Array(5).fill(own));
  });

  test('that come by the thousand are known not to be examined', async () => {
    const { make, rows } = await open();
    const guard = await make();
    await guard(requestOf({ 'x-api-key': 'acme' }));
    for (let i = 0; i < 1_000; i += 1) await guard(bearing(await forge('acme', `${i}`)));
    await guard(bearing(await first.token({ clientId: 'acme', ...other })));
    const told = await rows(guard, 'refused', 'claimed');
    expect(told.some((one) => one.includes('acme claimed UNEXAMINED'))).toBe(true);
    const counts = told.map((one) => Number(one.split(' ').at(-1)));
    expect(counts.reduce((sum, count) => sum + count)).toBe(1_001);
  });
});

describe('a guard that is asked after it was closed', () => {
  test('is open again for its store, with all that it lets in, until it is closed again', async () => {
    const { make, store, clock } = await open();
    const guard = await make();
    await guard.close();
    expect((await store.read()).instances).toMatchObject([{ closed: true }]);
    clock.advance(86_400);
    await guard(requestOf({ 'x-api-key': 'acme' }));
    await vi.waitFor(async () => {
      const { instances, rows } = await store.read();
      expect(instances).toMatchObject([{ closed: false, at: clock.time }]);
      expect(rows.filter(({ what }) => what === 'key')).toMatchObject([{ count: 1 }]);
    });
    await guard.close();
    expect((await store.read()).instances).toMatchObject([{ closed: true, missing: 0 }]);
  });
});

describe('a guard with a store', () => {
  test('says whom it does not count', async () => {
    const store = memoryUsageStore();
    const usage = { store, exclude: ['acme'] };
    const lookup = async () => undefined;
    const apiKeys = { from: [{ header: 'x-api-key' }], lookup, usage };
    const guard = createGuard({ ...first.options, now: createClock().now, apiKeys });
    onTestFinished(() => guard.close());
    expect((await guard.usage()).instances).toMatchObject([{ excludes: ['acme'] }]);
  });

  test('whose name another one counts by, too, goes on by a new one, and is blind until then', async () => {
    const { make, store, clock, events } = await open();
    const guard = await make();
    await guard.usage();
    const [own] = (await store.read()).instances;
    if (!own) throw new Error('it must be known');
    // A copy of the process, which tells first.
    clock.advance(60);
    const { instance, since, every } = own;
    const state = { instance, since, every, dropped: 0, closed: true };
    const copied = clock.time - 1_000;
    await store.add({ ...state, seq: own.seq + 1, from: own.at, at: copied, rows: [] });
    await guard(requestOf({ 'x-api-key': 'acme' }));
    await guard.usage();
    const [, renamed] = (await store.read()).instances;
    const [watched] = renamed?.watched ?? [];
    expect(renamed).toMatchObject({ closed: false, missing: 0, since: own.at });
    expect(watched).toEqual([clock.time, clock.time]);
    expect((await store.read()).rows.filter(({ what }) => what === 'key')).toHaveLength(1);
    expect(events).toMatchObject([
      { detail: expect.stringContaining('under a new instance name') },
    ]);
  });

  test('is known to it before anything came', async () => {
    const { make, store, clock } = await open();
    await make();
    await vi.waitFor(async () => expect((await store.read()).instances).toHaveLength(1));
    const { instances, trackingSince } = await store.read();
    expect(instances).toMatchObject([{ seq: 1, closed: false, missing: 0 }]);
    expect(trackingSince).toBe(clock.time);
  });

  test('can be made where no timer and no random value is to be had, as in a Worker', async () => {
    const { create, store } = await open();
    const forbidden = () => {
      throw new Error('not in the global scope');
    };
    const timer = vi.spyOn(globalThis, 'setTimeout').mockImplementation(forbidden as never);
    const random = vi.spyOn(globalThis.crypto, 'randomUUID').mockImplementation(forbidden as never);
    const guard = create();
    timer.mockRestore();
    random.mockRestore();
    await Promise.resolve();
    expect((await store.read()).instances).toEqual([]);
    await guard(requestOf({ 'x-api-key': 'acme' }));
    await vi.waitFor(async () =>
      expect((await store.read()).instances).toMatchObject([{ seq: 1 }]),
    );
  });

  test.each([5_000, Number.NaN, -1e6, Date.now() * 1e6])(
    'whose clock is at %d for a while tells nothing that blocks it, and no wrong past',
    async (wrong) => {
      const { create, store, clock } = await open();
      const right = clock.time;
      clock.time = wrong;
      const guard = create();
      clock.time = right;
      await guard(requestOf({ 'x-api-key': 'acme' }));
      await guard.usage();
      clock.time = wrong;
      await guard.usage().catch(() => {});
      clock.time = right + 60_000;
      for (let i = 0; i < 3; i += 1) {
        await guard(requestOf({ 'x-api-key': 'acme' }));
        await guard.usage();
      }
      const { rows, trackingSince, instances } = await store.read();
      expect(rows.find(({ what }) => what === 'key')?.count).toBe(4);
      expect(trackingSince).toBe(right);
      expect(instances).toMatchObject([{ missing: 0, dropped: 0 }]);
    },
  );

  test('whose clock was sixty days behind when it began makes no past watched', async () => {
    const { make, store, clock } = await open();
    const right = clock.time;
    clock.advance(-60 * 86_400);
    const guard = await make();
    await guard.usage();
    clock.time = right;
    await guard(requestOf({ 'x-api-key': 'acme' }));
    await guard.usage();
    expect((await store.read()).trackingSince).toBe(right);
  });

  test('that refuses a batch for itself gets the next one; what was in it is said to be dropped', async () => {
    const kept = memoryUsageStore();
    const tried: UsageBatch[] = [];
    const store: UsageStore = {
      async add(batch) {
        tried.push(batch);
        if (batch.rows.some(({ client }) => client === 'bad')) {
          throw Object.assign(new Error('no such character'), { code: '22P05' });
        }
        await kept.add(batch);
      },
      read: kept.read,
    };
    const { make, events, clock } = await open(store);
    const guard = await make();
    await guard.usage();
    clock.advance(60);
    await guard(requestOf({ 'x-api-key': 'bad' }));
    await guard.usage();
    clock.advance(60);
    await guard(requestOf({ 'x-api-key': 'acme' }));
    const { rows, instances } = await guard.usage();
    expect(rows.map(({ client }) => client)).toContain('acme');
    expect(rows.map(({ client }) => client)).not.toContain('bad');
    expect(instances).toMatchObject([{ missing: 1, dropped: 1 }]);
    expect(instances[0]?.watched).toHaveLength(1);
    const told = events.filter(({ kind }) => kind === 'usage-failed');
    expect(told).toMatchObject([{ detail: expect.stringContaining('can never be stored') }]);
    expect(tried.filter(({ rows: some }) => some.length > 0)).toHaveLength(4);
  });

  test('that never answers a read is not waited for without end', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const store: UsageStore = { add: async () => {}, read: () => new Promise(() => {}) };
    const { make } = await open(store);
    const guard = await make();
    const reading = guard.usage().catch((error: Error) => error.message);
    await vi.advanceTimersByTimeAsync(12_000);
    expect(await reading).toBe('no answer within 12 s');
  });
});
