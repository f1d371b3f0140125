import { describe, expect, test } from 'vitest';
import type { ApiKeyOptions } from '../../src/index.js';
import { requestOf } from '../rfc/ask.js';
import { keyed, openScene, type Scene } from './scene.js';

const records = {
  sk_disabled: { id: 'key_disabled', clientId: 'client_1', disabled: true },
  sk_expired: { id: 'key_expired', clientId: 'client_1', expiresAt: 1 },
  sk_test: { id: 'key_test', clientId: 'client_1', environment: 'test' },
  sk_nowhere: { id: 'key_nowhere', clientId: 'client_1' },
  sk_live: { id: 'key_live', environment: 'live' },
  sk_all: { id: 'key_all', disabled: true, expiresAt: 1, environment: 'test' },
};

/** Every way for a key to be none, and what the event calls it. */
const reasons: Record<string, readonly [string, string, string | undefined]> = {
  unknown: ['sk_0', 'ERR_API_KEY_UNKNOWN', undefined],
  disabled: ['sk_disabled', 'ERR_API_KEY_DISABLED', 'key_disabled'],
  expired: ['sk_expired', 'ERR_API_KEY_EXPIRED', 'key_expired'],
  'of another environment': ['sk_test', 'ERR_API_KEY_ENVIRONMENT', 'key_test'],
  'of no environment': ['sk_nowhere', 'ERR_API_KEY_ENVIRONMENT', 'key_nowhere'],
  'bad in every way': ['sk_all', 'ERR_API_KEY_DISABLED', 'key_all'],
  'too long': ['a'.repeat(2_049), 'ERR_API_KEY_INVALID', undefined],
  'not well formed': ['bad_1', 'ERR_API_KEY_INVALID', undefined],
};

const open = async (more: Partial<ApiKeyOptions> = {}): Promise<Scene> => {
  const wellFormed = (value: string) => !value.startsWith('bad_');
  const scene = await openScene({ apiKeys: { environment: 'live', wellFormed, ...more } });
  for (const [key, record] of Object.entries(records)) scene.store.records.set(key, record);
  return scene;
};

const expected = {
  status: 401,
  headers: {
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Cache-Control': 'no-store',
    'WWW-Authenticate': 'Bearer realm="https://api.test"',
  },
  body: {
    type: 'urn:sallyport:problem:api-key-invalid',
    title: 'Invalid API key',
    status: 401,
    detail: 'The API key is not valid',
    code: 'ERR_API_KEY_INVALID',
  },
};

describe('a key that is refused', () => {
  test.each(Object.entries(reasons))('%s: the same bytes; the event knows more', async (_, of) => {
    const [key, reason, keyId] = of;
    const { guard, events } = await open();
    // The second time it is remembered.
    for (let i = 0; i < 2; i += 1) {
      const decision = await guard(keyed(key));
      if (decision.allowed) throw new Error('let through');
      expect(JSON.stringify(decision.denial)).toBe(JSON.stringify(expected));
      expect(decision.error).toMatchObject({ code: reason, status: 401 });
    }
    const event = {
      time: Date.UTC(2030, 0, 1),
      outcome: 'deny',
      status: 401,
      reason,
      method: 'api-key',
      keyPlace: 'header',
      ...(keyId !== undefined && { keyId }),
      durationMs: 0,
      httpMethod: 'GET',
    };
    // Nothing else: no client, no scopes, nothing that it only claims to be.
    expect(events).toEqual([event, event]);
  });

  test('names the scopes to ask for, as any 401 does, and the same ones for every reason', async () => {
    const { guard } = await open();
    const challenges = await Promise.all(
      Object.values(reasons).map(async ([key]) => {
        const decision = await guard(keyed(key), { scopes: ['a', 'b'] });
        return decision.allowed ? 'allowed' : decision.denial.headers['WWW-Authenticate'];
      }),
    );
    expect(new Set(challenges)).toEqual(new Set(['Bearer realm="https://api.test", scope="a b"']));
  });

  test('is refused where none is needed, too', async () => {
    const { outcome } = await open();
    for (const [key, reason] of Object.values(reasons)) {
      expect(await outcome(key, { optional: true })).toBe(`401 ${reason}`);
    }
  });

  test('has no error that says more than the code', async () => {
    const { guard } = await open();
    for (const [key] of Object.values(reasons)) {
      const decision = await guard(keyed(key));
      if (decision.allowed) throw new Error('let through');
      expect(decision.error.message).toBe('The API key is not valid');
      expect(Object.keys(decision.error).sort()).toEqual(['code', 'name', 'status']);
    }
  });
});

describe('environment', () => {
  test('is the one of the guard, and any other is refused', async () => {
    const { outcome } = await open();
    expect(await outcome('sk_live')).toBe('allowed');
    const other = await open({ environment: 'test' });
    expect(await other.outcome('sk_test')).toBe('allowed');
    expect(await other.outcome('sk_live')).toBe('401 ERR_API_KEY_ENVIRONMENT');
  });

  test('is compared to the letter', async () => {
    for (const environment of ['Live', 'live ', 'liv', 'lives', '__proto__']) {
      const { outcome } = await open({ environment });
      expect(await outcome('sk_live')).toBe('401 ERR_API_KEY_ENVIRONMENT');
    }
  });

  test('is any, or none, where the guard has none', async () => {
    const scene = await openScene();
    scene.store.records.set('sk_live', records.sk_live);
    scene.store.records.set('sk_nowhere', records.sk_nowhere);
    expect(await scene.outcome('sk_live')).toBe('allowed');
    expect(await scene.outcome('sk_nowhere')).toBe('allowed');
  });
});

describe('wellFormed', () => {
  test('false is 401 without a look-up, and nothing is remembered of it', async () => {
    let good = false;
    const asked: string[] = [];
    const { store, outcome } = await openScene({
      apiKeys: {
        wellFormed: (value) => {
          asked.push(value);
          return good;
        },
      },
    });
    expect(await outcome('sk_1')).toBe('401 ERR_API_KEY_INVALID');
    expect(store.asked).toEqual([]);
    good = true;
    expect(await outcome('sk_1')).toBe('allowed');
    expect(asked).toEqual(['sk_1', 'sk_1']);
    expect(store.asked).toEqual(['sk_1']);
  });

  test('is not asked about what is too long', async () => {
    const asked: string[] = [];
    const { outcome } = await openScene({
      apiKeys: { wellFormed: (value) => asked.push(value) > 0 },
    });
    expect(await outcome('a'.repeat(2_049))).toBe('401 ERR_API_KEY_INVALID');
    expect(await outcome('a'.repeat(2_048))).toBe('401 ERR_API_KEY_UNKNOWN');
    expect(asked).toEqual(['a'.repeat(2_048)]);
  });

  test('is asked of every place, and not of tokens', async () => {
    const asked: string[] = [];
    const { outcomeOf, bearing } = await openScene({
      apiKeys: {
        from: [{ scheme: 'ApiKey' }, { bearer: 'sk_' }, { dangerouslyInQuery: 'key' }],
        wellFormed: (value) => asked.push(value) < 0,
      },
    });
    for (const request of [
      requestOf({ authorization: 'ApiKey sk_a' }),
      requestOf({ authorization: 'Bearer sk_b' }),
      requestOf({}, { url: '/?key=sk_c' }),
    ]) {
      expect(await outcomeOf(request)).toBe('401 ERR_API_KEY_INVALID');
    }
    expect(await outcomeOf(await bearing())).toBe('allowed');
    expect(asked).toEqual(['sk_a', 'sk_b', 'sk_c']);
  });

  test.each([undefined, null, 0, 1, '', 'true', {}, [], Promise.resolve(true), Object(true)])(
    'that returns %j is a bug, and nobody gets in',
    async (answer) => {
      const { store, guard, events } = await openScene({
        apiKeys: { wellFormed: () => answer as never },
      });
      await expect(guard(keyed('sk_1'))).rejects.toThrow(
        /^apiKeys\.wellFormed must return true or false; got (?:nothing|null|an? \w+)$/,
      );
      await expect(guard(keyed('sk_1'), { optional: true })).rejects.toThrow(TypeError);
      expect([store.asked, events]).toEqual([[], []]);
    },
  );

  test.each([undefined, null, 0, '', false, Number.NaN, 'route'])(
    'that throws %j leaves the guard as an Error',
    async (thrown) => {
      const { store, guard } = await openScene({
        apiKeys: {
          wellFormed: () => {
            throw thrown;
          },
        },
      });
      await expect(guard(keyed('sk_1'))).rejects.toBeInstanceOf(Error);
      expect(store.asked).toEqual([]);
    },
  );

  test('that throws is the application’s own error', async () => {
    const bug = new Error('the application broke');
    const { store, guard } = await openScene({
      apiKeys: {
        wellFormed: () => {
          throw bug;
        },
      },
    });
    await expect(guard(keyed('sk_1'))).rejects.toBe(bug);
    expect(store.asked).toEqual([]);
  });

  test('that rejects is a bug as well, and harms nobody else', async () => {
    const { guard } = await openScene({
      apiKeys: { wellFormed: (() => Promise.reject(new Error('late'))) as never },
    });
    await expect(guard(keyed('sk_1'))).rejects.toThrow(TypeError);
  });
});

describe('options', () => {
  test.each([null, false, 0, ''])('no function and no object is meant by %j', async (nothing) => {
    for (const name of ['wellFormed', 'onMigration', 'invalidations', 'lookup', 'cache']) {
      const opening = openScene({ apiKeys: { [name]: nothing } as never });
      await expect(opening, name).rejects.toThrow(`apiKeys.${name}`);
    }
  });
});
