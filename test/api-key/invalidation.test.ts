import { afterEach, describe, expect, test, vi } from 'vitest';
import { type ApiKeyInvalidations, createGuard } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { now } from '../rfc/mint.js';
import { inFull } from '../runs.js';
import { atOnce, deferred, down, hang, keyed, openScene, settle } from './scene.js';

const unknown = '401 ERR_API_KEY_UNKNOWN';

const timersIn = (resources: readonly string[]) =>
  resources.filter((one) => one === 'Timeout').length;

/** How long so many invalidations of other keys take, with this many keys in memory. */
async function timeOf(invalidations: number, keys: number): Promise<number> {
  const { channel, listeners } = createChannel();
  const { store, guard, outcome } = await openScene({
    apiKeys: { cache: { max: keys }, invalidations: channel },
  });
  await guard.ready();
  store.answer = (value) => ({ id: value });
  for (let i = 0; i < keys; i += 500) await atOnce(500, (j) => outcome(`sk_${i + j}`));
  const [tell] = listeners;
  const begun = performance.now();
  for (let i = 0; i < invalidations; i += 1) tell?.(`other_${i}`);
  return performance.now() - begun;
}

/** Carries ids between guards, as something shared between processes would. */
function createChannel() {
  const listeners = new Set<(id?: string) => void>();
  const published: string[] = [];
  let stopped = 0;
  const channel: ApiKeyInvalidations = {
    async publish(id) {
      published.push(id);
      await settle();
      for (const listener of listeners) listener(id);
    },
    async subscribe(listener) {
      listeners.add(listener);
      return async () => {
        stopped += 1;
        listeners.delete(listener);
      };
    },
  };
  return { channel, published, listeners, stopped: () => stopped };
}

describe('invalidateApiKey', () => {
  test('is in force at once for a good key, and for a refused one', async () => {
    const { store, guard, outcome } = await openScene();
    expect(await outcome('sk_1')).toBe('allowed');
    expect(await outcome('sk_disabled')).toBe('401 ERR_API_KEY_DISABLED');
    store.records.set('sk_1', { id: 'key_1', disabled: true });
    store.records.set('sk_disabled', { id: 'key_disabled' });
    await guard.invalidateApiKey('key_1');
    await guard.invalidateApiKey('key_disabled');
    expect(await outcome('sk_1')).toBe('401 ERR_API_KEY_DISABLED');
    expect(await outcome('sk_disabled')).toBe('allowed');
    expect(store.asked).toHaveLength(4);
  });

  test('is in force before its promise settles', async () => {
    const { store, guard, outcome } = await openScene();
    expect(await outcome('sk_1')).toBe('allowed');
    store.records.delete('sk_1');
    const telling = guard.invalidateApiKey('key_1');
    expect(await outcome('sk_1')).toBe(unknown);
    await telling;
  });

  test('goes by the id of the record: every text with it, and no other', async () => {
    const { store, guard, outcome } = await openScene();
    store.records.set('sk_new', { id: 'key_1' });
    for (const key of ['sk_1', 'sk_new', 'sk_2', 'sk_0']) await outcome(key);
    store.asked.length = 0;
    await guard.invalidateApiKey('key_1');
    for (const key of ['sk_1', 'sk_new', 'sk_2', 'sk_0']) await outcome(key);
    expect(store.asked).toEqual(['sk_1', 'sk_new']);
  });

  test.each(['sk_1', 'KEY_1', 'key_', 'key_12', '', 'client_1', '__proto__'])(
    'of another id, %j, forgets nothing',
    async (id) => {
      const { store, guard, outcome } = await openScene();
      expect(await outcome('sk_1')).toBe('allowed');
      await guard.invalidateApiKey(id);
      expect(await outcome('sk_1')).toBe('allowed');
      expect(store.asked).toHaveLength(1);
    },
  );

  test('changes nothing for tokens, nor without API keys', async () => {
    const { guard, outcomeOf, bearing } = await openScene();
    await guard.invalidateApiKey('user_1');
    expect(await outcomeOf(await bearing())).toBe('allowed');
    const issuer = await createTestIssuer({ now });
    await expect(createGuard(issuer.options).invalidateApiKey('a')).resolves.toBeUndefined();
  });
});

test.runIf(inFull)(
  'an invalidation takes as long with 20,000 keys in memory as with 500',
  async () => {
    const [few, many] = [await timeOf(2_000, 500), await timeOf(2_000, 20_000)];
    // 2,000 walks over all keys would take seconds.
    expect(many).toBeLessThan(few * 10 + 100);
  },
  30_000,
);

describe('a look-up that began before', () => {
  test('is neither remembered nor joined', async () => {
    const { store, guard, outcome } = await openScene();
    const old = deferred();
    store.answer = () => old.promise;
    const waiting = outcome('sk_1');
    await guard.invalidateApiKey('key_1');
    store.answer = () => ({ id: 'key_1', disabled: true });
    // It begins while the old one is on its way, and does not wait for it.
    expect(await outcome('sk_1')).toBe('401 ERR_API_KEY_DISABLED');
    old.resolve({ id: 'key_1' });
    expect(await waiting).toBe('allowed');
    expect(await outcome('sk_1')).toBe('401 ERR_API_KEY_DISABLED');
    expect(store.asked).toHaveLength(2);
  });

  test('does not take the place of one that began after it', async () => {
    const { store, guard, outcome } = await openScene();
    const [old, young] = [deferred(), deferred()];
    store.answer = () => old.promise;
    const first = outcome('sk_1');
    await guard.invalidateApiKey('key_1');
    store.answer = () => young.promise;
    const second = outcome('sk_1');
    old.resolve({ id: 'key_1' });
    await first;
    // The younger one is still what later requests share.
    const third = outcome('sk_1');
    young.resolve(undefined);
    expect(await Promise.all([second, third])).toEqual([unknown, unknown]);
    expect(await outcome('sk_1')).toBe(unknown);
    expect(store.asked).toHaveLength(2);
  });

  test('is not remembered as a refusal either', async () => {
    const { store, guard, outcome } = await openScene();
    const old = deferred();
    store.answer = () => old.promise;
    const waiting = outcome('sk_3');
    await guard.invalidateApiKey('key_3');
    old.resolve(undefined);
    expect(await waiting).toBe(unknown);
    store.answer = () => ({ id: 'key_3' });
    expect(await outcome('sk_3')).toBe('allowed');
  });

  test('harms nobody if it fails', async () => {
    const { store, guard, outcome } = await openScene();
    const old = deferred();
    store.answer = () => old.promise;
    const waiting = outcome('sk_1');
    await guard.invalidateApiKey('key_1');
    store.answer = () => ({ id: 'key_1' });
    expect(await outcome('sk_1')).toBe('allowed');
    old.reject(new Error('late'));
    expect(await waiting).toBe('503 ERR_LOOKUP_FAILED');
    expect(await outcome('sk_1')).toBe('allowed');
  });

  test('is remembered all the same where another key was invalidated', async () => {
    const { store, guard, outcome } = await openScene();
    const answers = [deferred(), deferred(), deferred()];
    let asked = 0;
    store.answer = () => {
      asked += 1;
      return answers[asked - 1]?.promise;
    };
    // However often that happens, and whoever comes meanwhile.
    const waiting = [outcome('sk_1')];
    for (const id of ['key_2', 'key_3']) {
      await guard.invalidateApiKey(id);
      waiting.push(outcome('sk_1'));
    }
    answers[0]?.resolve({ id: 'key_1' });
    expect(await waiting[0]).toBe('allowed');
    expect([await outcome('sk_1'), asked]).toEqual(['allowed', 3]);
    for (const { resolve } of answers) resolve({ id: 'key_1' });
    await Promise.all(waiting);
    expect([await outcome('sk_1'), asked]).toEqual(['allowed', 3]);
  });

  test('does not displace what one that began later has found', async () => {
    const { store, guard, outcome } = await openScene();
    const [old, young] = [deferred(), deferred()];
    store.answer = () => old.promise;
    const first = outcome('sk_1');
    await guard.invalidateApiKey('key_2');
    store.answer = () => young.promise;
    const second = outcome('sk_1');
    young.resolve({ id: 'key_1', disabled: true });
    expect(await second).toBe('401 ERR_API_KEY_DISABLED');
    old.resolve({ id: 'key_1' });
    await first;
    expect(await outcome('sk_1')).toBe('401 ERR_API_KEY_DISABLED');
  });

  test('is not remembered after more invalidations than are noted, its own the first', async () => {
    const { store, guard, outcome } = await openScene();
    const old = deferred();
    store.answer = () => old.promise;
    const waiting = outcome('sk_1');
    await guard.invalidateApiKey('key_1');
    for (let i = 0; i < 10_001; i += 1) await guard.invalidateApiKey(`other_${i}`);
    old.resolve({ id: 'key_1' });
    await waiting;
    store.answer = () => ({ id: 'key_1', disabled: true });
    expect(await outcome('sk_1')).toBe('401 ERR_API_KEY_DISABLED');
  });

  test('counts as one that is under way', async () => {
    const { store, guard, outcome } = await openScene();
    const old = deferred<undefined>();
    store.answer = () => old.promise;
    const waiting = Array.from({ length: 1_000 }, (_, i) => outcome(`sk_x${i}`));
    await guard.invalidateApiKey('key_1');
    expect(await outcome('sk_x0')).toBe('503 ERR_LOOKUP_BUSY');
    old.resolve(undefined);
    await Promise.all(waiting);
    expect(await atOnce(1_000, (i) => outcome(`sk_y${i}`))).toEqual([unknown]);
  });
});

describe('invalidations', () => {
  test('reach another guard, and this one', async () => {
    const { channel, published } = createChannel();
    const [one, other] = await Promise.all(
      [0, 1].map(() => openScene({ apiKeys: { invalidations: channel } })),
    );
    if (!one || !other) throw new Error('no guards');
    for (const { guard, store, outcome } of [one, other]) {
      await guard.ready();
      expect(await outcome('sk_1')).toBe('allowed');
      store.records.delete('sk_1');
      expect(await outcome('sk_1')).toBe('allowed');
    }
    await one.guard.invalidateApiKey('key_1');
    expect(published).toEqual(['key_1']);
    for (const { outcome } of [one, other]) expect(await outcome('sk_1')).toBe(unknown);
  });

  test('end a look-up that another process has under way', async () => {
    const { channel } = createChannel();
    const { store, outcome, guard } = await openScene({ apiKeys: { invalidations: channel } });
    await guard.ready();
    const old = deferred();
    store.answer = () => old.promise;
    const waiting = outcome('sk_1');
    await channel.publish('key_1');
    old.resolve({ id: 'key_1' });
    expect(await waiting).toBe('allowed');
    store.answer = () => undefined;
    expect(await outcome('sk_1')).toBe(unknown);
  });

  test.each<[string, ApiKeyInvalidations['publish']]>([
    ['rejects', () => Promise.reject(new Error('no channel'))],
    ['throws', down as never],
  ])('where publish %s, so does invalidateApiKey, and it is forgotten here', async (_, publish) => {
    const invalidations = { ...createChannel().channel, publish };
    const { store, outcome, guard } = await openScene({ apiKeys: { invalidations } });
    expect(await outcome('sk_1')).toBe('allowed');
    store.records.delete('sk_1');
    await expect(guard.invalidateApiKey('key_1')).rejects.toThrow(/no channel|the store is down/);
    expect(await outcome('sk_1')).toBe(unknown);
  });

  test('are called as methods of what was given', async () => {
    class Channel implements ApiKeyInvalidations {
      readonly #listeners: ((id?: string) => void)[] = [];
      async publish(id: string) {
        for (const listener of this.#listeners) listener(id);
      }
      async subscribe(listener: (id?: string) => void) {
        this.#listeners.push(listener);
        return async () => void this.#listeners.pop();
      }
    }
    const { store, outcome, guard } = await openScene({
      apiKeys: { invalidations: new Channel() },
    });
    await guard.ready();
    expect(await outcome('sk_1')).toBe('allowed');
    store.records.delete('sk_1');
    await guard.invalidateApiKey('key_1');
    expect(await outcome('sk_1')).toBe(unknown);
  });

  test('that carry what is no text do no harm', async () => {
    const { channel, listeners } = createChannel();
    const { outcome, guard } = await openScene({ apiKeys: { invalidations: channel } });
    await guard.ready();
    expect(await outcome('sk_1')).toBe('allowed');
    for (const id of [undefined, null, 1, {}]) for (const tell of listeners) tell(id as never);
    expect(await outcome('sk_1')).toBe('allowed');
  });

  test('without an id mean every key, and every look-up on its way', async () => {
    const { channel, listeners } = createChannel();
    const { store, outcome, guard } = await openScene({ apiKeys: { invalidations: channel } });
    await guard.ready();
    for (const key of ['sk_1', 'sk_2', 'sk_0']) await outcome(key);
    const old = deferred();
    store.answer = () => old.promise;
    const waiting = outcome('sk_3');
    for (const tell of listeners) tell();
    store.answer = (value) => ({ id: value, disabled: true });
    for (const key of ['sk_1', 'sk_2', 'sk_0']) {
      expect(await outcome(key)).toBe('401 ERR_API_KEY_DISABLED');
    }
    old.resolve({ id: 'sk_3' });
    expect(await waiting).toBe('allowed');
    expect(await outcome('sk_3')).toBe('401 ERR_API_KEY_DISABLED');
  });

  test('that were told before anybody listened are not missed', async () => {
    const subscribed = deferred<() => Promise<void>>();
    const { channel } = createChannel();
    const invalidations = { ...channel, subscribe: () => subscribed.promise };
    const { store, outcome, guard } = await openScene({ apiKeys: { invalidations } });
    expect(await outcome('sk_1')).toBe('allowed');
    store.records.delete('sk_1');
    await channel.publish('key_1');
    subscribed.resolve(async () => {});
    await guard.ready();
    expect(await outcome('sk_1')).toBe(unknown);
  });

  test('are listened to until the guard is closed', async () => {
    const { channel, listeners, stopped } = createChannel();
    const { guard } = await openScene({ apiKeys: { invalidations: channel } });
    await guard.ready();
    expect(listeners.size).toBe(1);
    await guard.close();
    expect([listeners.size, stopped()]).toEqual([0, 1]);
  });

  test('a guard that is closed before it listens does not go on listening', async () => {
    const subscribed = deferred<() => Promise<void>>();
    const { channel, stopped } = createChannel();
    const invalidations = { ...channel, subscribe: () => subscribed.promise };
    const { guard } = await openScene({ apiKeys: { invalidations } });
    await guard.close();
    expect(stopped()).toBe(0);
    subscribed.resolve(await channel.subscribe(() => {}));
    await settle();
    expect(stopped()).toBe(1);
  });
});

describe('a channel that hangs', () => {
  afterEach(() => void vi.useRealTimers());
  const late = /^UpstreamError.*no answer within 5 s/;

  /** How a promise settles, however long that takes. */
  async function outcomeOf(work: Promise<unknown>): Promise<unknown> {
    const outcome = work.then(() => 'done', String);
    await vi.advanceTimersByTimeAsync(5_000);
    return Promise.race([outcome, settle()]);
  }

  test('does not keep invalidateApiKey, which rejects', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const publish = () => hang() as Promise<void>;
    const { guard, store, outcome } = await openScene({
      apiKeys: { invalidations: { ...createChannel().channel, publish } },
    });
    expect(await outcome('sk_1')).toBe('allowed');
    store.records.delete('sk_1');
    expect(await outcomeOf(guard.invalidateApiKey('key_1'))).toMatch(late);
    expect(await outcome('sk_1')).toBe(unknown);
  });

  test('does not keep close, which rejects', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const subscribe = async () => () => hang() as Promise<void>;
    const issuer = await createTestIssuer({ now });
    const guard = createGuard({
      ...issuer.options,
      apiKeys: {
        from: [{ header: 'x-api-key' }],
        lookup: async () => undefined,
        invalidations: { ...createChannel().channel, subscribe },
      },
    });
    await settle();
    expect(await outcomeOf(guard.close())).toMatch(late);
  });
});

describe('where nobody can listen at first', () => {
  afterEach(() => void vi.useRealTimers());

  test.each<[string, () => never | Promise<never>]>([
    ['subscribe rejects', () => Promise.reject(new Error('no channel'))],
    ['subscribe throws', down],
  ])('%s: ready() rejects, requests pass, and it is tried again', async (_, fails) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { channel, listeners } = createChannel();
    let tries = 0;
    let subscribe: ApiKeyInvalidations['subscribe'] = fails;
    const { store, guard, outcome } = await openScene({
      apiKeys: {
        invalidations: {
          publish: channel.publish,
          subscribe(listener) {
            tries += 1;
            return subscribe(listener);
          },
        },
      },
    });
    const failure = { name: 'UpstreamError', code: 'ERR_LOOKUP_FAILED' };
    await expect(guard.ready()).rejects.toMatchObject(failure);
    expect(await outcome('sk_1')).toBe('allowed');
    for (const [pause, count] of [
      [999, 1],
      [1, 2],
      [1_999, 2],
      [1, 3],
      [4_000, 4],
      [8_000, 5],
      [16_000, 6],
      [30_000, 7],
      [30_000, 8],
    ] as const) {
      await vi.advanceTimersByTimeAsync(pause);
      expect(tries).toBe(count);
    }
    await expect(guard.ready()).rejects.toMatchObject(failure);
    subscribe = channel.subscribe;
    await vi.advanceTimersByTimeAsync(30_000);
    expect([tries, listeners.size]).toEqual([9, 1]);
    await guard.ready();
    store.records.delete('sk_1');
    await channel.publish('key_1');
    expect(await outcome('sk_1')).toBe(unknown);
    await guard.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('nor does ready() wait for ever, where subscribe never answers', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { guard, outcome } = await openScene({
      apiKeys: { invalidations: { ...createChannel().channel, subscribe: () => hang() as never } },
    });
    const waiting = guard.ready().then(() => 'ready', String);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(await outcome('sk_1')).toBe('allowed');
    expect(await Promise.race([waiting, settle()])).toMatch(/^UpstreamError/);
  });

  test('what is to be tried again keeps no process alive', async () => {
    const before = process.getActiveResourcesInfo();
    const { guard } = await openScene({
      apiKeys: { invalidations: { ...createChannel().channel, subscribe: down } },
    });
    await expect(guard.ready()).rejects.toThrow();
    expect(timersIn(process.getActiveResourcesInfo())).toBe(timersIn(before));
  });

  test('a guard that is closed does not try again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { guard } = await openScene({
      apiKeys: { invalidations: { ...createChannel().channel, subscribe: down } },
    });
    await expect(guard.ready()).rejects.toThrow();
    await guard.close();
    expect(vi.getTimerCount()).toBe(0);
    expect((await guard(keyed('sk_1'))).allowed).toBe(true);
  });

  test('nor does one that is closed before it fails', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const subscribed = deferred<never>();
    const { guard } = await openScene({
      apiKeys: {
        invalidations: { ...createChannel().channel, subscribe: () => subscribed.promise },
      },
    });
    await guard.close();
    subscribed.reject(new Error('no channel'));
    await settle();
    expect(vi.getTimerCount()).toBe(0);
  });
});
