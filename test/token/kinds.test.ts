import { describe, expect, test } from 'vitest';
import { checks as allChecks } from '../../src/core/plan/plan.js';
import { createGuard, type GuardOptions } from '../../src/index.js';
import { bearing, judge } from '../rfc/ask.js';
import { audience, guardFor, issuer, keyFor, mint, now } from '../rfc/mint.js';

const key = await keyFor('ES256');
// As where somebody gives the id of a client as the audience.
const guard = guardFor([key.jwk]);
const ask = (claims: object, options?: Partial<GuardOptions>) =>
  judge(options ? guardFor([key.jwk], options as object) : guard, mint(key, { claims }));

const keycloak = { scope: 'openid profile', azp: 'client_1', session_state: 'a', sid: 'a' };
const entra = {
  aud: audience,
  oid: 'a',
  tid: 'b',
  ver: '2.0',
  nonce: 'c',
  preferred_username: 'd',
};

describe('RFC 8725 §3.12: a token that is no access token is refused', () => {
  test.each([
    ...['ID', 'Refresh', 'Offline', 'Logout', 'id', 'REFRESH', 'oFFline', 'logout'].map((typ) => ({
      ...keycloak,
      typ,
    })),
    { ...keycloak, typ: 'Serialized-ID' },
    { ...keycloak, typ: 'RegistrationAccessToken' },
    { scope: 'a', token_type: 'refresh' },
    { scope: 'a', type: 'refresh' },
    { scope: 'a', token_use: 'id' },
    { scope: 'a', token_use: null },
    entra,
    { ...entra, groups: ['a'] },
    { ...entra, roles: [] },
    { ...entra, scope: '' },
    { ...entra, scope: ' ' },
    { ...entra, scope: 1 },
    { nonce: null },
    { scope: 'a', at_hash: 'a' },
    { scope: 'a', c_hash: 'a' },
    { scope: 'a', s_hash: 'a' },
    { scope: 'a', events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
    { token_introspection: { active: true, scope: 'a' } },
    { htm: 'GET', htu: 'https://api.test/', ath: 'a' },
    { code: 'a', state: 'b', sub: undefined, client_id: undefined },
    { code: 'a', state: 'b' },
    { error: 'access_denied', state: 'b' },
    { vp: { type: ['VerifiablePresentation'] } },
    { vc: { type: ['VerifiableCredential'] } },
  ])('%j', async (claims) => {
    expect(await ask(claims)).toBe('ERR_TOKEN_NOT_ACCESS_TOKEN');
  });
});

describe('an access token stays one', () => {
  test.each([
    { ...keycloak, typ: 'Bearer' },
    { ...keycloak, typ: 'DPoP' },
    { typ: 1 },
    { token_type: 'Bearer' },
    { token_use: 'access' },
    { ...entra, scope: 'openid' },
    { ...entra, roles: ['Orders.Read'] },
    { ...entra, realm_access: { roles: ['user'] } },
    { ...entra, resource_access: { account: { roles: ['view'] } } },
    { code: 'a country' },
  ])('%j', async (claims) => {
    expect(await ask(claims)).toBe('allowed');
  });

  test('with a nonce, and a scope where it is mapped', async () => {
    const options = { claims: { scopes: 'scp' } };
    expect(await ask({ nonce: 'a', scp: 'Orders.Read' }, options)).toBe('allowed');
    expect(await ask({ nonce: 'a', scope: 'openid' }, options)).toBe('ERR_TOKEN_NOT_ACCESS_TOKEN');
  });
});

describe('no plan makes a report of', () => {
  const lenient = () =>
    createGuard({
      issuer,
      audience,
      jwksUri: `${issuer}/jwks`,
      now,
      fetch: async () => Response.json({ keys: [key.jwk] }),
      apiKeys: {
        from: [{ header: 'x-api-key' }],
        lookup: async () => undefined,
        plan: { tokenChecks: Object.fromEntries(allChecks.map((check) => [check, 'report'])) },
        onMigration: () => {},
      },
    });

  test.each([
    ['a bound token', 'ERR_TOKEN_BOUND', { cnf: { jkt: 'abc' } }],
    ['a bound token for others', 'ERR_TOKEN_BOUND', { cnf: {}, aud: 'https://other.test' }],
    ['another kind of token', 'ERR_TOKEN_NOT_ACCESS_TOKEN', { typ: 'ID' }],
    ['an identity that is no string', 'ERR_TOKEN_CLAIMS', { sub: 1 }],
    ['a token that has expired', 'ERR_TOKEN_EXPIRED', { exp: 1 }],
  ])('%s', async (_, code, claims) => {
    const guard = lenient();
    for (let i = 0; i < 2; i += 1) {
      const decision = await guard(bearing(mint(key, { claims })));
      expect(!decision.allowed && decision.error.code).toBe(code);
    }
    await guard.close();
  });
});
