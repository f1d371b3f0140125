import { expect, test } from 'vitest';
import { createTestIssuer } from '../../src/testing.js';
import { json, keepBack, openScene, reset, type Scene } from './jwks-server.js';

async function openWarm(): Promise<Scene> {
  const scene = await openScene();
  expect(await scene.outcome()).toBe('allowed');
  return scene;
}

test('F9: a token of a freshly rotated key passes without delay', async () => {
  const { issuer, outcome, token, fetched } = await openWarm();
  const old = await token();
  await issuer.rotateKeys();
  expect(await outcome()).toBe('allowed');
  expect(await outcome(old)).toBe('allowed');
  expect(fetched).toHaveLength(2);
});

test('F9: a thousand tokens of a fresh key at once make one fetch and all pass', async () => {
  const { issuer, outcome, token, host } = await openWarm();
  await issuer.rotateKeys();
  const fresh = await token();
  const all = await Promise.all(Array.from({ length: 1_000 }, () => outcome(fresh)));
  expect(new Set(all)).toEqual(new Set(['allowed']));
  expect(host.received).toEqual(['/jwks', '/jwks']);
});

test('F9: a key whose token came a moment before it is live a second later', async () => {
  const { serve, published, issuer, outcome, clock, fetched } = await openWarm();
  serve(json({ keys: issuer.jwks.keys }));
  await issuer.rotateKeys();
  expect(await outcome()).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
  serve(published);
  clock.advance(0.999);
  expect(await outcome()).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
  clock.advance(0.001);
  expect(await outcome()).toBe('allowed');
  expect(fetched).toHaveLength(3);
});

test('F9: a fetch that was on its way before the token came is not the last word', async () => {
  const { serve, published, issuer, outcome, clock, fetched, token } = await openWarm();
  const old = await token();
  clock.advance(480);
  const earlier = keepBack(json({ keys: issuer.jwks.keys }));
  serve(earlier.answer);
  expect(await outcome(old)).toBe('allowed');
  await earlier.arrived;
  await issuer.rotateKeys();
  serve(published);
  const waiting = outcome();
  earlier.release();
  expect(await waiting).toBe('allowed');
  expect(fetched).toHaveLength(3);
});

test('F9: a second rotation right after the first is found too, a second later', async () => {
  const { issuer, outcome, clock, fetched } = await openWarm();
  await issuer.rotateKeys();
  expect(await outcome()).toBe('allowed');
  await issuer.rotateKeys();
  clock.advance(1);
  expect(await outcome()).toBe('allowed');
  expect(fetched).toHaveLength(3);
});

test('F9: while flooded with unknown kids, a new key is live within one cool-down', async () => {
  const { issuer, outcome, clock, fetched, token } = await openWarm();
  const flood = async (count: number) => {
    const kids = Array.from({ length: count }, (_, i) => `${clock.time}-${i}`);
    const tokens = await Promise.all(kids.map((kid) => issuer.token({ header: { kid } })));
    return new Set(await Promise.all(tokens.map((one) => outcome(one))));
  };
  for (let second = 0; second < 10; second += 1) {
    expect(await flood(20)).toEqual(new Set(['401 ERR_TOKEN_KEY_UNKNOWN']));
    clock.advance(1);
  }
  expect(fetched).toHaveLength(3);
  await issuer.rotateKeys();
  const fresh = await token();
  const waits: string[] = [];
  for (let second = 10; second <= 31; second += 1) {
    await flood(5);
    waits.push(await outcome(fresh));
    clock.advance(1);
  }
  expect(waits.indexOf('allowed')).toBe(21);
  expect(fetched).toHaveLength(4);
});

test('F10: a withdrawn key is refused from the next good fetch on, and not before', async () => {
  const { issuer, outcome, token, clock } = await openWarm();
  const withdrawn = await token();
  await issuer.rotateKeys({ withdraw: true });
  clock.advance(479.999);
  expect(await outcome(withdrawn)).toBe('allowed');
  clock.advance(0.001);
  expect(await outcome(withdrawn)).toBe('allowed');
  // Waits for the fetch that the last one began.
  expect(await outcome()).toBe('allowed');
  expect(await outcome(withdrawn)).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
});

test('F10: a search for another key ends a withdrawn one as well', async () => {
  const { issuer, outcome, token, fetched } = await openWarm();
  const withdrawn = await token();
  await issuer.rotateKeys({ withdraw: true });
  expect(await outcome()).toBe('allowed');
  expect(fetched).toHaveLength(2);
  expect(await outcome(withdrawn)).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
});

test('F10: a key whose material changes under the same kid is the new one', async () => {
  const { serve, issuer, outcome, token, clock } = await openWarm();
  const old = await token();
  const kid = issuer.jwks.keys[0]?.kid;
  await issuer.rotateKeys({ withdraw: true });
  serve(json({ keys: [{ ...issuer.jwks.keys[0], kid }] }));
  clock.advance(1_200);
  expect(await outcome(old)).toBe('401 ERR_TOKEN_SIGNATURE');
  expect(await outcome(await issuer.token({ header: { kid } }))).toBe('allowed');
});

/** Another signer of the same issuer. */
const signer = ({ host, clock }: Scene, algorithm: 'RS256' | 'ES256' | 'ES384') =>
  createTestIssuer({ issuer: host.origin, algorithm, now: clock.now });

test('one kid for two keys of different kty: each token finds its own', async () => {
  const scene = await openScene();
  const [ec, rsa] = [await signer(scene, 'ES256'), await signer(scene, 'RS256')];
  const keys = [...ec.jwks.keys, ...rsa.jwks.keys].map((key) => ({ ...key, kid: 'twice' }));
  scene.serve(json({ keys }));
  const header = { kid: 'twice' };
  expect(await scene.outcome(await ec.token({ header }))).toBe('allowed');
  expect(await scene.outcome(await rsa.token({ header }))).toBe('allowed');
  expect(scene.fetched).toHaveLength(1);
});

test('one kid for two keys that both fit is 401, without a further fetch', async () => {
  const scene = await openScene();
  const [one, other] = [await signer(scene, 'ES256'), await signer(scene, 'ES256')];
  const keys = [...one.jwks.keys, ...other.jwks.keys].map((key) => ({ ...key, kid: 'twice' }));
  scene.serve(json({ keys }));
  const header = { kid: 'twice' };
  expect(await scene.outcome(await one.token({ header }))).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
  expect(await scene.outcome(await other.token({ header }))).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
  expect(scene.fetched).toHaveLength(1);
});

test('a kid whose one key does not fit the alg is 401, without a further fetch', async () => {
  const scene = await openScene();
  const rsa = await signer(scene, 'RS256');
  const { kid } = scene.issuer.jwks.keys[0] ?? {};
  const bent = await rsa.token({ header: { kid } });
  expect(await scene.outcome(bent)).toBe('401 ERR_TOKEN_KEY_MISMATCH');
  expect(await scene.outcome(bent)).toBe('401 ERR_TOKEN_KEY_MISMATCH');
  expect(scene.fetched).toHaveLength(1);
});

test('no kid: the one key that fits the alg is found among others', async () => {
  const scene = await openScene();
  const rsa = await signer(scene, 'RS256');
  scene.serve(json({ keys: [...scene.issuer.jwks.keys, ...rsa.jwks.keys] }));
  const header = { kid: undefined };
  expect(await scene.outcome(await rsa.token({ header }))).toBe('allowed');
  expect(await scene.outcome(await scene.issuer.token({ header }))).toBe('allowed');
});

test('no kid: several keys that fit are 401, and none is, without a further fetch', async () => {
  const scene = await openScene();
  await scene.issuer.rotateKeys();
  const header = { kid: undefined };
  const several = await scene.issuer.token({ header });
  const none = await (await signer(scene, 'ES384')).token({ header });
  for (let i = 0; i < 3; i += 1) {
    expect(await scene.outcome(several)).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
    expect(await scene.outcome(none)).toBe('401 ERR_TOKEN_KEY_MISMATCH');
    scene.clock.advance(60);
  }
  expect(scene.fetched).toHaveLength(1);
});

test('no kid, while the newest fetch failed: still decided by the keys that are held', async () => {
  const scene = await openWarm();
  scene.serve(reset);
  scene.clock.advance(1_200);
  const nameless = await scene.issuer.token({ header: { kid: undefined } });
  expect(await scene.outcome(nameless)).toBe('allowed');
});
