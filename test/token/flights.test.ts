import { describe, expect, test } from 'vitest';
import type { DecisionEvent } from '../../src/index.js';
import { bearing } from '../rfc/ask.js';
import { mint, seconds } from '../rfc/mint.js';
import {
  atOnce,
  down,
  freshKey,
  keepBack,
  longLived,
  openScene,
  type SceneOptions,
  settle,
} from './scene.js';

const openTold = async (options: SceneOptions = {}) => {
  const events: DecisionEvent[] = [];
  return {
    ...(await openScene({ ...options, onDecision: (one) => void events.push(one) })),
    events,
  };
};

describe('a new token that comes a thousand times at once', () => {
  test('is verified once, after one fetch', async () => {
    const { principal, token, network, events } = await openTold();
    const all = await atOnce(1_000, () => principal(token()));
    expect(new Set(all).size).toBe(1);
    expect(network.asked).toBe(1);
    expect(await principal(token())).toBe(all[0]);
    expect(events).toHaveLength(1_001);
    expect(new Set(events.map(({ outcome, subject }) => `${outcome} ${subject}`))).toEqual(
      new Set(['allow user_1']),
    );
  });

  test('is verified once where the keys are there already', async () => {
    const { principal, token, guard, network } = await openTold();
    await guard.ready();
    const all = await atOnce(1_000, () => principal(token()));
    expect(new Set(all).size).toBe(1);
    expect(network.asked).toBe(1);
  });

  test('is judged each time by what the request asks', async () => {
    const { verdict, token, events } = await openTold();
    const good = token({ scope: 'a', org_id: 'org_1' });
    const asks = [
      [{ scopes: ['a'] }, 'allowed'],
      [{ scopes: ['b'] }, 'ERR_SCOPE_MISSING'],
      [{ orgId: 'org_2' }, 'ERR_ORG_MISMATCH'],
      [{ check: () => false }, 'ERR_CHECK_FAILED'],
    ] as const;
    const all = await atOnce(1_000, async (i) => {
      const [requirements, code] = asks[i % 4] as (typeof asks)[0];
      return [code, await verdict(good, requirements)];
    });
    for (const [code, said] of all) expect(said).toBe(code);
    expect(events).toHaveLength(1_000);
  });

  test('beside others is not mixed up with them', async () => {
    const { principal, token, network } = await openTold();
    const tokens = Array.from({ length: 50 }, (_, i) => token({ sub: `user_${i}` }));
    const all = await atOnce(1_000, (i) => principal(tokens[i % 50] as string));
    for (const [i, one] of all.entries()) expect(one).toBe(all[i % 50]);
    expect(all.slice(0, 50).map(({ subject }) => subject)).toEqual(
      Array.from({ length: 50 }, (_, i) => `user_${i}`),
    );
    expect(network.asked).toBe(1);
  });
});

describe('a refusal that many wait for', () => {
  test('is each one’s own, with an event of what it claims', async () => {
    const { verdict, key, events, principal, token } = await openTold();
    const stranger = await freshKey(key.kid);
    const forged = longLived(stranger, { client_id: 'acme' });
    const all = await atOnce(1_000, () => verdict(forged));
    expect(new Set(all)).toEqual(new Set(['ERR_TOKEN_SIGNATURE']));
    expect(events).toHaveLength(1_000);
    for (const event of events) {
      expect(event).toMatchObject({
        outcome: 'deny',
        status: 401,
        reason: 'ERR_TOKEN_SIGNATURE',
        claimed: { issuer: 'https://issuer.test', clientId: 'acme' },
      });
      expect(event).not.toHaveProperty('clientId');
    }
    expect(await verdict(forged)).toBe('ERR_TOKEN_SIGNATURE');
    expect(await principal(token())).toMatchObject({ clientId: 'client_1' });
  });

  test.each([
    ['a bound token', { cnf: { jkt: 'a' } }, 'ERR_TOKEN_BOUND'],
    ['another audience', { aud: 'https://other.test' }, 'ERR_TOKEN_AUDIENCE'],
    ['a time that is over', { exp: seconds - 5 }, 'ERR_TOKEN_EXPIRED'],
  ])('is not forgotten for %s either', async (_, bent, code) => {
    const { verdict, token, events } = await openTold();
    expect(new Set(await atOnce(100, () => verdict(token(bent))))).toEqual(new Set([code]));
    expect(new Set(events.map(({ claimed }) => claimed?.clientId))).toEqual(new Set(['client_1']));
    expect(events).toHaveLength(100);
    expect(await verdict(token(bent))).toBe(code);
  });

  test('for an outage is not remembered: the same token is good when it is over', async () => {
    const { verdict, principal, token, network, clock, events } = await openTold();
    network.answer = down;
    const all = await atOnce(200, () => verdict(token()));
    expect(new Set(all)).toEqual(new Set(['ERR_JWKS_UNREACHABLE']));
    expect(network.asked).toBe(1);
    expect(new Set(events.map(({ outcome, status }) => `${outcome} ${status}`))).toEqual(
      new Set(['error 503']),
    );
    network.answer = undefined;
    clock.advance(1);
    const first = await principal(token());
    expect(await principal(token())).toBe(first);
    expect(network.asked).toBe(2);
  });

  test('for an unknown key is not remembered: the same token is good once it is there', async () => {
    const { verdict, principal, network, clock } = await openTold();
    const late = await freshKey('late');
    const early = longLived(late);
    const all = await atOnce(200, () => verdict(early));
    expect(new Set(all)).toEqual(new Set(['ERR_TOKEN_KEY_UNKNOWN']));
    network.keys = [...network.keys, late.jwk];
    clock.advance(1);
    const first = await principal(early);
    expect(await principal(early)).toBe(first);
  });

  test('is over with it: one that comes later is verified by itself', async () => {
    const { verdict, key, network } = await openTold();
    const replaced = await freshKey(key.kid);
    const early = longLived(replaced);
    expect(new Set(await atOnce(100, () => verdict(early)))).toEqual(
      new Set(['ERR_TOKEN_SIGNATURE']),
    );
    network.keys = [replaced.jwk];
    const unknown = mint(await freshKey('unknown'));
    expect(await verdict(unknown)).toBe('ERR_TOKEN_KEY_UNKNOWN');
    expect(await verdict(early)).toBe('allowed');
  });
});

describe('while a token waits for its keys', () => {
  test('its time can end: who comes after that is refused', async () => {
    const { guard, verdict, token, network, clock } = await openTold();
    const short = token({ exp: seconds + 10 });
    const release = keepBack(network);
    const waiting = guard(bearing(short));
    await settle();
    clock.advance(15);
    expect(await verdict(short)).toBe('ERR_TOKEN_EXPIRED');
    release();
    await waiting;
    expect(await verdict(short)).toBe('ERR_TOKEN_EXPIRED');
    expect(network.asked).toBe(1);
  });

  test('what is remembered of others is at hand', async () => {
    const { principal, token, network, clock, key } = await openTold({
      tokenCache: { ttl: 3_600 },
    });
    const first = await principal(token());
    const second = await freshKey('second');
    network.keys = [key.jwk, second.jwk];
    clock.advance(700);
    const release = keepBack(network);
    const waiting = principal(longLived(second));
    expect(await principal(token())).toBe(first);
    release();
    expect(await waiting).not.toBe(first);
  });

  test('a guard that is closed refuses all who wait, and remembers nothing of it', async () => {
    const { guard, token, network, verdict } = await openTold();
    keepBack(network);
    const waiting = atOnce(50, () => verdict(token()));
    await settle();
    await guard.close();
    expect(new Set(await waiting)).toEqual(new Set(['ERR_JWKS_UNREACHABLE']));
    expect(await verdict(token())).toBe('ERR_JWKS_UNREACHABLE');
  });

  test('a clock that breaks is a bug for all who wait, and for nobody after', async () => {
    const { guard, principal, token, network, clock } = await openTold();
    const release = keepBack(network);
    const waiting = [guard(bearing(token())), guard(bearing(token()))];
    const { time } = clock;
    await settle();
    clock.time = Number.NaN;
    release();
    for (const one of await Promise.allSettled(waiting)) {
      expect(one).toMatchObject({ status: 'rejected', reason: expect.any(TypeError) });
    }
    clock.time = time;
    expect(await principal(token())).toMatchObject({ subject: 'user_1' });
  });
});
