import { describe, expect, test } from 'vitest';
import type { Principal } from '../../src/index.js';
import { bearing } from '../rfc/ask.js';
import { down, freshKey, keepBack, longLived, openScene, type Scene, settle } from './scene.js';

// With the defaults: 480 s is 80 % of maxAge, 1200 s is twice maxAge, 86 400 s is staleIfError. No token
// is remembered for longer than an hour, so what outlives its keys has keys that age faster.
const hour = { tokenCache: { ttl: 3_600 } };

interface Warm extends Scene {
  /** A token that is remembered. */
  readonly good: string;
  readonly first: Principal;
}

/** A scene in which a token is remembered, and was verified this many seconds ago. */
async function openAged(age: number, keys = {}): Promise<Warm> {
  const scene = await openScene({ ...hour, jwks: keys });
  const good = scene.token();
  const first = await scene.principal(good);
  scene.clock.advance(age);
  return { ...scene, good, first };
}

describe('a remembered token', () => {
  test('under 80 % of maxAge costs no fetch', async () => {
    const { principal, good, first, network } = await openAged(479.999);
    network.answer = down;
    expect(await principal(good)).toBe(first);
    expect(network.asked).toBe(1);
  });

  test.each([480, 599.999, 600, 1_199.999])(
    'at %d s waits for nothing, and one fetch goes on behind',
    async (age) => {
      const { principal, verdict, good, first, network, clock } = await openAged(age);
      const second = await freshKey('second');
      network.keys = [...network.keys, second.jwk];
      const release = keepBack(network);
      for (let i = 0; i < 20; i += 1) expect(await principal(good)).toBe(first);
      expect(network.asked).toBe(2);
      release();
      // The new key can only have come by that fetch.
      expect(await verdict(longLived(second))).toBe('allowed');
      clock.advance(479);
      expect(await principal(good)).toBe(first);
      expect(network.asked).toBe(2);
    },
  );

  test('has keys as old as the asking for them, however long the answer took', async () => {
    const { principal, token, network, clock } = await openScene(hour);
    const release = keepBack(network);
    const waiting = principal(token());
    await settle();
    clock.advance(100);
    release();
    const first = await waiting;
    clock.advance(379.999);
    expect(await principal(token())).toBe(first);
    expect(network.asked).toBe(1);
    clock.advance(0.001);
    expect(await principal(token())).toBe(first);
    expect(network.asked).toBe(2);
  });

  test('from twice maxAge on waits for one fetch, shared with new tokens', async () => {
    const { principal, token, good, first, network } = await openAged(1_200);
    const release = keepBack(network);
    const answered: Principal[] = [];
    const old = Array.from({ length: 50 }, async () => answered.push(await principal(good)));
    const young = Array.from({ length: 50 }, (_, i) => principal(token({ jti: `${i}` })));
    await settle();
    expect(answered).toEqual([]);
    expect(network.asked).toBe(2);
    release();
    await Promise.all([...old, ...young]);
    expect(new Set(answered)).toEqual(new Set([first]));
    for (const one of answered) expect(one).toBe(first);
    expect(network.asked).toBe(2);
  });

  test('from twice maxAge on is refused, if that fetch no longer lists its key', async () => {
    const { verdict, good, network } = await openAged(1_200);
    network.keys = [(await freshKey('second')).jwk];
    const all = await Promise.all(Array.from({ length: 20 }, () => verdict(good)));
    expect(new Set(all)).toEqual(new Set(['ERR_TOKEN_KEY_UNKNOWN']));
    // For them all, one that found the keys old, and one that looked for theirs.
    expect(network.asked).toBe(3);
  });

  test('that waited for the keys until its time was over is refused', async () => {
    const { guard, clock, network, token, principal } = await openScene({
      ...hour,
      jwks: { maxAge: 100 },
    });
    const short = token({ exp: clock.time / 1000 + 300 });
    await principal(short);
    clock.advance(290);
    const release = keepBack(network);
    const waiting = guard(bearing(short));
    await settle();
    clock.advance(15);
    release();
    expect(await waiting).toMatchObject({ allowed: false, error: { code: 'ERR_TOKEN_EXPIRED' } });
  });

  test('is good while the host is down, until staleIfError, and then it is 503', async () => {
    const { principal, guard, good, first, network, clock } = await openAged(1_200, {
      staleIfError: 3_000,
    });
    network.answer = down;
    expect(await principal(good)).toBe(first);
    clock.advance(1_799.999);
    expect(await principal(good)).toBe(first);
    clock.advance(0.001);
    const decision = await guard(bearing(good));
    expect(decision).toMatchObject({
      allowed: false,
      error: { name: 'UpstreamError', code: 'ERR_JWKS_UNREACHABLE' },
      denial: { status: 503, headers: { 'Retry-After': '2' } },
    });
    expect(decision.allowed || Object.keys(decision.denial.headers)).not.toContain(
      'WWW-Authenticate',
    );
  });

  test('is good again when the host is well again', async () => {
    const { principal, verdict, good, first, network, clock } = await openAged(3_000, {
      staleIfError: 3_000,
    });
    network.answer = down;
    expect(await verdict(good)).toBe('ERR_JWKS_UNREACHABLE');
    network.answer = undefined;
    expect(await verdict(good)).toBe('ERR_JWKS_UNREACHABLE');
    clock.advance(1);
    // It was not forgotten meanwhile, for its key is the same.
    expect(await principal(good)).toBe(first);
    expect(network.asked).toBe(3);
  });

  test('with staleIfError: 0 is 503 from maxAge on, and not before', async () => {
    const { principal, verdict, good, first, network, clock } = await openAged(599.999, {
      staleIfError: 0,
    });
    network.answer = down;
    expect(await principal(good)).toBe(first);
    clock.advance(1);
    expect(await verdict(good)).toBe('ERR_JWKS_UNREACHABLE');
  });

  test('costs no more fetches in an outage than the back-off allows', async () => {
    const { principal, good, first, network, clock } = await openAged(1_200);
    network.answer = down;
    for (const [fetches, wait] of [1, 2, 4, 8, 16, 30, 30].entries()) {
      for (let i = 0; i < 5; i += 1) expect(await principal(good)).toBe(first);
      clock.advance(wait - 0.001);
      expect(await principal(good)).toBe(first);
      expect(network.asked).toBe(fetches + 2);
      clock.advance(0.001);
    }
  });

  test('lives on with a closed guard for as long as its keys do', async () => {
    const { guard, principal, verdict, good, first, clock, network } = await openAged(0);
    await guard.close();
    clock.advance(599.999);
    expect(await principal(good)).toBe(first);
    clock.advance(600);
    expect(await principal(good)).toBe(first);
    expect(network.asked).toBe(1);
    expect(await verdict(good)).toBe('allowed');
  });
});

describe('a clock that is set back', () => {
  test('makes the keys old: remembered tokens wait for one fetch', async () => {
    const { principal, verdict, good, first, network, clock, token } = await openAged(0);
    clock.advance(-1);
    const release = keepBack(network);
    const waiting = [verdict(good), verdict(good), verdict(token({ jti: 'new' }))];
    await settle();
    expect(network.asked).toBe(2);
    release();
    expect(await Promise.all(waiting)).toEqual(['allowed', 'allowed', 'allowed']);
    expect(await principal(good)).not.toBe(first);
    expect(network.asked).toBe(2);
  });

  test('behind staleIfError of the keys while the host is down is 503', async () => {
    const { verdict, good, network, clock } = await openAged(0, { staleIfError: 0 });
    network.answer = down;
    clock.advance(-1);
    expect(await verdict(good)).toBe('ERR_JWKS_UNREACHABLE');
  });

  test('and on again in an outage leaves remembered tokens to staleIfError from then', async () => {
    const { verdict, good, network, clock } = await openAged(0, { staleIfError: 2_000 });
    network.answer = down;
    clock.advance(-5);
    expect(await verdict(good)).toBe('allowed');
    clock.advance(799.999);
    expect(await verdict(good)).toBe('allowed');
    clock.advance(0.002);
    expect(await verdict(good)).toBe('ERR_JWKS_UNREACHABLE');
  });
});
