import { expect, test } from 'vitest';
import {
  type Answer,
  hang,
  json,
  keepBack,
  openScene,
  reset,
  type Scene,
  text,
} from './jwks-server.js';

// With the defaults: 480 s is 80 % of maxAge, 1200 s is twice maxAge, 86 400 s is staleIfError.

/** A scene whose guard fetched its keys this many seconds ago. */
async function openAged(seconds: number, keys = {}): Promise<Scene> {
  const scene = await openScene({ keys });
  expect(await scene.outcome()).toBe('allowed');
  scene.clock.advance(seconds);
  return scene;
}

/** A token whose unknown key makes the guard wait for the fetch that is on its way, if one is. */
const stranger = ({ issuer }: Scene) => issuer.token({ header: { kid: 'stranger' } });

test('F3: keys under 80 % of maxAge are used without a fetch, whatever became of the host', async () => {
  const { serve, outcome, clock, fetched } = await openAged(0);
  serve(reset);
  for (const seconds of [1, 239, 239.999]) {
    clock.advance(seconds);
    expect(await outcome()).toBe('allowed');
  }
  expect(fetched).toHaveLength(1);
});

test.each([480, 599.999, 600, 1_199.999])(
  'F11: at %d s one fetch goes on behind, and no request waits for it',
  async (age) => {
    const { serve, published, outcome, fetched, issuer, token, clock } = await openAged(age);
    const old = await token();
    await issuer.rotateKeys();
    const { answer, arrived, release } = keepBack(published);
    serve(answer);
    for (let i = 0; i < 20; i += 1) expect(await outcome(old)).toBe('allowed');
    await arrived;
    expect(await outcome(old)).toBe('allowed');
    expect(fetched).toHaveLength(2);
    release();
    // The new key can only have come by that fetch.
    expect(await outcome()).toBe('allowed');
    clock.advance(479.999);
    expect(await outcome()).toBe('allowed');
    expect(fetched).toHaveLength(2);
  },
);

test('from twice maxAge on, everybody waits for one shared fetch', async () => {
  const { serve, published, outcome, fetched } = await openAged(1_200);
  const { answer, arrived, release } = keepBack(published);
  serve(answer);
  const answered: string[] = [];
  const all = Array.from({ length: 50 }, async () => answered.push(await outcome()));
  await arrived;
  expect(answered).toEqual([]);
  release();
  await Promise.all(all);
  expect(new Set(answered)).toEqual(new Set(['allowed']));
  expect(fetched).toHaveLength(2);
});

test('from twice maxAge on, a key that the shared fetch no longer lists is refused', async () => {
  const { outcome, token, issuer } = await openAged(1_200);
  const old = await token();
  await issuer.rotateKeys({ withdraw: true });
  expect(await outcome(old)).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
  expect(await outcome()).toBe('allowed');
});

test.each<[string, Answer, string]>([
  ['resets', reset, 'ERR_JWKS_UNREACHABLE'],
  ['answers 500', text('', 500), 'ERR_JWKS_RESPONSE'],
  ['answers with HTML', text('<p>'), 'ERR_JWKS_RESPONSE'],
  ['answers with no set', json({}), 'ERR_JWKS_RESPONSE'],
  ['hangs', hang, 'ERR_JWKS_TIMEOUT'],
])(
  'F4, F5: keys serve until staleIfError while the host %s, and then it is 503',
  async (...given) => {
    const [, answer, code] = given;
    const { serve, outcome, clock } = await openAged(
      1_200,
      answer === hang ? { timeout: 0.5 } : {},
    );
    serve(answer);
    expect(await outcome()).toBe('allowed');
    clock.advance(86_400 - 1_200 - 0.001);
    expect(await outcome()).toBe('allowed');
    clock.advance(0.001);
    expect(await outcome()).toBe(`503 ${code}`);
  },
);

test('F5: after staleIfError a 503 tells when to come back, and the host may come back', async () => {
  const { serve, published, decide, outcome, clock } = await openAged(86_400);
  serve(reset);
  expect(await decide()).toMatchObject({
    allowed: false,
    denial: { status: 503, headers: { 'Retry-After': '1' } },
  });
  serve(published);
  expect(await outcome()).toBe('503 ERR_JWKS_UNREACHABLE');
  clock.advance(1);
  expect(await outcome()).toBe('allowed');
});

test.each([480, 600, 1_200, 50_000])(
  'at %d s with the host down, held keys serve, and the back-off limits the fetches',
  async (age) => {
    const scene = await openAged(age);
    const { serve, outcome, fetched, clock } = scene;
    serve(reset);
    for (const [fetches, wait] of [1, 2, 4, 8, 16, 30, 30].entries()) {
      expect(await outcome()).toBe('allowed');
      expect(await outcome(await stranger(scene))).toBe('503 ERR_JWKS_UNREACHABLE');
      expect(await outcome()).toBe('allowed');
      clock.advance(wait - 0.001);
      expect(await outcome()).toBe('allowed');
      expect(fetched).toHaveLength(fetches + 2);
      clock.advance(0.001);
    }
  },
);

test('F4: when the host is well again, the keys are young again', async () => {
  const { serve, published, outcome, clock, fetched } = await openAged(1_200);
  serve(reset);
  expect(await outcome()).toBe('allowed');
  serve(published);
  clock.advance(1);
  expect(await outcome()).toBe('allowed');
  expect(fetched).toHaveLength(3);
  serve(reset);
  clock.advance(479);
  expect(await outcome()).toBe('allowed');
  expect(fetched).toHaveLength(3);
});

test('with staleIfError: 0, keys are used up to maxAge', async () => {
  const scene = await openAged(599.999, { staleIfError: 0 });
  scene.serve(reset);
  expect(await scene.outcome()).toBe('allowed');
  expect(await scene.outcome(await stranger(scene))).toBe('503 ERR_JWKS_UNREACHABLE');
  expect(await scene.outcome()).toBe('allowed');
  scene.clock.advance(0.001);
  expect(await scene.outcome()).toBe('503 ERR_JWKS_UNREACHABLE');
  expect(scene.fetched).toHaveLength(2);
});

test('with staleIfError: 0, requests from maxAge on wait for one shared fetch', async () => {
  const { outcome, issuer, fetched, token } = await openAged(600, { staleIfError: 0 });
  const withdrawn = await token();
  await issuer.rotateKeys({ withdraw: true });
  const all = await Promise.all([outcome(), outcome(), outcome(withdrawn)]);
  expect(all).toEqual(['allowed', 'allowed', '401 ERR_TOKEN_KEY_UNKNOWN']);
  expect(fetched).toHaveLength(2);
});

test('a staleIfError under twice maxAge ends the use of held keys all the same', async () => {
  const { serve, outcome, clock } = await openAged(899.999, { staleIfError: 900 });
  serve(reset);
  expect(await outcome()).toBe('allowed');
  clock.advance(0.001);
  expect(await outcome()).toBe('503 ERR_JWKS_UNREACHABLE');
});

test('a staleIfError under maxAge does not shorten maxAge', async () => {
  const { serve, outcome, clock } = await openAged(479, { staleIfError: 10 });
  serve(reset);
  expect(await outcome()).toBe('allowed');
  clock.advance(121);
  expect(await outcome()).toBe('503 ERR_JWKS_UNREACHABLE');
});

test('maxAge may be a fraction of a second', async () => {
  const { serve, published, outcome, clock, fetched } = await openAged(0, { maxAge: 0.01 });
  clock.advance(0.007);
  expect(await outcome()).toBe('allowed');
  expect(fetched).toHaveLength(1);
  const { answer, arrived, release } = keepBack(published);
  serve(answer);
  clock.advance(0.001);
  expect(await outcome()).toBe('allowed');
  await arrived;
  expect(fetched).toHaveLength(2);
  release();
});
