import { describe, expect, test } from 'vitest';
import type { Principal, Requirements } from '../../src/index.js';
import { keyed, openScene } from './scene.js';

/** The principal of a key with this record. */
async function principalOf(record: unknown): Promise<Principal> {
  const { store, guard } = await openScene();
  store.answer = () => record;
  const decision = await guard(keyed('sk_3'));
  if (!decision.allowed || !decision.principal) throw new Error('the guard refused it');
  return decision.principal;
}

const id = 'key_3';
const endless = [...Array(3).keys()].map(() => 'a');

const circle: Record<string, unknown> = {};
circle.again = { circle };
// Each level holds the next one twice.
const unfolding = [...Array(40)].reduce<object>((inner) => ({ a: inner, b: inner }), {});

/** Answers that are no record, and what the sentence about each has to name. */
const broken: Record<string, readonly [unknown, string]> = {
  null: [null, 'returned null'],
  false: [false, 'returned a boolean'],
  true: [true, 'returned a boolean'],
  'a number': [0, 'returned a number'],
  'a text': ['key_3', 'returned a string'],
  'an empty text': ['', 'returned a string'],
  'a function': [() => ({ id }), 'returned a function'],
  'a symbol': [Symbol('key_3'), 'returned a symbol'],
  'a list': [[{ id }], 'returned a list'],
  'an empty list': [[], 'returned a list'],
  'an empty object': [{}, 'whose id '],
  'a Map': [new Map([['id', id]]), 'whose id '],
  'a row under a name': [{ key: { id } }, 'whose id '],
  'null for id': [{ id: null }, 'whose id '],
  'an empty id': [{ id: '' }, 'whose id '],
  'a number with a fraction for id': [{ id: 1.5 }, 'a safe integer'],
  'a number that is no longer exact for id': [{ id: 2 ** 53 }, 'a safe integer'],
  'a list for id': [{ id: [id] }, 'whose id '],
  'a String for id': [{ id: Object(id) }, 'whose id '],
  'an empty clientId': [{ id, clientId: '' }, 'whose clientId '],
  'a number for clientId': [{ id, clientId: 1 }, 'whose clientId '],
  'an empty subject': [{ id, subject: '' }, 'whose subject '],
  'an object for subject': [{ id, subject: {} }, 'whose subject '],
  'an empty orgId': [{ id, orgId: '' }, 'whose orgId '],
  'a list for orgId': [{ id, orgId: ['org_1'] }, 'whose orgId '],
  'scopes as one text': [{ id, scopes: 'a b' }, 'whose scopes '],
  'scopes as an empty text': [{ id, scopes: '' }, 'whose scopes '],
  'a Set of scopes': [{ id, scopes: new Set(['a']) }, 'whose scopes '],
  'scopes by index': [{ id, scopes: { 0: 'a', length: 1 } }, 'whose scopes '],
  'a scope with SP': [{ id, scopes: ['a b'] }, 'whose scopes '],
  'a scope with a comma': [{ id, scopes: ['a,b'] }, 'whose scopes '],
  'a scope with a quote': [{ id, scopes: ['a"'] }, 'whose scopes '],
  'a scope with a line break': [{ id, scopes: ['a\n'] }, 'whose scopes '],
  'a scope that is no ASCII': [{ id, scopes: ['\u00e9'] }, 'whose scopes '],
  'an empty scope': [{ id, scopes: ['a', ''] }, 'whose scopes '],
  'a number among scopes': [{ id, scopes: ['a', 1] }, 'whose scopes '],
  'a list among scopes': [{ id, scopes: [endless] }, 'whose scopes '],
  'undefined among scopes': [{ id, scopes: ['a', undefined] }, 'whose scopes '],
  'expiresAt in milliseconds': [{ id, expiresAt: 1_924_992_000_000 }, 'whose expiresAt '],
  'expiresAt in milliseconds, as long ago as 1979': [
    { id, expiresAt: Date.UTC(1979, 0) },
    'a number of seconds since 1970 (not milliseconds)',
  ],
  'expiresAt just beyond seconds': [{ id, expiresAt: 253_402_387_201 }, 'whose expiresAt '],
  'NaN for expiresAt': [{ id, expiresAt: Number.NaN }, 'whose expiresAt '],
  'Infinity for expiresAt': [{ id, expiresAt: Number.POSITIVE_INFINITY }, 'whose expiresAt '],
  '-Infinity for expiresAt': [{ id, expiresAt: Number.NEGATIVE_INFINITY }, 'whose expiresAt '],
  'a date as ISO 8601': [{ id, expiresAt: '2031-01-01T00:00:00Z' }, 'whose expiresAt '],
  'a number as text for expiresAt': [{ id, expiresAt: '1924992000' }, 'whose expiresAt '],
  'an invalid Date for expiresAt': [{ id, expiresAt: new Date('never') }, 'whose expiresAt '],
  'a Date of the year 30000': [{ id, expiresAt: new Date(Date.UTC(30_000, 0)) }, 'out of range'],
  'a bigint for expiresAt': [{ id, expiresAt: 1_924_992_000n }, 'whose expiresAt '],
  'text for disabled': [{ id, disabled: 'true' }, 'whose disabled '],
  'false as text for disabled': [{ id, disabled: 'false' }, 'whose disabled '],
  '0 for disabled': [{ id, disabled: 0 }, 'whose disabled '],
  '1 for disabled': [{ id, disabled: 1 }, 'whose disabled '],
  'a Boolean for disabled': [{ id, disabled: Object(false) }, 'whose disabled '],
  'an empty environment': [{ id, environment: '' }, 'whose environment '],
  'a list for environment': [{ id, environment: ['live'] }, 'whose environment '],
  'an empty issuer': [{ id, issuer: '' }, 'whose issuer '],
  'an issuer that is none of the guard’s': [
    { id, issuer: 'https://other.test' },
    "whose issuer must be one of the guard's",
  ],
  'a text for metadata': [{ id, metadata: 'a' }, 'whose metadata must be a plain object'],
  'a list for metadata': [{ id, metadata: [] }, 'whose metadata '],
  'a Map for metadata': [{ id, metadata: new Map() }, 'whose metadata '],
  'a Date in metadata': [{ id, metadata: { made: new Date() } }, 'whose metadata '],
  'a function in metadata': [{ id, metadata: { a: [() => 1] } }, 'whose metadata '],
  'a bigint in metadata': [{ id, metadata: { a: 1n } }, 'whose metadata '],
  '__proto__ in metadata': [
    { id, metadata: JSON.parse('{"a":{"__proto__":{"admin":true}}}') },
    'whose metadata ',
  ],
  'metadata in a circle': [{ id, metadata: circle }, 'whose metadata '],
  'metadata of too many values': [{ id, metadata: { a: Array(1_001).fill(1) } }, '1,000 values'],
  'metadata that unfolds without an end': [{ id, metadata: unfolding }, 'whose metadata '],
  'an empty createdBy': [{ id, createdBy: '' }, 'whose createdBy '],
  'a promise of a record in a list': [[Promise.resolve({ id })], 'returned a list'],
};

describe('what is no record is a bug, and nobody gets in', () => {
  test.each(Object.entries(broken))('%s', async (_, [record, says]) => {
    const { store, guard, outcome, events } = await openScene({
      apiKeys: { cache: { staleIfError: 3_600 } },
    });
    store.answer = () => record;
    // Not even where no credential is needed.
    for (const requirements of [{}, { optional: true }]) {
      const failure: unknown = await guard(keyed('sk_3'), requirements).catch((error) => error);
      expect(failure).toBeInstanceOf(TypeError);
      expect(String(failure)).toContain(`apiKeys.lookup `);
      expect(String(failure)).toContain(says);
      expect(String(failure)).not.toContain('sk_3');
    }
    // Nor is it remembered, or an outage.
    expect(store.asked).toHaveLength(2);
    expect(events).toEqual([]);
    expect(guard.counts().refused).toEqual({});
    store.answer = () => ({ id });
    expect(await outcome('sk_3')).toBe('allowed');
  });

  test('a hole among scopes', async () => {
    const { store, guard } = await openScene();
    const scopes = ['a', 'b', 'c'];
    delete scopes[1];
    store.answer = () => ({ id, scopes });
    await expect(guard(keyed('sk_3'))).rejects.toThrow(/whose scopes /);
  });

  test('what was remembered before is not used in its place', async () => {
    const { store, guard, outcome, clock } = await openScene({
      apiKeys: { cache: { staleIfError: 3_600 } },
    });
    expect(await outcome('sk_1')).toBe('allowed');
    clock.advance(60);
    store.answer = () => null;
    await expect(guard(keyed('sk_1'))).rejects.toThrow(TypeError);
  });

  test('everybody who waits for it is told', async () => {
    const { store, guard } = await openScene();
    store.answer = () => 'no record';
    const all = await Promise.allSettled([1, 2, 3].map(() => guard(keyed('sk_3'))));
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(store.asked).toEqual(['sk_3']);
  });

  test.each([undefined, null, 0, '', false, Number.NaN, 'route'])(
    'a getter that throws %j leaves the guard as an Error',
    async (thrown) => {
      const { store, guard } = await openScene();
      store.answer = () => ({
        id,
        get scopes() {
          throw thrown;
        },
      });
      await expect(guard(keyed('sk_3'))).rejects.toBeInstanceOf(Error);
    },
  );

  test('a getter that throws is the application’s own error', async () => {
    const bug = new Error('a getter broke');
    const { store, guard } = await openScene();
    store.answer = () => ({
      id,
      get scopes() {
        throw bug;
      },
    });
    await expect(guard(keyed('sk_3'))).rejects.toBe(bug);
  });
});

const memberNames = [
  ...['issuer', 'clientId', 'subject', 'orgId', 'scopes', 'expiresAt', 'disabled', 'environment'],
  ...['createdBy', 'metadata'],
];

describe('a member of another name is a bug, and nobody gets in', () => {
  test.each<[string, unknown, string]>([
    ['expires_at', 1, 'expiresAt'],
    ['expires_at', null, 'expiresAt'],
    ['expiry', undefined, 'expiresAt'],
    ['revoked', true, 'disabled'],
    ['revoked_at', new Date(), 'disabled'],
    ['enabled', false, 'disabled'],
    ['isActive', false, 'disabled'],
    ['Disabled', true, 'disabled'],
    ['client_id', 'acme', 'clientId'],
    ['customer', 'acme', 'clientId'],
    ['tenant_id', 'org_1', 'orgId'],
    ['userId', 'user_1', 'subject'],
    ['scope', 'a b', 'scopes'],
    ['env', 'test', 'environment'],
    ['enviroment', 'test', 'environment'],
    ['created_by', 'ann', 'createdBy'],
  ])('%s, of value %s, was meant to be %s', async (name, value, meant) => {
    const { store, guard } = await openScene();
    store.answer = () => ({ id, [name]: value });
    await expect(guard(keyed('sk_3'))).rejects.toThrow(`"${name}": did you mean "${meant}"?`);
  });

  test('of a getter of a class too, of any depth; its methods are none', async () => {
    class Entity {
      id = id;
      get revoked() {
        return true;
      }
      save() {}
    }
    class Key extends Entity {}
    const { store, guard } = await openScene();
    store.answer = () => new Key();
    await expect(guard(keyed('sk_3'))).rejects.toThrow(/"revoked": did you mean "disabled"/);
    class Plain {
      readonly id = id;
      save() {}
    }
    store.answer = () => new Plain();
    expect((await guard(keyed('sk_3'))).allowed).toBe(true);
  });

  test('is not shown where it may be a key', async () => {
    const { store, guard } = await openScene();
    store.answer = () => ({ id, sk_live_51Habc: { id } });
    const failure = await guard(keyed('sk_3')).catch(String);
    expect(failure).toMatch(/an unknown member: the members are id, issuer,/);
    expect(failure).not.toContain('51Habc');
  });
});

describe('a record', () => {
  test('becomes a principal, with all it says', async () => {
    const record = {
      id,
      clientId: 'client_3',
      subject: 'user_3',
      orgId: 'org_3',
      scopes: ['b', 'a', 'b'],
      expiresAt: 1_924_992_000,
      disabled: false,
      environment: 'live',
      createdBy: 'admin',
    };
    const principal = await principalOf(record);
    expect({ ...principal }).toEqual({
      kind: 'api-key',
      subject: 'user_3',
      clientId: 'client_3',
      orgId: 'org_3',
      scopes: new Set(['b', 'a']),
      expiresAt: 1_924_992_000,
      key: { ...record },
    });
    expect(principal.scopes).toBeInstanceOf(Set);
  });

  test('that says only its id leaves all else out', async () => {
    const principal = await principalOf({ id });
    expect(Object.keys(principal)).toEqual(['kind', 'scopes', 'key']);
    expect(Object.keys(principal.key ?? {})).toEqual(['id']);
    expect(principal.scopes.size).toBe(0);
    expect(Object.getPrototypeOf(principal)).toBe(null);
    expect(Object.getPrototypeOf(principal.key)).toBe(null);
  });

  test('may leave members out by undefined, and say what lies at the edge', async () => {
    const left = { clientId: undefined, scopes: undefined, expiresAt: undefined };
    expect(Object.keys(await principalOf({ id, ...left }))).toEqual(['kind', 'scopes', 'key']);
    const never = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000;
    const { expiresAt, scopes } = await principalOf({ id, expiresAt: never, scopes: [] });
    expect([expiresAt, scopes.size]).toEqual([never, 0]);
  });

  test('may leave members out by null, as a database does', async () => {
    const nulls = Object.fromEntries(memberNames.map((name) => [name, null]));
    const principal = await principalOf({ ...nulls, id });
    expect(Object.keys(principal)).toEqual(['kind', 'scopes', 'key']);
    expect(Object.keys(principal.key ?? {})).toEqual(['id']);
  });

  test('may have a number as its id, and a Date as its end', async () => {
    const { key, expiresAt } = await principalOf({ id: 7, expiresAt: new Date('2031-01-01') });
    expect([key?.id, expiresAt]).toEqual(['7', 1_924_992_000]);
    const { store, outcome } = await openScene();
    store.answer = () => ({ id, expiresAt: new Date(0) });
    expect(await outcome('sk_3')).toBe('401 ERR_API_KEY_EXPIRED');
  });

  test('brings the application’s own data along, as a copy that is frozen', async () => {
    const metadata = { plan: 'gold', limits: { perDay: 10, days: ['mon', null, true] } };
    const { key } = await principalOf({ id, metadata });
    metadata.limits.perDay = 99;
    const copy = key?.metadata as typeof metadata;
    expect(copy).toEqual({ plan: 'gold', limits: { perDay: 10, days: ['mon', null, true] } });
    for (const part of [copy, copy.limits, copy.limits.days]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    expect(Object.getPrototypeOf(copy.limits)).toBe(null);
  });

  test('says by issuer whose its client is, or apiKeys.issuer does', async () => {
    const { store, guard } = await openScene();
    const issuer = 'https://issuer.test';
    store.answer = () => ({ id, clientId: 'acme', issuer });
    expect(await guard(keyed('sk_3'))).toMatchObject({ principal: { issuer, key: { issuer } } });
    const by = await openScene({ apiKeys: { issuer } });
    expect(await by.guard(keyed('sk_1'))).toMatchObject({
      principal: { issuer, clientId: 'client_1', key: { id: 'key_1', issuer } },
    });
  });

  test('may be of a class, with getters, and each is read once', async () => {
    const read: string[] = [];
    class Entity {
      get id() {
        read.push('id');
        return id;
      }
      get clientId() {
        read.push('clientId');
        return 'client_3';
      }
      get scopes() {
        read.push('scopes');
        return ['a'];
      }
    }
    class Key extends Entity {
      get orgId() {
        return 'org_3';
      }
    }
    const principal = await principalOf(new Key());
    expect(principal).toMatchObject({ clientId: 'client_3', orgId: 'org_3', key: { id } });
    expect(read).toEqual(['id', 'clientId', 'scopes']);
  });

  test.each([
    ['disabled', { disabled: true }, 'ERR_API_KEY_DISABLED'],
    ['expired', { expiresAt: 1 }, 'ERR_API_KEY_EXPIRED'],
    ['of another environment', { environment: 'test' }, 'ERR_API_KEY_ENVIRONMENT'],
  ])('of a class whose getters say that it is %s', async (_, says, code) => {
    const { store, outcome } = await openScene({ apiKeys: { environment: 'live' } });
    const prototype = Object.defineProperties(
      {},
      Object.fromEntries(Object.entries(says).map(([name, value]) => [name, { get: () => value }])),
    );
    store.answer = () => Object.assign(Object.create(prototype), { id });
    expect(await outcome('sk_3')).toBe(`401 ${code}`);
  });

  test('without a prototype is one, and so is one behind a proxy', async () => {
    const plain = Object.assign(Object.create(null), { id, scopes: ['a'] });
    expect((await principalOf(plain)).key?.id).toBe(id);
    const row = { id, scopes: new Proxy(['a'], {}) };
    expect([...(await principalOf(new Proxy(row, {}))).scopes]).toEqual(['a']);
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'may have %s as id, client, organization and scope',
    async (name) => {
      const { store, guard } = await openScene();
      store.answer = () => ({ id: name, clientId: name, orgId: name, scopes: [name] });
      const requirements: Requirements = { scopes: [name], orgId: name };
      expect(await guard(keyed('sk_3'), requirements)).toMatchObject({
        allowed: true,
        principal: { clientId: name, orgId: name, key: { id: name } },
      });
    },
  );
});

describe('what is remembered of a record is nobody’s to change', () => {
  test('the record of a principal is frozen, with its scopes', async () => {
    const { key } = await principalOf({ id, scopes: ['a'] });
    expect([Object.isFrozen(key), Object.isFrozen(key?.scopes)]).toEqual([true, true]);
    expect(() => Object.assign(key as object, { disabled: false })).toThrow(TypeError);
    const { scopes } = key as { readonly scopes?: object };
    expect(() => Array.prototype.push.call(scopes, 'admin')).toThrow(TypeError);
  });

  test('the application may change the record that it answered', async () => {
    const { store, guard, outcome } = await openScene();
    const record = { id, scopes: ['a'], disabled: false };
    store.answer = () => record;
    expect(await outcome('sk_3')).toBe('allowed');
    record.scopes.push('admin');
    record.disabled = true;
    record.id = 'key_4';
    expect(await outcome('sk_3', { scopes: ['admin'] })).toBe('403 ERR_SCOPE_MISSING');
    expect(await guard(keyed('sk_3'))).toMatchObject({ principal: { key: { id } } });
    expect(store.asked).toEqual(['sk_3']);
  });

  test('a handler, or a check, that changes its principal changes no other', async () => {
    const { store, guard, outcome } = await openScene();
    const first = await guard(keyed('sk_1'), { check: (principal) => spoil(principal, misdeeds) });
    if (first.allowed && first.principal) spoil(first.principal, misdeeds);
    expect(await outcome('sk_1', { scopes: ['a'], orgId: 'org_1' })).toBe('allowed');
    expect(await outcome('sk_1', { anyScope: ['admin'] })).toBe('403 ERR_SCOPE_MISSING');
    expect(await guard(keyed('sk_1'))).toMatchObject({
      principal: { kind: 'api-key', clientId: 'client_1', key: { id: 'key_1' } },
    });
    expect(store.asked).toEqual(['sk_1']);
  });
});

interface Mutable {
  scopes: Set<string>;
  kind: string;
  clientId?: string;
  orgId?: string;
  key?: object;
}

/** Everything that a handler can do to its principal. */
const misdeeds: readonly ((principal: Mutable) => unknown)[] = [
  ({ scopes }) => scopes.add('admin'),
  ({ scopes }) => scopes.delete('a'),
  ({ scopes }) => scopes.clear(),
  (principal) => Object.assign(principal, { clientId: 'client_9', kind: 'token' }),
  (principal) => Object.assign(principal, { scopes: new Set(['admin']) }),
  (principal) => Object.assign(principal, { key: { id: 'key_9' } }),
  (principal) => delete principal.orgId,
  ({ key }) => Object.assign(key as object, { id: 'key_9' }),
  (principal) => Object.setPrototypeOf(principal, { orgId: 'org_9' }),
  ({ scopes }) => Object.assign(scopes, { has: () => true }),
];

/** Does it all; what is refused is refused. */
function spoil(principal: Principal, deeds: typeof misdeeds): boolean {
  for (const deed of deeds) {
    try {
      deed(principal as unknown as Mutable);
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
    }
  }
  return true;
}
