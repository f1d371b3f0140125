import { expect, test } from 'vitest';
import { type Answer, hang, json, openScene, reset, text } from './jwks-server.js';

const wellKnown = '/.well-known/oauth-authorization-server';

/** A scene whose guard has found the keys at /jwks by metadata, and now holds them as old ones. */
async function openDiscovered(keys = {}) {
  const scene = await openScene({ discoverAt: '', keys });
  const { host, issuer, clock } = scene;
  const say = (members: object): void => {
    host.routes[wellKnown] = json({ issuer: issuer.issuer, ...members });
  };
  say({ jwks_uri: `${host.origin}/jwks` });
  expect(await scene.outcome()).toBe('allowed');
  clock.advance(1_200);
  host.received.length = 0;
  return { ...scene, say };
}

test('F21: a jwks_uri that moved is followed at the next refresh', async () => {
  const { host, say, serve, published, outcome, issuer } = await openDiscovered();
  say({ jwks_uri: `${host.origin}/moved` });
  host.routes['/moved'] = published;
  serve(text('', 404));
  await issuer.rotateKeys({ withdraw: true });
  expect(await outcome()).toBe('allowed');
  expect(host.received).toEqual([wellKnown, '/moved']);
});

test('F21: it is followed also for a key that is not known yet', async () => {
  const { host, say, serve, published, outcome, clock, issuer } = await openDiscovered();
  expect(await outcome()).toBe('allowed');
  clock.advance(60);
  host.received.length = 0;
  say({ jwks_uri: `${host.origin}/moved` });
  host.routes['/moved'] = published;
  serve(json({ keys: [] }));
  await issuer.rotateKeys();
  expect(await outcome()).toBe('allowed');
  expect(host.received).toEqual([wellKnown, '/moved']);
});

const openid = '/.well-known/openid-configuration';

test.each<[string, object, readonly string[]]>([
  ['another issuer', { issuer: 'https://evil.test' }, [wellKnown, openid, '/jwks']],
  ['a jwks_uri that is not allowed', { jwks_uri: 'http://evil.test/jwks' }, [wellKnown, '/jwks']],
  ['no jwks_uri', { jwks_uri: undefined }, [wellKnown, openid, '/jwks']],
  ['no issuer', { issuer: undefined }, [wellKnown, openid, '/jwks']],
])('F21: metadata that later name %s leave the old place in use', async (...given) => {
  const [, members, asked] = given;
  const { host, say, outcome, issuer } = await openDiscovered();
  say({ jwks_uri: `${host.origin}/moved`, ...members });
  host.routes['/moved'] = json({ keys: [] });
  await issuer.rotateKeys({ withdraw: true });
  // The new key can only have come from the old place.
  expect(await outcome()).toBe('allowed');
  expect(host.received).toEqual(asked);
});

test.each<[string, Answer]>([
  ['resets', reset],
  ['answers 500', text('', 500)],
])('F21: metadata whose host later %s leave the old place in use', async (_, answer) => {
  const { host, outcome, issuer } = await openDiscovered();
  host.routes[wellKnown] = answer;
  await issuer.rotateKeys({ withdraw: true });
  expect(await outcome()).toBe('allowed');
  expect(host.received).toEqual([wellKnown, openid, '/jwks']);
});

test('F21: a mismatch does not become right by repetition, nor the old place wrong', async () => {
  const { host, say, outcome, clock } = await openDiscovered();
  say({ issuer: 'https://evil.test', jwks_uri: `${host.origin}/moved` });
  for (let i = 0; i < 5; i += 1) {
    expect(await outcome()).toBe('allowed');
    clock.advance(1_200);
  }
  expect(host.received).not.toContain('/moved');
  expect(host.received.filter((path) => path === '/jwks')).toHaveLength(5);
});

test('F21: after a mismatch, good metadata are followed again', async () => {
  const { host, say, serve, published, outcome, clock, issuer } = await openDiscovered();
  say({ issuer: 'https://evil.test' });
  expect(await outcome()).toBe('allowed');
  say({ jwks_uri: `${host.origin}/moved` });
  host.routes['/moved'] = published;
  serve(json({ keys: [] }));
  clock.advance(1_200);
  await issuer.rotateKeys({ withdraw: true });
  expect(await outcome()).toBe('allowed');
});

test('F21: metadata and the old place both down is an outage like any other', async () => {
  const { host, serve, outcome, clock } = await openDiscovered();
  host.routes[wellKnown] = reset;
  serve(text('', 500));
  expect(await outcome()).toBe('allowed');
  clock.advance(86_400 - 1_200);
  expect(await outcome()).toBe('503 ERR_JWKS_RESPONSE');
});

test('F2: metadata that later hang are an outage like any other', async () => {
  const { host, outcome, clock } = await openDiscovered({ timeout: 0.5 });
  host.routes[wellKnown] = hang;
  expect(await outcome()).toBe('allowed');
  clock.advance(86_400 - 1_200);
  expect(await outcome()).toBe('503 ERR_JWKS_TIMEOUT');
});
