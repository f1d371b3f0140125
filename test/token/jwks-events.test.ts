import { describe, expect, test } from 'vitest';
import { ConfigError, createGuard, type GuardOptions, type JwksEvent } from '../../src/index.js';
import { deferred } from '../api-key/scene.js';
import { judge } from '../rfc/ask.js';
import { audience, issuer, mint, seconds } from '../rfc/mint.js';
import {
  atOnce,
  createNetwork,
  down,
  freshKey,
  longLived,
  openScene,
  type Scene,
  type SceneOptions,
  settle,
} from './scene.js';

interface Told extends Scene {
  readonly events: JwksEvent[];
  /** The events since it was asked last, without what they have in common. */
  news(): Promise<object[]>;
}

/** A scene whose guard tells of its keys. */
async function openTold(options: SceneOptions = {}): Promise<Told> {
  const events: JwksEvent[] = [];
  let read = 0;
  const scene = await openScene({ ...options, onJwks: (event) => void events.push(event) });
  return {
    ...scene,
    events,
    async news() {
      await settle();
      const some = events.slice(read).map(({ time, issuer: name, ...rest }) => {
        expect([time, name]).toEqual([expect.any(Number), issuer]);
        return rest;
      });
      read = events.length;
      return some;
    },
  };
}

/** A scene whose guard has fetched its keys. */
async function openWarm(options: SceneOptions = {}): Promise<Told> {
  const scene = await openTold(options);
  await scene.guard.ready();
  expect(await scene.news()).toEqual([{ kind: 'fetched', keys: 1 }]);
  return scene;
}

const failed = { kind: 'failed', detail: `${issuer}/jwks could not be reached` };

describe('fetched', () => {
  test('tells of each fetch when it came, of which issuer, and how many keys can be used', async () => {
    const { events, network, clock, verdict, token, key } = await openTold();
    const second = await freshKey('second');
    network.keys = [key.jwk, null, second.jwk, { kty: 'oct', k: 'AQAB' }, 'key'];
    await atOnce(100, () => verdict(token()));
    await settle();
    expect(events).toEqual([{ time: clock.time, issuer, kind: 'fetched', keys: 2 }]);
    network.keys = [];
    clock.advance(480);
    await verdict(token());
    await settle();
    const detail = `${issuer}/jwks returned an empty JWK Set`;
    expect(events[1]).toEqual({ time: clock.time, issuer, kind: 'failed', detail });
  });

  test('tells nothing else of a first fetch: no key is new where none was there', async () => {
    const { news, verdict, token } = await openTold();
    expect(await verdict(token())).toBe('allowed');
    expect(await news()).toEqual([{ kind: 'fetched', keys: 1 }]);
    await verdict(token());
    expect(await news()).toEqual([]);
  });

  test('tells nothing else of a fetch that lists the same keys', async () => {
    const { news, verdict, token, clock, network, key } = await openWarm();
    const second = await freshKey('second');
    network.keys = [key.jwk, second.jwk];
    clock.advance(480);
    await verdict(token());
    await news();
    for (const keys of [
      [key.jwk, second.jwk],
      [second.jwk, key.jwk],
    ]) {
      network.keys = keys;
      clock.advance(480);
      await verdict(token());
      expect(await news()).toEqual([{ kind: 'fetched', keys: 2 }]);
    }
  });

  test('tells of each issuer by its name', async () => {
    const names = ['https://a.test', 'https://b.test'] as const;
    const networks = [
      createNetwork(await freshKey('a')),
      createNetwork(await freshKey('b')),
    ] as const;
    const events: JwksEvent[] = [];
    const { clock } = await openScene();
    const guard = createGuard({
      issuers: names.map((name) => ({ issuer: name, audience, jwksUri: `${name}/jwks` })),
      now: clock.now,
      fetch: (url, init) => networks[String(url).startsWith('https://a.') ? 0 : 1].fetch(url, init),
      onJwks: (event) => void events.push(event),
    });
    networks[1].answer = down;
    await expect(guard.ready()).rejects.toMatchObject({ code: 'ERR_JWKS_UNREACHABLE' });
    await settle();
    expect(events.map((event) => [event.issuer, event.kind]).sort()).toEqual([
      ['https://a.test', 'fetched'],
      ['https://b.test', 'failed'],
    ]);
  });
});

describe('rotated and withdrawn', () => {
  test('name the keys that came and those that went, in one fetch or in several', async () => {
    const { news, verdict, token, clock, network, key } = await openWarm();
    const [second, third] = [await freshKey('second'), await freshKey('third')];
    const steps: readonly (readonly [(typeof key)[], object[]])[] = [
      [[key, second], [{ kind: 'rotated', kids: ['second'] }]],
      [[second], [{ kind: 'withdrawn', kids: ['first'] }]],
      [
        [key, third],
        [
          { kind: 'rotated', kids: ['first', 'third'] },
          { kind: 'withdrawn', kids: ['second'] },
        ],
      ],
      [[key], [{ kind: 'withdrawn', kids: ['third'] }]],
    ];
    for (const [listed, told] of steps) {
      network.keys = listed.map(({ jwk }) => jwk);
      clock.advance(480);
      await verdict(token());
      expect(await news()).toEqual([{ kind: 'fetched', keys: listed.length }, ...told]);
    }
  });

  test('tell of a key that was found by a search', async () => {
    const { news, verdict, network, key } = await openWarm();
    const second = await freshKey('second');
    network.keys = [key.jwk, second.jwk];
    expect(await verdict(longLived(second))).toBe('allowed');
    expect(await news()).toEqual([
      { kind: 'fetched', keys: 2 },
      { kind: 'rotated', kids: ['second'] },
    ]);
  });

  test('tell of a key that was replaced under its kid', async () => {
    const { news, verdict, token, clock, network } = await openWarm();
    network.keys = [(await freshKey('first')).jwk];
    clock.advance(480);
    await verdict(token());
    expect(await news()).toEqual([
      { kind: 'fetched', keys: 1 },
      { kind: 'rotated', kids: ['first'] },
      { kind: 'withdrawn', kids: ['first'] },
    ]);
  });

  test('call a key without a kid nothing', async () => {
    const { news, verdict, token, clock, network, key } = await openWarm();
    const { kid: _, ...jwk } = (await freshKey('nameless')).jwk;
    network.keys = [key.jwk, jwk];
    clock.advance(480);
    await verdict(token());
    expect(await news()).toEqual([
      { kind: 'fetched', keys: 2 },
      { kind: 'rotated', kids: [''] },
    ]);
  });

  test('say nothing of a key that stands twice, and is still there', async () => {
    const { news, verdict, token, clock, network, key } = await openTold();
    network.keys = [key.jwk, { ...key.jwk }];
    for (let fetches = 0; fetches < 3; fetches += 1) {
      await verdict(token({ jti: `${fetches}` }));
      for (const one of await news()) expect(one).toMatchObject({ kind: 'fetched' });
      clock.advance(480);
    }
  });

  test('tell how the keys to begin with differ from those that are fetched', async () => {
    const key = await freshKey('old');
    const { news, verdict, guard } = await openTold({ jwks: { initial: { keys: [key.jwk] } } });
    await guard.ready();
    expect(await news()).toEqual([]);
    expect(await verdict(longLived(key))).toBe('allowed');
    expect(await news()).toEqual([
      { kind: 'fetched', keys: 1 },
      { kind: 'rotated', kids: ['first'] },
      { kind: 'withdrawn', kids: ['old'] },
    ]);
  });

  test('say nothing of a fetch that failed', async () => {
    const { news, verdict, token, clock, network } = await openWarm();
    network.answer = () => Response.json({ keys: 'none' });
    clock.advance(480);
    await verdict(token());
    expect(await news()).toEqual([
      { kind: 'failed', detail: `${issuer}/jwks returned JSON that is not a JWK Set` },
    ]);
  });
});

describe('failed', () => {
  test('tells of each fetch that failed, once however many waited, and why', async () => {
    const { news, verdict, token, clock, network } = await openTold();
    for (const [answer, detail] of [
      [down, failed.detail],
      [() => new Response('', { status: 502 }), `${issuer}/jwks returned 502`],
      [() => Response.json([]), `${issuer}/jwks returned JSON that is not a JWK Set`],
    ] as const) {
      network.answer = answer;
      await atOnce(60, (i) => verdict(token({ jti: `${i}` })));
      expect(await news()).toEqual([{ kind: 'failed', detail }]);
      clock.advance(30);
    }
  });

  test('tells of a host that hangs', async () => {
    const { news, verdict, token, network } = await openTold({ jwks: { timeout: 0.05 } });
    network.answer = () => new Promise(() => {});
    expect(await verdict(token())).toBe('ERR_JWKS_TIMEOUT');
    expect(await news()).toEqual([
      { kind: 'failed', detail: `no answer within 0.05 s from ${issuer}/jwks` },
    ]);
  });

  test('is as rare as the back-off, though sixty ask', async () => {
    const { events, verdict, token, clock, network } = await openTold();
    network.answer = down;
    const { time } = clock;
    for (let tenth = 0; tenth < 60; tenth += 1) {
      await verdict(token());
      clock.advance(0.1);
    }
    await settle();
    expect(events.map((event) => (event.time - time) / 1000)).toEqual([0, 1, 3]);
    expect(events.map(({ kind }) => kind)).toEqual(['failed', 'failed', 'failed']);
  });

  test('tells of a store that cannot be asked, and the fetch goes on', async () => {
    const store = { get: () => Promise.reject(new Error('secret')), set: async () => {} };
    const { news, verdict, token } = await openTold({ jwks: { store } });
    expect(await verdict(token())).toBe('allowed');
    expect(await news()).toEqual([
      { kind: 'failed', detail: 'jwks.store.get failed, so keys are fetched' },
      { kind: 'fetched', keys: 1 },
    ]);
  });

  test('tells of a store that cannot be told', async () => {
    const set = () => {
      throw new Error('secret');
    };
    const store = { get: async () => undefined, set };
    const { events, verdict, token } = await openTold({ jwks: { store } });
    expect(await verdict(token())).toBe('allowed');
    await settle();
    expect(events.map((event) => ('detail' in event ? event.detail : event.kind)).sort()).toEqual([
      'fetched',
      'jwks.store.set failed: no other process has them',
    ]);
  });
});

describe('stale', () => {
  test('is told once an outage, from maxAge on, and again in the next one', async () => {
    const { news, verdict, token, clock, network } = await openWarm();
    for (let outage = 0; outage < 2; outage += 1) {
      network.answer = down;
      clock.advance(480);
      await verdict(token());
      expect(await news()).toEqual([failed]);
      // Under maxAge, they are not stale.
      clock.advance(119.999);
      await verdict(token());
      expect(await news()).toEqual([failed]);
      clock.advance(0.001);
      await verdict(token());
      expect(await news()).toEqual([{ kind: 'stale' }]);
      for (let later = 0; later < 40; later += 1) {
        clock.advance(60);
        expect(await verdict(token())).toBe('allowed');
        expect(await news()).toEqual([failed]);
      }
      network.answer = undefined;
      clock.advance(30);
      await verdict(token());
      expect(await news()).toEqual([{ kind: 'fetched', keys: 1 }]);
    }
  });

  test('is told where the first request in an outage finds them very old', async () => {
    const { news, verdict, token, clock, network } = await openWarm();
    network.answer = down;
    clock.advance(5_000);
    await atOnce(50, (i) => verdict(token({ jti: `${i}` })));
    expect(await news()).toEqual([failed, { kind: 'stale' }]);
    await verdict(token());
    expect(await news()).toEqual([]);
  });

  test('is not told of old keys that can be fetched anew', async () => {
    const { news, verdict, token, clock } = await openWarm();
    for (const age of [600, 1_199, 1_200, 80_000]) {
      clock.advance(age);
      await verdict(token());
      expect(await news()).toEqual([{ kind: 'fetched', keys: 1 }]);
    }
  });

  test('is not told beyond staleIfError, for nobody uses them', async () => {
    const { news, verdict, token, clock, network } = await openWarm({ jwks: { staleIfError: 0 } });
    network.answer = down;
    clock.advance(600);
    expect(await verdict(token())).toBe('ERR_JWKS_UNREACHABLE');
    expect(await news()).toEqual([failed]);
  });

  test('is told of keys that came from a store, too', async () => {
    const { clock, network, open, token } = await openScene();
    const stored = { issuer, jwks: { keys: network.keys as object[] }, fetchedAt: clock.time };
    const kinds: string[] = [];
    const guard = open({
      jwks: { store: { get: async () => stored, set: async () => {} } },
      onJwks: ({ kind }) => void kinds.push(kind),
    });
    network.answer = down;
    expect(await judge(guard, token())).toBe('allowed');
    await settle();
    // Nothing was fetched.
    expect(kinds.filter((kind) => kind !== 'fetched')).toEqual([]);
    clock.advance(700);
    expect(await judge(guard, token())).toBe('allowed');
    await settle();
    expect(await judge(guard, token())).toBe('allowed');
    await settle();
    expect(kinds.filter((kind) => kind !== 'fetched')).toEqual(['failed', 'stale']);
  });
});

describe('a listener', () => {
  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('the listener broke');
      },
    ],
    ['rejects', () => Promise.reject(new Error('the listener broke'))],
    ['throws nothing in particular', () => Promise.reject(undefined)],
    ['never answers', () => new Promise(() => {})],
  ])('that %s changes nothing', async (_, listener) => {
    let told = 0;
    const { verdict, token, clock, network, guard } = await openScene({
      onJwks: () => {
        told += 1;
        return listener() as never;
      },
    });
    network.answer = down;
    expect(await verdict(token())).toBe('ERR_JWKS_UNREACHABLE');
    network.answer = undefined;
    clock.advance(1);
    expect(await verdict(token())).toBe('allowed');
    network.keys = [(await freshKey('second')).jwk];
    clock.advance(480);
    expect(await verdict(token())).toBe('allowed');
    await settle();
    expect(await verdict(token())).toBe('ERR_TOKEN_KEY_UNKNOWN');
    await guard.ready();
    await settle();
    // failed, fetched; fetched, rotated, withdrawn; and one search.
    expect(told).toBe(6);
  });

  test('that changes its event changes nobody else’s', async () => {
    const { verdict, token, clock, network, key } = await openScene({
      onJwks: (event) => {
        Object.assign(event, { kind: 'withdrawn', kids: [], issuer: 'https://evil.test' });
      },
    });
    expect(await verdict(token())).toBe('allowed');
    network.keys = [key.jwk, (await freshKey('second')).jwk];
    clock.advance(480);
    expect(await verdict(token())).toBe('allowed');
    await settle();
    expect(await verdict(token())).toBe('allowed');
  });

  test('that asks the guard in turn is answered', async () => {
    const answered = deferred<string>();
    const { guard, token, verdict } = await openScene({
      onJwks: async () => answered.resolve(await judge(guard, token({ jti: 'in turn' }))),
    });
    expect(await verdict(token())).toBe('allowed');
    expect(await answered.promise).toBe('allowed');
  });

  test('is told of no token', async () => {
    const { events, verdict, token, network } = await openTold();
    const stranger = mint(await freshKey('stranger'), { claims: { exp: seconds + 1e7 } });
    await verdict(stranger);
    network.answer = down;
    await verdict(stranger);
    await verdict(token());
    await settle();
    const text = JSON.stringify(events);
    for (const one of [stranger, token()]) {
      for (const segment of one.split('.')) expect(text).not.toContain(segment);
    }
    expect(text).not.toContain('stranger');
  });
});

describe('after close', () => {
  test('nothing is told, of requests or of what was on its way', async () => {
    const { news, guard, verdict, token, clock, network } = await openWarm();
    let answer: (response: Response) => void = () => {};
    network.answer = () =>
      new Promise((done) => {
        answer = done;
      });
    clock.advance(480);
    await verdict(token());
    await guard.close();
    answer(Response.json({ keys: [] }));
    expect(await news()).toEqual([]);
    clock.advance(86_400);
    expect(await verdict(token())).toBe('ERR_JWKS_UNREACHABLE');
    await expect(guard.ready()).rejects.toMatchObject({ code: 'ERR_JWKS_UNREACHABLE' });
    expect(await news()).toEqual([]);
  });

  test('nothing is told of old keys that serve on', async () => {
    const { news, guard, verdict, token, clock } = await openWarm();
    await guard.close();
    for (const age of [700, 5_000]) {
      clock.advance(age);
      expect(await verdict(token())).toBe('allowed');
      expect(await news()).toEqual([]);
    }
  });

  test.each<[string, 'get' | 'set']>([
    ['asked', 'get'],
    ['told', 'set'],
  ])('nothing is told of a store that was just being %s', async (_, name) => {
    let fail: (error: Error) => void = () => {};
    const pending = () =>
      new Promise<never>((_, reject) => {
        fail = reject;
      });
    const store = { get: async () => undefined, set: async () => {}, [name]: pending };
    const { news, guard, verdict, token } = await openTold({ jwks: { store } });
    const waiting = verdict(token());
    await settle();
    await news();
    await guard.close();
    fail(new Error('the store is down'));
    await waiting;
    await settle();
    expect(await news()).toEqual([]);
  });
});

test.each([[null], [false], [0], [''], [true], ['console.log'], [{}], [[]]])(
  'onJwks that is %j is a ConfigError',
  (onJwks) => {
    const make = () => createGuard({ issuer, audience, onJwks } as unknown as GuardOptions);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(/^options\.onJwks must be a function; got .*\. See "Options"/);
  },
);

test('onJwks is an option that may be left out, or have what it needs', () => {
  expect(createGuard({ issuer, audience, onJwks: () => {} })).toBeTypeOf('function');
});
