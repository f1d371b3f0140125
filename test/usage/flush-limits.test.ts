import { expect, onTestFinished, test, vi } from 'vitest';
import {
  createGuard,
  type MigrationEvent,
  memoryUsageStore,
  type UsageBatch,
  type UsageOptions,
  type UsageStore,
} from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { type Deferred, deferred } from '../api-key/scene.js';
import { requestOf } from '../rfc/ask.js';
import { createClock } from '../token/jwks-server.js';

const clock = createClock();
const issuer = await createTestIssuer({ now: clock.now });

/** A guard whose key is any text, by that client. */
function openGuard(usage: UsageOptions = {}) {
  const events: MigrationEvent[] = [];
  const guard = createGuard({
    ...issuer.options,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async ({ value }) => ({ id: `key_${value}`, clientId: value }),
      usage,
      onMigration: (event) => events.push(event),
    },
  });
  onTestFinished(() => guard.close());
  const come = (key = 'acme') => guard(requestOf({ 'x-api-key': key }));
  const failures = () => events.flatMap((event) => ('detail' in event ? [event.detail] : []));
  return { guard, come, failures };
}

/** What a guard says when it starts. */
const isAnnouncement = ({ seq, rows, closed }: UsageBatch) =>
  seq === 1 && rows.length === 0 && !closed;

/** A store that waits with each batch until a test says what becomes of it. */
function openStore() {
  const kept = memoryUsageStore();
  const asked: { readonly batch: UsageBatch; readonly answer: Deferred<void> }[] = [];
  const store: UsageStore = {
    async add(batch) {
      if (isAnnouncement(batch)) return kept.add(batch);
      const answer = deferred<void>();
      asked.push({ batch, answer });
      await answer.promise;
      await kept.add(batch);
    },
    read: kept.read,
  };
  const settle = async (times = 1) => {
    for (let i = 0; i < times; i += 1) {
      await vi.waitFor(() => expect(asked.length).toBeGreaterThan(settled));
      asked[settled]?.answer.resolve();
      settled += 1;
    }
  };
  let settled = 0;
  return { store, kept, asked, settle };
}

const fakeTimers = () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
};

/** A store that refuses while it is told to. */
function refusing() {
  const kept = memoryUsageStore();
  const batches: UsageBatch[] = [];
  const state = { refusals: 0 };
  const store: UsageStore = {
    add(batch) {
      if (isAnnouncement(batch)) return kept.add(batch);
      batches.push(batch);
      state.refusals -= 1;
      // Not even a promise.
      if (state.refusals >= 0) throw new Error('read-only');
      return kept.add(batch);
    },
    read: kept.read,
  };
  return { store, batches, state };
}

test('of many at once is one at a time, and each caller reads what was counted before it asked', async () => {
  const { store, asked, settle } = openStore();
  const { guard, come } = openGuard({ store });
  await come();
  const first = guard.usage();
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  await come();
  const others = [guard.usage(), guard.usage(), guard.usage()];
  await settle(2);
  for (const told of await Promise.all(others)) {
    expect(told.rows.find(({ what }) => what === 'key')?.count).toBe(2);
  }
  await first;
  expect(asked.map(({ batch }) => batch.seq)).toEqual([2, 3]);
  const closing = guard.close();
  await settle();
  await closing;
});

test('that fails between two batches goes on with the second', async () => {
  const { store, batches, state } = refusing();
  const { guard, come } = openGuard({ store });
  for (let i = 0; i < 700; i += 1) await come(`client_${i}`);
  const add = store.add;
  let calls = 0;
  store.add = (batch) => {
    calls += 1;
    if (calls === 2) state.refusals = 1;
    return add(batch);
  };
  await expect(guard.usage()).rejects.toThrow('read-only');
  const { rows } = await guard.usage();
  expect(batches.map(({ seq, rows: some }) => [seq, some.length])).toEqual([
    ...[
      [2, 1_000],
      [3, 1_000],
      [3, 1_000],
      [4, 100],
    ],
    [5, 0],
  ]);
  expect(rows).toHaveLength(2_100);
  expect(rows.every(({ count }) => count === 1)).toBe(true);
});

test('of the last batches says that only with the very last of them', async () => {
  const { store, asked, settle } = openStore();
  const { guard, come } = openGuard({ store });
  for (let i = 0; i < 400; i += 1) await come(`client_${i}`);
  const reading = guard.usage();
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  const another = guard.usage();
  const closing = guard.close();
  await settle(4);
  await Promise.all([reading, another, closing]);
  expect(asked.map(({ batch }) => [batch.seq, batch.closed, batch.rows.length])).toEqual([
    [2, false, 1_000],
    [3, false, 200],
    [4, false, 0],
    [5, true, 0],
  ]);
});

test('on close of over a thousand rows is closed with the last thousand alone', async () => {
  const { store, batches } = refusing();
  const { guard, come } = openGuard({ store });
  for (let i = 0; i < 400; i += 1) await come(`client_${i}`);
  await guard.close();
  expect(batches.map(({ closed, rows }) => [closed, rows.length])).toEqual([
    [false, 1_000],
    [true, 200],
  ]);
});

test('on close is waited for during ten seconds, and no longer', async () => {
  fakeTimers();
  const { store, asked } = openStore();
  const { guard, come, failures } = openGuard({ store });
  await come();
  let closed = false;
  const closing = guard.close().then(() => {
    closed = true;
  });
  await vi.advanceTimersByTimeAsync(9_999);
  expect([closed, asked.length]).toEqual([false, 1]);
  await vi.advanceTimersByTimeAsync(1);
  await closing;
  expect(failures()).toEqual([
    'usage counts since the last flush were lost: no answer within 10 s',
  ]);
  expect(vi.getTimerCount()).toBe(0);
});

test('that waits for another on close waits ten seconds for both together', async () => {
  fakeTimers();
  const { store } = openStore();
  const { guard, come } = openGuard({ store });
  await come();
  const reading = guard.usage().catch(() => 'late');
  await vi.advanceTimersByTimeAsync(4_000);
  const closing = guard.close().then(() => 'closed');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await closing).toBe('closed');
  expect(await reading).toBe('late');
});

test.each(['resolve', 'reject'] as const)(
  'is tried again once one of three that had no answer does %s',
  async (how) => {
    fakeTimers();
    const { store, kept, asked } = openStore();
    const { guard, come, failures } = openGuard({ store, flushInterval: 10 });
    await come();
    for (let i = 0; i < 10; i += 1) await vi.advanceTimersByTimeAsync(12_000);
    expect(asked).toHaveLength(3);
    asked[0]?.answer[how](new Error('at last') as never);
    await vi.advanceTimersByTimeAsync(12_000);
    expect(asked).toHaveLength(4);
    for (const { answer } of asked) answer.resolve();
    await vi.advanceTimersByTimeAsync(0);
    const closing = guard.close();
    for (let i = 0; i < 9; i += 1) {
      for (const { answer } of asked) answer.resolve();
      await vi.advanceTimersByTimeAsync(0);
    }
    await closing;
    const { rows } = await kept.read();
    expect(rows.filter(({ what }) => what === 'key').map(({ count }) => count)).toEqual([1]);
    expect(failures().some((detail) => detail.includes('lost'))).toBe(false);
  },
);

test('that fails is told of once, and once more if it fails again later', async () => {
  fakeTimers();
  const { store, state } = refusing();
  const { failures } = openGuard({ store, flushInterval: 10 });
  const detail = 'usage counts could not be saved yet: read-only';
  state.refusals = 3;
  await vi.advanceTimersByTimeAsync(40_000);
  expect(failures()).toEqual([detail]);
  await vi.advanceTimersByTimeAsync(40_000);
  state.refusals = 1;
  await vi.advanceTimersByTimeAsync(12_000);
  expect(failures()).toEqual([detail, detail]);
});

test('comes of many processes not at once', async () => {
  fakeTimers();
  const told: number[] = [];
  let seconds = 0;
  const store: UsageStore = {
    ...memoryUsageStore(),
    add: async ({ seq }) => void (seq > 1 && told.push(seconds)),
  };
  for (let i = 0; i < 20; i += 1) openGuard({ store, flushInterval: 60 });
  for (; seconds < 72; seconds += 1) {
    await vi.advanceTimersByTimeAsync(1_000);
    if (seconds < 30) expect(told).toEqual([]);
  }
  expect(told.length).toBeGreaterThanOrEqual(20);
  expect(new Set(told).size).toBeGreaterThan(3);
});

test('holds no process, and leaves no timer behind', async () => {
  const held = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const { store, asked, settle } = openStore();
  const before = held();
  const { guard, come } = openGuard({ store });
  expect(held()).toBe(before);
  await come();
  const closing = guard.close();
  // Where something is awaited that way, a timer of its own would hold.
  for (let i = 0; i < 100 && asked.length === 0; i += 1) await Promise.resolve();
  expect(asked).toHaveLength(1);
  expect(held()).toBe(before);
  await settle();
  await closing;
});

test('that is answered leaves no timer but the next one’s; without a store there is none', async () => {
  fakeTimers();
  const { store } = refusing();
  const { guard, come } = openGuard({ store });
  await come();
  for (let i = 0; i < 5; i += 1) await guard.usage();
  expect(vi.getTimerCount()).toBe(1);
  await guard.close();
  expect(vi.getTimerCount()).toBe(0);
  const alone = openGuard();
  await alone.come();
  expect(vi.getTimerCount()).toBe(0);
  await alone.guard.usage();
  expect(vi.getTimerCount()).toBe(0);
});

test('that fails however it likes changes no decision and leaves no rejection', async () => {
  fakeTimers();
  const untold = Object.assign(new Error(), { message: Object.create(null) });
  const thrown = [untold, null, 'text', Symbol('s'), new Error('e'.repeat(9_999)), {}];
  const store: UsageStore = {
    add: () => {
      throw thrown.shift();
    },
    read: async () => ({ trackingSince: undefined, rows: [], instances: [] }),
  };
  const { guard, come, failures } = openGuard({ store, flushInterval: 10 });
  for (let i = 0; i < 6; i += 1) {
    expect((await come()).allowed).toBe(true);
    await vi.advanceTimersByTimeAsync(12_000);
  }
  // It went on, whatever it was.
  expect(thrown).toEqual([]);
  await guard.close();
  expect(failures().length).toBeGreaterThan(1);
  for (const detail of failures()) expect(detail.length).toBeLessThan(400);
});

test('that is on its way when the guard is closed is the last but one, and none comes later', async () => {
  fakeTimers();
  const { store, asked } = openStore();
  const { guard, come } = openGuard({ store, flushInterval: 10 });
  await come();
  await vi.advanceTimersByTimeAsync(12_000);
  expect(asked).toHaveLength(1);
  const closing = guard.close();
  for (let i = 0; i < 2; i += 1) {
    asked[i]?.answer.resolve();
    await vi.advanceTimersByTimeAsync(0);
  }
  await closing;
  expect(vi.getTimerCount()).toBe(0);
  expect(asked.map(({ batch }) => batch.closed)).toEqual([false, true]);
});
