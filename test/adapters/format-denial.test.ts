import { beforeEach, describe, expect, test } from 'vitest';
import {
  ConfigError,
  createGuard,
  type DecisionEvent,
  type GuardOptions,
} from '../../src/index.js';
import { createTestIssuer, type TestIssuer } from '../../src/testing.js';
import { doors } from './open.js';

let issuer: TestIssuer;
beforeEach(async () => {
  issuer = await createTestIssuer();
});

type Format = NonNullable<GuardOptions['formatDenial']>;
const guardWith = (formatDenial: Format, more: Partial<GuardOptions> = {}) =>
  createGuard({ ...issuer.options, ...more, formatDenial } as GuardOptions);
const request = { method: 'GET', url: '/orders', header: () => undefined };
const envelope: Format = ({ status, body }, { url }) => ({
  error: { status, code: body.code, message: body.detail, path: url },
});
const enveloped = {
  error: {
    status: 401,
    code: 'ERR_CREDENTIAL_MISSING',
    message: 'Send an access token in the Authorization header, with the Bearer scheme',
    path: '/orders?q=1',
  },
};

describe.each(Object.entries(doors))('formatDenial on %s', (name, open) => {
  const ask = async (format: Format, method = 'GET') => {
    const door = await open(guardWith(format));
    try {
      // Fastify has the root alone.
      const response = await fetch(`${door.origin}/?q=1`, { method });
      const { status, headers } = response;
      return { status, headers, body: await response.text() };
    } finally {
      await door.close();
    }
  };

  test('replaces the body, and neither status nor headers', async () => {
    const { status, headers, body } = await ask(envelope);
    expect(status).toBe(401);
    expect(body).toBe(JSON.stringify(enveloped).replace('/orders', '/'));
    expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(headers.get('www-authenticate')).toBe('Bearer realm="https://api.test"');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test('may say that the body is no problem document', async () => {
    const contentType = 'application/json; charset=utf-8';
    const { status, headers, body } = await ask(() => ({ contentType, body: ['no'] }));
    expect([status, headers.get('content-type'), body]).toEqual([401, contentType, '["no"]']);
  });

  test('has no body for HEAD, like any refusal', async () => {
    if (name === 'Fastify 5') return; // the door of these tests has no route for it
    expect(await ask(envelope, 'HEAD')).toMatchObject({ status: 401, body: '' });
  });

  test('lets nobody through by a bug in it: the error handler’s', async () => {
    const { status, body } = await ask(() => {
      throw undefined;
    }).catch(() => ({ status: 500, body: '' }));
    expect([status, body.includes('ERR_')]).toEqual([500, false]);
  });
});

test('what it throws is an Error, after the refusal was told and counted', async () => {
  const events: DecisionEvent[] = [];
  const guard = guardWith(
    () => {
      throw undefined;
    },
    { onDecision: (event) => void events.push(event) },
  );
  await expect(guard(request)).rejects.toThrow(/is not an Error/);
  expect(events).toMatchObject([{ outcome: 'deny', status: 401 }]);
});

test.each([
  ['nothing', undefined],
  ['a text', 'no'],
  ['null', null],
  ['a promise', Promise.resolve({})],
  ['a content type that is not JSON', { contentType: 'text/html', body: {} }],
  ['a content type with a line in it', { contentType: 'application/json\r\nA: b', body: {} }],
])('%s is a bug', async (_, made) => {
  await expect(guardWith(() => made as never)(request)).rejects.toThrow(TypeError);
});

test('an envelope that has a contentType of its own beside other members is sent whole', async () => {
  const made = { contentType: 'text/html', body: {}, code: 1 };
  const decision = await guardWith(() => made)(request);
  expect(decision.allowed || decision.denial.body).toEqual(made);
});

test('what a format does to the denial it is given stays in that request', async () => {
  const guard = guardWith((denial) => {
    (denial as { status: number }).status = 200;
    return {};
  });
  await expect(guard(request)).rejects.toThrow(TypeError);
});

test('something else than a function is a ConfigError', () => {
  expect(() => guardWith('json' as never)).toThrow(ConfigError);
});
