import { once } from 'node:events';
import { type ClientRequest, createServer, get, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { expect, onTestFinished, test } from 'vitest';
import { expressGuard } from '../../src/express.js';
import { createGuard, UpstreamError } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import {
  type Clock,
  countFetches,
  createClock,
  hang,
  json,
  keepBack,
  openHost,
  openScene,
  outcome,
  reset,
  type Scene,
} from './jwks-server.js';

/** An issuer on a host of its own, whose one key is called "shared". */
async function openIssuer(clock: Clock) {
  const host = await openHost();
  const issuer = await createTestIssuer({ issuer: host.origin, now: clock.now });
  const keys = () => issuer.jwks.keys.map((key) => ({ ...key, kid: 'shared' }));
  host.routes['/jwks'] = (response) => json({ keys: keys() })(response);
  const token = (claims = {}) =>
    issuer.token({ header: { kid: 'shared' }, claims, expiresIn: 1e7 });
  const trusted = {
    issuer: host.origin,
    audience: 'https://api.test',
    jwksUri: `${host.origin}/jwks`,
  };
  return { host, token, trusted };
}

async function openTwo() {
  const clock = createClock();
  const [a, b] = [await openIssuer(clock), await openIssuer(clock)];
  const { fetch, fetched } = countFetches();
  const issuers = [a.trusted, b.trusted];
  const guard = createGuard({ issuers, jwks: { timeout: 60 }, fetch, now: clock.now });
  onTestFinished(() => guard.close());
  return { a, b, clock, guard, fetched };
}

test('F14: of two issuers, one that is down does not touch the other', async () => {
  const { a, b, guard, clock } = await openTwo();
  a.host.routes['/jwks'] = reset;
  for (let i = 0; i < 3; i += 1) {
    expect(await outcome(guard, await a.token())).toBe('503 ERR_JWKS_UNREACHABLE');
    expect(await outcome(guard, await b.token())).toBe('allowed');
    clock.advance(1);
  }
  expect(b.host.received).toEqual(['/jwks']);
});

test('F14: of two issuers, one that hangs does not make the other wait', async () => {
  const { a, b, guard } = await openTwo();
  const { answer, arrived } = keepBack(hang);
  a.host.routes['/jwks'] = answer;
  const waiting = outcome(guard, await a.token());
  await arrived;
  expect(await outcome(guard, await b.token())).toBe('allowed');
  await guard.close();
  expect(await waiting).toBe('503 ERR_JWKS_UNREACHABLE');
});

test('F14: a flood at one issuer does not spend the fetches of the other', async () => {
  const { a, b, guard, fetched } = await openTwo();
  for (let i = 0; i < 5; i += 1) {
    const bent = (await a.token()).replace(/^[^.]+/, encode({ alg: 'ES256', kid: `${i}` }));
    expect(await outcome(guard, bent)).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
  }
  expect(await outcome(guard, await b.token())).toBe('allowed');
  const unknown = (await b.token()).replace(/^[^.]+/, encode({ alg: 'ES256', kid: 'unknown' }));
  expect(await outcome(guard, unknown)).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
  expect(fetched.filter((url) => url === b.trusted.jwksUri)).toHaveLength(2);
});

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a key of one issuer never verifies for the other, whatever its kid', async () => {
  const { a, b, guard } = await openTwo();
  expect(await outcome(guard, await a.token())).toBe('allowed');
  expect(await outcome(guard, await b.token())).toBe('allowed');
  const forged = await a.token({ iss: b.trusted.issuer });
  expect(await outcome(guard, forged)).toBe('401 ERR_TOKEN_SIGNATURE');
  const back = await b.token({ iss: a.trusted.issuer });
  expect(await outcome(guard, back)).toBe('401 ERR_TOKEN_SIGNATURE');
});

test('a key of one issuer is not borrowed while the other is down', async () => {
  const { a, b, guard } = await openTwo();
  expect(await outcome(guard, await a.token())).toBe('allowed');
  b.host.routes['/jwks'] = reset;
  const forged = await a.token({ iss: b.trusted.issuer });
  expect(await outcome(guard, forged)).toBe('503 ERR_JWKS_UNREACHABLE');
});

test('F20: a guard is made without a fetch, and starts while its issuer is down', async () => {
  const { host, outcome, fetched, clock } = await openScene();
  await host.stop();
  expect(fetched).toEqual([]);
  expect(await outcome()).toBe('503 ERR_JWKS_UNREACHABLE');
  await host.start();
  clock.advance(1);
  expect(await outcome()).toBe('allowed');
});

test('ready fetches ahead, so that the first request does not', async () => {
  const { guard, outcome, fetched, serve } = await openScene();
  await guard.ready();
  expect(fetched).toHaveLength(1);
  serve(reset);
  expect(await outcome()).toBe('allowed');
  await guard.ready();
  expect(fetched).toHaveLength(1);
});

test('F20: ready rejects while the issuer is down, within the back-off, and can be called again', async () => {
  const { guard, serve, published, clock, fetched } = await openScene();
  serve(reset);
  const down = { code: 'ERR_JWKS_UNREACHABLE', status: 503, retryAfter: 1 };
  await expect(guard.ready()).rejects.toBeInstanceOf(UpstreamError);
  await expect(guard.ready()).rejects.toMatchObject(down);
  expect(fetched).toHaveLength(1);
  serve(published);
  await expect(guard.ready()).rejects.toMatchObject(down);
  clock.advance(1);
  await guard.ready();
  expect(fetched).toHaveLength(2);
});

test('ready fetches the keys of every issuer, also if one is down', async () => {
  const { a, b, guard, fetched } = await openTwo();
  a.host.routes['/jwks'] = reset;
  await expect(guard.ready()).rejects.toMatchObject({ code: 'ERR_JWKS_UNREACHABLE' });
  expect(fetched).toEqual([a.trusted.jwksUri, b.trusted.jwksUri]);
  b.host.routes['/jwks'] = reset;
  expect(await outcome(guard, await b.token())).toBe('allowed');
});

test('ready and requests share one fetch', async () => {
  const { guard, outcome, host } = await openScene();
  const [, first] = await Promise.all([guard.ready(), outcome(), guard.ready()]);
  expect(first).toBe('allowed');
  expect(host.received).toEqual(['/jwks']);
});

test('ready rejects when the guard is closed, and no later', async () => {
  const { guard, serve } = await openScene({ keys: { timeout: 60 } });
  const { answer, arrived } = keepBack(hang);
  serve(answer);
  const ready = guard.ready();
  const rejected = expect(ready).rejects.toMatchObject({ code: 'ERR_JWKS_UNREACHABLE' });
  await arrived;
  await guard.close();
  await rejected;
});

/** An Express app behind the scene's guard, its address, and when this many requests are in. */
async function openApp({ guard }: Scene, expected: number) {
  let count = 0;
  let fill = () => {};
  const full = new Promise<void>((done) => {
    fill = done;
  });
  const app = express();
  app.use((_request, _response, next) => {
    next();
    count += 1;
    if (count === expected) fill();
  });
  app.use(expressGuard(guard)(), (_request, response) => void response.end('in'));
  const server = createServer(app as RequestListener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, full };
}

const gone = (request: ClientRequest) =>
  new Promise<void>((done) => {
    request.on('error', () => {}).on('close', done);
    request.destroy();
  });

test.each([
  ['arrives', 200],
  ['fails', 503],
])('F22: callers go away while they wait: the shared fetch %s for who stayed', async (...given) => {
  const [end, status] = given;
  const scene = await openScene();
  const headers = { authorization: `Bearer ${await scene.token()}` };
  const { url, full } = await openApp(scene, 6);
  const { answer, arrived, release } = keepBack(end === 'fails' ? reset : scene.published);
  scene.serve(answer);
  const leaving = Array.from({ length: 5 }, () => get(url, { headers }));
  const stayed = fetch(url, { headers });
  await Promise.all([arrived, full]);
  await Promise.all(leaving.map(gone));
  release();
  expect((await stayed).status).toBe(status);
  expect(scene.host.received).toEqual(['/jwks']);
});

test('F22: with every caller gone, the shared fetch goes on', async () => {
  const scene = await openScene();
  const headers = { authorization: `Bearer ${await scene.token()}` };
  const { url, full } = await openApp(scene, 1);
  const { answer, arrived, release } = keepBack(scene.published);
  scene.serve(answer);
  const leaving = get(url, { headers });
  await Promise.all([arrived, full]);
  await gone(leaving);
  release();
  expect(await scene.outcome()).toBe('allowed');
  expect(scene.host.received).toEqual(['/jwks']);
});

test('F22: a background fetch that fails when nobody waits is nobody’s rejection', async () => {
  const { serve, outcome, clock, fetched, issuer } = await openScene();
  expect(await outcome()).toBe('allowed');
  const { answer, arrived, release } = keepBack(reset);
  serve(answer);
  clock.advance(600);
  expect(await outcome()).toBe('allowed');
  await arrived;
  release();
  const unknown = await issuer.token({ header: { kid: 'unknown' } });
  expect(await outcome(unknown)).toBe('503 ERR_JWKS_UNREACHABLE');
  expect(fetched).toHaveLength(2);
});
