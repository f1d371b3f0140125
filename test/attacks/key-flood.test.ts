import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createGuard } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { judge } from '../rfc/ask.js';

/** A guard on a clock that stands until it is moved, and every address it asked. */
async function flooded(now: () => number) {
  const issuer = await createTestIssuer({ now });
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = (input, init) => {
    asked.push(String(input));
    return issuer.fetch(input, init);
  };
  const guard = createGuard({ ...issuer.options, fetch });
  const flood = async (count: number, claims: object = {}) => {
    const tokens = Array.from({ length: count }, () =>
      issuer.token({ header: { kid: randomUUID() }, claims: { ...claims } }),
    );
    const answers = await Promise.all(tokens.map(async (token) => judge(guard, await token)));
    return [...new Set(answers)];
  };
  return { issuer, guard, flood, asked };
}

describe('a flood of unknown kids', () => {
  test('fetches twice a second apart, then once per cool-down, however many come', async () => {
    let time = Date.UTC(2030, 0, 1);
    const { issuer, guard, flood } = await flooded(() => time);
    await guard.ready();
    const fetches = [issuer.requests.jwks];
    // Milliseconds to wait before each wave; the cool-down is 30 s.
    for (const wait of [0, 0, 999, 1, 1000, 28_999, 1, 0, 29_999, 1]) {
      time += wait;
      expect(await flood(50)).toEqual(['ERR_TOKEN_KEY_UNKNOWN']);
      fetches.push(issuer.requests.jwks);
    }
    expect(fetches).toEqual([1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5]);
  });

  test('costs a good client nothing', async () => {
    let time = Date.UTC(2030, 0, 1);
    const { issuer, guard, flood } = await flooded(() => time);
    for (let wave = 0; wave < 5; wave += 1) {
      const [answers, good] = await Promise.all([flood(50), judge(guard, await issuer.token())]);
      expect([answers, good]).toEqual([['ERR_TOKEN_KEY_UNKNOWN'], 'allowed']);
      time += 1000;
    }
  });

  test('is turned away before any fetch where the token is bad by itself', async () => {
    const { issuer, guard, flood, asked } = await flooded(() => Date.UTC(2030, 0, 1));
    expect(await flood(50, { iss: 'https://evil.test' })).toEqual(['ERR_TOKEN_ISSUER']);
    expect(await flood(50, { aud: 'https://other.test' })).toEqual(['ERR_TOKEN_AUDIENCE']);
    expect(await flood(50, { exp: 1 })).toEqual(['ERR_TOKEN_EXPIRED']);
    expect(await flood(50, { at_hash: 'a' })).toEqual(['ERR_TOKEN_NOT_ACCESS_TOKEN']);
    expect(asked).toEqual([]);
    expect(await judge(guard, await issuer.token())).toBe('allowed');
  });

  test('never chooses what is fetched', async () => {
    const { issuer, guard, asked } = await flooded(() => Date.UTC(2030, 0, 1));
    for (const kid of [
      'https://evil.test/jwks',
      '../jwks',
      '//evil.test',
      'a?b#c',
      '\r\nHost: x',
    ]) {
      const header = { kid, jku: kid, x5u: kid };
      expect(await judge(guard, await issuer.token({ header }))).toBe('ERR_TOKEN_KEY_UNKNOWN');
    }
    const { origin } = new URL(issuer.issuer);
    expect([...new Set(asked)].sort()).toEqual([
      `${origin}/.well-known/oauth-authorization-server`,
      `${origin}/jwks`,
    ]);
  });

  test('does not keep a new key out', async () => {
    let time = Date.UTC(2030, 0, 1);
    const { issuer, guard, flood } = await flooded(() => time);
    await guard.ready();
    await flood(50);
    time += 1000;
    await flood(50);
    await issuer.rotateKeys();
    const token = await issuer.token();
    expect(await judge(guard, token)).toBe('ERR_TOKEN_KEY_UNKNOWN');
    time += 30_000;
    expect(await judge(guard, token)).toBe('allowed');
  });
});
