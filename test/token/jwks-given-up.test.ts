import { expect, onTestFinished, test } from 'vitest';
import {
  createGuard,
  type JwksEvent,
  type JwksOptions,
  type JwksStore,
  type StoredJwks,
} from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { createClock, outcome } from './jwks-server.js';
import { settle } from './scene.js';

// What was given up (timed out, closed) may still come to an end; nothing of it is used.

const jwksUri = 'https://issuer.test/jwks';

/** A guard whose fetches are answered by hand, in any order and at any time. */
async function openByHand(keys: JwksOptions) {
  const clock = createClock();
  const issuer = await createTestIssuer({ now: clock.now });
  const answers: ((keys: object) => void)[] = [];
  const events: JwksEvent[] = [];
  const guard = createGuard({
    ...issuer.options,
    jwksUri,
    jwks: keys,
    onJwks: (event) => void events.push(event),
    // It does not obey its signal.
    fetch: () =>
      new Promise((done) => {
        answers.push((jwks) => done(Response.json(jwks)));
      }),
  });
  onTestFinished(() => guard.close());
  const withdrawn = { jwks: issuer.jwks, token: await issuer.token({ expiresIn: 1e7 }) };
  await issuer.rotateKeys({ withdraw: true });
  return { clock, issuer, guard, answers, events, withdrawn };
}

function createStore() {
  const told: StoredJwks[] = [];
  const store: JwksStore = {
    get: async () => undefined,
    set: async (_, keys) => void told.push(structuredClone(keys)),
  };
  return { store, told };
}

test('the late answer of a fetch that timed out is not stored, and brings no key back', async () => {
  const { store, told } = createStore();
  const { clock, issuer, guard, answers, withdrawn } = await openByHand({ store, timeout: 0.3 });
  expect(await outcome(guard, await issuer.token())).toBe('503 ERR_JWKS_TIMEOUT');
  clock.advance(1);
  const deciding = outcome(guard, await issuer.token());
  await settle();
  answers[1]?.(issuer.jwks);
  expect(await deciding).toBe('allowed');
  answers[0]?.(withdrawn.jwks);
  await settle();
  expect(told.map(({ jwks }) => jwks)).toEqual([issuer.jwks]);
  const refused = outcome(guard, withdrawn.token);
  await settle();
  answers[2]?.(issuer.jwks);
  expect(await refused).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
});

test('the answer of a fetch that was on its way when the guard was closed is not stored', async () => {
  const { store, told } = createStore();
  const { issuer, guard, answers } = await openByHand({ store });
  const deciding = outcome(guard, await issuer.token());
  await settle();
  await guard.close();
  expect(await deciding).toBe('503 ERR_JWKS_UNREACHABLE');
  answers[0]?.(issuer.jwks);
  await settle();
  expect(told).toEqual([]);
});

test('a late answer of the store brings no key back', async () => {
  const late: ((keys: StoredJwks) => void)[] = [];
  const get = () =>
    new Promise<StoredJwks>((done) => {
      late.push(done);
    });
  const scene = await openByHand({ store: { get, set: async () => {} }, timeout: 2 });
  const { clock, issuer, guard, answers, withdrawn } = scene;
  const deciding = outcome(guard, await issuer.token());
  await expect.poll(() => answers.length, { interval: 20 }).toBe(1);
  answers[0]?.(issuer.jwks);
  expect(await deciding).toBe('allowed');
  late[0]?.({ issuer: issuer.issuer, jwks: withdrawn.jwks, fetchedAt: clock.time });
  await settle();
  const unknown = outcome(guard, withdrawn.token);
  await expect.poll(() => answers.length, { interval: 20 }).toBe(2);
  answers[1]?.(issuer.jwks);
  expect(await unknown).toBe('401 ERR_TOKEN_KEY_UNKNOWN');
  expect(late).toHaveLength(1);
});

test('a set that is slow is told of by an event, and never more than one is under way', async () => {
  const ends: (() => void)[] = [];
  const told: StoredJwks[] = [];
  const store: JwksStore = {
    get: async () => undefined,
    set: (_, keys) =>
      new Promise((done) => {
        told.push(structuredClone(keys));
        ends.push(done);
      }),
  };
  const scene = await openByHand({ store, timeout: 0.2 });
  const { clock, issuer, guard, answers, events } = scene;
  for (let fetches = 0; fetches < 4; fetches += 1) {
    const ready = guard.ready();
    await settle();
    answers[fetches]?.({ keys: [...issuer.jwks.keys, { kid: `${fetches}` }] });
    await ready;
    clock.advance(600);
  }
  expect(told).toHaveLength(1);
  await expect
    .poll(() => events.flatMap((event) => ('detail' in event ? [event.detail] : [])))
    .toEqual(['jwks.store.set failed: no other process has them']);
  ends[0]?.();
  await settle();
  // Of those that waited, the newest.
  expect(told.map(({ jwks }) => jwks.keys.at(-1))).toEqual([{ kid: '0' }, { kid: '3' }]);
  ends[1]?.();
  await settle();
  expect(told).toHaveLength(2);
});
