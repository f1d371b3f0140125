import { expect, test } from 'vitest';
import { type Answer, json, openScene, reset, text } from './jwks-server.js';

const outages: readonly (readonly [string, Answer, string])[] = [
  ['resets the connection', reset, 'ERR_JWKS_UNREACHABLE'],
  ['answers 500', text('', 500), 'ERR_JWKS_RESPONSE'],
  ['answers 500 with good keys', json({ keys: [] }, 500), 'ERR_JWKS_RESPONSE'],
  ['answers 404', text('', 404), 'ERR_JWKS_RESPONSE'],
  ['answers with a page of HTML', text('<!doctype html><p>Sign in'), 'ERR_JWKS_RESPONSE'],
  ['answers with malformed JSON', text('{"keys":['), 'ERR_JWKS_RESPONSE'],
  ['answers with nothing', text(''), 'ERR_JWKS_RESPONSE'],
  ['answers with null', json(null), 'ERR_JWKS_RESPONSE'],
  ['answers with a list', json([]), 'ERR_JWKS_RESPONSE'],
  ['answers with an object without keys', json({}), 'ERR_JWKS_RESPONSE'],
  ['answers with keys that are no list', json({ keys: {} }), 'ERR_JWKS_RESPONSE'],
  [
    'promises more than it sends',
    (response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{"keys":', () => {
        response.destroy();
      });
    },
    'ERR_JWKS_UNREACHABLE',
  ],
];

test.each(outages)('F1: a host that %s at first use is 503, until it is well', async (...given) => {
  const [, answer, code] = given;
  const { decide, serve, published, clock, outcome } = await openScene();
  serve(answer);
  const decision = await decide();
  expect(decision).toMatchObject({ allowed: false, error: { name: 'UpstreamError', code } });
  expect(decision.allowed || decision.denial.headers).toEqual({
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Cache-Control': 'no-store',
    'Retry-After': '1',
  });
  expect(decision.allowed || decision.denial.body).toMatchObject({
    status: 503,
    code: 'ERR_TEMPORARILY_UNAVAILABLE',
  });
  serve(published);
  clock.advance(1);
  expect(await outcome()).toBe('allowed');
});

test('F1: a host that refuses connections is 503, until it listens', async () => {
  const { host, decide, clock, outcome } = await openScene();
  await host.stop();
  const decision = await decide();
  expect(decision).toMatchObject({
    allowed: false,
    error: { name: 'UpstreamError', code: 'ERR_JWKS_UNREACHABLE' },
    denial: { status: 503, headers: { 'Retry-After': '1' } },
  });
  expect(decision.allowed || Object.keys(decision.denial.headers)).not.toContain(
    'WWW-Authenticate',
  );
  await host.start();
  clock.advance(1);
  expect(await outcome()).toBe('allowed');
});

test('F1: the error names the place and keeps the cause, and the client is told neither', async () => {
  const { serve, decide, host } = await openScene();
  serve(reset);
  const decision = await decide();
  if (decision.allowed) throw new Error('allowed');
  expect(decision.error.message).toMatch(
    new RegExp(`^${host.origin}/jwks could not be reached \\((ECONNRESET|UND_ERR_SOCKET)\\)$`),
  );
  expect(decision.error.cause).toMatchObject({ cause: { name: 'TypeError' } });
  expect(JSON.stringify(decision.denial)).not.toContain(host.origin);
});

test('F8: the back-off doubles up to the cool-down, and Retry-After tells it', async () => {
  const { serve, decide, clock, fetched } = await openScene({ keys: { cooldown: 30 } });
  serve(reset);
  const waits: number[] = [];
  for (let fetches = 1; fetches <= 8; fetches += 1) {
    const decision = await decide();
    expect(fetched).toHaveLength(fetches);
    const wait = Number(!decision.allowed && decision.denial.headers['Retry-After']);
    waits.push(wait);
    clock.advance(wait - 0.001);
    await decide();
    expect(fetched).toHaveLength(fetches);
    clock.advance(0.001);
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
});

test('F8: Retry-After counts down in whole seconds, never under one', async () => {
  const { serve, decide, clock, fetched } = await openScene();
  serve(reset);
  for (const wait of [1, 2, 4]) {
    await decide();
    clock.advance(wait);
  }
  const left: unknown[] = [];
  for (const wait of [0, 1, 0.5, 5.5, 0.9]) {
    clock.advance(wait);
    const decision = await decide();
    left.push(!decision.allowed && decision.denial.headers['Retry-After']);
  }
  expect(left).toEqual(['8', '7', '7', '1', '1']);
  expect(fetched).toHaveLength(4);
});

test('F8: a cool-down under a second is the back-off from the beginning', async () => {
  const { serve, outcome, clock, fetched } = await openScene({ keys: { cooldown: 0.25 } });
  serve(reset);
  await outcome();
  clock.advance(0.249);
  await outcome();
  expect(fetched).toHaveLength(1);
  clock.advance(0.001);
  await outcome();
  clock.advance(0.25);
  await outcome();
  expect(fetched).toHaveLength(3);
});

test('F8: after a good fetch the back-off begins anew', async () => {
  const { serve, published, outcome, decide, clock } = await openScene({
    keys: { staleIfError: 0 },
  });
  serve(reset);
  for (const wait of [1, 2, 4]) {
    await outcome();
    clock.advance(wait);
  }
  serve(published);
  expect(await outcome()).toBe('allowed');
  serve(reset);
  clock.advance(600);
  expect(await decide()).toMatchObject({ denial: { headers: { 'Retry-After': '1' } } });
});

test('F8: sixty cold requests while the host is down make one fetch for each wait', async () => {
  const { serve, outcome, clock, fetched, host } = await openScene();
  serve(reset);
  const together = await Promise.all(Array.from({ length: 30 }, () => outcome()));
  expect(new Set(together)).toEqual(new Set(['503 ERR_JWKS_UNREACHABLE']));
  for (let i = 0; i < 30; i += 1) {
    expect(await outcome()).toBe('503 ERR_JWKS_UNREACHABLE');
    clock.advance(0.1);
  }
  // At 0 s, 1 s, and 3 s is yet to come.
  expect(fetched).toHaveLength(2);
  expect(host.received).toEqual(['/jwks', '/jwks']);
});

test('F8: a clock set back far ends the wait, for nobody can tell how long it was', async () => {
  const { serve, published, outcome, clock } = await openScene();
  serve(reset);
  await outcome();
  serve(published);
  clock.advance(-3_600);
  expect(await outcome()).toBe('allowed');
});

test('F6: a thousand concurrent cold requests make exactly one fetch', async () => {
  const { outcome, fetched, host, token } = await openScene();
  const good = await token();
  const all = await Promise.all(Array.from({ length: 1_000 }, () => outcome(good)));
  expect(new Set(all)).toEqual(new Set(['allowed']));
  expect(fetched).toHaveLength(1);
  expect(host.received).toEqual(['/jwks']);
});
