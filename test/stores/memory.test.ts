import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  hmacSha256,
  type InMemoryApiKey,
  inMemoryApiKeys,
  type KeyHash,
  legacyHash,
  sha256,
} from '../../src/api-keys.js';
import { type ApiKeyLookup, ConfigError } from '../../src/index.js';

const ask = (lookup: ApiKeyLookup, value: string) =>
  lookup({ value, sha256: sha256.digest(value) });
const stored = (value: string, record: Partial<InMemoryApiKey> = {}): InMemoryApiKey => ({
  id: `id of ${value.length}`,
  digest: sha256.digest(value),
  ...record,
});

describe('a list of keys', () => {
  test('answers the record of each, and undefined for any other', async () => {
    const record = {
      id: 'key_1',
      clientId: 'billing',
      orgId: 'org_1',
      subject: 'user_1',
      scopes: ['orders:read'],
      expiresAt: 1,
      disabled: true,
      environment: 'live',
      createdBy: 'ann',
    };
    const lookup = inMemoryApiKeys([stored('one', record), stored('three')]);
    expect(await ask(lookup, 'one')).toEqual(record);
    expect(await ask(lookup, 'three')).toEqual({ id: 'id of 5' });
    expect(await ask(lookup, 'two')).toBeUndefined();
    expect(await ask(lookup, sha256.digest('one'))).toBeUndefined();
  });

  test('finds exactly its keys, whatever texts they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.string()), fc.string(), async (values, other) => {
        const keys = values.map((value, i) => stored(value, { id: `key_${i}` }));
        const lookup = inMemoryApiKeys(keys);
        for (const [i, value] of values.entries()) {
          expect(await ask(lookup, value)).toEqual({ id: `key_${i}` });
        }
        expect((await ask(lookup, other)) !== undefined).toBe(values.includes(other));
      }),
    );
  });

  test('is copied: what happens to it later changes nothing', async () => {
    const scopes = ['a'];
    const key: { -readonly [M in keyof InMemoryApiKey]: InMemoryApiKey[M] } = stored('one', {
      scopes,
    });
    const list = [key];
    const lookup = inMemoryApiKeys(list);
    scopes.push('admin');
    key.disabled = true;
    list.pop();
    const record = await ask(lookup, 'one');
    expect(record).toEqual({ id: 'id of 3', scopes: ['a'] });
    expect(Object.isFrozen(record) && Object.isFrozen(record?.scopes)).toBe(true);
  });

  test('may be empty', async () => {
    expect(await ask(inMemoryApiKeys([]), '')).toBeUndefined();
  });
});

/** A hash, and what it was asked for since it was last looked at. */
function counted(hash: KeyHash) {
  const asked: string[] = [];
  const digest = (value: string) => {
    asked.push(value);
    return hash.digest(value);
  };
  return { hash: { name: hash.name, digest }, taken: () => asked.splice(0) };
}

describe('several hashes', () => {
  const old = legacyHash('md5', { prefix: 'salt' });
  const pepper = hmacSha256('0123456789abcdef');

  test('each find their keys', async () => {
    const keys = [
      stored('a', { id: 'old', digest: old.digest('a') }),
      stored('b', { id: 'plain' }),
      stored('c', { id: 'new', digest: pepper.digest('c') }),
    ];
    const lookup = inMemoryApiKeys(keys, { hashes: [pepper, sha256, old] });
    for (const [value, id] of [
      ['a', 'old'],
      ['b', 'plain'],
      ['c', 'new'],
    ] as const) {
      expect(await ask(lookup, value)).toEqual({ id });
      expect(await ask(lookup, value)).toEqual({ id });
    }
    expect(await ask(lookup, 'd')).toBeUndefined();
  });

  test.each([
    ['the new one first', 0],
    ['the old one first', 1],
  ])('that both find a key are an error, each time it comes: %s', async (_, first) => {
    const twice = [
      stored('s', { id: 'a' }),
      stored('s', { id: 'b', digest: old.digest('s'), disabled: true }),
    ];
    const lookup = inMemoryApiKeys(first === 0 ? twice : twice.toReversed(), {
      hashes: [sha256, old],
    });
    for (let i = 0; i < 2; i += 1) {
      const error = await ask(lookup, 's').catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'ERR_KEY_TWICE' });
      expect(String(error)).toMatch(
        /inMemoryApiKeys: the same key is listed at inMemoryApiKeys\[\d\]/,
      );
    }
    expect(await ask(lookup, 'other')).toBeUndefined();
  });

  test('are not needed any more once a good key was found', async () => {
    const { hash, taken } = counted(old);
    const keys = [
      stored('good', { id: 'good', digest: old.digest('good') }),
      stored('disabled', { id: 'disabled', digest: old.digest('disabled'), disabled: true }),
      stored('expired', { id: 'expired', digest: old.digest('expired'), expiresAt: 1 }),
      stored('lasting', { id: 'lasting', digest: old.digest('lasting'), expiresAt: 1e11 }),
    ];
    const lookup = inMemoryApiKeys(keys, { hashes: [sha256, hash] });
    taken();
    for (const { id } of [...keys, ...keys]) expect(await ask(lookup, id)).toMatchObject({ id });
    expect(taken()).toEqual(['good', 'disabled', 'expired', 'lasting', 'disabled', 'expired']);
  });
});

class Stored {
  readonly id = 'key_1';
  readonly digest = sha256.digest('one');
}

test('an entry of a class is read with its getters', async () => {
  class Ended extends Stored {
    get disabled() {
      return true;
    }
  }
  expect(await ask(inMemoryApiKeys([new Ended()]), 'one')).toEqual({ id: 'key_1', disabled: true });
});

test('an id may be a number, a date a Date, and what is absent null', async () => {
  const entry = { ...stored('one'), id: 7, expiresAt: new Date(60_000), clientId: null };
  const lookup = inMemoryApiKeys([entry as never]);
  expect(await ask(lookup, 'one')).toEqual({ id: '7', expiresAt: 60 });
});

describe('a list is refused', () => {
  const sixtyFour = 'k'.repeat(64);
  const refused: [string, unknown, RegExp][] = [
    [
      'an object',
      { one: stored('one') },
      /inMemoryApiKeys requires an array of keys; got an object/,
    ],
    ['undefined', undefined, /requires an array of keys; got undefined/],
    ['a text', [stored('one'), 'two'], /inMemoryApiKeys\[1\] must be an object/],
    ['null', [null], /inMemoryApiKeys\[0\] must be an object/],
    ['no id', [{ digest: sha256.digest('one') }], /inMemoryApiKeys\[0\] must have an id/],
    ['an id that is empty', [stored('one', { id: '' })], /inMemoryApiKeys\[0\] must have an id/],
    [
      'an id that is a list',
      [{ ...stored('one'), id: ['a'] }],
      /inMemoryApiKeys\[0\] \("a"\) is a record whose id must be a string/,
    ],
    [
      'another name for disabled',
      [{ ...stored('one'), revoked: true }],
      /is a record with an unknown member "revoked": did you mean "disabled"/,
    ],
    [
      'a getter of another name for disabled',
      [
        new (class extends Stored {
          get revoked() {
            return true;
          }
        })(),
      ],
      /"revoked": did you mean "disabled"/,
    ],
    [
      'an end in milliseconds',
      [stored('one', { expiresAt: 1_924_992_000_000 })],
      /whose expiresAt must be a number of seconds/,
    ],
    ['scopes as one text', [stored('one', { scopes: 'a b' as never })], /whose scopes must be/],
    ['disabled as a text', [stored('one', { disabled: 'true' as never })], /whose disabled must/],
    ['no digest', [{ id: 'key_1' }], /inMemoryApiKeys\[0\] \("key_1"\) must have a digest/],
    ['a digest of bytes', [{ id: 'key_1', digest: Buffer.alloc(32) }], /must have a digest/],
    [
      'the same key twice',
      [stored('one', { id: 'a' }), stored('one', { id: 'b' })],
      /inMemoryApiKeys\[1\] \("b"\) has the same digest as inMemoryApiKeys\[0\] \("a"\): list each key once/,
    ],
    [
      'the same id twice',
      [stored('one', { id: 'a' }), stored('two', { id: 'a' })],
      /inMemoryApiKeys\[1\] \("a"\) has the same id as inMemoryApiKeys\[0\]/,
    ],
    [
      'a raw key',
      [stored('one'), { id: 'key_2', digest: 'sk_live_secret' }],
      /inMemoryApiKeys\[1\] \("key_2"\) must have a digest made by sha256; .* not the key itself/,
    ],
    ['a raw key as long as a digest', [{ id: 'key_1', digest: sixtyFour }], /not the key itself/],
    [
      'a digest in upper case',
      [{ id: 'key_1', digest: sha256.digest('').toUpperCase() }],
      /must have a digest made by sha256/,
    ],
    [
      'a digest of another hash',
      [{ id: 'key_1', digest: legacyHash('md5').digest('') }],
      /must have a digest made by sha256/,
    ],
  ];

  test.each(refused)('with %s', (_, list, expected) => {
    let error: unknown;
    try {
      inMemoryApiKeys(list as InMemoryApiKey[]);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    const { message, stack } = error as Error;
    expect(message).toMatch(expected);
    for (const secret of [sha256.digest('one'), 'sk_live_secret', sixtyFour]) {
      expect(`${message}${stack}`).not.toContain(secret);
    }
  });

  test('with an option that is not known', () => {
    expect(() => inMemoryApiKeys([], { hash: [sha256] } as never)).toThrow(
      /inMemoryApiKeys\.hash is not a known setting: use hashes/,
    );
    expect(() => inMemoryApiKeys([], { hashes: undefined } as never)).toThrow(
      /must not be undefined/,
    );
    expect(() => inMemoryApiKeys([], null as never)).toThrow(/must be an object/);
  });
});
