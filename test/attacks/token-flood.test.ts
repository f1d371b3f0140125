import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { Principal } from '../../src/index.js';
import { encode, mint, seconds } from '../rfc/mint.js';
import { inFull } from '../runs.js';
import {
  atOnce,
  down,
  freshKey,
  longLived,
  openScene,
  type Scene,
  type SceneOptions,
} from '../token/scene.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes in use once nothing is waiting and everything that can be freed is. */
async function bytesUsed(): Promise<number> {
  for (let i = 0; i < 4; i += 1) {
    await new Promise((done) => setImmediate(done));
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** A guard that remembers a hundred good tokens, and can remember no more. */
async function openFull(options: SceneOptions = {}) {
  const scene = await openScene({ tokenCache: { max: 100 }, ...options });
  const good = Array.from({ length: 100 }, (_, i) => scene.token({ jti: `good ${i}` }));
  const first = await Promise.all(good.map((one) => scene.principal(one)));
  /** How many of them are still remembered. */
  async function remembered(): Promise<number> {
    const now: Principal[] = await Promise.all(good.map((one) => scene.principal(one)));
    return now.filter((one, i) => one === first[i]).length;
  }
  return { ...scene, remembered };
}

type Bend = (scene: Scene, i: number) => string;

/** Tokens that are each refused, and no two alike. */
const bends: Readonly<Record<string, Bend>> = {
  ERR_TOKEN_SIGNATURE: ({ token }, i) => {
    const [head, body] = token({ jti: `${i}` }).split('.');
    return `${head}.${body}.${Buffer.alloc(64, `${i} `).toString('base64url')}`;
  },
  ERR_TOKEN_BOUND: ({ token }, i) => token({ jti: `${i}`, cnf: { jkt: 'a' } }),
  ERR_TOKEN_EXPIRED: (_, i) => written({ exp: seconds - 5, jti: `${i}` }),
  ERR_TOKEN_AUDIENCE: (_, i) => written({ aud: `https://other.test/${i}` }),
  ERR_TOKEN_ISSUER: (_, i) => written({ iss: `https://evil.test/${i}` }),
  ERR_TOKEN_KEY_UNKNOWN: (_, i) => written({}, { kid: `unknown ${i}` }),
  ERR_TOKEN_MALFORMED: (_, i) => `${encode('{"alg":"EdDSA"}')}.${encode(`{"i":${i},"i":1}`)}.AAAA`,
  ERR_TOKEN_NOT_JWT: (_, i) => `opaque-${i}.${'a'.repeat(8_000)}`,
};

/** What nobody signed: who floods has no key. */
function written(claims: object, header: object = {}): string {
  const good = { iss: 'https://issuer.test', aud: 'https://api.test', exp: seconds + 1e7 };
  const parts = [
    { alg: 'EdDSA', kid: 'first', ...header },
    { ...good, ...claims },
  ];
  const [head, body] = parts.map((part) => encode(JSON.stringify(part)));
  return `${head}.${body}.${'A'.repeat(86)}`;
}

/** Sends as many of them, some hundreds at once, and answers what came of it. */
async function flood(scene: Scene, bend: Bend, [from, to]: readonly [number, number]) {
  const codes = new Set<string>();
  for (let sent = from; sent < to; sent += 500) {
    for (const code of await atOnce(500, (i) => scene.verdict(bend(scene, sent + i)))) {
      codes.add(code);
    }
  }
  return [...codes];
}

describe('a flood of 50 000 refused tokens', () => {
  test.runIf(inFull)(
    'evicts no good one, and is not remembered',
    { timeout: 120_000 },
    async () => {
      const scene = await openFull();
      const shares = { ERR_TOKEN_SIGNATURE: 10_000, ERR_TOKEN_BOUND: 5_000 };
      const rest = Object.keys(bends).filter((code) => !(code in shares));
      const counts = new Map<string, number>(Object.entries(shares));
      // The remaining 35 000, in whole waves of 500.
      for (const [i, code] of rest.entries()) counts.set(code, i === 0 ? 7_500 : 5_500);
      expect([...counts.values()].reduce((sum, count) => sum + count)).toBe(50_000);
      for (const [code, bend] of Object.entries(bends)) {
        expect(await flood(scene, bend, [0, counts.get(code) ?? 0])).toEqual([code]);
        expect([code, await scene.remembered()]).toEqual([code, 100]);
      }
      // One fetch for the keys, one search for all that were unknown.
      expect(scene.network.asked).toBe(2);
    },
  );

  test.runIf(inFull)('leaves memory flat', { timeout: 120_000 }, async () => {
    const scene = await openFull();
    const all = async ([from, to]: readonly [number, number]) => {
      for (const bend of Object.values(bends)) await flood(scene, bend, [from, to]);
    };
    await all([0, 1_000]);
    const before = await bytesUsed();
    await all([1_000, 4_000]);
    expect((await bytesUsed()) - before).toBeLessThan(2 * 2 ** 20);
  });

  test('of one and the same token is refused each time anew', async () => {
    const scene = await openFull();
    for (const [code, bend] of Object.entries(bends)) {
      const one = bend(scene, 0);
      const all = await atOnce(200, () => scene.verdict(one));
      expect([code, ...new Set(all)]).toEqual([code, code]);
      expect(await scene.verdict(one)).toBe(code);
    }
    expect(await scene.remembered()).toBe(100);
  });

  test('of tokens that were good evicts none that is', async () => {
    const scene = await openFull({ tokenCache: { max: 200 } });
    const short = Array.from({ length: 100 }, (_, i) =>
      scene.token({ exp: seconds + 10, jti: `short ${i}` }),
    );
    for (const one of short) expect(await scene.verdict(one)).toBe('allowed');
    scene.clock.advance(15);
    for (let round = 0; round < 5; round += 1) {
      for (const one of short) expect(await scene.verdict(one)).toBe('ERR_TOKEN_EXPIRED');
    }
    expect(await scene.remembered()).toBe(100);
  });

  test('of tokens that lack a scope evicts none of the good ones that fit', async () => {
    const scene = await openFull({ tokenCache: { max: 200 } });
    const codes = await atOnce(100, (i) =>
      scene.verdict(scene.token({ jti: `poor ${i}` }), { scopes: ['admin'] }),
    );
    expect(new Set(codes)).toEqual(new Set(['ERR_SCOPE_MISSING']));
    expect(await scene.remembered()).toBe(100);
  });
});

describe('a flood of random kids', () => {
  const unknown = (kid: string) => mint({ ...stranger, kid });
  const named = (start: string, count: number) =>
    Array.from({ length: count }, (_, i) => unknown(`${start} ${i}`));
  let stranger: Awaited<ReturnType<typeof freshKey>>;

  test('of a thousand in ten seconds costs two fetches at most, and all are answered', async () => {
    stranger = await freshKey('stranger');
    const { verdict, network, clock, token, guard } = await openScene();
    await guard.ready();
    const good = token();
    for (let tenth = 0; tenth < 100; tenth += 1) {
      const codes = await Promise.all(named(`${tenth}`, 10).map((one) => verdict(one)));
      expect(new Set(codes)).toEqual(new Set(['ERR_TOKEN_KEY_UNKNOWN']));
      expect(await verdict(good)).toBe('allowed');
      clock.advance(0.1);
    }
    expect(network.asked).toBe(3);
  });

  test('does not keep out a key that is rotated in amidst it, for longer than a cool-down', async () => {
    stranger = await freshKey('stranger');
    const { verdict, network, clock, guard, key } = await openScene();
    await guard.ready();
    const fresh = await freshKey('fresh');
    const late = longLived(fresh);
    let live = Number.NaN;
    for (let tenth = 0; tenth <= 400; tenth += 1) {
      if (tenth === 50) network.keys = [key.jwk, fresh.jwk];
      await Promise.all(named(`${tenth}`, 3).map((one) => verdict(one)));
      if (tenth >= 50 && Number.isNaN(live) && (await verdict(late)) === 'allowed') live = tenth;
      clock.advance(0.1);
    }
    expect(live).toBeGreaterThan(50);
    expect(live - 50).toBeLessThanOrEqual(300);
    // At 0 s and 1 s, and then one per cool-down.
    expect(network.asked).toBe(4);
  });

  test('does not keep out a key whose token came a second before it, for longer than two', async () => {
    stranger = await freshKey('stranger');
    const { verdict, network, clock, guard, key } = await openScene();
    await guard.ready();
    const fresh = await freshKey('fresh');
    const early = longLived(fresh);
    const live: number[] = [];
    for (let tenth = 0; tenth <= 30; tenth += 1) {
      if (tenth === 10) network.keys = [key.jwk, fresh.jwk];
      // The token first, and the flood behind it.
      if ((await verdict(early)) === 'allowed') live.push(tenth);
      await Promise.all(named(`${tenth}`, 10).map((one) => verdict(one)));
      clock.advance(0.1);
    }
    expect(live[0]).toBeLessThanOrEqual(20);
    expect(live).toHaveLength(31 - Number(live[0]));
  });

  test('while the host is down is answered with 503, by the back-off', async () => {
    stranger = await freshKey('stranger');
    const { verdict, network, clock, guard, token } = await openScene();
    await guard.ready();
    const good = token();
    network.answer = down;
    for (let tenth = 0; tenth < 100; tenth += 1) {
      const codes = await Promise.all(named(`${tenth}`, 10).map((one) => verdict(one)));
      expect(new Set(codes)).toEqual(new Set(['ERR_JWKS_UNREACHABLE']));
      expect(await verdict(good)).toBe('allowed');
      clock.advance(0.1);
    }
    // At 0 s, 1 s, 3 s and 7 s.
    expect(network.asked).toBe(5);
  });
});

describe('a thousand first requests at once', () => {
  test('with a token each make one fetch', async () => {
    const { verdict, token, network } = await openScene();
    const codes = await atOnce(1_000, (i) => verdict(token({ jti: `${i}` })));
    expect(new Set(codes)).toEqual(new Set(['allowed']));
    expect(network.asked).toBe(1);
  });

  test('half of which nobody signed make one fetch, and each gets its own answer', async () => {
    const scene = await openScene();
    const forged = bends.ERR_TOKEN_SIGNATURE as Bend;
    const codes = await atOnce(1_000, (i) =>
      scene.verdict(i % 2 === 0 ? scene.token({ jti: `${i}` }) : forged(scene, i)),
    );
    expect(new Set(codes.filter((_, i) => i % 2 === 0))).toEqual(new Set(['allowed']));
    expect(new Set(codes.filter((_, i) => i % 2 === 1))).toEqual(new Set(['ERR_TOKEN_SIGNATURE']));
    expect(scene.network.asked).toBe(1);
  });
});
