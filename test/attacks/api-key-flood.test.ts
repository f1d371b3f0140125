import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { type ApiKeyLookup, createGuard, type Guard } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { deferred, inWords, keyed } from '../api-key/scene.js';
import { bearing } from '../rfc/ask.js';
import { now } from '../rfc/mint.js';
import { inFull } from '../runs.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes in use once nothing is waiting and everything that can be freed is. */
async function heapUsed(): Promise<number> {
  for (let i = 0; i < 4; i += 1) {
    await new Promise((done) => setImmediate(done));
    collect();
  }
  return process.memoryUsage().heapUsed;
}

let floods = 0;

/** Asks with as many different keys, some hundreds at once, and answers what came of them. */
async function flood(guard: Guard, count: number, start = 'sk_'): Promise<string[]> {
  const outcomes = new Set<string>();
  floods += 1;
  const salt = `${start}${floods}_`;
  for (let sent = 0; sent < count; sent += 500) {
    const some = Array.from({ length: 500 }, (_, i) => guard(keyed(`${salt}${sent + i}`)));
    for (const decision of some) outcomes.add(await inWords(decision));
  }
  return [...outcomes];
}

/** A guard with its defaults, on a store that keeps nothing; a text that says so is a good key. */
async function openFlooded(
  more: { readonly lookup?: ApiKeyLookup; readonly timeout?: number } = {},
) {
  let lookups = 0;
  const lookup: ApiKeyLookup = async ({ value }) => {
    lookups += 1;
    return value.startsWith('good_') ? { id: value, scopes: ['a'] } : undefined;
  };
  const issuer = await createTestIssuer({ now });
  const guard = createGuard({
    ...issuer.options,
    apiKeys: { from: [{ header: 'x-api-key' }], lookup, ...more },
  });
  return { guard, issuer, lookups: () => lookups };
}

const goodKeys = Array.from({ length: 100 }, (_, i) => `good_${i}`);
const unknown = '401 ERR_API_KEY_UNKNOWN';
const megabyte = 2 ** 20;

describe('a flood of keys', () => {
  test.runIf(inFull)(
    'that nobody knows leaves memory flat, and the good ones remembered',
    async () => {
      const { guard, lookups } = await openFlooded();
      for (const key of goodKeys) expect(await inWords(guard(keyed(key)))).toBe('allowed');
      // By then all is as full as it gets.
      expect(await flood(guard, 20_000)).toEqual([unknown]);
      const before = await heapUsed();
      expect(await flood(guard, 180_000)).toEqual([unknown]);
      expect((await heapUsed()) - before).toBeLessThan(4 * megabyte);
      expect(lookups()).toBe(200_000 + goodKeys.length);
      for (const key of goodKeys) expect(await inWords(guard(keyed(key)))).toBe('allowed');
      expect(lookups()).toBe(200_000 + goodKeys.length);
    },
    60_000,
  );

  test.runIf(inFull)(
    'that are all good, each of a client of its own, leaves memory flat as well',
    async () => {
      const { guard } = await openFlooded();
      expect(await flood(guard, 11_000, 'good_')).toEqual(['allowed']);
      const before = await heapUsed();
      expect(await flood(guard, 15_000, 'good_')).toEqual(['allowed']);
      expect((await heapUsed()) - before).toBeLessThan(4 * megabyte);
    },
    60_000,
  );

  test('that cannot be keys costs no look-up at all', async () => {
    const { guard, lookups } = await openFlooded();
    const long = 'a'.repeat(2_048);
    expect(await flood(guard, 1_000, long)).toEqual(['401 ERR_API_KEY_INVALID']);
    expect(await flood(guard, 1_000, 'sk ')).toEqual(['400 ERR_API_KEY_MALFORMED']);
    expect(lookups()).toBe(0);
  });

  test('that come twice in one request costs no more look-ups than requests', async () => {
    const { guard, lookups } = await openFlooded();
    expect(await flood(guard, 10_000, 'sk,')).toEqual(['400 ERR_API_KEY_REPEATED']);
    await guard.close();
    // As a flood of single keys does, and one for the key that all of them have in common.
    expect(lookups()).toBeLessThanOrEqual(10_000 + 1);
  });

  test.runIf(inFull)(
    'on a store that hangs is 503 beyond 1000, and holds on to nothing',
    async () => {
      const answer = deferred<undefined>();
      let asked = 0;
      const { guard, issuer } = await openFlooded({
        timeout: 60,
        lookup: () => {
          asked += 1;
          return answer.promise;
        },
      });
      const waiting = Array.from({ length: 1_000 }, (_, i) => inWords(guard(keyed(`sk_${i}`))));
      expect(await flood(guard, 1_000)).toEqual(['503 ERR_LOOKUP_BUSY']);
      const before = await heapUsed();
      expect(await flood(guard, 10_000)).toEqual(['503 ERR_LOOKUP_BUSY']);
      expect((await heapUsed()) - before).toBeLessThan(4 * megabyte);
      expect(asked).toBe(1_000);
      expect(await inWords(guard(bearing(await issuer.token())))).toBe('allowed');
      answer.resolve(undefined);
      expect(new Set(await Promise.all(waiting))).toEqual(new Set([unknown]));
      expect(await inWords(guard(keyed('sk_0')))).toBe(unknown);
    },
    60_000,
  );
});
