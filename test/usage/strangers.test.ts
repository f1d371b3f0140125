import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createRefusedTokens, type RefusedToken } from '../../src/core/usage/refused-tokens.js';
import {
  createGuard,
  type MigrationEvent,
  memoryUsageStore,
  type UsageBatch,
  type UsageStore,
} from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { bearing, requestOf } from '../rfc/ask.js';
import { createClock } from '../token/jwks-server.js';

const october = Date.UTC(2026, 9, 1) / 60_000;

/** Refused tokens whose text says whether they are signed: `good`, anything else is not. */
function openTokens({ planned = [] as readonly string[] } = {}) {
  const tokens = createRefusedTokens({
    isSigned: async (text) => text.startsWith('good'),
    isPlanned: (client) => planned.includes(client),
    soleIssuer: 'https://a.test',
  });
  const come = (client: string, more: Partial<RefusedToken> = {}) =>
    tokens.add({
      ...{ text: `bad ${client}`, client, issuer: 'https://a.test', exp: 4_000_000_000 },
      ...{ code: 'ERR_TOKEN_AUDIENCE', minute: october },
      ...more,
    });
  const own = (client: string, minute = october) =>
    come(client, { text: `good ${client} ${minute}`, minute });
  const forged = (client: string, minute = october) =>
    come(client, { code: 'ERR_TOKEN_SIGNATURE', minute });
  const take = () =>
    tokens.take().map(({ client, what, detail, count }) => `${client} ${what} ${detail} ${count}`);
  return { tokens, come, own, forged, take };
}

describe('a stranger who makes up tokens', () => {
  test('of as many clients as he likes leaves room for those that are proven', async () => {
    const { tokens, own, forged, take } = openTokens();
    for (let i = 0; i < 20_000; i += 1) forged(`made-up-${i}`);
    own('batch');
    await tokens.settle(october, false);
    tokens.know({ client: 'batch', issuer: 'https://a.test' });
    expect(take()).toEqual(['batch refused ERR_TOKEN_AUDIENCE 1']);
    tokens.conclude();
    expect(tokens.waits()).toBe(false);
    expect(take()).toEqual([]);
  });

  test('that could be anybody’s, more than there is room for: until then nobody’s were examined', async () => {
    const { tokens, come, own, take } = openTokens();
    for (let i = 0; i < 12_000; i += 1) come(`made-up-${i}`, { text: `bad ${i}`.padEnd(5_000) });
    own('batch');
    await tokens.settle(october, false);
    tokens.know({ client: 'batch', issuer: 'https://a.test' });
    // Those that are over are told at once: they may be those of any client.
    expect(take()).toEqual([
      expect.stringMatching(/^batch refused ERR_TOKEN_AUDIENCE 1$/),
      expect.stringMatching(/^ other UNEXAMINED \d+$/),
    ]);
    tokens.conclude();
    expect(take()).toEqual([]);
  });

  test('in the names of all clients there are fills no more than the room of claims, and says so', () => {
    const planned = Array.from({ length: 1_500 }, (_, i) => `c${i}`);
    const { tokens, forged, own, take } = openTokens({ planned });
    for (const client of planned) forged(client);
    const rows = take();
    expect(rows).toHaveLength(1_001);
    expect(rows.at(-1)).toBe(' claimed (other) 500');
    // No more of them that day, however often it is flushed; those that have their row go on.
    for (const client of planned) forged(client, october + 1);
    expect(take()).toHaveLength(1_001);
    for (const client of planned.slice(1_000)) forged(client, october + 2);
    expect(take()).toEqual([' claimed (other) 500']);
    // And on the next day again, with some of the day before among them.
    for (const minute of [october + 1_440, october + 1_439]) forged('c1', minute);
    for (const client of planned.slice(1_000)) forged(client, october + 1_440);
    expect(take()).toHaveLength(502);
    own('c1');
    expect(tokens.hasRows()).toBe(false);
  });

  test('whose tokens wait when no store can say whose they are is no reason to know nothing', async () => {
    const { tokens, own, forged, take } = openTokens();
    forged('made-up');
    tokens.giveUp();
    expect(take()).toEqual([]);
    own('batch');
    await tokens.settle(october, true);
    tokens.giveUp();
    expect(take()).toEqual([' other UNEXAMINED 1']);
  });
});

const clock = createClock();
const issuer = await createTestIssuer({ now: clock.now });

function open(store: UsageStore) {
  const events: MigrationEvent[] = [];
  const guard = createGuard({
    ...issuer.options,
    now: clock.now,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async ({ value }) => ({ id: `key_${value}`, clientId: value }),
      usage: { store },
      onMigration: (event) => events.push(event),
    },
  });
  onTestFinished(() => guard.close());
  const refused = async (clientId: string) =>
    guard(bearing(await issuer.token({ clientId, audience: 'https://other' })));
  return { guard, refused, events };
}

/** A store that takes batches at once, and whose reading waits until a test lets it go. */
function slowToRead() {
  const kept = memoryUsageStore();
  const batches: UsageBatch[] = [];
  let release = () => {};
  const gate = new Promise<void>((done) => {
    release = done;
  });
  const store: UsageStore = {
    async add(batch) {
      batches.push(batch);
      await kept.add(batch);
    },
    async read() {
      await gate;
      return kept.read();
    },
  };
  return { store, kept, batches, release };
}

describe('a store that is slow to be read', () => {
  test('is told on close what was counted, before it is asked whose the refused tokens are', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { store, kept, batches } = slowToRead();
    const { guard, refused, events } = open(store);
    await guard.ready();
    for (let i = 0; i < 5; i += 1) await guard(requestOf({ 'x-api-key': 'shop' }));
    await refused('anyone');
    const closing = guard.close();
    await vi.waitFor(() => expect(batches.flatMap((one) => one.rows)).not.toEqual([]));
    const { rows, instances } = await kept.read();
    expect(rows.filter(({ what }) => what === 'key')).toMatchObject([{ count: 5 }]);
    // Not all is told yet, and the process may end before it is.
    expect(instances).toMatchObject([{ closed: false }]);
    await vi.advanceTimersByTimeAsync(10_000);
    await closing;
    expect(events).toEqual([]);
    // Nobody could say whose it is.
    const last = await kept.read();
    expect(last.rows.filter(({ detail }) => detail === 'UNEXAMINED')).toMatchObject([
      { client: '', what: 'other', count: 1 },
    ]);
    expect(last.instances).toMatchObject([{ closed: true, dropped: 0, missing: 0 }]);
  });

  test('is told on close what came since it was asked, though it has not answered', async () => {
    const { store, kept, batches, release } = slowToRead();
    const { guard, refused } = open(store);
    await guard.ready();
    await refused('anyone');
    const reading = guard.usage();
    await vi.waitFor(() => expect(batches).toHaveLength(2));
    await guard(requestOf({ 'x-api-key': 'shop' }));
    const closing = guard.close();
    await vi.waitFor(() => expect(batches.flatMap((one) => one.rows)).not.toEqual([]));
    expect((await kept.read()).rows).toMatchObject([
      { client: 'shop', what: 'key', count: 1 },
      { what: 'route' },
      { what: 'agent' },
    ]);
    release();
    await Promise.all([reading, closing]);
    expect((await kept.read()).instances).toMatchObject([{ closed: true, missing: 0 }]);
  });

  test('is told in a last batch what it said in time', async () => {
    const { store, kept, batches, release } = slowToRead();
    await kept.add({
      ...{ instance: 'other', seq: 1, since: clock.time, at: clock.time, every: 60, dropped: 0 },
      ...{ closed: true },
      rows: [
        {
          ...{ client: 'monthly', issuer: issuer.issuer, key: 'k', what: 'key', detail: '' },
          ...{ day: '2030-01-01', count: 1, first: clock.time / 60_000, last: clock.time / 60_000 },
        },
      ],
    });
    const { guard, refused } = open(store);
    await guard.ready();
    await refused('monthly');
    await refused('nobody');
    const closing = guard.close();
    await vi.waitFor(() => expect(batches.length).toBeGreaterThan(1));
    release();
    await closing;
    const { rows, instances } = await kept.read();
    expect(rows.filter(({ what }) => what === 'refused')).toMatchObject([
      { client: 'monthly', detail: 'ERR_TOKEN_AUDIENCE', count: 1 },
    ]);
    expect(instances.map(({ closed, dropped }) => [closed, dropped])).toEqual([
      [true, 0],
      [true, 0],
    ]);
  });
});

test('a store is asked for its clients once at the beginning, and nobody waits for that', async () => {
  const kept = memoryUsageStore();
  let asked = 0;
  const clients = async () => {
    asked += 1;
    return [{ client: 'monthly', issuer: issuer.issuer }];
  };
  const { guard, refused } = open({ ...kept, clients });
  await vi.waitFor(() => expect(asked).toBe(1));
  await guard.ready();
  await refused('monthly');
  const { rows } = await guard.usage();
  expect(rows.map(({ client, what }) => [client, what])).toEqual([['monthly', 'refused']]);
  for (let i = 0; i < 3; i += 1) await guard.usage();
  expect(asked).toBe(1);
});
