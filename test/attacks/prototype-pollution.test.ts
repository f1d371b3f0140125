import { describe, expect, test } from 'vitest';
import { toGuardRequest } from '../../src/adapters/node-request.js';
import {
  createGuard,
  type DecisionEvent,
  type Principal,
  type Requirements,
} from '../../src/index.js';
import { bearing, judge, requestOf, verdict } from '../rfc/ask.js';
import { audience, guardFor, issuer, jwksUri, keyFor, mint, now, seconds } from '../rfc/mint.js';

const key = await keyFor('ES256');
const attacker = await keyFor('ES256', 'attacker');

/** Does something while every object there is seems to have these members. */
async function polluted<T>(members: object, work: () => Promise<T>): Promise<T> {
  const names = Object.keys(members);
  for (const name of names) expect(name in Object.prototype).toBe(false);
  Object.assign(Object.prototype, members);
  try {
    return await work();
  } finally {
    for (const name of names) delete (Object.prototype as Record<string, unknown>)[name];
  }
}

describe('what a token leaves out, a polluted prototype does not put in', () => {
  test.each([
    ['aud', audience, 'ERR_TOKEN_AUDIENCE'],
    ['aud', [audience], 'ERR_TOKEN_AUDIENCE'],
    ['exp', seconds + 300, 'ERR_TOKEN_TIME'],
    ['iss', issuer, 'ERR_TOKEN_ISSUER'],
    ['sub', 'admin', 'ERR_TOKEN_CLAIMS'],
    ['client_id', 'admin', 'ERR_TOKEN_CLAIMS'],
    ['jti', 'jti', 'ERR_TOKEN_CLAIMS'],
    ['iat', seconds, 'ERR_TOKEN_CLAIMS'],
  ])('the claim %s', async (name, value, code) => {
    const guard = guardFor([key.jwk], { typ: ['at+jwt'] });
    await guard.ready();
    const token = mint(key, { claims: { [name]: undefined } });
    expect(await judge(guard, token)).toBe(code);
    expect(await polluted({ [name]: value }, () => judge(guard, token))).toBe(code);
  });

  test.each([
    ['alg', 'ES256', 'ERR_TOKEN_ALGORITHM'],
    ['typ', 'at+jwt', 'ERR_TOKEN_TYPE'],
  ])('the header parameter %s', async (name, value, code) => {
    const guard = guardFor([key.jwk], { typ: ['at+jwt'] });
    await guard.ready();
    const token = mint(key, { header: { [name]: undefined } });
    expect(await judge(guard, token)).toBe(code);
    expect(await polluted({ [name]: value }, () => judge(guard, token))).toBe(code);
  });

  test('a kid: of two keys that fit, a token without one names neither', async () => {
    const guard = guardFor([key.jwk, attacker.jwk].map((jwk, i) => ({ ...jwk, kid: `key${i}` })));
    await guard.ready();
    const token = mint(key, { header: { kid: undefined } });
    const code = await polluted({ kid: 'key0' }, () => judge(guard, token));
    expect(code).toBe('ERR_TOKEN_KEY_UNKNOWN');
  });

  test.each([
    ['scope', 'admin', { scopes: ['admin'] }, 'ERR_SCOPE_MISSING'],
    ['scope', ['admin'], { anyScope: ['admin'] }, 'ERR_SCOPE_MISSING'],
    ['org_id', 'org_1', { orgId: 'org_1' }, 'ERR_ORG_MISSING'],
    ['admin', true, { scopes: ['admin'] }, 'ERR_SCOPE_MISSING'],
    ['scopes', new Set(['admin']), { scopes: ['admin'] }, 'ERR_SCOPE_MISSING'],
    ['orgId', 'org_1', { orgId: 'org_1' }, 'ERR_ORG_MISSING'],
  ])('%s, as %j', async (name, value, requirements, code) => {
    const guard = guardFor([key.jwk]);
    await guard.ready();
    const token = mint(key);
    const found = await polluted({ [name]: value }, () =>
      judge(guard, token, requirements as Requirements),
    );
    expect(found).toBe(code);
  });

  test.each(['subject', 'clientId', 'orgId', 'tokenId'] as const)(
    'the %s of a principal, or of what an event tells',
    async (name) => {
      const events: DecisionEvent[] = [];
      const guard = guardFor([key.jwk], { onDecision: (event) => events.push(event) });
      await guard.ready();
      const claims = { sub: undefined, client_id: undefined, jti: undefined };
      const token = mint(key, { claims });
      const found = await polluted({ [name]: 'admin' }, async () => {
        const { principal } = (await guard(bearing(token))) as { principal: Principal };
        return [principal.kind, principal[name]];
      });
      expect(found).toEqual(['token', undefined]);
      expect(events).toHaveLength(1);
      expect(Object.keys(events[0] ?? {})).not.toContain(name);
    },
  );

  // Not crit: jose reads that one from anywhere, and refuses.
  test.each(['b', 'cnf', 'b64', 'at_hash', 'events', 'token_use'])(
    'and %s does not turn a good token away',
    async (name) => {
      const guard = guardFor([key.jwk]);
      await guard.ready();
      const token = mint(key);
      expect(await polluted({ [name]: 'x' }, () => judge(guard, token))).toBe('allowed');
    },
  );
});

describe('nor does it let anybody in without a token', () => {
  test.each([[undefined], [{}]])('where the route says %j', async (requirements) => {
    const guard = guardFor([key.jwk]);
    const decision = await polluted({ optional: true }, () => guard(requestOf({}), requirements));
    expect(verdict(decision)).toBe('ERR_CREDENTIAL_MISSING');
  });

  test('where the guard is made under it', async () => {
    const decision = await polluted({ optional: true }, () => guardFor([key.jwk])(requestOf({})));
    expect(verdict(decision)).toBe('ERR_CREDENTIAL_MISSING');
  });

  test('by an Authorization that no request has', async () => {
    const guard = guardFor([key.jwk]);
    const raw = {
      source: {},
      method: 'GET',
      url: '/',
      headers: {},
      rawHeaders: [],
      params: {},
      body: undefined,
    };
    const authorization = `Bearer ${mint(key)}`;
    const decision = await polluted({ authorization }, () => guard(toGuardRequest(raw)));
    expect(verdict(decision)).toBe('ERR_CREDENTIAL_MISSING');
  });
});

describe('nor does it bring a key', () => {
  const { kid, kty, crv, x, y } = attacker.jwk as Record<string, string>;
  const forged = mint(attacker);

  test('to a set that has none', async () => {
    const guard = guardFor([], { fetch: async () => Response.json({}) });
    const found = await polluted({ keys: [attacker.jwk] }, () => judge(guard, forged));
    expect(found).toBe('ERR_JWKS_RESPONSE');
  });

  test('in the place of one that says nothing', async () => {
    const found = await polluted({ kid, kty, crv, x, y }, () => judge(guardFor([{}]), forged));
    expect(found).toBe('ERR_JWKS_RESPONSE');
    const beside = { ...key.jwk, kid: 'beside' };
    const guard = guardFor([{}, beside]);
    const also = await polluted({ kid, kty, crv, x, y }, () => judge(guard, forged));
    expect(also).toBe('ERR_TOKEN_KEY_UNKNOWN');
  });

  test('through metadata that name no issuer', async () => {
    const guard = createGuard({
      issuer,
      audience,
      now,
      fetch: async (url) =>
        String(url) === jwksUri ? Response.json({ keys: [attacker.jwk] }) : Response.json({}),
    });
    const found = await polluted({ issuer, jwks_uri: jwksUri }, () => judge(guard, forged));
    expect(found).toBe('ERR_DISCOVERY_RESPONSE');
  });
});

describe('names that every object has', () => {
  const names = ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf', 'prototype'];

  test.each(names)('%s is no scope and no organization that anybody has', async (name) => {
    const guard = guardFor([key.jwk]);
    expect(await judge(guard, mint(key), { scopes: [name] })).toBe('ERR_SCOPE_MISSING');
    expect(await judge(guard, mint(key), { orgId: name })).toBe('ERR_ORG_MISSING');
    const org = mint(key, { claims: { org_id: 'org_1' } });
    expect(await judge(guard, org, { orgId: name })).toBe('ERR_ORG_MISMATCH');
    expect(await judge(guard, org, { orgId: () => name })).toBe('ERR_ORG_MISMATCH');
  });

  test.each(names)('%s can be a scope, an organization and a subject', async (name) => {
    const guard = guardFor([key.jwk]);
    const claims = { scope: name, org_id: name, sub: name, client_id: name };
    const decision = await guard(bearing(mint(key, { claims })), { scopes: [name], orgId: name });
    expect(decision).toMatchObject({ allowed: true, principal: { subject: name, orgId: name } });
  });

  test.each(names)('%s is an implied scope where it is written, and only there', async (name) => {
    const impliedScopes = JSON.parse(`{"${name}":["read"],"admin":["${name}"]}`);
    const guard = guardFor([key.jwk], { impliedScopes });
    const holding = (scope: string) => mint(key, { claims: { scope } });
    expect(await judge(guard, holding(name), { scopes: ['read'] })).toBe('allowed');
    expect(await judge(guard, holding('admin'), { scopes: ['read', name] })).toBe('allowed');
    expect(await judge(guard, holding('read'), { scopes: [name] })).toBe('ERR_SCOPE_MISSING');
    expect(await judge(guardFor([key.jwk]), holding(name), { scopes: ['read'] })).toBe(
      'ERR_SCOPE_MISSING',
    );
  });

  test.each(names.filter((name) => name !== '__proto__'))(
    'a claim named %s is handed on, and is nothing else',
    async (name) => {
      const decision = await guardFor([key.jwk])(bearing(mint(key, { claims: { [name]: 'x' } })));
      const principal = (decision as { principal: Principal }).principal;
      expect(principal.claims).toHaveProperty([name], 'x');
      expect([principal.subject, principal.scopes.size]).toEqual(['user_1', 0]);
    },
  );

  test('no token changes the prototype of anything', async () => {
    const before = Object.getOwnPropertyNames(Object.prototype).sort();
    const claims = { constructor: { prototype: { admin: true } }, prototype: { admin: true } };
    const decision = await guardFor([key.jwk])(bearing(mint(key, { header: claims, claims })));
    expect(verdict(decision)).toBe('allowed');
    expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(before);
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });
});
