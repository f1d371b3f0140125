import { expect, test } from 'vitest';
import { keepBack, openScene, reset, type Scene } from './jwks-server.js';

async function openWarm(keys = {}): Promise<Scene> {
  const scene = await openScene({ keys });
  expect(await scene.outcome()).toBe('allowed');
  return scene;
}

const tokenWithKid = ({ issuer }: Scene, kid: string) =>
  issuer.token({ header: { kid }, expiresIn: 1e7 });

const unknown = '401 ERR_TOKEN_KEY_UNKNOWN';

test('F7: two fetches for unknown kids at least a second apart, then one per cool-down', async () => {
  const scene = await openWarm({ maxAge: 86_400 });
  const token = await tokenWithKid(scene, 'unknown');
  const { time } = scene.clock;
  const fetchedAt: number[] = [];
  for (let tenth = 0; tenth <= 1_200; tenth += 1) {
    scene.clock.time = time + tenth * 100;
    const before = scene.fetched.length;
    expect(await scene.outcome(token)).toBe(unknown);
    if (scene.fetched.length > before) fetchedAt.push(tenth / 10);
  }
  expect(fetchedAt).toEqual([0, 1, 31, 61, 91]);
});

test('F7: after a quiet time there are two again, and never more', async () => {
  const scene = await openWarm({ maxAge: 86_400 });
  const token = await tokenWithKid(scene, 'unknown');
  const fetches: number[] = [];
  for (const seconds of [0, 1, 1, 600, 1, 1, 1]) {
    scene.clock.advance(seconds);
    expect(await scene.outcome(token)).toBe(unknown);
    fetches.push(scene.fetched.length - 1);
  }
  expect(fetches).toEqual([1, 2, 2, 3, 4, 4, 4]);
});

test('F7: the fetch that ends an outage counts too: the next one is a second later', async () => {
  const scene = await openWarm();
  const token = await tokenWithKid(scene, 'unknown');
  scene.serve(reset);
  expect(await scene.outcome(token)).toBe('503 ERR_JWKS_UNREACHABLE');
  scene.serve(scene.published);
  const fetches: number[] = [];
  for (const seconds of [1, 0, 0.999, 0.001, 1]) {
    scene.clock.advance(seconds);
    expect(await scene.outcome(token)).toBe(unknown);
    fetches.push(scene.fetched.length - 1);
  }
  expect(fetches).toEqual([2, 2, 2, 3, 3]);
});

test('F7: a cool-down under a second is also the distance of the two', async () => {
  const scene = await openWarm({ cooldown: 0.5 });
  const token = await tokenWithKid(scene, 'unknown');
  const fetches: number[] = [];
  for (const seconds of [0, 0.499, 0.001, 0.499, 0.001]) {
    scene.clock.advance(seconds);
    expect(await scene.outcome(token)).toBe(unknown);
    fetches.push(scene.fetched.length - 1);
  }
  expect(fetches).toEqual([1, 1, 2, 2, 3]);
});

test('F7: a thousand random kids at one instant cause one fetch more and are all 401', async () => {
  const scene = await openWarm();
  const kids = Array.from({ length: 1_000 }, (_, i) => `random-${i}`);
  const tokens = await Promise.all(kids.map((kid) => tokenWithKid(scene, kid)));
  const all = await Promise.all(tokens.map((token) => scene.outcome(token)));
  expect(new Set(all)).toEqual(new Set([unknown]));
  expect(scene.host.received).toEqual(['/jwks', '/jwks']);
  expect(await scene.outcome(tokens[0])).toBe(unknown);
  expect(scene.fetched).toHaveLength(2);
});

test('F7: an unknown kid at first use costs no second fetch', async () => {
  const scene = await openScene();
  expect(await scene.outcome(await tokenWithKid(scene, 'unknown'))).toBe(unknown);
  expect(scene.fetched).toHaveLength(1);
});

test('F7: known keys are served without a wait while unknown ones are looked for', async () => {
  const scene = await openWarm();
  const { answer, arrived, release } = keepBack(scene.published);
  scene.serve(answer);
  const waiting = scene.outcome(await tokenWithKid(scene, 'unknown'));
  await arrived;
  expect(await scene.outcome()).toBe('allowed');
  release();
  expect(await waiting).toBe(unknown);
});

test('an unknown kid is 503 while the newest fetch failed, and known ones go on', async () => {
  const scene = await openWarm();
  const known = await scene.token();
  scene.serve(reset);
  await scene.issuer.rotateKeys();
  expect(await scene.decide()).toMatchObject({
    allowed: false,
    error: { code: 'ERR_JWKS_UNREACHABLE' },
    denial: { status: 503, headers: { 'Retry-After': '1' } },
  });
  expect(await scene.outcome(known)).toBe('allowed');
  expect(await scene.outcome()).toBe('503 ERR_JWKS_UNREACHABLE');
  expect(scene.fetched).toHaveLength(2);
});

test('an unknown kid is retried by the back-off, not by the cool-down', async () => {
  const scene = await openWarm();
  scene.serve(reset);
  const token = await tokenWithKid(scene, 'unknown');
  const { time } = scene.clock;
  const fetchedAt: number[] = [];
  for (let second = 0; second <= 100; second += 1) {
    scene.clock.time = time + second * 1000;
    const before = scene.fetched.length;
    expect(await scene.outcome(token)).toBe('503 ERR_JWKS_UNREACHABLE');
    if (scene.fetched.length > before) fetchedAt.push(second);
  }
  expect(fetchedAt).toEqual([0, 1, 3, 7, 15, 31, 61, 91]);
});

test('a key that was rotated in during an outage is live when the outage is over', async () => {
  const scene = await openWarm();
  scene.serve(reset);
  await scene.issuer.rotateKeys();
  expect(await scene.outcome()).toBe('503 ERR_JWKS_UNREACHABLE');
  scene.serve(scene.published);
  expect(await scene.outcome()).toBe('503 ERR_JWKS_UNREACHABLE');
  scene.clock.advance(1);
  expect(await scene.outcome()).toBe('allowed');
  expect(scene.fetched).toHaveLength(3);
});

test('F8: a thousand unknown kids while the host is down make one fetch and are all 503', async () => {
  const scene = await openWarm();
  scene.serve(reset);
  const kids = Array.from({ length: 1_000 }, (_, i) => `random-${i}`);
  const tokens = await Promise.all(kids.map((kid) => tokenWithKid(scene, kid)));
  const all = await Promise.all(tokens.map((token) => scene.outcome(token)));
  expect(new Set(all)).toEqual(new Set(['503 ERR_JWKS_UNREACHABLE']));
  expect(scene.fetched).toHaveLength(2);
});

const bent = [
  ['another issuer', { claims: { iss: 'https://evil.test' } }, 'ERR_TOKEN_ISSUER'],
  ['no issuer', { claims: { iss: undefined } }, 'ERR_TOKEN_ISSUER'],
  ['another audience', { audience: 'https://other.test' }, 'ERR_TOKEN_AUDIENCE'],
  ['a time that is over', { expiresIn: -60 }, 'ERR_TOKEN_EXPIRED'],
  ['no time', { claims: { exp: undefined } }, 'ERR_TOKEN_TIME'],
  ['a time to come', { claims: { nbf: 4e9 } }, 'ERR_TOKEN_NOT_YET_VALID'],
  ['another type', { header: { typ: 'logout+jwt' } }, 'ERR_TOKEN_TYPE'],
  ['a symmetric algorithm', { header: { alg: 'HS256' } }, 'ERR_TOKEN_ALGORITHM'],
  ['no algorithm', { header: { alg: 'none' } }, 'ERR_TOKEN_ALGORITHM'],
  ['an extension', { header: { crit: ['exp'] } }, 'ERR_TOKEN_CRITICAL'],
  ['the marks of an ID token', { claims: { at_hash: 'x' } }, 'ERR_TOKEN_NOT_ACCESS_TOKEN'],
] as const;

test.each(bent)('F7: a token with %s is refused without any fetch', async (_, parts, code) => {
  const { issuer, outcome, fetched, clock } = await openScene();
  const header = { kid: 'unknown', ...('header' in parts && parts.header) };
  const token = await issuer.token({ ...parts, header });
  for (let i = 0; i < 3; i += 1) {
    expect(await outcome(token)).toBe(`401 ${code}`);
    clock.advance(3);
  }
  expect(fetched).toEqual([]);
});
