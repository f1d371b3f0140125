import { describe, expect, test } from 'vitest';
import {
  ConfigError,
  createGuard,
  type GuardOptions,
  type JwksStore,
  type StoredJwks,
} from '../../src/index.js';
import { judge } from '../rfc/ask.js';
import { audience, issuer, jwksUri, mint, seconds } from '../rfc/mint.js';
import {
  atOnce,
  createNetwork,
  down,
  freshKey,
  keepBack,
  longLived,
  openScene,
  principalOf,
  type SceneOptions,
  settle,
} from './scene.js';

/** A store that processes share, and what it was asked and told. */
interface Shared extends JwksStore {
  readonly held: Map<string, unknown>;
  readonly asked: string[];
  readonly told: (readonly [string, StoredJwks])[];
}

/** As one behind a network is: what comes out of it is never what went in. */
function createStore(held: Readonly<Record<string, unknown>> = {}): Shared {
  const store: Shared = {
    held: new Map(Object.entries(held)),
    asked: [],
    told: [],
    async get(name) {
      store.asked.push(name);
      await settle();
      return structuredClone(store.held.get(name)) as StoredJwks | undefined;
    },
    async set(name, keys) {
      store.told.push([name, structuredClone(keys)]);
      await settle();
      store.held.set(name, structuredClone(keys));
    },
  };
  return store;
}

/** A scene, and guards with a store. */
async function openShared(
  held: (keys: readonly unknown[], time: number) => unknown = () => undefined,
) {
  const scene = await openScene();
  const stored = held(scene.network.keys, scene.clock.time);
  const store = createStore(stored === undefined ? {} : { [issuer]: stored });
  const start = (keys: SceneOptions['jwks'] = {}, more: SceneOptions = {}) => {
    const guard = scene.open({ jwks: { store, ...keys }, ...more });
    return { guard, verdict: (token: string) => judge(guard, token) };
  };
  return { ...scene, store, start };
}

const fresh = (keys: readonly unknown[], fetchedAt: number) => ({
  issuer,
  jwks: { keys },
  fetchedAt,
});

describe('a guard with a store', () => {
  test('tells it of its fetch, and another one starts without any', async () => {
    const { start, store, token, network, clock } = await openShared();
    expect(await start().verdict(token())).toBe('allowed');
    expect(store.told).toEqual([[issuer, fresh(network.keys, clock.time)]]);
    await settle();
    network.answer = down;
    clock.advance(479);
    expect(await start().verdict(token())).toBe('allowed');
    expect(network.asked).toBe(1);
    expect(store.asked).toEqual([issuer, issuer]);
    expect(store.told).toHaveLength(1);
  });

  test('is ready by it', async () => {
    const { start, store, network, token } = await openShared(fresh);
    network.answer = down;
    const { guard, verdict } = start();
    await guard.ready();
    expect(await verdict(token())).toBe('allowed');
    expect([store.asked.length, store.told.length, network.asked]).toEqual([1, 0, 0]);
  });

  test('verifies by its keys, and by no others', async () => {
    const { start, token, key } = await openShared(fresh);
    const { verdict } = start();
    const stranger = await freshKey(key.kid);
    expect(await verdict(longLived(stranger))).toBe('ERR_TOKEN_SIGNATURE');
    expect(await verdict(token())).toBe('allowed');
  });

  test('is told to it by the name of its issuer, for each issuer its own', async () => {
    const keys = [await freshKey('a'), await freshKey('b')] as const;
    const names = ['https://a.test', 'https://b.test'] as const;
    const networks = keys.map((key) => createNetwork(key));
    const { clock } = await openScene();
    const store = createStore();
    const start = (fetch: typeof globalThis.fetch) =>
      createGuard({
        issuers: names.map((name) => ({ issuer: name, audience, jwksUri: `${name}/jwks` })),
        jwks: { store },
        now: clock.now,
        fetch,
      });
    const tokens = names.map((iss, i) =>
      mint(keys[i as 0 | 1], { claims: { iss, exp: seconds + 1e7 } }),
    ) as [string, string];
    const online = start(async (url, init) =>
      (networks[String(url).startsWith('https://a.') ? 0 : 1] as (typeof networks)[0]).fetch(
        url,
        init,
      ),
    );
    for (const token of tokens) expect(await judge(online, token)).toBe('allowed');
    expect(store.told.map(([name]) => name)).toEqual(names);
    await settle();
    const offline = start(down);
    for (const token of tokens) expect(await judge(offline, token)).toBe('allowed');
    expect(store.asked.slice(2)).toEqual(names);
    // A key of one issuer stays with it.
    const crossed = mint(keys[0], { claims: { iss: names[1], exp: seconds + 1e7 } });
    expect(await judge(offline, crossed)).not.toBe('allowed');
  });

  test('asks it once, before the first fetch, and tells it of every one', async () => {
    const { start, store, token, clock, network } = await openShared();
    const { verdict } = start();
    const second = await freshKey('second');
    for (let fetches = 1; fetches <= 4; fetches += 1) {
      expect(await verdict(token())).toBe('allowed');
      await settle();
      expect(network.asked).toBe(fetches);
      expect(store.told).toHaveLength(fetches);
      expect(store.told.at(-1)).toEqual([issuer, fresh(network.keys, clock.time)]);
      if (fetches === 2) network.keys = [...network.keys, second.jwk];
      clock.advance(480);
    }
    expect(store.asked).toEqual([issuer]);
  });

  test('tells it of no fetch that failed, and of none that was no key set', async () => {
    const { start, store, token, clock, network } = await openShared();
    const { verdict } = start();
    for (const answer of [down, () => Response.json({}), () => new Response('', { status: 500 })]) {
      network.answer = answer;
      expect(await verdict(token())).toMatch(/^ERR_JWKS_/);
      clock.advance(30);
    }
    expect(store.told).toEqual([]);
    network.answer = undefined;
    expect(await verdict(token())).toBe('allowed');
    expect(store.told).toHaveLength(1);
  });

  test('a thousand first requests at once ask it once, and fetch nothing if it answers', async () => {
    const { start, store, token, network } = await openShared(fresh);
    const { verdict } = start();
    const all = await atOnce(1_000, (i) => verdict(token({ jti: `${i}` })));
    expect(new Set(all)).toEqual(new Set(['allowed']));
    expect([store.asked.length, network.asked]).toEqual([1, 0]);
  });

  test('a thousand first requests at once ask it once, and fetch once if it does not', async () => {
    const { start, store, token, network } = await openShared();
    const { verdict } = start();
    const all = await atOnce(1_000, (i) => verdict(token({ jti: `${i}` })));
    expect(new Set(all)).toEqual(new Set(['allowed']));
    expect([store.asked.length, network.asked, store.told.length]).toEqual([1, 1, 1]);
  });

  test('a method of a class has its own object', async () => {
    class Store implements JwksStore {
      readonly #held = new Map<string, StoredJwks>();
      async get(name: string) {
        return this.#held.get(name);
      }
      async set(name: string, keys: StoredJwks) {
        this.#held.set(name, keys);
      }
    }
    const { open, token, network } = await openScene();
    const store = new Store();
    expect(await judge(open({ jwks: { store } }), token())).toBe('allowed');
    await settle();
    network.answer = down;
    expect(await judge(open({ jwks: { store } }), token())).toBe('allowed');
  });

  test('with keys to begin with, these come first, and it is asked behind them', async () => {
    const { start, store, token, network, key } = await openShared(fresh);
    network.answer = down;
    const { verdict } = start({ initial: { keys: [key.jwk] } });
    expect(await verdict(token())).toBe('allowed');
    await settle();
    await settle();
    expect([store.asked.length, network.asked]).toEqual([1, 0]);
    expect(await verdict(token())).toBe('allowed');
  });
});

describe('keys from a store', () => {
  test('are as old as they say: fetched anew behind a request, where it is time', async () => {
    const { start, store, token, network, clock } = await openShared((keys, time) =>
      fresh(keys, time - 480_000),
    );
    const { verdict } = start();
    const release = keepBack(network);
    expect(await verdict(token())).toBe('allowed');
    expect(await verdict(token({ jti: 'next' }))).toBe('allowed');
    expect(network.asked).toBe(1);
    release();
    await settle();
    expect(store.told).toEqual([[issuer, fresh(network.keys, clock.time)]]);
  });

  test('under 80 % of maxAge are not fetched anew', async () => {
    const { start, token, network } = await openShared((keys, time) => fresh(keys, time - 479_999));
    const { verdict } = start();
    expect(await verdict(token())).toBe('allowed');
    expect(await verdict(token({ jti: 'next' }))).toBe('allowed');
    expect(network.asked).toBe(0);
  });

  test('that are withdrawn meanwhile are ended by the next fetch, remembered tokens included', async () => {
    const { start, token, network, clock } = await openShared(fresh);
    const { guard, verdict } = start();
    const first = await principalOf(guard, token());
    network.keys = [(await freshKey('second')).jwk];
    clock.advance(480);
    expect(await verdict(token())).toBe('allowed');
    await settle();
    expect(await verdict(token())).toBe('ERR_TOKEN_KEY_UNKNOWN');
    expect(first).toMatchObject({ subject: 'user_1' });
  });

  test('that are fetched again just so keep their remembered tokens', async () => {
    const { start, token, network, clock } = await openShared(fresh);
    const { guard } = start({}, { tokenCache: { ttl: 3_600 } });
    const first = await principalOf(guard, token());
    clock.advance(480);
    expect(await principalOf(guard, token())).toBe(first);
    await settle();
    expect(network.asked).toBe(1);
    expect(await principalOf(guard, token())).toBe(first);
  });

  test('do not have a key that is new: it is fetched for, at the first request too', async () => {
    const { start, token, network, key } = await openShared(fresh);
    const second = await freshKey('second');
    network.keys = [key.jwk, second.jwk];
    const { verdict } = start();
    expect(await verdict(longLived(second))).toBe('allowed');
    expect(network.asked).toBe(1);
    expect(await verdict(token())).toBe('allowed');
  });

  test('do not have a key that nobody has: a fetch says so, and not they', async () => {
    const { start, network } = await openShared(fresh);
    const { verdict } = start();
    const unknown = longLived(await freshKey('unknown'));
    expect(await verdict(unknown)).toBe('ERR_TOKEN_KEY_UNKNOWN');
    expect(network.asked).toBe(1);
  });

  test('cannot tell that a key is unknown while nothing can be fetched', async () => {
    const { start, token, network } = await openShared(fresh);
    network.answer = down;
    const { verdict } = start();
    const unknown = longLived(await freshKey('unknown'));
    expect(await verdict(unknown)).toBe('ERR_JWKS_UNREACHABLE');
    expect(await verdict(token())).toBe('allowed');
  });

  test('serve until staleIfError while nothing can be fetched', async () => {
    const { start, token, network, clock } = await openShared((keys, time) =>
      fresh(keys, time - 100_000),
    );
    network.answer = down;
    const { verdict } = start({ staleIfError: 2_000 });
    expect(await verdict(token())).toBe('allowed');
    clock.advance(1_899.999);
    expect(await verdict(token())).toBe('allowed');
    clock.advance(0.001);
    expect(await verdict(token())).toBe('ERR_JWKS_UNREACHABLE');
  });
});

type Held = (keys: readonly unknown[], time: number) => unknown;

describe('what is not believed of a store costs one fetch', () => {
  test.each<[string, Held]>([
    ['as old as maxAge', (keys, time) => fresh(keys, time - 600_000)],
    ['of long ago', (keys) => fresh(keys, 0)],
    ['from the future', (keys, time) => fresh(keys, time + 1)],
    ['from far in the future', (keys) => fresh(keys, 1e300)],
    ['of no time', (keys) => ({ jwks: { keys } })],
    ['of a time that is no number', (keys) => fresh(keys, Number.NaN)],
    ['of a time without end', (keys) => fresh(keys, Number.NEGATIVE_INFINITY)],
    ['of a time in seconds', (keys, time) => fresh(keys, time / 1000)],
    ['of a time in words', (keys, time) => fresh(keys, new Date(time).toISOString() as never)],
    ['of a time in digits', (keys, time) => fresh(keys, String(time) as never)],
    ['of a time that is a list', (keys, time) => fresh(keys, [time] as never)],
    ['of a time that is a Date', (keys, time) => fresh(keys, new Date(time) as never)],
    ['of a time too large to count', (keys, time) => fresh(keys, BigInt(time) as never)],
    ['of another issuer', (keys, time) => ({ ...fresh(keys, time), issuer: 'https://b.test' })],
    ['of nobody', (keys, time) => ({ ...fresh(keys, time), issuer: undefined })],
    ['of an issuer in a list', (keys, time) => ({ ...fresh(keys, time), issuer: [issuer] })],
    ['null', () => null],
    ['a text', (keys, time) => JSON.stringify(fresh(keys, time))],
    ['a list', (keys) => keys],
    ['an empty object', () => ({})],
    ['a key set alone', (keys) => ({ keys })],
    ['keys without their set', (keys, time) => ({ issuer, jwks: keys, fetchedAt: time })],
    ['a set that is null', (_, time) => ({ issuer, jwks: null, fetchedAt: time })],
    [
      'keys that are no list',
      (keys, time) => ({ issuer, jwks: { keys: { ...keys } }, fetchedAt: time }),
    ],
    [
      '257 keys',
      (keys, time) =>
        fresh(
          Array.from({ length: 257 }, () => keys[0]),
          time,
        ),
    ],
  ])('%s', async (_, held) => {
    const { start, store, token, network } = await openShared(held);
    const { verdict } = start();
    expect(await verdict(token())).toBe('allowed');
    expect([store.asked.length, network.asked, store.told.length]).toEqual([1, 1, 1]);
  });

  test.each<[string, Held]>([
    ['no key at all', (_, time) => fresh([], time)],
    ['no key that can be used', (_, time) => fresh([{}, null, 'key', { kty: 'oct' }], time)],
  ])('%s', async (_, held) => {
    for (const kid of ['first', undefined]) {
      const { start, key, network } = await openShared(held);
      const { verdict } = start();
      const token = mint(key, { header: { kid }, claims: { exp: seconds + 1e7 } });
      expect([kid, await verdict(token)]).toEqual([kid, 'allowed']);
      expect(network.asked).toBe(1);
    }
  });

  test.each<[string, JwksStore['get']]>([
    ['rejects', () => Promise.reject(new Error('the store is down'))],
    [
      'throws',
      () => {
        throw new Error('the store is down');
      },
    ],
    ['throws nothing in particular', () => Promise.reject(undefined)],
    ['answers no promise', (() => undefined) as never],
    [
      'answers with a trap',
      async () => ({
        issuer,
        get jwks(): never {
          throw new Error('a trap');
        },
        fetchedAt: 0,
      }),
    ],
  ])('a store whose get %s', async (_, get) => {
    const { open, token, network } = await openScene();
    const told: unknown[] = [];
    const store = { get, set: async (...one: unknown[]) => void told.push(one) };
    expect(await judge(open({ jwks: { store } }), token())).toBe('allowed');
    expect(network.asked).toBe(1);
    expect(told).toHaveLength(1);
  });

  test('a store that hangs is not waited for to the end, and the fetch has time left', async () => {
    const { open, token, network } = await openScene();
    const store = { get: () => new Promise<never>(() => {}), set: async () => {} };
    const guard = open({ jwks: { store, timeout: 0.4 } });
    const all = await atOnce(100, (i) => judge(guard, token({ jti: `${i}` })));
    expect(new Set(all)).toEqual(new Set(['allowed']));
    expect(network.asked).toBe(1);
  });

  test('a store that hangs, and then a host that does, are one deadline', async () => {
    const { open, token, network } = await openScene();
    network.answer = () => new Promise(() => {});
    const store = { get: () => new Promise<never>(() => {}), set: async () => {} };
    const guard = open({ jwks: { store, timeout: 0.1 } });
    const decision = await judge(guard, token());
    expect(decision).toBe('ERR_JWKS_TIMEOUT');
  });

  test('an answer that comes too late is not used', async () => {
    const { open, token, network, clock } = await openScene();
    const stranger = await freshKey('first');
    let answer: (keys: StoredJwks) => void = () => {};
    const get = () =>
      new Promise<StoredJwks>((done) => {
        answer = done;
      });
    const guard = open({ jwks: { store: { get, set: async () => {} }, timeout: 0.1 } });
    expect(await judge(guard, token())).toBe('allowed');
    answer(fresh([stranger.jwk], clock.time) as StoredJwks);
    await settle();
    expect(await judge(guard, longLived(stranger))).toBe('ERR_TOKEN_SIGNATURE');
    expect(await judge(guard, token())).toBe('allowed');
    // The forged one made the guard look once more.
    expect(network.asked).toBe(2);
  });
});

test('keys of one issuer never verify for another, in a store that mixes them up', async () => {
  const { clock, open } = await openScene();
  const [a, b] = [await freshKey('a'), await freshKey('b')];
  const network = createNetwork(b);
  const details: unknown[] = [];
  const mixed = fresh([a.jwk], clock.time) as StoredJwks;
  const guard = open({
    fetch: network.fetch,
    jwks: {
      store: { get: async () => ({ ...mixed, issuer: 'https://a.test' }), set: async () => {} },
    },
    onJwks: (event) => void details.push('detail' in event ? event.detail : event.kind),
  });
  expect(await judge(guard, longLived(a))).toBe('ERR_TOKEN_KEY_UNKNOWN');
  expect(await judge(guard, longLived(b))).toBe('allowed');
  await settle();
  expect(details[0]).toBe(
    'jwks.store.get returned keys that do not name this issuer, so keys are fetched',
  );
});

describe('a store that cannot be told', () => {
  test.each<[string, JwksStore['set']]>([
    ['rejects', () => Promise.reject(new Error('the store is down'))],
    [
      'throws',
      () => {
        throw new Error('the store is down');
      },
    ],
    ['hangs', () => new Promise(() => {})],
    ['answers no promise', (() => undefined) as never],
    ['breaks what it is told', async (_, { jwks }) => void (jwks.keys as object[]).splice(0)],
    [
      'bends what it is told',
      async (_, { jwks }) => {
        for (const key of jwks.keys) Object.assign(key, { use: 'enc' });
      },
    ],
  ])('for it %s changes nothing', async (_, set) => {
    const { open, token, network, clock } = await openScene();
    const guard = open({ jwks: { store: { get: async () => undefined, set } } });
    expect(await judge(guard, token())).toBe('allowed');
    for (let fetches = 2; fetches <= 4; fetches += 1) {
      clock.advance(480);
      expect(await judge(guard, token({ jti: `${fetches}` }))).toBe('allowed');
      await settle();
      expect(network.asked).toBe(fetches);
    }
    expect(await judge(guard, token())).toBe('allowed');
    await guard.ready();
  });
});

describe('a guard that is closed', () => {
  test('while its store hangs fetches nothing any more', async () => {
    const { open, token, network } = await openScene();
    let fail: (error: Error) => void = () => {};
    const get = () =>
      new Promise<never>((_, reject) => {
        fail = reject;
      });
    const guard = open({ jwks: { store: { get, set: async () => {} } } });
    const waiting = judge(guard, token());
    await settle();
    await guard.close();
    expect(await waiting).toBe('ERR_JWKS_UNREACHABLE');
    fail(new Error('the store is down'));
    await settle();
    await settle();
    expect(network.asked).toBe(0);
  });

  test('before its first request asks neither store nor network', async () => {
    const { start, store, token, network } = await openShared(fresh);
    const { guard, verdict } = start();
    await guard.close();
    expect(await verdict(token())).toBe('ERR_JWKS_UNREACHABLE');
    expect([store.asked.length, network.asked]).toEqual([0, 0]);
  });
});

describe('jwks.store', () => {
  const full: JwksStore = { get: async () => undefined, set: async () => {} };
  const make = (store: unknown) =>
    createGuard({ issuer, audience, jwksUri, jwks: { store } } as GuardOptions);

  test.each<[string, unknown]>([
    ['null', null],
    ['false', false],
    ['0', 0],
    ['an empty text', ''],
    ['a text', 'redis://localhost'],
    ['a function', () => full],
    ['undefined', undefined],
    ['an empty object', {}],
    ['without get', { set: full.set }],
    ['without set', { get: full.get }],
    ['with a get that is none', { ...full, get: 'get' }],
    ['with a set that is null', { ...full, set: null }],
  ])('that is %s is a ConfigError', (_, store) => {
    let error: unknown;
    try {
      make(store);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toMatch(/^options\.jwks\.store[. ]/);
  });

  test('may have more than it needs', () => {
    expect(make({ ...full, close: async () => {} })).toBeTypeOf('function');
    expect(make(Object.create(full))).toBeTypeOf('function');
  });
});
