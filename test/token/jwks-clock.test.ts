import { expect, test } from 'vitest';
import { openScene, reset, type Scene } from './jwks-server.js';

const tenYears = 315_360_000;

/** A scene whose guard has just fetched its keys. */
async function openWarm(keys = {}): Promise<Scene> {
  const scene = await openScene({ keys });
  expect(await scene.outcome()).toBe('allowed');
  return scene;
}

test.each([0.001, 1, 3_600, tenYears])(
  'F19: a clock set back by %d s makes the keys old: everybody waits for one fetch',
  async (seconds) => {
    const { clock, outcome, token, issuer, fetched } = await openWarm();
    clock.advance(-seconds);
    const withdrawn = await token();
    await issuer.rotateKeys({ withdraw: true });
    const all = await Promise.all([outcome(), outcome(), outcome(withdrawn)]);
    expect(all).toEqual(['allowed', 'allowed', '401 ERR_TOKEN_KEY_UNKNOWN']);
    expect(fetched).toHaveLength(2);
    clock.advance(479);
    expect(await outcome()).toBe('allowed');
    expect(fetched).toHaveLength(2);
  },
);

test('F19: a clock set back while the host is down leaves the held keys in use', async () => {
  const { clock, outcome, serve, fetched } = await openWarm();
  serve(reset);
  clock.advance(-3_600);
  expect(await outcome()).toBe('allowed');
  expect(await outcome()).toBe('allowed');
  expect(fetched).toHaveLength(2);
  clock.advance(1);
  expect(await outcome()).toBe('allowed');
  expect(fetched).toHaveLength(3);
  clock.advance(80_000);
  expect(await outcome()).toBe('allowed');
});

test('F19: but for no longer than staleIfError from then', async () => {
  const { clock, outcome, serve } = await openWarm();
  serve(reset);
  clock.advance(-tenYears);
  expect(await outcome()).toBe('allowed');
  clock.advance(86_400);
  expect(await outcome()).toBe('503 ERR_JWKS_UNREACHABLE');
});

test('F19: with staleIfError: 0 a clock set back while the host is down is 503', async () => {
  const { clock, outcome, serve } = await openWarm({ staleIfError: 0 });
  serve(reset);
  clock.advance(-1);
  expect(await outcome()).toBe('503 ERR_JWKS_UNREACHABLE');
});

test('F19: a clock set back during a back-off ends it, for a moment and not for good', async () => {
  const { clock, outcome, serve, fetched } = await openWarm();
  serve(reset);
  clock.advance(1_200);
  expect(await outcome()).toBe('allowed');
  clock.advance(-600);
  expect(await outcome()).toBe('allowed');
  expect(await outcome()).toBe('allowed');
  expect(fetched).toHaveLength(3);
});

test('F19: a clock that jumps far ahead makes the keys old', async () => {
  const { clock, outcome, fetched } = await openWarm();
  clock.advance(tenYears);
  expect(await Promise.all([outcome(), outcome()])).toEqual(['allowed', 'allowed']);
  expect(fetched).toHaveLength(2);
});

test('F19: ahead while the host is down is 503, and back again the held keys serve', async () => {
  const { clock, outcome, serve, fetched } = await openWarm();
  serve(reset);
  clock.advance(tenYears);
  expect(await outcome()).toBe('503 ERR_JWKS_UNREACHABLE');
  clock.advance(-tenYears);
  expect(await outcome()).toBe('allowed');
  expect(fetched).toHaveLength(2);
});

test('F19: ahead and back again costs one fetch each way', async () => {
  const { clock, outcome, fetched } = await openWarm();
  clock.advance(tenYears);
  expect(await outcome()).toBe('allowed');
  clock.advance(-tenYears);
  expect(await outcome()).toBe('allowed');
  expect(await outcome()).toBe('allowed');
  expect(fetched).toHaveLength(3);
});

test('F19: after the clock was set back, unknown keys are looked for as before', async () => {
  const { clock, outcome, issuer, fetched } = await openWarm();
  const unknown = () => issuer.token({ header: { kid: 'unknown' } });
  for (const seconds of [1, 1]) {
    expect(await outcome(await unknown())).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
    clock.advance(seconds);
  }
  expect(fetched).toHaveLength(3);
  clock.advance(-3_600);
  // The first finds the keys old; the second is a search.
  for (const fetches of [4, 5]) {
    await issuer.rotateKeys();
    expect(await outcome()).toBe('allowed');
    expect(fetched).toHaveLength(fetches);
  }
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
  'F19: a clock that says %d is a bug, lets nobody in, cold or warm, and asks for nothing',
  async (nonsense) => {
    const scene = await openScene();
    const { clock, outcome, fetched } = scene;
    const good = await scene.token();
    const { time } = clock;
    clock.time = nonsense;
    await expect(outcome(good)).rejects.toThrow(TypeError);
    expect(fetched).toEqual([]);
    clock.time = time;
    expect(await outcome(good)).toBe('allowed');
    clock.time = nonsense;
    await expect(outcome(good)).rejects.toThrow(TypeError);
    clock.time = time;
    expect(await outcome(good)).toBe('allowed');
    expect(fetched).toHaveLength(1);
  },
);

test('F19: a clock that says nothing for a while leaves no trace', async () => {
  const { clock, guard, outcome } = await openScene();
  const { time } = clock;
  clock.time = Number.NaN;
  await expect(guard.ready()).rejects.toThrow(
    /^options\.now must return a number of milliseconds since 1970; got NaN/,
  );
  clock.time = time;
  expect(await outcome()).toBe('allowed');
});
