import { describe, expect, test } from 'vitest';
import type { ApiKeyRecord, GuardRequest, Principal, Requirements } from '../../src/index.js';
import { keyed, openScene } from './scene.js';

const parts = { clientId: 'client_1', orgId: 'org_1', subject: 'user_1' } as const;

/** What is required, of a caller with these scopes in org_1, and what comes of it. */
const required: Record<string, readonly [Requirements, readonly string[], string]> = {
  nothing: [{}, [], 'allowed'],
  'a scope that is there': [{ scopes: ['a'] }, ['a'], 'allowed'],
  'two scopes that are there': [{ scopes: ['a', 'b'] }, ['b', 'c', 'a'], 'allowed'],
  'a scope that is missing': [{ scopes: ['a', 'b'] }, ['a'], '403 ERR_SCOPE_MISSING'],
  'a scope of nobody': [{ scopes: ['a'] }, [], '403 ERR_SCOPE_MISSING'],
  'a scope in another case': [{ scopes: ['a'] }, ['A'], '403 ERR_SCOPE_MISSING'],
  'a scope that is implied': [{ scopes: ['read'] }, ['write'], 'allowed'],
  'a scope that is implied twice': [{ scopes: ['read'] }, ['admin'], 'allowed'],
  'a scope that is broader': [{ scopes: ['write'] }, ['read'], '403 ERR_SCOPE_MISSING'],
  'any of two scopes': [{ anyScope: ['x', 'a'] }, ['a'], 'allowed'],
  'any of two that are missing': [{ anyScope: ['x', 'y'] }, ['a'], '403 ERR_SCOPE_MISSING'],
  'its organization': [{ orgId: 'org_1' }, [], 'allowed'],
  'another organization': [{ orgId: 'org_2' }, [], '403 ERR_ORG_MISMATCH'],
  'the organization of the request': [{ orgId: () => 'org_1' }, [], 'allowed'],
  'an organization that the request does not name': [
    { orgId: () => undefined },
    [],
    '403 ERR_ORG_UNRESOLVED',
  ],
  'a check that passes': [{ check: () => true }, [], 'allowed'],
  'a check that passes later': [{ check: async () => true }, [], 'allowed'],
  'a check that fails': [{ check: () => false }, [], '403 ERR_CHECK_FAILED'],
  'a check that says 1': [{ check: () => 1 as never }, [], '403 ERR_CHECK_FAILED'],
  'all at once': [{ scopes: ['a'], orgId: 'org_1', check: () => true }, ['a'], 'allowed'],
  'the organization before scopes, for a consent would not help': [
    { scopes: ['a'], orgId: 'org_2' },
    [],
    '403 ERR_ORG_MISMATCH',
  ],
  'the organization that is found later': [{ orgId: async () => 'org_1' }, [], 'allowed'],
  'another organization that is found later': [
    { orgId: async () => 'org_2', scopes: ['a'] },
    [],
    '403 ERR_ORG_MISMATCH',
  ],
  'an organization that is not found later': [
    { orgId: async () => undefined },
    [],
    '403 ERR_ORG_UNRESOLVED',
  ],
  'scopes after an organization that is found later': [
    { scopes: ['a'], orgId: async () => 'org_1' },
    [],
    '403 ERR_SCOPE_MISSING',
  ],
};

const impliedScopes = { admin: ['write'], write: ['read'] };

describe('asked of a key exactly as of a token', () => {
  test.each(Object.entries(required))('%s', async (_, [requirements, scopes, outcome]) => {
    const { store, guard, outcomeOf, bearing, events } = await openScene({ impliedScopes });
    store.records.set('sk_3', { id: 'key_3', scopes, ...parts });
    const token = await bearing({ scopes, ...parts });
    const [withKey, withToken] = [keyed('sk_3'), token];
    expect(await outcomeOf(withKey, requirements)).toBe(outcome);
    expect(await outcomeOf(withToken, requirements)).toBe(outcome);
    const byKey = await guard(withKey, requirements);
    const byToken = await guard(withToken, requirements);
    if (!byKey.allowed && !byToken.allowed) {
      expect(byKey.denial).toEqual(byToken.denial);
      expect(byKey.error).toMatchObject({ ...byToken.error });
    }
    for (const event of events) {
      expect(event).toMatchObject({ ...parts, scopes });
    }
    expect(events.map(({ keyId }) => keyId)).toEqual(['key_3', undefined, 'key_3', undefined]);
  });

  test('a key without an organization has none, and matches none', async () => {
    const { store, outcome } = await openScene();
    store.records.set('sk_3', { id: 'key_3' });
    expect(await outcome('sk_3', { orgId: 'org_1' })).toBe('403 ERR_ORG_MISSING');
    expect(await outcome('sk_3', { orgId: 'undefined' })).toBe('403 ERR_ORG_MISSING');
    expect(await outcome('sk_3', { orgId: () => undefined })).toBe('403 ERR_ORG_UNRESOLVED');
  });

  test('a key passes where none is needed, with all it is', async () => {
    const { guard } = await openScene({ optional: true });
    const decision = await guard(keyed('sk_1'));
    expect(decision).toMatchObject({ allowed: true, principal: { key: { id: 'key_1' } } });
  });

  test('a check sees the principal of the key, and the request', async () => {
    const { outcomeOf } = await openScene();
    const seen: [Principal, GuardRequest][] = [];
    const request = keyed('sk_1');
    const check = (...args: [Principal, GuardRequest]) => seen.push(args) > 0;
    expect(await outcomeOf(request, { check })).toBe('allowed');
    const [principal, given] = seen[0] ?? [];
    expect(principal?.kind).toBe('api-key');
    expect(principal?.key?.id).toBe('key_1');
    expect(principal?.claims).toBeUndefined();
    expect(given).toBe(request);
  });

  test('a check that throws is the application’s own error', async () => {
    const bug = new Error('the application broke');
    const { guard, events } = await openScene();
    await expect(guard(keyed('sk_1'), { check: () => Promise.reject(bug) })).rejects.toBe(bug);
    expect(events).toEqual([]);
  });

  test('what one route refuses is not remembered for another', async () => {
    const { store, outcome } = await openScene();
    expect(await outcome('sk_1', { scopes: ['b'] })).toBe('403 ERR_SCOPE_MISSING');
    expect(await outcome('sk_1', { scopes: ['a'] })).toBe('allowed');
    expect(await outcome('sk_1', { orgId: 'org_2' })).toBe('403 ERR_ORG_MISMATCH');
    expect(await outcome('sk_1')).toBe('allowed');
    expect(store.asked).toEqual(['sk_1']);
  });
});

describe('an event', () => {
  test('of a key says who it is', async () => {
    const record: ApiKeyRecord = { id: 'key_3', scopes: ['b', 'a'], ...parts, createdBy: 'admin' };
    const { store, outcome, events } = await openScene();
    store.records.set('sk_3', record);
    expect(await outcome('sk_3')).toBe('allowed');
    expect(events).toEqual([
      {
        time: Date.UTC(2030, 0, 1),
        outcome: 'allow',
        status: 200,
        method: 'api-key',
        keyPlace: 'header',
        ...parts,
        keyId: 'key_3',
        mode: 'dual',
        scopes: ['b', 'a'],
        durationMs: 0,
        httpMethod: 'GET',
      },
    ]);
  });

  test('a listener that changes its event changes no key', async () => {
    const { outcome, events } = await openScene();
    expect(await outcome('sk_1')).toBe('allowed');
    for (const { scopes } of events) (scopes as string[]).push('admin');
    expect(await outcome('sk_1', { scopes: ['admin'] })).toBe('403 ERR_SCOPE_MISSING');
    expect(events[1]?.scopes).toEqual(['a']);
  });
});
