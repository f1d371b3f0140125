import { expect, test } from 'vitest';
import { createTestIssuer } from '../../src/testing.js';
import { json, keepBack, openScene, reset, type Scene, text } from './jwks-server.js';

/** A scene whose guard holds a key, and an issuer that has another key under the same kid. */
async function openReplaced(members: object = {}) {
  const scene = await openScene({ keys: { maxAge: 86_400 } });
  const [old] = scene.issuer.jwks.keys;
  const { kid } = old as { kid: string };
  const held = { ...old, ...members };
  scene.serve(json({ keys: [held] }));
  const header = 'kid' in members ? { kid: undefined } : { kid };
  const first = await scene.issuer.token({ header, expiresIn: 1e7 });
  expect(await scene.outcome(first)).toBe('allowed');
  const signer = await createTestIssuer({ issuer: scene.host.origin, now: scene.clock.now });
  const replaced = json({ keys: [{ ...signer.jwks.keys[0], kid, ...members }] });
  const fresh = () => signer.token({ header, expiresIn: 1e7 });
  return { ...scene, kid, replaced, fresh, old: await scene.issuer.token({ expiresIn: 1e7 }) };
}

/** A token that names the key that is held, and was signed with one that nobody has. */
const forge = ({ issuer }: Scene, jti: string) =>
  issuer.token({ wrongKey: true, expiresIn: 1e7, claims: { jti } });

test('a new key under an old kid is found by the first token that it signed', async () => {
  const { serve, replaced, outcome, fresh, old, fetched } = await openReplaced();
  serve(replaced);
  expect(await outcome(await fresh())).toBe('allowed');
  expect(fetched).toHaveLength(2);
  expect(await outcome(old)).toBe('401 ERR_TOKEN_SIGNATURE');
});

test('the same where neither the key nor the token has a kid', async () => {
  const { serve, replaced, outcome, fresh, fetched } = await openReplaced({ kid: undefined });
  serve(replaced);
  expect(await outcome(await fresh())).toBe('allowed');
  expect(fetched).toHaveLength(2);
});

test('a thousand tokens of a key under an old kid make one fetch and all pass', async () => {
  const { serve, replaced, outcome, fresh, fetched } = await openReplaced();
  serve(replaced);
  const token = await fresh();
  const all = await Promise.all(Array.from({ length: 1_000 }, () => outcome(token)));
  expect(new Set(all)).toEqual(new Set(['allowed']));
  expect(fetched).toHaveLength(2);
});

test('a fetch that was on its way before the token came is not the last word', async () => {
  const scene = await openReplaced();
  const { serve, replaced, outcome, fresh, published, issuer, clock } = scene;
  const { answer, arrived, release } = keepBack(published);
  serve(answer);
  clock.advance(1);
  const earlier = outcome(await issuer.token({ header: { kid: 'unknown' } }));
  await arrived;
  serve(replaced);
  const waiting = outcome(await fresh());
  release();
  expect(await earlier).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
  expect(await waiting).toBe('401 ERR_TOKEN_SIGNATURE');
  clock.advance(1);
  expect(await outcome(await fresh())).toBe('allowed');
});

test('a flood of forged tokens with a real kid makes two fetches, then one per cool-down', async () => {
  const scene = await openReplaced();
  scene.serve(scene.published);
  const fetchedAt: number[] = [];
  for (let second = 0; second <= 100; second += 1) {
    const before = scene.fetched.length;
    const tokens = [0, 1, 2].map((i) => forge(scene, `${second}-${i}`));
    for (const token of tokens) {
      expect(await scene.outcome(await token)).toBe('401 ERR_TOKEN_SIGNATURE');
    }
    if (scene.fetched.length > before) fetchedAt.push(second);
    scene.clock.advance(1);
  }
  expect(fetchedAt).toEqual([0, 1, 31, 61, 91]);
});

test('forged tokens and unknown kids share what may be fetched', async () => {
  const scene = await openReplaced();
  scene.serve(scene.published);
  const unknown = await scene.issuer.token({ header: { kid: 'unknown' }, expiresIn: 1e7 });
  for (const seconds of [0, 1, 1, 1]) {
    scene.clock.advance(seconds);
    expect(await scene.outcome(await forge(scene, 'a'))).toBe('401 ERR_TOKEN_SIGNATURE');
    expect(await scene.outcome(unknown)).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
  }
  expect(scene.fetched).toHaveLength(3);
});

test.each([
  ['resets', reset],
  ['answers 500', text('', 500)],
])('while the host %s, a forged token is 401 and good ones pass', async (_, answer) => {
  const scene = await openReplaced();
  scene.serve(answer);
  for (let i = 0; i < 3; i += 1) {
    expect(await scene.outcome(await forge(scene, `${i}`))).toBe('401 ERR_TOKEN_SIGNATURE');
  }
  expect(await scene.outcome(scene.old)).toBe('allowed');
  expect(scene.fetched).toHaveLength(2);
});

test('a forged token at first use costs no second fetch', async () => {
  const scene = await openScene();
  expect(await scene.outcome(await forge(scene, 'a'))).toBe('401 ERR_TOKEN_SIGNATURE');
  expect(scene.fetched).toHaveLength(1);
});

test('five rotations in ten seconds: held keys serve on, and the newest is live in one cool-down', async () => {
  const scene = await openScene();
  const first = await scene.token();
  expect(await scene.outcome(first)).toBe('allowed');
  const verdicts: string[] = [];
  for (let rotation = 0; rotation < 5; rotation += 1) {
    await scene.issuer.rotateKeys();
    verdicts.push(await scene.outcome());
    expect(await scene.outcome(first)).toBe('allowed');
    scene.clock.advance(2);
  }
  const unknown = '401 ERR_TOKEN_KEY_UNKNOWN';
  expect(verdicts).toEqual(['allowed', 'allowed', unknown, unknown, unknown]);
  expect(scene.fetched).toHaveLength(3);
  scene.clock.advance(22);
  expect(await scene.outcome()).toBe('allowed');
  expect(scene.fetched).toHaveLength(4);
});
