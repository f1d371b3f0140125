import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/index.js';
import { redisApiKeys, redisInvalidations, redisPlan, storeRedisApiKey } from '../../src/redis.js';

// What a real server answers is in test/services. None of these reaches one.

const client = { sendCommand: () => Promise.reject(new Error('nothing may be sent')) };
const subscriber = {
  ...client,
  subscribe: async () => {},
  unsubscribe: async () => {},
  on: () => {},
  off: () => {},
};
const digest = 'd'.repeat(64);

describe('options are refused', () => {
  test.each<[string, () => unknown, RegExp]>([
    [
      'no client',
      () => redisApiKeys(undefined as never),
      /redisApiKeys needs a client of node-redis or/,
    ],
    ['a URL', () => redisApiKeys('redis://localhost' as never), /needs a client/],
    ['a name', () => redisApiKeys(client, { prefx: 'k:' } as never), /use prefix, hashes, rehash/],
    [
      'no prefix',
      () => redisApiKeys(client, { prefix: '' }),
      /redisApiKeys\.prefix must be a non-empty string/,
    ],
    ['a flag', () => redisApiKeys(client, { rehash: 1 as never }), /rehash must be true or false/],
    [
      'hashes',
      () => redisApiKeys(client, { hashes: [] }),
      /redisApiKeys\.hashes must have one to eight hashes/,
    ],
    ['no client', () => redisPlan({} as never), /redisPlan needs a client/],
    ['a name', () => redisPlan(client, { interval: 1 } as never), /use key, pollInterval/],
    ['no key', () => redisPlan(client, { key: '' }), /redisPlan\.key must be a non-empty string/],
    [
      'undefined',
      () => redisPlan(client, { pollInterval: undefined } as never),
      /pollInterval must not be undefined/,
    ],
    ['no client', () => redisInvalidations(null as never, subscriber), /needs a client/],
    ['no listener', () => redisInvalidations(client, client as never), /needs a second connection/],
    [
      'no events',
      () => redisInvalidations(client, { ...subscriber, on: undefined } as never),
      /needs a second connection/,
    ],
    ['one for both', () => redisInvalidations(subscriber, subscriber), /needs two connections/],
    [
      'a channel',
      () => redisInvalidations(client, subscriber, { channel: '' }),
      /must be a non-empty string/,
    ],
    [
      'a name',
      () => redisInvalidations(client, subscriber, { chanel: 'c' } as never),
      /use channel/,
    ],
  ])('%s', (_, work, expected) => {
    expect(work).toThrow(ConfigError);
    expect(work).toThrow(expected);
  });

  test.each<[string, unknown, object, RegExp]>([
    ['no id', { digest }, {}, /storeRedisApiKey\.id must be a non-empty string/],
    ['no digest', { id: 'key_1' }, {}, /storeRedisApiKey\.digest must be a non-empty string/],
    [
      'no prefix',
      { id: 'key_1', digest },
      { prefix: '' },
      /storeRedisApiKey\.prefix must be a non-empty string/,
    ],
    [
      'a name',
      { id: 'key_1', digest },
      { hashes: [] },
      /hashes is not a known setting: use prefix, ttl/,
    ],
    ['a member', { id: 'key_1', digest, revoked: true }, {}, /"revoked": did you mean "disabled"/],
    ['a time', { id: 'key_1', digest, expiresAt: 1e13 }, {}, /not milliseconds/],
    ['a ttl', { id: 'key_1', digest }, { ttl: 0 }, /ttl must be a number of seconds above 0/],
    ['a ttl', { id: 'key_1', digest }, { ttl: '60' }, /ttl must be a number of seconds/],
  ])('and nothing is stored: %s', async (_, key, options, expected) => {
    const stored = storeRedisApiKey(client, key as never, options);
    await expect(stored).rejects.toThrow(ConfigError);
    await expect(stored).rejects.toThrow(expected);
  });
});

test('how often a plan is loaded is handed on', () => {
  expect(redisPlan(client, { pollInterval: 30 })).toMatchObject({ pollInterval: 30 });
  expect('pollInterval' in redisPlan(client)).toBe(false);
});

test.each(['a', {}, [], 7, true])('GET answered by %j is an outage', async (answer) => {
  const lookup = redisApiKeys({ sendCommand: async () => answer });
  await expect(lookup({ value: 'a', sha256: '' })).rejects.toThrow(TypeError);
});
