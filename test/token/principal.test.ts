import { deepStrictEqual } from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import { deepFreeze } from '../../src/core/base/json.js';
import { claimsOf, headerOf, keyFor, signText } from '../rfc/mint.js';
import { openScene } from './scene.js';

const nested = {
  roles: ['a', { deep: ['b', null, 1] }],
  address: { country: { code: 'FR' } },
  scope: 'orders:read orders:write',
  org_id: 'org_1',
};

/** A principal that is another request's too. */
async function openRemembered() {
  const { principal, token } = await openScene();
  const good = token(nested);
  const first = await principal(good);
  expect(await principal(good)).toBe(first);
  return { first, again: () => principal(good) };
}

/** Everything that a value holds, and itself. */
function* within(value: unknown): Generator<object> {
  if (typeof value !== 'object' || value === null) return;
  yield value;
  for (const one of Object.values(value)) yield* within(one);
}

describe('a principal, being many requests’', () => {
  test('is frozen through and through', async () => {
    const { first } = await openRemembered();
    const all = [...within(first)];
    // Itself, scopes, claims, roles, and what is in them.
    expect(all.length).toBe(8);
    for (const one of all) expect(Object.isFrozen(one)).toBe(true);
  });

  test('lets nobody write into it', async () => {
    const { first, again } = await openRemembered();
    // biome-ignore lint/suspicious/noExplicitAny: what no type allows is what is tried
    const open = first as any;
    const attempts = [
      () => {
        open.orgId = 'org_2';
      },
      () => {
        open.admin = true;
      },
      () => {
        delete open.subject;
      },
      () => {
        open.claims.org_id = 'org_2';
      },
      () => {
        open.claims.roles.push('admin');
      },
      () => {
        open.claims.roles[1].deep[0] = 'admin';
      },
      () => {
        open.claims.address.country.code = 'DE';
      },
      () => {
        open.claims.address.country.name = 'France';
      },
      () => open.scopes.add('admin'),
      () => open.scopes.delete('orders:read'),
      () => open.scopes.clear(),
      () => {
        open.scopes.has = () => true;
      },
      () => {
        open.scopes = new Set(['admin']);
      },
      () => Object.setPrototypeOf(open, { admin: true }),
      () => Object.defineProperty(open.scopes, 'has', { value: () => true }),
      () => open.claims.roles.sort(),
    ];
    for (const attempt of attempts) expect(attempt).toThrow(TypeError);
    expect(await again()).toBe(first);
    expect(first.claims).toMatchObject(nested);
    expect([...first.scopes]).toEqual(['orders:read', 'orders:write']);
  });

  test('says of its scopes why', async () => {
    const { first } = await openRemembered();
    const scopes = first.scopes as Set<string>;
    const why = 'the scopes of a principal cannot be changed: its credential grants them';
    expect(() => scopes.add('admin')).toThrow(why);
    expect(() => scopes.delete('orders:read')).toThrow(why);
    expect(() => scopes.clear()).toThrow(why);
  });

  test('is plain data to whoever compares it', async () => {
    const { first } = await openRemembered();
    const plain = {
      kind: 'token',
      subject: 'user_1',
      clientId: 'client_1',
      orgId: 'org_1',
      scopes: new Set(['orders:read', 'orders:write']),
      issuer: 'https://issuer.test',
      tokenId: 'token_1',
      expiresAt: first.claims?.exp,
      claims: {
        ...nested,
        ...{ iss: 'https://issuer.test', aud: 'https://api.test', sub: 'user_1' },
        ...{ client_id: 'client_1', jti: 'token_1' },
        ...{ iat: first.claims?.iat, exp: first.claims?.exp },
      },
    };
    expect(first).toEqual(plain);
    expect({ ...first }).toStrictEqual(plain);
    // Nobody gets an identity out of Object.prototype, and so it has none.
    deepStrictEqual(first, { __proto__: null, ...plain });
    deepStrictEqual({ ...first }, plain);
    deepStrictEqual(first.claims, plain.claims);
    deepStrictEqual(first.scopes, plain.scopes);
    expect(first.scopes).toStrictEqual(plain.scopes);
    expect(first.scopes).toBeInstanceOf(Set);
    expect(Object.keys(first.scopes)).toEqual([]);
  });

  test('is plain data to whoever writes or copies it', async () => {
    const { first } = await openRemembered();
    expect(JSON.parse(JSON.stringify(first))).toMatchObject({ orgId: 'org_1', claims: nested });
    const copy = structuredClone(first);
    expect(copy).toEqual(first);
    expect(copy.scopes).toStrictEqual(new Set(['orders:read', 'orders:write']));
    (copy.scopes as Set<string>).add('mine');
    (copy.claims as Record<string, unknown>).mine = true;
    expect(first.scopes.has('mine')).toBe(false);
    const own = new Set(first.scopes).add('mine');
    expect([...own]).toEqual(['orders:read', 'orders:write', 'mine']);
    expect({ ...first, orgId: 'org_2' }).toMatchObject({ subject: 'user_1', orgId: 'org_2' });
  });

  test('has scopes that can be read in every way a set can', async () => {
    const { first } = await openRemembered();
    const { scopes } = first;
    const seen: string[] = [];
    scopes.forEach((scope, same, set) => {
      expect([same, set]).toEqual([scope, scopes]);
      seen.push(scope);
    });
    expect(seen).toEqual([...scopes]);
    expect([...scopes.keys()]).toEqual([...scopes.values()]);
    expect([...scopes.entries()].map(([scope]) => scope)).toEqual(seen);
    expect([scopes.size, scopes.has('orders:read'), scopes.has('admin')]).toEqual([2, true, false]);
  });
});

describe('a principal that is not remembered', () => {
  test('is frozen all the same', async () => {
    const { principal, token } = await openScene({ tokenCache: false });
    const first = await principal(token(nested));
    for (const one of within(first)) expect(Object.isFrozen(one)).toBe(true);
    expect(() => (first.scopes as Set<string>).add('admin')).toThrow(TypeError);
  });

  test('of any JSON is frozen without recursion, cycles included', () => {
    const deep: Record<string, unknown> = {};
    let inner = deep;
    for (let level = 0; level < 1_000_000; level += 1) {
      const next = {};
      inner.next = next;
      inner = next;
    }
    inner.next = deep;
    expect(deepFreeze(deep)).toBe(deep);
    expect([Object.isFrozen(deep), Object.isFrozen(inner)]).toEqual([true, true]);
  });

  test('of a deep token is frozen, and no stack overflows', async () => {
    const key = await keyFor('ES256');
    const { principal, network } = await openScene();
    network.keys = [key.jwk];
    const levels = 5_500;
    // As deep as fits into the longest token.
    const deep = `${'['.repeat(levels)}${']'.repeat(levels)}`;
    const claims = JSON.stringify(claimsOf()).replace('{', `{"deep":${deep},`);
    const first = await principal(signText(JSON.stringify(headerOf(key)), claims, key));
    let depth = 0;
    for (let one = first.claims?.deep; Array.isArray(one); [one] = one) {
      expect(Object.isFrozen(one)).toBe(true);
      depth += 1;
    }
    expect(depth).toBe(levels);
  });
});
