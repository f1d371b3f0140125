import { describe, expect, test } from 'vitest';
import { createGuard, type GuardOptions, type IssuerOptions } from '../../src/index.js';
import { bearing, judge } from '../rfc/ask.js';
import { keyFor, mint, named, now } from '../rfc/mint.js';

const a = 'https://a.test';
const b = 'https://b.test';
const keyA = named(await keyFor('ES256', 'a'), 'same');
const keyB = named(await keyFor('ES256', 'b'), 'same');
const edB = named(await keyFor('Ed25519', 'b'), 'ed');

/** Two issuers with a `kid` in common, and what differs between them. */
function guardOf(moreA: Partial<IssuerOptions> = {}, moreB: Partial<IssuerOptions> = {}) {
  const published = new Map<string, unknown>([
    [`${a}/jwks`, [keyA.jwk]],
    [`${b}/jwks`, [keyB.jwk, edB.jwk]],
  ]);
  const issuers = [
    { issuer: a, audience: 'urn:a', jwksUri: `${a}/jwks`, ...moreA },
    { issuer: b, audience: 'urn:b', jwksUri: `${b}/jwks`, ...moreB },
  ];
  const fetch: typeof globalThis.fetch = async (url) =>
    Response.json({ keys: published.get(String(url)) });
  return createGuard({ issuers, fetch, now } as GuardOptions);
}
const fromA = { iss: a, aud: 'urn:a' };
const fromB = { iss: b, aud: 'urn:b' };

describe('two issuers with one kid', () => {
  const guard = guardOf();

  test.each([
    ['A’s token with A’s key', keyA, fromA, 'allowed'],
    ['B’s token with B’s key', keyB, fromB, 'allowed'],
    ['A’s token with B’s key', keyB, fromA, 'ERR_TOKEN_SIGNATURE'],
    ['B’s token with A’s key', keyA, fromB, 'ERR_TOKEN_SIGNATURE'],
    ['A’s token with a kid of B alone', edB, fromA, 'ERR_TOKEN_KEY_UNKNOWN'],
    ['A’s token for B’s audience', keyA, { iss: a, aud: 'urn:b' }, 'ERR_TOKEN_AUDIENCE'],
    ['B’s token for A’s audience', keyB, { iss: b, aud: 'urn:a' }, 'ERR_TOKEN_AUDIENCE'],
    ['a token of both', keyA, { iss: [a, b], aud: 'urn:a' }, 'ERR_TOKEN_ISSUER'],
    ['a token of neither', keyA, { iss: 'https://c.test', aud: 'urn:a' }, 'ERR_TOKEN_ISSUER'],
    ['A’s name longer by B’s', keyA, { iss: `${a} ${b}`, aud: 'urn:a' }, 'ERR_TOKEN_ISSUER'],
  ])('%s', async (_, key, claims, code) => {
    for (let time = 0; time < 2; time += 1) {
      expect(await judge(guard, mint(key, { claims }))).toBe(code);
    }
  });

  test('without a kid, only the keys of its own issuer are looked at', async () => {
    const header = { kid: undefined };
    expect(await judge(guard, mint(keyA, { header, claims: fromA }))).toBe('allowed');
    expect(await judge(guard, mint(keyB, { header, claims: fromB }))).toBe('allowed');
    expect(await judge(guard, mint(keyB, { header, claims: fromA }))).toBe('ERR_TOKEN_SIGNATURE');
    expect(await judge(guard, mint(edB, { header, claims: fromA }))).toBe('ERR_TOKEN_KEY_MISMATCH');
  });

  test('a subject of A is none of B', async () => {
    const subjects = [];
    for (const [key, claims] of [
      [keyA, fromA],
      [keyB, fromB],
    ] as const) {
      const decision = await guard(bearing(mint(key, { claims })));
      if (decision.allowed)
        subjects.push([decision.principal?.issuer, decision.principal?.subject]);
    }
    expect(subjects).toEqual([
      [a, 'user_1'],
      [b, 'user_1'],
    ]);
  });
});

describe('what one issuer sets, the other does not inherit', () => {
  test('algorithms', async () => {
    const guard = guardOf({ algorithms: ['ES256'] }, { algorithms: ['EdDSA', 'Ed25519'] });
    expect(await judge(guard, mint(keyA, { claims: fromA }))).toBe('allowed');
    expect(await judge(guard, mint(edB, { claims: fromB }))).toBe('allowed');
    expect(await judge(guard, mint(keyB, { claims: fromB }))).toBe('ERR_TOKEN_ALGORITHM');
    expect(await judge(guard, mint(edB, { claims: fromA }))).toBe('ERR_TOKEN_ALGORITHM');
  });

  test('types, and the profile that they ask for', async () => {
    const guard = guardOf({ typ: ['at+jwt'] }, { typ: ['JWT', undefined] });
    const header = { typ: 'JWT' };
    expect(await judge(guard, mint(keyA, { claims: fromA }))).toBe('allowed');
    expect(await judge(guard, mint(keyB, { header, claims: fromB }))).toBe('allowed');
    expect(await judge(guard, mint(keyA, { header, claims: fromA }))).toBe('ERR_TOKEN_TYPE');
    expect(await judge(guard, mint(keyB, { claims: fromB }))).toBe('ERR_TOKEN_TYPE');
    const bare = { jti: undefined };
    expect(await judge(guard, mint(keyA, { claims: { ...fromA, ...bare } }))).toBe(
      'ERR_TOKEN_CLAIMS',
    );
    expect(await judge(guard, mint(keyB, { header, claims: { ...fromB, ...bare } }))).toBe(
      'allowed',
    );
  });

  test('claims', async () => {
    const guard = guardOf({ claims: { orgId: 'tenant', scopes: 'scp' } });
    const claims = { tenant: 'org_a', scp: 'a', org_id: 'org_b', scope: 'b' };
    const tokenA = mint(keyA, { claims: { ...claims, ...fromA } });
    const tokenB = mint(keyB, { claims: { ...claims, ...fromB } });
    expect(await judge(guard, tokenA, { orgId: 'org_a', scopes: ['a'] })).toBe('allowed');
    expect(await judge(guard, tokenB, { orgId: 'org_b', scopes: ['b'] })).toBe('allowed');
    expect(await judge(guard, tokenB, { scopes: ['a'] })).toBe('ERR_SCOPE_MISSING');
    expect(await judge(guard, tokenA, { orgId: 'org_b' })).toBe('ERR_ORG_MISMATCH');
  });

  test('an outage', async () => {
    const issuers = [a, b].map((issuer) => ({
      issuer,
      audience: 'urn:x',
      jwksUri: `${issuer}/jwks`,
    }));
    const fetch: typeof globalThis.fetch = async (url) =>
      String(url).startsWith(a)
        ? new Response('', { status: 500 })
        : Response.json({ keys: [keyB.jwk] });
    const guard = createGuard({ issuers, fetch, now });
    const aud = 'urn:x';
    expect(await judge(guard, mint(keyA, { claims: { iss: a, aud } }))).toBe('ERR_JWKS_RESPONSE');
    expect(await judge(guard, mint(keyB, { claims: { iss: b, aud } }))).toBe('allowed');
  });
});
