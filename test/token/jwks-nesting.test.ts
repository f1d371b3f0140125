import { describe, expect, test } from 'vitest';
import { createGuard, type JwksStore, type StoredJwks } from '../../src/index.js';
import { judge } from '../rfc/ask.js';
import { audience, guardFor, issuer, keyFor, mint, now } from '../rfc/mint.js';

const key = await keyFor('ES256');
const lists = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const objects = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

/** Members of a JWK that could be looked into. */
const places = (value: string) =>
  ['x', 'kty', 'kid', 'alg', 'use', 'key_ops', 'issuer', 'x5c', 'x5t', 'd', 'unknown'].map(
    (name) => `{"kty":"OKP","crv":"Ed25519","${name}":${value}}`,
  );

const deep = [lists, objects].flatMap((nest) =>
  [100, 5_000, 50_000].flatMap((levels) => [nest(levels), ...places(nest(levels))]),
);

describe('a key set with a value of any depth', () => {
  test('is used for its other keys, and shared without that one', async () => {
    for (const one of deep) {
      const told: StoredJwks[] = [];
      const store: JwksStore = {
        get: async () => undefined,
        set: async (_, keys) => void told.push(JSON.parse(JSON.stringify(keys))),
      };
      const body = `{"keys":[${one},${JSON.stringify(key.jwk)}]}`;
      const guard = guardFor([], { fetch: async () => new Response(body), jwks: { store } });
      expect(await judge(guard, mint(key))).toBe('allowed');
      expect(told.map(({ jwks }) => jwks.keys)).toEqual([[key.jwk]]);
    }
  });

  test('alone is an outage', async () => {
    for (const one of deep) {
      const guard = guardFor([], { fetch: async () => new Response(`{"keys":[${one}]}`) });
      expect(await judge(guard, mint(key))).toBe('ERR_JWKS_RESPONSE');
    }
  });

  test('beside the keys, or in their place, is a decision too', async () => {
    for (const value of [lists(50_000), objects(50_000)]) {
      const beside = `{"more":${value},"keys":[${JSON.stringify(key.jwk)}]}`;
      const guard = guardFor([], { fetch: async () => new Response(beside) });
      expect(await judge(guard, mint(key))).toBe('allowed');
      for (const text of [value, `{"keys":${value}}`, `{"issuer":${value},"jwks_uri":${value}}`]) {
        const broken = guardFor([], { fetch: async () => new Response(text) });
        expect(await judge(broken, mint(key))).toBe('ERR_JWKS_RESPONSE');
        const lost = createGuard({ issuer, audience, now, fetch: async () => new Response(text) });
        expect(await judge(lost, mint(key))).toBe('ERR_DISCOVERY_RESPONSE');
      }
    }
  });

  test('from a store is used for its other keys', async () => {
    for (const one of deep) {
      const keys = [JSON.parse(one), key.jwk];
      const stored = { issuer, jwks: { keys }, fetchedAt: now() };
      const store = { get: async () => stored, set: async () => {} };
      const guard = guardFor([], { jwks: { store } });
      expect(await judge(guard, mint(key))).toBe('allowed');
    }
  });
});
