import { describe, expect, test } from 'vitest';
import { toGuardRequest } from '../../src/adapters/node-request.js';
import { createGuard, type Principal } from '../../src/index.js';
import { keyed, openScene, type Scene } from '../api-key/scene.js';

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

describe('what a record leaves out, a polluted prototype does not put in', () => {
  test.each([
    ['scopes', ['admin'], { scopes: ['admin'] }, '403 ERR_SCOPE_MISSING'],
    ['orgId', 'org_9', { orgId: 'org_9' }, '403 ERR_ORG_MISSING'],
    ['disabled', true, {}, 'allowed'],
    ['expiresAt', 1, {}, 'allowed'],
    ['expiresAt', 'soon', {}, 'allowed'],
    ['environment', 'test', {}, 'allowed'],
    ['id', 'key_9', {}, 'allowed'],
  ])('%s: %j', async (name, value, requirements, outcome) => {
    const scene = await openScene();
    expect(await polluted({ [name]: value }, () => scene.outcome('sk_2', requirements))).toBe(
      outcome,
    );
    // Nor was any of it remembered.
    expect(await scene.outcome('sk_2', requirements)).toBe(outcome);
  });

  test.each(['clientId', 'orgId', 'subject', 'environment', 'createdBy', 'expiresAt'] as const)(
    '%s, of the principal, its record and the event',
    async (name) => {
      const { store, guard, events } = await openScene();
      store.records.set('sk_3', { id: 'key_3' });
      const found = await polluted({ [name]: 'admin' }, async () => {
        const { principal } = (await guard(keyed('sk_3'))) as { principal: Principal };
        return [principal.kind, (principal as never)[name], (principal.key as never)[name]];
      });
      expect(found).toEqual(['api-key', undefined, undefined]);
      expect(Object.keys(events[0] ?? {})).not.toContain(name);
    },
  );

  test('a record that has no id does not get one', async () => {
    const { store, guard } = await openScene();
    store.answer = () => ({ clientId: 'client_3' });
    const asking = polluted({ id: 'key_9' }, () => guard(keyed('sk_3')));
    await expect(asking).rejects.toThrow(/whose id /);
  });

  test('an environment that is asked for is not found there', async () => {
    const { outcome } = await openScene({ apiKeys: { environment: 'live' } });
    expect(await polluted({ environment: 'live' }, () => outcome('sk_2'))).toBe(
      '401 ERR_API_KEY_ENVIRONMENT',
    );
  });
});

describe('what a record of a class says, a polluted prototype does not take away', () => {
  test.each([
    ['disabled', true, false, '401 ERR_API_KEY_DISABLED'],
    ['expiresAt', 1, 1e10, '401 ERR_API_KEY_EXPIRED'],
    ['environment', 'test', 'live', '401 ERR_API_KEY_ENVIRONMENT'],
  ])('%s', async (name, says, value, outcome) => {
    class Row {
      id = 'key_3';
    }
    Object.defineProperty(Row.prototype, name, { get: () => says });
    for (const apiKeys of name === 'environment' ? [{ environment: 'live' }] : [{}]) {
      const scene = await openScene({ apiKeys });
      scene.store.answer = () => new Row();
      expect(await scene.outcome('sk_3')).toBe(outcome);
      const other = await openScene({ apiKeys });
      other.store.answer = () => new Row();
      expect(await polluted({ [name]: value }, () => other.outcome('sk_3'))).toBe(outcome);
    }
  });

  test('its organization and scopes', async () => {
    class Row {
      get id() {
        return 'key_3';
      }
      get orgId() {
        return 'org_3';
      }
      get scopes() {
        return ['a'];
      }
    }
    const { store, outcome } = await openScene();
    store.answer = () => new Row();
    const requirements = { orgId: 'org_3', scopes: ['a'] };
    expect(await outcome('sk_3', requirements)).toBe('allowed');
    const other = await openScene();
    other.store.answer = () => new Row();
    const polluting = { orgId: 'org_9', scopes: ['admin'], id: 'key_9' };
    expect(await polluted(polluting, () => other.outcome('sk_3', requirements))).toBe('allowed');
  });
});

const evil = 'https://evil.test/';
const admin = { clientId: 'client_9', scopes: ['admin'] };
const principal = { kind: 'api-key', ...admin, scopes: new Set(['admin']) };

/** Members that somebody may read from an object of our own. */
const ours: readonly (readonly [string, object])[] = [
  ['record', { record: { id: 'key_9', ...admin } }],
  ['principal', { principal }],
  ['record and principal', { record: { id: 'key_9', ...admin }, principal }],
  ['allowed', { allowed: true, principal }],
  ['kind', { kind: 'token' }],
  ['key', { key: 'sk_1' }],
  ['text', { text: 'sk_1' }],
  ['age', { at: Date.UTC(2030, 0, 1), askAgainAt: 1e15 }],
  ['code', { code: undefined }],
  ['keyId', { keyId: 'key_9' }],
  ['credential', { credential: { kind: 'token', text: 'x' } }],
  ['optional', { optional: true }],
  ['besideToken', { besideToken: true }],
  ['headers', { headers: ['x-other'] }],
  ['wellFormed', { wellFormed: () => true }],
  ['staleIfError', { staleIfError: 1e9 }],
  ['retirement', { retirement: { status: 200, guide: evil } }],
  ['told', { told: 'ERR_NONE' }],
  ['error', { error: 'none' }],
  ['guide', { guide: evil, retryAfter: 1 }],
  ['missingScopes', { missingScopes: ['admin'] }],
  ['stance', { stance: { mode: 'token-only', cohort: 'first' } }],
  ['claims', { claims: { iss: evil, client_id: 'client_9' } }],
];
const refusedKeys = ['sk_0', 'sk_disabled', 'sk 1', 'a'.repeat(2_049)];

const denialOf = async ({ guard }: Scene, key: string) => {
  const decision = await guard(keyed(key));
  return decision.allowed ? 'allowed' : [decision.error.code, decision.denial];
};

describe.each(ours)('where every object seems to have: %s', (_, members) => {
  test('a refused key stays refused, asked for and remembered', async () => {
    const scene = await openScene();
    for (const key of refusedKeys) {
      for (let i = 0; i < 2; i += 1) {
        // What breaks under it may break; but nobody gets in.
        const asking = polluted(members, () => scene.outcome(key));
        expect(await asking.catch((error) => String(error))).not.toBe('allowed');
      }
      expect(await scene.outcome(key)).toMatch(/^40[01] ERR_API_KEY_/);
    }
  });

  test('its answer is the same, to the byte', async () => {
    const [clean, scene] = await Promise.all([openScene(), openScene()]);
    for (const key of refusedKeys) {
      const found = await polluted(members, () => denialOf(scene, key));
      expect(JSON.stringify(found)).toBe(JSON.stringify(await denialOf(clean, key)));
    }
  });

  test('its event says nothing that was not found out', async () => {
    const [clean, scene] = await Promise.all([openScene(), openScene()]);
    for (const key of refusedKeys) {
      await clean.outcome(key);
      await polluted(members, () => scene.outcome(key));
    }
    expect(JSON.stringify(scene.events)).toBe(JSON.stringify(clean.events));
  });

  test('a good key is what it was', async () => {
    const scene = await openScene();
    const decision = await polluted(members, () => scene.guard(keyed('sk_1'), { scopes: ['a'] }));
    expect(decision).toMatchObject({ allowed: true, principal: { key: { id: 'key_1' } } });
    expect(await polluted(members, () => scene.outcome('sk_1', { scopes: ['admin'] }))).toBe(
      '403 ERR_SCOPE_MISSING',
    );
  });
});

describe('nor does it let a key in where none is', () => {
  test('by a header that no request has', async () => {
    const { outcomeOf } = await openScene();
    const raw = {
      source: {},
      method: 'GET',
      url: '/',
      headers: {},
      rawHeaders: [],
      params: {},
      body: undefined,
    };
    const found = await polluted({ 'x-api-key': 'sk_1' }, () => outcomeOf(toGuardRequest(raw)));
    expect(found).toBe('401 ERR_CREDENTIAL_MISSING');
  });

  test('by apiKeys that no guard has', async () => {
    const { store, issuer } = await openScene();
    const apiKeys = { from: [{ header: 'x-api-key' }], lookup: store.lookup };
    const decision = await polluted({ apiKeys }, () => createGuard(issuer.options)(keyed('sk_1')));
    expect(decision).toMatchObject({ allowed: false, error: { code: 'ERR_CREDENTIAL_MISSING' } });
  });
});
