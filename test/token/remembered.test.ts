import { describe, expect, test } from 'vitest';
import { sending, verdict } from '../rfc/ask.js';
import { seconds } from '../rfc/mint.js';
import { inFull } from '../runs.js';
import { freshKey, longLived, openScene, principalOf, settle } from './scene.js';

describe('a token that comes again', () => {
  test('speaks for the same object, and is not verified again', async () => {
    const { token, principal } = await openScene();
    const first = await principal(token());
    expect(await principal(token())).toBe(first);
    expect(await principal(token({ jti: 'another' }))).not.toBe(first);
    expect(await principal(token())).toBe(first);
  });

  test('is known however its scheme is written', async () => {
    const { token, principal, guard } = await openScene();
    const first = await principal(token());
    for (const scheme of ['bearer', 'BEARER', 'Bearer ']) {
      const decision = await guard(sending(`${scheme} ${token()}`));
      expect(decision.allowed && decision.principal).toBe(first);
    }
  });

  test('is known by its whole text: what is nearly it is refused', async () => {
    const { token, principal, verdict } = await openScene();
    const good = token();
    const first = await principal(good);
    const [head = '', body = '', signature = ''] = good.split('.');
    const other = await freshKey('first');
    const forged = longLived(other).split('.')[2];
    // The same 64 bytes to a decoder that drops the bits left over.
    const last = signature.at(-1) === 'A' ? 'B' : String.fromCharCode(signature.charCodeAt(85) + 1);
    for (const [nearly, code] of [
      [`${head}.${body}.${signature.slice(0, -1)}${last}`, 'ERR_TOKEN_MALFORMED'],
      [`${good}=`, 'ERR_TOKEN_MALFORMED'],
      [good.slice(0, -1), 'ERR_TOKEN_MALFORMED'],
      [`${head}.${body}.${forged}`, 'ERR_TOKEN_SIGNATURE'],
      [`${good}.`, 'ERR_TOKEN_NOT_JWT'],
      [`${good}é`, 'ERR_HEADER_MALFORMED'],
      [`${good}\ud800`, 'ERR_HEADER_MALFORMED'],
    ]) {
      expect([nearly, await verdict(String(nearly))]).toEqual([nearly, code]);
    }
    expect(await principal(good)).toBe(first);
  });

  test('is remembered by one guard, and not by another', async () => {
    const { token, guard, open } = await openScene();
    const [same, strict] = [open(), open({ typ: ['JWT'] })];
    const first = await principalOf(guard, token());
    const second = await principalOf(same, token());
    expect(second).not.toBe(first);
    expect(second).toEqual(first);
    expect(verdict(await strict(sending(`Bearer ${token()}`)))).toBe('ERR_TOKEN_TYPE');
  });
});

describe('its time to be remembered', () => {
  test('is 300 seconds, from when it was verified', async () => {
    const { token, principal, clock } = await openScene();
    const first = await principal(token());
    for (const pause of [100, 100, 99.999]) {
      clock.advance(pause);
      expect(await principal(token())).toBe(first);
    }
    clock.advance(0.001);
    const second = await principal(token());
    expect(second).not.toBe(first);
    expect(second).toEqual(first);
    clock.advance(299.999);
    expect(await principal(token())).toBe(second);
    clock.advance(0.001);
    expect(await principal(token())).not.toBe(second);
  });

  test.each([0.001, 1.5, 3_600])('may be %d s', async (ttl) => {
    const { token, principal, clock } = await openScene({
      tokenCache: { ttl },
      jwks: { maxAge: 86_400 },
    });
    const first = await principal(token());
    // Half a millisecond less; at this hour a number has bits enough for it.
    clock.time += ttl * 1000 - 0.5;
    expect(await principal(token())).toBe(first);
    clock.time += 0.5;
    expect(await principal(token())).not.toBe(first);
  });

  test('begins anew for a token that comes after it is over', async () => {
    const { token, principal, clock } = await openScene({ tokenCache: { ttl: 10 } });
    const first = await principal(token());
    clock.advance(1_000);
    const second = await principal(token());
    expect(second).not.toBe(first);
    clock.advance(9.999);
    expect(await principal(token())).toBe(second);
  });
});

describe('its own time', () => {
  test.each([
    [undefined, 15],
    [0, 10],
    [2.5, 12.5],
    [200, 210],
  ])('with a tolerance of %s s ends a token of 10 s after %d s', async (clockTolerance, end) => {
    const tolerance = clockTolerance === undefined ? {} : { clockTolerance };
    const { token, principal, verdict, clock } = await openScene(tolerance);
    const short = token({ exp: seconds + 10 });
    const first = await principal(short);
    clock.time += end * 1000 - 0.5;
    expect(await principal(short)).toBe(first);
    clock.time += 0.5;
    expect(await verdict(short)).toBe('ERR_TOKEN_EXPIRED');
    clock.advance(1);
    expect(await verdict(short)).toBe('ERR_TOKEN_EXPIRED');
  });

  test('that ends is told as for any token: what it claims, and nobody’s identity', async () => {
    const events: unknown[] = [];
    const { token, verdict, clock } = await openScene({
      onDecision: (event) => void events.push(event),
      claims: { clientId: ['app', 'id'] },
    });
    const short = token({ exp: seconds + 10, app: { id: 'acme' } });
    expect(await verdict(short)).toBe('allowed');
    clock.advance(20);
    expect(await verdict(short)).toBe('ERR_TOKEN_EXPIRED');
    expect(events[0]).toMatchObject({ outcome: 'allow', clientId: 'acme', subject: 'user_1' });
    expect(events[1]).toEqual({
      time: clock.time,
      outcome: 'deny',
      status: 401,
      reason: 'ERR_TOKEN_EXPIRED',
      detail: 'exp was 10 s ago; clockTolerance is 5 s',
      method: 'token',
      claimed: { issuer: 'https://issuer.test', clientId: 'acme' },
      durationMs: 0,
      httpMethod: 'GET',
    });
  });

  test('goes on where the clock was set back behind it', async () => {
    const { token, verdict, clock } = await openScene();
    const short = token({ exp: seconds + 10, iat: seconds - 3_600 });
    expect(await verdict(short)).toBe('allowed');
    clock.advance(15);
    expect(await verdict(short)).toBe('ERR_TOKEN_EXPIRED');
    clock.advance(-1_000);
    expect(await verdict(short)).toBe('allowed');
  });
});

describe('a clock that is set back', () => {
  test.each([0.001, 1, 3_600])('by %d s ends what is remembered', async (back) => {
    const { token, principal, clock } = await openScene();
    const old = token({ iat: seconds - 86_400 });
    const first = await principal(old);
    clock.advance(-back);
    const second = await principal(old);
    expect(second).not.toBe(first);
    expect(second).toEqual(first);
    expect(await principal(old)).toBe(second);
    clock.advance(299.999);
    expect(await principal(old)).toBe(second);
    clock.advance(0.001);
    expect(await principal(old)).not.toBe(second);
  });

  test.each([
    ['iat', 60, 'ERR_TOKEN_IAT_IN_FUTURE'],
    ['nbf', 5, 'ERR_TOKEN_NOT_YET_VALID'],
  ])('before the %s of a token refuses it, until it is there again', async (name, early, code) => {
    const { token, verdict, clock } = await openScene();
    const young = token({ iat: undefined, [name]: seconds });
    expect(await verdict(young)).toBe('allowed');
    clock.time -= early * 1_000;
    expect(await verdict(young)).toBe('allowed');
    clock.time -= 0.5;
    expect(await verdict(young)).toBe(code);
    clock.time += 0.5;
    expect(await verdict(young)).toBe('allowed');
  });
});

describe('how many', () => {
  test('are remembered is the maximum: the one not used for longest makes room', async () => {
    const { token, principal } = await openScene({ tokenCache: { max: 3 } });
    const of = (jti: string) => principal(token({ jti }));
    const [a, b, c] = [await of('a'), await of('b'), await of('c')];
    expect(await of('a')).toBe(a);
    const d = await of('d');
    // For d it was b that went, though a came before it.
    expect(await of('c')).toBe(c);
    expect(await of('a')).toBe(a);
    expect(await of('d')).toBe(d);
    expect(await of('b')).not.toBe(b);
    // And for b it was c.
    expect(await of('a')).toBe(a);
    expect(await of('d')).toBe(d);
    expect(await of('c')).not.toBe(c);
  });

  test('may be one', async () => {
    const { token, principal } = await openScene({ tokenCache: { max: 1 } });
    const [a, b] = [token({ jti: 'a' }), token({ jti: 'b' })];
    const first = await principal(a);
    expect(await principal(a)).toBe(first);
    const other = await principal(b);
    expect(await principal(b)).toBe(other);
    expect(await principal(a)).not.toBe(first);
  });

  test.runIf(inFull)('are 10 000 unless told', async () => {
    const { token, principal } = await openScene();
    const first = await principal(token());
    for (let sent = 0; sent < 9_999; sent += 1) await principal(token({ jti: `${sent}` }));
    expect(await principal(token())).toBe(first);
    const second = await principal(token({ jti: '0' }));
    await principal(token({ jti: 'one too many' }));
    // Of the others, 1 is the oldest.
    expect(await principal(token())).toBe(first);
    expect(await principal(token({ jti: '0' }))).toBe(second);
  });
});

describe('tokenCache: false', () => {
  test('remembers nothing', async () => {
    const { token, principal, verdict, clock, network } = await openScene({
      tokenCache: false,
    });
    const short = token({ exp: seconds + 10 });
    const first = await principal(short);
    expect(await principal(short)).not.toBe(first);
    expect(await principal(short)).toEqual(first);
    clock.advance(15);
    expect(await verdict(short)).toBe('ERR_TOKEN_EXPIRED');
    expect(await verdict(token({ aud: 'https://other.test' }))).toBe('ERR_TOKEN_AUDIENCE');
    expect(network.asked).toBe(1);
  });

  test('verifies each of many at once', async () => {
    const { token, principal, network } = await openScene({ tokenCache: false });
    const all = await Promise.all(Array.from({ length: 100 }, () => principal(token())));
    expect(new Set(all).size).toBe(100);
    expect(network.asked).toBe(1);
    await settle();
  });
});
