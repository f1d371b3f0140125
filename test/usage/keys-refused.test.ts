import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type ApiKeyRecord,
  createGuard,
  type GuardOptions,
  type GuardRequest,
  memoryUsageStore,
  type Requirements,
  type UsageBatch,
  type UsageOptions,
  type UsageStore,
} from '../../src/index.js';
import { createTestIssuer, trustTestIssuers } from '../../src/testing.js';
import { deferred } from '../api-key/scene.js';
import { bearing, requestOf, verdict } from '../rfc/ask.js';
import { createClock } from '../token/jwks-server.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const clock = createClock();
const now = clock.now;
const first = await createTestIssuer({ issuer: 'https://a.test', audience: 'x', now });
const second = await createTestIssuer({ issuer: 'https://b.test', audience: 'x', now });
const day = '2030-01-01';

const records: Readonly<Record<string, ApiKeyRecord>> = {
  sk_shop: { id: 'key_shop', clientId: 'shop', scopes: ['a'] },
  sk_closed: { id: 'key_closed', clientId: 'late', disabled: true },
};

interface SceneOptions {
  readonly both?: 'same-client';
  readonly usage?: UsageOptions;
  readonly store?: UsageStore;
  readonly cache?: { readonly ttl?: number; readonly negativeTtl?: number };
  readonly lookup?: (value: string) => Promise<ApiKeyRecord | undefined>;
}

function open({ both, usage, store = memoryUsageStore(), cache = {}, lookup }: SceneOptions = {}) {
  clock.time = Date.parse(`${day}T00:00:00Z`);
  const asked: string[] = [];
  let down: Error | undefined;
  const guard = createGuard({
    ...first.options,
    apiKeys: {
      from: [
        { header: 'x-api-key' },
        { scheme: 'ApiKey' },
        { dangerouslyInQuery: 'api_key' },
        { dangerouslyInQuery: 'key' },
      ],
      cache,
      ...(both && { both }),
      async lookup({ value }) {
        asked.push(value);
        if (down) throw down;
        return lookup ? lookup(value) : records[value];
      },
      usage: { store, ...usage },
      onMigration: () => {},
    },
  });
  onTestFinished(() => guard.close());
  const rows = async (...kinds: readonly string[]) =>
    (await guard.usage()).rows
      .filter(({ what }) => kinds.length === 0 || kinds.includes(what))
      .map(({ client, key, what, detail, day: on, count }) =>
        [client, key, what, detail, on, count].join(' '),
      )
      .sort();
  const dropped = async () => (await guard.usage()).instances.map((one) => one.dropped);
  const fail = (error: Error | undefined) => {
    down = error;
  };
  return { guard, asked, rows, dropped, fail, store };
}

const token = await first.token({ clientId: 'shop', scopes: ['a'] });
const expired = await first.token({ clientId: 'shop', expiresIn: -3_600 });
const keyed = (key: string, more: Partial<GuardRequest> = {}): GuardRequest =>
  requestOf({ 'x-api-key': key }, more);
const beside = (bearer: string, key = 'sk_shop'): GuardRequest =>
  requestOf({ authorization: `Bearer ${bearer}`, 'x-api-key': key });

describe('the key of a request that was refused before it was asked whose it is', () => {
  test('is counted for its client, by day, where it stands beside a token', async () => {
    const { guard, asked, rows, dropped } = open();
    expect(verdict(await guard(beside(token)))).toBe('ERR_CREDENTIAL_AMBIGUOUS');
    // Looked up within a second or with the next flush: the rejection itself costs no lookup.
    expect(asked).toEqual([]);
    expect(await rows()).toEqual([
      `shop key_shop agent   1`,
      `shop key_shop both  ${day} 1`,
      `shop key_shop refused ERR_CREDENTIAL_AMBIGUOUS ${day} 1`,
      `shop key_shop route   1`,
    ]);
    expect(asked).toEqual(['sk_shop']);
    expect(await dropped()).toEqual([0]);
  });

  test.each<[string, GuardRequest]>([
    ['in a header that came twice', keyed('sk_shop, sk_shop')],
    ['beside another key', keyed('sk_shop', { url: '/?key=sk_other' })],
    ['of a parameter that came twice', requestOf({}, { url: '/?key=sk_shop&key=sk_other' })],
    ['of a parameter in brackets', requestOf({}, { url: '/?key[]=sk_shop' })],
    ['beside a token in the query', keyed('sk_shop', { url: '/?access_token=x' })],
    ['beside a token in the form', keyed('sk_shop', { formToken: true })],
    ['beside a broken header', requestOf({ 'x-api-key': 'sk_shop', authorization: '"' })],
    ['behind a token', requestOf({ authorization: 'Bearer x, ApiKey sk_shop' })],
    ['beside an empty one', requestOf({ 'x-api-key': 'sk_shop', authorization: 'Bearer' })],
  ])('is counted %s', async (_, request) => {
    const { guard, rows } = open();
    const code = verdict(await guard(request));
    expect(await rows('refused')).toEqual([`shop key_shop refused ${code} ${day} 1`]);
  });

  test.each([
    ['an expired token', expired, 'ERR_TOKEN_EXPIRED'],
    ['what is no token', 'x', 'ERR_TOKEN_NOT_JWT'],
  ])('is counted beside %s, where both may come', async (_, bearer, code) => {
    const { guard, rows } = open({ both: 'same-client' });
    expect(verdict(await guard(beside(bearer)))).toBe(code);
    expect(await rows('both', 'refused')).toEqual(
      expect.arrayContaining([
        `shop key_shop both  ${day} 1`,
        `shop key_shop refused ${code} ${day} 1`,
      ]),
    );
  });

  test('is counted if it is known and refused itself, and not if it is nobody’s', async () => {
    const { guard, rows, dropped } = open();
    await guard(beside(token, 'sk_closed'));
    await guard(beside(token, 'sk_made_up'));
    expect(await rows('refused', 'other')).toEqual([
      `late key_closed refused ERR_CREDENTIAL_AMBIGUOUS ${day} 1`,
    ]);
    expect(await dropped()).toEqual([0]);
  });

  test('is in no count itself, nor the token, wherever the client writes them', async () => {
    const { guard, rows } = open();
    for (const agent of [`curl sk_shop`, `curl ${token}`]) {
      await guard(
        requestOf({
          ...{ 'user-agent': agent, 'x-api-key': 'sk_shop', authorization: `Bearer ${token}` },
        }),
      );
    }
    expect(await rows('agent')).toEqual(['shop key_shop agent (hidden)  2']);
  });

  test('is told when the guard is closed, too', async () => {
    const { guard, store } = open();
    await guard(beside(token));
    await guard.close();
    const { rows, instances } = await store.read();
    expect(rows.filter(({ what }) => what === 'refused')).toHaveLength(1);
    expect(instances).toMatchObject([{ dropped: 0, closed: true, counted: { [day]: 2 } }]);
  });

  test('is a doubt where it cannot be looked up', async () => {
    const { guard, rows, dropped, fail } = open();
    fail(new Error('down'));
    await guard(beside(token));
    expect(await rows()).toEqual([`  other lookup ${day} 1`]);
    expect(await dropped()).toEqual([1]);
  });

  test('never makes more than a few lookups at once, and what there is no room for is a doubt', async () => {
    let underWay = 0;
    let most = 0;
    let release = () => {};
    const gate = new Promise<void>((done) => {
      release = done;
    });
    const { guard, rows, dropped } = open({
      async lookup() {
        underWay += 1;
        most = Math.max(most, underWay);
        await gate;
        underWay -= 1;
        return undefined;
      },
    });
    for (let i = 0; i < 10_007; i += 1) await guard(beside('x', `sk_${i}`));
    release();
    const told = await rows();
    expect(most).toBe(16);
    expect(told).toEqual([`  other lookup ${day} 7`]);
    expect(await dropped()).toEqual([7]);
  });

  test('leaves no doubt of others, however many requests of several made-up keys come', async () => {
    const { guard, rows, dropped } = open();
    for (let i = 0; i < 140; i += 1) await guard(keyed(`a${i}, b${i}, c${i}, d${i}`));
    expect(await rows()).toEqual([]);
    expect(await dropped()).toEqual([0]);
  });

  test('has no more than four lookups for one request', async () => {
    const { guard, asked, rows } = open();
    await guard(keyed('sk_1, sk_2, sk_3', { url: '/?key=sk_4&key=sk_5&api_key=sk_6' }));
    await rows();
    expect(asked).toHaveLength(4);
  });
});

describe('while the owner of a key is looked up', () => {
  /** A guard whose lookups wait, and the batches that it tells. */
  function openSlow() {
    const gate = deferred<undefined>();
    const batches: UsageBatch[] = [];
    const kept = memoryUsageStore();
    const store: UsageStore = {
      async add(batch) {
        batches.push(batch);
        await kept.add(batch);
      },
      read: kept.read,
    };
    const scene = open({
      store,
      async lookup(value) {
        await gate.promise;
        return records[value];
      },
    });
    return { ...scene, batches, release: () => gate.resolve(undefined) };
  }

  test('nothing keeps the request, with its body, alive', async () => {
    const { guard, rows, release } = openSlow();
    async function ask(): Promise<WeakRef<object>> {
      const source = { body: 'large' };
      await guard({ ...beside('x'), source });
      return new WeakRef(source);
    }
    const asked = await ask();
    await new Promise((done) => setImmediate(done));
    collect();
    expect(asked.deref()).toBeUndefined();
    release();
    expect(await rows('refused')).toHaveLength(1);
  });

  test('requests with the same key take one lookup', async () => {
    const { guard, asked, rows, release } = openSlow();
    for (let i = 0; i < 100; i += 1) await guard(beside('x'));
    release();
    expect(await rows('refused')).toEqual([
      `shop key_shop refused ERR_CREDENTIAL_AMBIGUOUS ${day} 100`,
    ]);
    expect(asked).toEqual(['sk_shop']);
  });

  test('no batch covers the time since it came', async () => {
    const { guard, batches, release } = openSlow();
    await guard.usage();
    clock.advance(600);
    await guard(beside('x'));
    const cameAt = clock.time;
    clock.advance(600);
    const [during] = (await guard.usage()).instances;
    expect(during?.at).toBe(cameAt);
    expect(batches.every(({ at }) => at <= cameAt)).toBe(true);
    release();
    const { rows, instances } = await guard.usage();
    const start = Date.parse(`${day}T00:00:00Z`);
    expect(instances).toMatchObject([{ at: clock.time, watched: [[start, clock.time]] }]);
    const minute = cameAt / 60_000;
    expect(rows).toContainEqual(
      expect.objectContaining({ what: 'refused', key: 'key_shop', first: minute, last: minute }),
    );
  });

  test('no batch says that the guard has told everything', async () => {
    const { guard, batches, release } = openSlow();
    await guard.usage();
    await guard(beside('x'));
    const held = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const heldBefore = held();
    const before = batches.length;
    const closing = guard.close();
    while (batches.length === before) await new Promise((done) => setImmediate(done));
    expect(batches.at(-1)?.closed).toBe(false);
    expect(held()).toBe(heldBefore + 1); // else the process would end here
    release();
    await closing;
    expect(held()).toBe(heldBefore);
    expect(batches.slice(before).map(({ closed }) => closed)).toEqual([false, true]);
    expect(batches.at(-1)?.rows.map(({ what }) => what)).toContain('refused');
  });
});

describe('while it is not known whose a refused token is', () => {
  test('no batch says that the guard has told everything', async () => {
    const closed: boolean[] = [];
    const kept = memoryUsageStore();
    const store: UsageStore = {
      async add(batch) {
        closed.push(batch.closed);
        await kept.add(batch);
      },
      read: kept.read,
    };
    const { guard } = open({ store });
    await guard.usage();
    await guard(bearing(expired));
    await guard.close();
    expect(closed.slice(-2)).toEqual([false, true]);
  });
});

describe('a key whose owner is not told', () => {
  test.each<[string, Error]>([
    ['an outage', new Error('down')],
    ['a busy store', Object.assign(new Error('busy'), { code: 'EBUSY' })],
  ])('for %s is a doubt', async (_, error) => {
    const { guard, rows, dropped, fail } = open();
    fail(error);
    expect(verdict(await guard(keyed('sk_shop')))).toBe('ERR_LOOKUP_FAILED');
    expect(await rows()).toEqual([`  other lookup ${day} 1`]);
    expect(await dropped()).toEqual([1]);
  });

  test('for a record that is wrong is a doubt', async () => {
    const wrong = { id: 'k', scopes: 7 } as unknown as ApiKeyRecord;
    const { guard, rows } = open({ lookup: async () => wrong });
    await expect(guard(keyed('sk_shop'))).rejects.toThrow('scopes');
    expect(await rows()).toEqual([`  other lookup ${day} 1`]);
  });

  test('is the client’s that had it when it was looked up last', async () => {
    const { guard, rows, dropped, fail } = open({ cache: { ttl: 1, negativeTtl: 1 } });
    await guard(keyed('sk_shop'));
    await guard(keyed('sk_closed'));
    clock.advance(3_600);
    fail(new Error('down'));
    await guard(keyed('sk_shop'));
    await guard(keyed('sk_closed'));
    expect(await rows('refused', 'other')).toEqual([
      `late key_closed refused ERR_API_KEY_DISABLED ${day} 1`,
      `late key_closed refused ERR_LOOKUP_FAILED ${day} 1`,
      `shop key_shop refused ERR_LOOKUP_FAILED ${day} 1`,
    ]);
    expect(await dropped()).toEqual([0]);
  });
});

describe('a request that ends in an exception', () => {
  const throws: Requirements = {
    check: () => {
      throw new Error('a bug');
    },
  };

  test('is refused to its client, once', async () => {
    const { guard, rows } = open();
    const request = keyed('sk_shop', { source: {} });
    await expect(guard(request, throws)).rejects.toThrow('a bug');
    await expect(guard(request, throws)).rejects.toThrow('a bug');
    await expect(guard(bearing(token), throws)).rejects.toThrow('a bug');
    expect(await rows('refused', 'key', 'token')).toEqual([
      `shop  refused error ${day} 1`,
      `shop key_shop refused error ${day} 1`,
    ]);
  });

  test('is refused to whose key came, where the route is wrong itself', async () => {
    const { guard, rows } = open();
    await expect(guard(keyed('sk_shop'), { scope: 'a' } as Requirements)).rejects.toThrow('scope');
    expect(await rows('refused')).toEqual([`shop key_shop refused error ${day} 1`]);
  });
});

describe('one request', () => {
  test('that is refused and then let in is let in, by guards of one store', async () => {
    const store = memoryUsageStore();
    const [one, other] = [open({ store }), open({ store })];
    const request = keyed('sk_shop', { source: {} });
    await one.guard(request, { scopes: ['admin'] });
    await other.guard({ ...request });
    await one.guard({ ...request });
    await one.rows();
    expect(await other.rows()).toEqual([
      `shop key_shop agent   1`,
      `shop key_shop key  ${day} 1`,
      `shop key_shop route   1`,
    ]);
  });

  test('is not counted for its keys if another guard lets it in', async () => {
    const store = memoryUsageStore();
    const [strict, both] = [open({ store }), open({ store, both: 'same-client' })];
    const request = { ...beside(token), source: {} };
    await Promise.all([strict.rows(), both.rows()]); // nothing is flushed between the two looks
    await strict.guard(request);
    await both.guard(request);
    await strict.rows();
    expect(await both.rows('refused', 'token', 'both', 'other')).toEqual([
      `shop  token  ${day} 1`,
      `shop key_shop both  ${day} 1`,
    ]);
  });

  test('that two stores count is one of each', async () => {
    const [one, other] = [open(), open()];
    const request = keyed('sk_shop', { source: {} });
    await one.guard(request);
    await other.guard(request);
    expect([await one.rows('key'), await other.rows('key')].flat()).toHaveLength(2);
  });
});

describe('a token of an issuer that is not trusted', () => {
  test('is nobody’s, whatever client it names', async () => {
    const { guard, rows } = open();
    await guard(keyed('sk_shop'));
    await guard(bearing(await second.token({ clientId: 'shop' })));
    expect(await rows('claimed', 'refused')).toEqual([`  claimed ERR_TOKEN_ISSUER ${day} 1`]);
  });
});

describe('clients that are not counted', () => {
  const issuers = trustTestIssuers(first, second) as GuardOptions;
  const make = (exclude: unknown, options: GuardOptions = issuers) => {
    const usage = { exclude } as UsageOptions;
    const lookup = async ({ value }: { readonly value: string }) => ({
      ...{ id: `key_${value}`, clientId: 'ours', issuer: value },
    });
    const guard = createGuard({
      ...options,
      now,
      apiKeys: { from: [{ header: 'x-api-key' }], lookup, usage },
    });
    onTestFinished(() => guard.close());
    return guard;
  };

  test('are those of their issuer alone', async () => {
    const entry = { client: 'ours', issuer: 'https://a.test' };
    const guard = make([entry]);
    for (const issuer of [first, second]) {
      await guard(bearing(await issuer.token({ clientId: 'ours' })));
      await guard(keyed(issuer.options.issuer));
    }
    const { rows, instances } = await guard.usage();
    expect(rows.filter(({ what }) => what === 'key' || what === 'token')).toMatchObject([
      { client: 'ours', issuer: 'https://b.test', what: 'token' },
      { client: 'ours', issuer: 'https://b.test', what: 'key' },
    ]);
    expect(instances).toMatchObject([{ excludes: [entry] }]);
  });

  test('need no issuer where there is one, and may name it', async () => {
    for (const entry of ['ours', { client: 'ours', issuer: 'https://a.test' }]) {
      const guard = make([entry], first.options);
      await guard(bearing(await first.token({ clientId: 'ours' })));
      await guard(keyed('https://a.test'));
      expect((await guard.usage()).rows).toEqual([]);
    }
  });

  test.each<[unknown, RegExp]>([
    [
      ['ours'],
      /usage\.exclude\[0\] must name the issuer .* got "ours"\. Write \{ client: "…", issuer: /,
    ],
    [[{ client: 'ours' }], /usage\.exclude\[0\]\.issuer/],
    [[{ client: 'ours', issuer: 'https://c.test' }], /usage\.exclude\[0\]\.issuer must be one of/],
    [[{ client: '', issuer: 'https://a.test' }], /usage\.exclude\[0\]\.client/],
    [[7], /usage\.exclude\[0\] must be a client id; got 7/],
    ['ours', /usage\.exclude must be an array of client ids; got "ours"/],
  ])('%j is a mistake with several issuers', (exclude, says) => {
    expect(() => make(exclude)).toThrow(says);
  });
});
