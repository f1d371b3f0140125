import { describe, expect, test } from 'vitest';
import { createGuard, type Principal } from '../../src/index.js';
import { mint, seconds } from '../rfc/mint.js';
import {
  createNetwork,
  down,
  freshKey,
  longLived,
  openScene,
  principalOf,
  type Scene,
  settle,
} from './scene.js';

// With the defaults, keys are fetched anew behind a request from 480 s on. What is remembered for an
// hour outlives that, and so shows what a fetch does to it.
const hour = { tokenCache: { ttl: 3_600 } };

interface Warm extends Scene {
  /** A token that is remembered. */
  readonly good: string;
  /** Whom it speaks for. */
  readonly first: Principal;
  /** Lets the guard fetch its keys behind a request with that token, and waits for it. */
  refetch(): Promise<Principal>;
}

async function openWarm(): Promise<Warm> {
  const scene = await openScene(hour);
  const good = scene.token();
  const first = await scene.principal(good);
  return {
    ...scene,
    good,
    first,
    async refetch() {
      scene.clock.advance(480);
      const { asked } = scene.network;
      const principal = await scene.principal(good);
      await settle();
      expect(scene.network.asked).toBe(asked + 1);
      return principal;
    },
  };
}

describe('a fetch', () => {
  test('that lists the same keys ends nothing', async () => {
    const { principal, good, first, refetch } = await openWarm();
    for (let fetches = 0; fetches < 4; fetches += 1) {
      expect(await refetch()).toBe(first);
      expect(await principal(good)).toBe(first);
    }
  });

  test('that lists others as well, before the key and behind it, ends nothing', async () => {
    const { network, key, principal, good, first, refetch } = await openWarm();
    const [before, behind] = [await freshKey('before'), await freshKey('behind')];
    network.keys = [before.jwk, key.jwk, behind.jwk];
    await refetch();
    expect(await principal(good)).toBe(first);
    expect(await principal(longLived(before))).toMatchObject({ subject: 'user_1' });
    expect(await principal(longLived(behind))).toMatchObject({ subject: 'user_1' });
  });

  test('that no longer lists a key ends its tokens, and no others', async () => {
    const { network, key, principal, verdict, good, first, refetch } = await openWarm();
    const second = await freshKey('second');
    network.keys = [key.jwk, second.jwk];
    const other = longLived(second);
    const ofOther = await principal(other);
    network.keys = [second.jwk];
    // The request that it goes on behind is not kept waiting.
    expect(await refetch()).toBe(first);
    expect(await verdict(good)).toBe('ERR_TOKEN_KEY_UNKNOWN');
    expect(await principal(other)).toBe(ofOther);
  });

  test('that was a search for another key ends them too', async () => {
    const { network, principal, verdict, good, first } = await openWarm();
    const second = await freshKey('second');
    network.keys = [second.jwk];
    expect(await principal(good)).toBe(first);
    expect(await verdict(longLived(second))).toBe('allowed');
    expect(await verdict(good)).toBe('ERR_TOKEN_KEY_UNKNOWN');
  });

  test('that lists another key under the same kid ends them too', async () => {
    const { network, verdict, good, refetch } = await openWarm();
    const replaced = await freshKey('first');
    network.keys = [replaced.jwk];
    await refetch();
    expect(await verdict(good)).toBe('ERR_TOKEN_SIGNATURE');
    expect(await verdict(longLived(replaced))).toBe('allowed');
  });

  test.each([
    ['for encryption', { use: 'enc' }, 'ERR_TOKEN_KEY_UNKNOWN'],
    ['with its secret half', { d: 'AQAB' }, 'ERR_TOKEN_KEY_UNKNOWN'],
    ['for another algorithm', { alg: 'Ed25519' }, 'ERR_TOKEN_KEY_MISMATCH'],
    ['under another kid', { kid: 'second' }, 'ERR_TOKEN_KEY_UNKNOWN'],
  ])('that lists the same key %s ends them too', async (_, members, code) => {
    const { network, key, verdict, good, refetch } = await openWarm();
    network.keys = [{ ...key.jwk, ...members }, (await freshKey('beside')).jwk];
    await refetch();
    expect(await verdict(good)).toBe(code);
  });

  test('that lists no key at all ends them at twice maxAge, as a failure of the issuer', async () => {
    const { network, verdict, good, refetch, clock } = await openWarm();
    network.keys = [];
    await refetch();
    clock.advance(719.999);
    expect(await verdict(good)).toBe('allowed');
    clock.advance(0.001);
    expect(await verdict(good)).toBe('ERR_JWKS_RESPONSE');
  });

  test.each<[string, (jwk: Readonly<Record<string, unknown>>) => object]>([
    [
      'with its members in another order',
      (jwk) => Object.fromEntries(Object.entries(jwk).reverse()),
    ],
    ['with a member more', (jwk) => ({ ...jwk, 'x-issued': 1 })],
    ['with a member less', ({ use: _, ...jwk }) => jwk],
  ])('that lists the same key %s ends nothing', async (_, written) => {
    const { network, key, principal, good, first, refetch } = await openWarm();
    network.keys = [written(key.jwk)];
    expect(await refetch()).toBe(first);
    expect(await principal(good)).toBe(first);
    expect(await refetch()).toBe(first);
    expect(await principal(good)).toBe(first);
  });

  test('that lists a key again makes its tokens good again, once they are verified', async () => {
    const { network, key, principal, verdict, good, first, refetch, clock } = await openWarm();
    network.keys = [(await freshKey('second')).jwk];
    await refetch();
    expect(await verdict(good)).toBe('ERR_TOKEN_KEY_UNKNOWN');
    network.keys = [key.jwk];
    clock.advance(30);
    const second = await principal(good);
    expect(second).not.toBe(first);
    expect(second).toEqual(first);
    expect(await principal(good)).toBe(second);
  });

  test('that lists a key again brings back no token that was ended', async () => {
    const { network, key, principal, verdict, good, first, refetch, clock } = await openWarm();
    const second = await freshKey('second');
    network.keys = [second.jwk];
    await refetch();
    // Nobody asks with that token while its key is gone.
    network.keys = [key.jwk, second.jwk];
    clock.advance(480);
    expect(await verdict(longLived(second))).toBe('allowed');
    await settle();
    const again = await principal(good);
    expect(again).not.toBe(first);
    expect(again).toEqual(first);
  });

  test('that lists a key twice is like the one before it', async () => {
    const { network, key, verdict, clock } = await openScene(hour);
    network.keys = [key.jwk, { ...key.jwk }];
    const nameless = mint(key, { header: { kid: undefined }, claims: { exp: seconds + 1e7 } });
    const both = async () => [await verdict(nameless), await verdict(longLived(key))];
    const first = await both();
    for (let fetches = 2; fetches <= 4; fetches += 1) {
      clock.advance(1_200);
      expect(await both()).toEqual(first);
      await settle();
      expect(network.asked).toBe(fetches);
    }
  });

  test('that fails ends nothing', async () => {
    const { network, principal, good, first, refetch } = await openWarm();
    for (const answer of [
      down,
      () => new Response('<html>', { status: 502 }),
      () => Response.json({ keys: {} }),
    ]) {
      network.answer = answer;
      expect(await refetch()).toBe(first);
      expect(await principal(good)).toBe(first);
    }
  });

  test('of one issuer ends no token of another, though their keys share a kid', async () => {
    const scene = await openScene();
    const keys = [await freshKey('shared'), await freshKey('shared')] as const;
    const networks = [createNetwork(keys[0]), createNetwork(keys[1])] as const;
    const names = ['https://a.test', 'https://b.test'];
    const guard = createGuard({
      ...hour,
      issuers: names.map((issuer) => ({ issuer, audience: 'b', jwksUri: `${issuer}/jwks` })),
      now: scene.clock.now,
      fetch: (url, init) => networks[String(url).startsWith('https://a.') ? 0 : 1].fetch(url, init),
    });
    const [a, b] = names.map((iss, i) =>
      mint(keys[i as 0 | 1], { claims: { iss, aud: 'b', exp: seconds + 1e7 } }),
    ) as [string, string];
    const [ofA, ofB] = [await principalOf(guard, a), await principalOf(guard, b)];
    networks[0].keys = [(await freshKey('shared')).jwk];
    scene.clock.advance(480);
    expect(await principalOf(guard, a)).toBe(ofA);
    expect(await principalOf(guard, b)).toBe(ofB);
    await settle();
    await expect(principalOf(guard, a)).rejects.toThrow('ERR_TOKEN_SIGNATURE');
    expect(await principalOf(guard, b)).toBe(ofB);
    // A key of the other issuer is listed, and still not here.
    networks[0].keys = [keys[1].jwk];
    scene.clock.advance(480);
    await principalOf(guard, b);
    await expect(principalOf(guard, a)).rejects.toThrow('ERR_TOKEN_SIGNATURE');
    await guard.close();
  });
});
