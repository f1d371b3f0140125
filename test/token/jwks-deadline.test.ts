import { expect, onTestFinished, test } from 'vitest';
import { createGuard } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import {
  type Answer,
  createClock,
  hang,
  json,
  keepBack,
  openScene,
  outcome,
  text,
} from './jwks-server.js';

const soon = { timeout: 0.05 };

/** For what has to reach the host in time, on a busy machine too. */
const soonEnough = { timeout: 0.4 };

const stalled: Answer = (response) => void response.writeHead(200).write('{"keys":[');

/** Far more than the deadline, far less than the default one. */
const promptly = 2_000;

test.each<[string, Answer]>([
  ['never answers', hang],
  ['stalls in the middle of the body', stalled],
])('F2: a host that %s is 503 within the time-out', async (_, answer) => {
  const { serve, decide, host } = await openScene({ keys: soon });
  serve(answer);
  const began = performance.now();
  expect(await decide()).toMatchObject({
    allowed: false,
    error: {
      code: 'ERR_JWKS_TIMEOUT',
      message: `no answer within 0.05 s from ${host.origin}/jwks`,
    },
    denial: { status: 503, headers: { 'Retry-After': '1' } },
  });
  expect(performance.now() - began).toBeLessThan(promptly);
});

test('F2: a host that hung and is well again is asked after the back-off', async () => {
  const { serve, published, outcome, clock, fetched } = await openScene({ keys: soonEnough });
  serve(hang);
  expect(await outcome()).toBe('503 ERR_JWKS_TIMEOUT');
  serve(published);
  clock.advance(0.999);
  expect(await outcome()).toBe('503 ERR_JWKS_TIMEOUT');
  expect(fetched).toHaveLength(1);
  clock.advance(0.001);
  expect(await outcome()).toBe('allowed');
});

test.each<[string, Answer]>([
  ['never answers', hang],
  ['stalls in the middle of the body', stalled],
])('F2: the connection to a host that %s is given up', async (_, answer) => {
  const { serve, outcome } = await openScene({ keys: soonEnough });
  const dropped = new Promise<boolean>((done) => {
    serve((response) => {
      response.on('close', () => done(!response.writableFinished));
      answer(response);
    });
  });
  expect(await outcome()).toBe('503 ERR_JWKS_TIMEOUT');
  expect(await dropped).toBe(true);
});

test('F2: everybody who waits for a hanging host is answered, after one fetch', async () => {
  const { serve, outcome, host } = await openScene({ keys: soonEnough });
  serve(hang);
  const all = await Promise.all(Array.from({ length: 60 }, () => outcome()));
  expect(new Set(all)).toEqual(new Set(['503 ERR_JWKS_TIMEOUT']));
  expect(host.received).toEqual(['/jwks']);
});

test.each([
  ['discovery and keys', '/.well-known/oauth-authorization-server'],
  ['both forms of discovery', '/.well-known/openid-configuration'],
])('F2: there is one deadline over %s, not one for each', async (_, found) => {
  const { host, outcome, issuer, published } = await openScene({
    keys: { timeout: 0.2 },
    discoverAt: '',
  });
  const slowly =
    (answer: Answer): Answer =>
    (response) =>
      void setTimeout(() => answer(response), 120);
  host.routes['/.well-known/oauth-authorization-server'] = slowly(text('', 404));
  host.routes[found] = slowly(json({ issuer: issuer.issuer, jwks_uri: `${host.origin}/jwks` }));
  host.routes['/jwks'] = found.endsWith('server') ? slowly(published) : published;
  expect(await outcome()).toBe('503 ERR_JWKS_TIMEOUT');
});

test('F2: metadata that hangs is 503 within the time-out', async () => {
  const { host, outcome } = await openScene({ keys: soon, discoverAt: '' });
  host.routes['/.well-known/oauth-authorization-server'] = hang;
  expect(await outcome()).toBe('503 ERR_JWKS_TIMEOUT');
});

/** A guard on a network of the test's own making. */
async function openWith(fetch: typeof globalThis.fetch) {
  const clock = createClock();
  const issuer = await createTestIssuer({ now: clock.now });
  const guard = createGuard({
    ...issuer.options,
    jwksUri: 'https://issuer.test/jwks',
    fetch,
    jwks: soon,
  });
  onTestFinished(() => guard.close());
  return { clock, issuer, outcome: async () => outcome(guard, await issuer.token()) };
}

test('F2: a fetch that ignores its signal is bounded too', async () => {
  const { outcome } = await openWith(() => new Promise(() => {}));
  expect(await outcome()).toBe('503 ERR_JWKS_TIMEOUT');
});

test('F2: a body that ignores the signal is bounded too', async () => {
  const endless = { pull: () => new Promise<void>(() => {}) };
  const { outcome } = await openWith(async () => new Response(new ReadableStream(endless)));
  expect(await outcome()).toBe('503 ERR_JWKS_TIMEOUT');
});

test('F2: an answer that comes after the deadline is not used, nor a failure heard', async () => {
  const late: ((answer: Response | Error) => void)[] = [];
  const { outcome, issuer, clock } = await openWith(
    () =>
      new Promise((done, fail) => {
        late.push((answer) => (answer instanceof Error ? fail(answer) : done(answer)));
      }),
  );
  expect(await outcome()).toBe('503 ERR_JWKS_TIMEOUT');
  late[0]?.(Response.json(issuer.jwks));
  await new Promise((done) => setImmediate(done));
  expect(await outcome()).toBe('503 ERR_JWKS_TIMEOUT');
  expect(late).toHaveLength(1);
  clock.advance(1);
  expect(await outcome()).toBe('503 ERR_JWKS_TIMEOUT');
  late[1]?.(new TypeError('fetch failed'));
  expect(late).toHaveLength(2);
});

test('a guard that is closed during a hanging fetch answers 503 at once', async () => {
  const { serve, outcome, guard } = await openScene({ keys: { timeout: 60 } });
  const { answer, arrived } = keepBack(hang);
  const dropped = new Promise((done) => {
    serve((response) => {
      response.on('close', done);
      answer(response);
    });
  });
  const waiting = [outcome(), outcome()];
  await arrived;
  await guard.close();
  expect(await Promise.all(waiting)).toEqual([
    '503 ERR_JWKS_UNREACHABLE',
    '503 ERR_JWKS_UNREACHABLE',
  ]);
  await dropped;
});

test('a guard that is closed asks the network no more', async () => {
  const { outcome, guard, fetched, clock } = await openScene();
  await guard.close();
  expect(await outcome()).toBe('503 ERR_JWKS_UNREACHABLE');
  clock.advance(60);
  expect(await outcome()).toBe('503 ERR_JWKS_UNREACHABLE');
  expect(fetched).toEqual([]);
});

test('a guard that is closed goes on with the keys it holds', async () => {
  const { outcome, guard, clock } = await openScene();
  expect(await outcome()).toBe('allowed');
  await guard.close();
  await guard.close();
  clock.advance(599);
  expect(await outcome()).toBe('allowed');
});
