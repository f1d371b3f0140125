import { describe, expect, test } from 'vitest';
import { ConfigError, createGuard, type GuardOptions } from '../../src/index.js';
import { judge } from '../rfc/ask.js';
import { audience, issuer } from '../rfc/mint.js';
import {
  atOnce,
  down,
  freshKey,
  keepBack,
  longLived,
  openScene,
  principalOf,
  type SceneOptions,
  settle,
} from './scene.js';

/** A scene whose guard has its issuer's keys to begin with, or others. */
async function openWith(keys: SceneOptions['jwks'] = {}, list?: readonly unknown[]) {
  const scene = await openScene();
  const initial = { keys: (list ?? scene.network.keys) as object[] };
  const guard = scene.open({ jwks: { ...keys, initial } });
  return { ...scene, guard, verdict: (token: string) => judge(guard, token) };
}

describe('with keys to begin with', () => {
  test('the first request waits for no network, and there may be none', async () => {
    const { verdict, token, network } = await openWith();
    network.answer = down;
    expect(await verdict(token())).toBe('allowed');
    expect(await verdict(token({ jti: 'another' }))).toBe('allowed');
  });

  test('a guard is made and ready without a fetch', async () => {
    const { guard, network } = await openWith();
    network.answer = down;
    await guard.ready();
    await guard.ready();
    expect(network.asked).toBe(0);
  });

  test('one fetch goes on behind the first requests, and none waits for it', async () => {
    const { verdict, token, network, key } = await openWith();
    const second = await freshKey('second');
    network.keys = [key.jwk, second.jwk];
    const release = keepBack(network);
    const all = await atOnce(1_000, (i) => verdict(token({ jti: `${i}` })));
    expect(new Set(all)).toEqual(new Set(['allowed']));
    expect(network.asked).toBe(1);
    release();
    // The second key can only have come by that fetch.
    expect(await verdict(longLived(second))).toBe('allowed');
    expect(network.asked).toBe(1);
  });

  test('a key that the fetch does not list is ended by it', async () => {
    const { verdict, token, network } = await openWith();
    const second = await freshKey('second');
    network.keys = [second.jwk];
    expect(await verdict(token())).toBe('allowed');
    await settle();
    expect(await verdict(token())).toBe('ERR_TOKEN_KEY_UNKNOWN');
    expect(await verdict(longLived(second))).toBe('allowed');
  });

  test('a token of before the fetch is remembered behind it, if its key is still listed', async () => {
    const { guard, token, network } = await openWith();
    const first = await principalOf(guard, token());
    await settle();
    expect(network.asked).toBe(1);
    expect(await principalOf(guard, token())).toBe(first);
  });

  test('an unknown kid at first use is looked for, by that one fetch', async () => {
    const { verdict, network, key } = await openWith();
    const second = await freshKey('second');
    network.keys = [key.jwk, second.jwk];
    expect(await verdict(longLived(second))).toBe('allowed');
    expect(network.asked).toBe(1);
    expect(await verdict(longLived(await freshKey('third')))).toBe('ERR_TOKEN_KEY_UNKNOWN');
    expect(network.asked).toBe(2);
  });

  test('an unknown kid is 503 while nothing can be fetched', async () => {
    const { verdict, token, network, clock } = await openWith();
    network.answer = down;
    const unknown = longLived(await freshKey('second'));
    expect(await verdict(unknown)).toBe('ERR_JWKS_UNREACHABLE');
    expect(await verdict(token())).toBe('allowed');
    expect(await verdict(unknown)).toBe('ERR_JWKS_UNREACHABLE');
    expect(network.asked).toBe(1);
    clock.advance(1);
    expect(await verdict(unknown)).toBe('ERR_JWKS_UNREACHABLE');
    expect(network.asked).toBe(2);
  });

  test('they serve while nothing can be fetched, by the back-off, until staleIfError', async () => {
    const { verdict, token, network, clock } = await openWith({ staleIfError: 2_000 });
    network.answer = down;
    const fetches: number[] = [];
    for (const wait of [0, 0.999, 0.001, 1.999, 0.001, 3.999, 0.001]) {
      clock.advance(wait);
      expect(await verdict(token())).toBe('allowed');
      await settle();
      fetches.push(network.asked);
    }
    expect(fetches).toEqual([1, 1, 2, 2, 3, 3, 4]);
    // They count as 80 % of maxAge old to begin with, and 7 s went by.
    clock.advance(2_000 - 480 - 7 - 0.001);
    expect(await verdict(token())).toBe('allowed');
    clock.advance(0.001);
    expect(await verdict(token())).toBe('ERR_JWKS_UNREACHABLE');
    network.answer = undefined;
    clock.advance(30);
    expect(await verdict(token())).toBe('allowed');
  });

  test('a first request that is long in coming waits for a fetch, as with any old keys', async () => {
    const { verdict, token, network, clock } = await openWith();
    network.keys = [(await freshKey('second')).jwk];
    clock.advance(719.999);
    const release = keepBack(network);
    expect(await verdict(token())).toBe('allowed');
    clock.advance(0.001);
    const waiting = verdict(token());
    release();
    expect(await waiting).toBe('ERR_TOKEN_KEY_UNKNOWN');
    // That one, and a search for its key.
    expect(network.asked).toBe(2);
  });

  test('a clock set back makes them old', async () => {
    const { guard, verdict, token, network, clock } = await openWith();
    clock.advance(-3_600);
    const release = keepBack(network);
    const waiting = verdict(token({ iat: undefined }));
    await settle();
    expect(network.asked).toBe(1);
    release();
    expect(await waiting).toBe('allowed');
    await guard.ready();
    expect(network.asked).toBe(1);
  });

  test('what is malformed or secret among them is skipped', async () => {
    const scene = await openScene();
    const secret = { ...(await freshKey('secret')).jwk, d: 'AQAB' };
    const { verdict, network, key } = await openWith({}, [
      ...[null, 'key', {}, [], { kty: 'oct', k: 'AQAB' }],
      ...[secret, scene.key.jwk],
    ]);
    network.keys = [key.jwk];
    network.answer = down;
    expect(await verdict(scene.token())).toBe('allowed');
    expect(await verdict(longLived({ ...scene.key, kid: 'secret' }))).toBe('ERR_JWKS_UNREACHABLE');
  });

  test('members beside the list are of no concern', async () => {
    const { network, open, token } = await openScene();
    network.answer = down;
    const initial = { 'x-made-by': 'us', keys: network.keys as object[] };
    expect(await judge(open({ jwks: { initial } }), token())).toBe('allowed');
  });

  test('what is given is not changed, nor looked at again', async () => {
    const { network, open, token, key } = await openScene();
    network.answer = down;
    const initial = { keys: [{ ...key.jwk }] };
    const guard = open({ jwks: { initial } });
    Object.assign(initial.keys[0] as object, { use: 'enc' });
    initial.keys.length = 0;
    expect(await judge(guard, token())).toBe('allowed');
    const frozen = Object.freeze({ keys: Object.freeze([Object.freeze({ ...key.jwk })]) });
    expect(await judge(open({ jwks: { initial: frozen } }), token())).toBe('allowed');
  });

  test('a list of one issuer is one issuer', async () => {
    const { network, clock, token } = await openScene();
    const guard = createGuard({
      issuers: [{ issuer, audience, jwksUri: `${issuer}/jwks` }],
      jwks: { initial: { keys: network.keys as object[] } },
      fetch: down,
      now: clock.now,
    });
    expect(await judge(guard, token())).toBe('allowed');
  });
});

/** The sentence that a mistake is answered with. */
function sentence(keys: unknown, issuers: object = { issuer, audience }): string {
  try {
    createGuard({ ...issuers, jwks: keys } as GuardOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toMatch(/[.?] See "Options" in the README of sallyport\.$/);
    return (error as Error).message;
  }
  throw new Error('was accepted');
}

describe('jwks.initial', () => {
  const one = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };
  const noObject = 'options.jwks.initial must be an object with named settings; got';
  const noSet =
    'options.jwks.initial must be a JWK Set with at least one key (RFC 7517 §5); got an object. Set it to the JSON that the issuer publishes';

  test('with several issuers is a ConfigError', () => {
    const issuers = ['https://a.test', 'https://b.test'].map((name) => ({
      issuer: name,
      audience,
    }));
    expect(sentence({ initial: { keys: [one] } }, { issuers })).toContain(
      'options.jwks.initial must be absent where there are several issuers, since it contains the keys of one; got an object. Use jwks.store',
    );
  });

  test.each<[string, unknown, string]>([
    ['null', null, `${noObject} null.`],
    ['false', false, `${noObject} false.`],
    ['0', 0, `${noObject} 0.`],
    ['an empty text', '', `${noObject} "".`],
    ['a text', JSON.stringify({ keys: [one] }), noObject],
    ['a function', () => ({ keys: [one] }), `${noObject} a function.`],
    ['a list', [one], `${noObject} an array.`],
    ['undefined', undefined, 'must have a value; got undefined.'],
    ['one key', one, noSet],
    ['an empty object', {}, noSet],
    ['no keys', { keys: [] }, noSet],
    ['keys that are null', { keys: null }, noSet],
    ['keys that are no list', { keys: { 0: one, length: 1 } }, noSet],
    ['keys by another name', { jwks: [one] }, noSet],
    ['keys that are undefined', { keys: undefined }, 'must have a value; got undefined.'],
  ])('that is %s is a ConfigError', (_, initial, says) => {
    const message = sentence({ initial });
    expect(message).toContain(says);
    expect(message).toMatch(/^options\.jwks\.initial[. ]/);
  });

  // A guard that nobody could pass without a fetch has no keys to begin with.
  test.each<[string, readonly unknown[]]>([
    ['malformed', [{}, null, 'key']],
    ['secret', [{ ...one, d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A' }]],
    ['symmetric', [{ kty: 'oct', k: 'AQAB' }]],
    ['for encryption', [{ ...one, use: 'enc' }]],
  ])('of which no key can verify, being %s, is a ConfigError', (_, keys) => {
    expect(sentence({ initial: { keys } })).toMatch(/^options\.jwks\.initial/);
  });

  test('that cannot be written as JSON is a ConfigError', () => {
    const circle: Record<string, unknown> = { ...one };
    circle.self = circle;
    expect(sentence({ initial: { keys: [circle] } })).toMatch(/^options\.jwks\.initial/);
    expect(sentence({ initial: { keys: [{ ...one, big: 1n }] } })).toMatch(
      /^options\.jwks\.initial/,
    );
  });
});
