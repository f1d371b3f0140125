import { describe, expect, test } from 'vitest';
import type { ClaimMap, Principal } from '../../src/index.js';
import { bearing, judge } from './ask.js';
import { guardFor, issuer, keyFor, mint, seconds } from './mint.js';

const key = await keyFor('ES256');

/** The principal that a good token with these claims stands for. */
async function principalOf(claims: object, map?: ClaimMap): Promise<Principal> {
  const guard = guardFor([key.jwk], map && { claims: map });
  const decision = await guard(bearing(mint(key, { claims })));
  if (!decision.allowed || !decision.principal) throw new Error('the token was refused');
  return decision.principal;
}
const scopesOf = async (claims: object, map?: ClaimMap) => [
  ...(await principalOf(claims, map)).scopes,
];

describe('RFC 7519 §4.1, registered claims', () => {
  test('RFC 7519 §4.1: a principal is what the claims say', async () => {
    const claims = { scope: 'b a', org_id: 'org_1', extra: { deep: [1] } };
    const principal = await principalOf(claims);
    expect(principal).toMatchObject({
      kind: 'token',
      subject: 'user_1',
      clientId: 'client_1',
      orgId: 'org_1',
      issuer,
      tokenId: 'token_1',
      expiresAt: seconds + 300,
    });
    expect([...principal.scopes]).toEqual(['b', 'a']);
    expect(principal.claims).toMatchObject(claims);
  });

  test.each(['sub', 'client_id', 'org_id'])(
    'RFC 7519 §4.1.2: %s MUST be a string; of another type it MUST be refused, and never left out',
    async (name) => {
      const guard = guardFor([key.jwk]);
      for (const value of [1, 0, 2 ** 53, true, false, ['a'], [], { a: 'b' }, {}]) {
        const token = mint(key, { claims: { org_id: 'org_1', [name]: value } });
        expect(await judge(guard, token)).toBe('ERR_TOKEN_CLAIMS');
      }
    },
  );

  test.each(['sub', 'client_id', 'org_id', 'jti'])(
    'RFC 7519 §4.1: %s may be absent, null or empty; then it says nothing',
    async (name) => {
      const others = name === 'jti' ? [1, true, ['a'], { a: 'b' }] : [];
      for (const value of [null, '', undefined, ...others]) {
        const principal = await principalOf({ org_id: 'org_1', [name]: value });
        const { subject, clientId, orgId, tokenId } = principal;
        const found = { sub: subject, client_id: clientId, org_id: orgId, jti: tokenId };
        expect(found[name as keyof typeof found]).toBeUndefined();
        expect(Object.values(found).filter((one) => one !== undefined)).toHaveLength(3);
      }
    },
  );
});

describe('RFC 8693 §4.2, scope', () => {
  test.each([
    ['a b', ['a', 'b']],
    [' a  b ', ['a', 'b']],
    ['a a', ['a']],
    ['', []],
    ['   ', []],
    ['a,b', ['a,b']],
    ['a\tb\nc', ['a\tb\nc']],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    [[], []],
    [['a b'], ['a b']],
    [['a', 1], []],
    [['a', null], []],
    [{ a: true }, []],
    [null, []],
    [1, []],
    [true, []],
    ['__proto__ constructor', ['__proto__', 'constructor']],
  ])('RFC 8693 §4.2: scope %j grants %j', async (scope, granted) => {
    expect(await scopesOf({ scope })).toEqual(granted);
  });

  test('RFC 6749 §3.3: scopes MUST be compared as they are', async () => {
    const guard = guardFor([key.jwk]);
    const token = mint(key, { claims: { scope: 'Orders:Read orders:reads orders' } });
    const answer = await judge(guard, token, { scopes: ['orders:read'] });
    expect(answer).toBe('ERR_SCOPE_MISSING');
  });

  test('RFC 8693 §4.2: no other claim is a scope', async () => {
    const claims = { scp: ['a'], scopes: ['a'], permissions: ['a'], roles: ['a'], Scope: 'a' };
    expect(await scopesOf(claims)).toEqual([]);
  });
});

describe('RFC 7519 §4.3, private names', () => {
  const nested = { app: { 'a.b': { c: 'found' }, a: { b: { c: 'wrong' } } } };

  test.each([
    ['org', { org: 'found' }],
    ['https://x.test/claims/org', { 'https://x.test/claims/org': 'found' }],
    ['app.a.b', { 'app.a.b': 'found', app: { a: { b: 'wrong' } } }],
    [['app', 'a.b', 'c'], nested],
    [['list', '0'], { list: ['wrong'] }],
    [['text', 'length'], { text: 'wrong' }],
    [['app', 'constructor', 'name'], { app: {} }],
    [['toString', 'name'], {}],
    ['constructor', { constructor: 'found' }],
    [['a', 'hasOwnProperty'], { a: { hasOwnProperty: 'found' } }],
    [['a', 'b'], { a: null }],
    [['a', 'b', 'c', 'd'], { a: { b: { c: { d: 'found' } } } }],
    [['a', 'b', 'c'], { a: { b: {} } }],
  ])('RFC 7519 §4.3: the claim at %j of %j', async (path, claims) => {
    const { orgId } = await principalOf({ org_id: 'wrong', ...claims }, { orgId: path });
    expect(orgId).toBe(JSON.stringify(claims).includes('found') ? 'found' : undefined);
  });

  test.each(['subject', 'clientId', 'orgId'] as const)(
    'RFC 7519 §4.3: %s of another type than string is refused where it is mapped, too',
    async (name) => {
      const guard = guardFor([key.jwk], { claims: { [name]: ['a', 'b', 'c'] } });
      const at = (c: unknown) => judge(guard, mint(key, { claims: { a: { b: { c } } } }));
      expect(await at('found')).toBe('allowed');
      for (const c of [1, false, { d: 'wrong' }, ['wrong']]) {
        expect(await at(c)).toBe('ERR_TOKEN_CLAIMS');
      }
    },
  );

  test('RFC 7519 §4.3: every one of the four can be elsewhere, each by itself', async () => {
    const claims = { me: { id: 'u' }, azp: 'c', tenant: 'o', 'https://x.test/scp': ['s'] };
    const map = {
      subject: ['me', 'id'],
      clientId: 'azp',
      orgId: 'tenant',
      scopes: 'https://x.test/scp',
    };
    const all = await principalOf({ ...claims, scope: 'wrong' }, map);
    expect([all.subject, all.clientId, all.orgId, ...all.scopes]).toEqual(['u', 'c', 'o', 's']);
    const one = await principalOf({ ...claims, scope: 'right' }, { clientId: 'azp' });
    expect([one.subject, one.clientId, one.orgId, ...one.scopes]).toEqual([
      'user_1',
      'c',
      undefined,
      'right',
    ]);
  });

  test('RFC 7519 §4.3: where the mapped claim is missing, the standard one MUST NOT be guessed', async () => {
    const map = { subject: 'x', clientId: 'y', orgId: 'z', scopes: 'w' };
    const { subject, clientId, orgId, scopes } = await principalOf(
      { org_id: 'org_1', scope: 'a' },
      map,
    );
    expect([subject, clientId, orgId, scopes.size]).toEqual([undefined, undefined, undefined, 0]);
  });
});
