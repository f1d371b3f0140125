import express from 'express';
import express4 from 'express4';
import fastify from 'fastify';
import { describe, expect, onTestFinished, test } from 'vitest';
import { expressGuard } from '../../src/express.js';
import { fastifyGuard } from '../../src/fastify.js';
import { fetchGuard } from '../../src/fetch.js';
import { createGuard, type GuardOptions, type Requirements } from '../../src/index.js';
import { reportPage } from '../../src/report.js';
import { createTestIssuer } from '../../src/testing.js';
import { bearing, requestOf } from '../rfc/ask.js';
import { listenTo } from './open.js';

// Frameworks read some values as "no error", and Express reads two as "leave this route".
const values = [undefined, null, 0, '', false, Number.NaN, 'route', 'router', { status: 200 }, 7n];
const issuer = await createTestIssuer();
const token = await issuer.token({ scopes: ['a'], orgId: 'org_1' });

/** Every function that a user gives and that can stop a request, throwing or rejecting. */
function givenFunctions(value: unknown): [string, Partial<GuardOptions>, Requirements, string][] {
  const thrown = () => {
    throw value;
  };
  const rejected = () => Promise.reject(value);
  const apiKeys = { from: [{ header: 'x-api-key' }], lookup: async () => undefined };
  const clock = { now: issuer.options.now ?? Date.now };
  let readings = 0;
  return [
    ['check, thrown', {}, { check: thrown }, 'authorization'],
    ['check, rejected', {}, { check: rejected }, 'authorization'],
    ['orgId, thrown', {}, { orgId: thrown }, 'authorization'],
    ['orgId, rejected', {}, { orgId: rejected }, 'authorization'],
    ['wellFormed', { apiKeys: { ...apiKeys, wellFormed: thrown } }, {}, 'x-api-key'],
    ['now', { now: () => (readings++ > 2 ? thrown() : clock.now()) }, {}, 'authorization'],
  ];
}

const cases = values.flatMap((value) =>
  givenFunctions(value).map(([name]) => [String(value), name, value] as const),
);

const optionsOf = (name: string, value: unknown) => {
  const found = givenFunctions(value).find(([one]) => one === name);
  if (!found) throw new Error(name);
  const [, options, requirements, header] = found;
  const headers = { [header]: header === 'authorization' ? `Bearer ${token}` : 'sk_1' };
  return {
    guard: createGuard({ ...issuer.options, ...options } as GuardOptions),
    requirements,
    headers,
  };
};

describe.each([
  ['Express 4', express4],
  ['Express 5', express],
] as const)('%s', (_, make) => {
  test.each(cases)('%s from %s reaches the error handler as an Error', async (_, name, value) => {
    const { guard, requirements, headers } = optionsOf(name, value);
    const app = make();
    app.get('/', expressGuard(guard)(requirements), (_request, response) => {
      response.send('let in');
    });
    app.get('/', (_request, response) => {
      response.send('the next route');
    });
    app.use(((error, _request, response, _next) => {
      response.status(500).send(String(error instanceof Error));
    }) satisfies express.ErrorRequestHandler);
    const { origin, close } = await listenTo(app);
    onTestFinished(close);
    const answer = await fetch(origin, { headers });
    expect([answer.status, await answer.text()]).toEqual([500, 'true']);
  });

  test.each(values.map((value) => [String(value), value]))(
    'a report that is rejected with %s reaches the error handler',
    async (_, value) => {
      const guard = createGuard(issuer.options);
      const app = make();
      const page = (more: object) => reportPage({ guard, report: () => ({}) as never, ...more });
      const check = () => Promise.reject(value);
      app.get('/report', page({ report: check, requirements: { check: () => true } }));
      app.get('/check', page({ requirements: { check } }));
      app.use((_request, response) => {
        response.send('the next handler');
      });
      app.use(((error, _request, response, _next) => {
        response.status(500).send(String(error instanceof Error));
      }) satisfies express.ErrorRequestHandler);
      const { origin, close } = await listenTo(app);
      onTestFinished(close);
      for (const path of ['/report', '/check']) {
        const answer = await fetch(origin + path, {
          headers: { authorization: `Bearer ${token}` },
        });
        expect([path, answer.status, await answer.text()]).toEqual([path, 500, 'true']);
      }
    },
  );
});

test.each(cases)('Fastify: %s from %s is a 500', async (_, name, value) => {
  const { guard, requirements, headers } = optionsOf(name, value);
  const app = fastify();
  onTestFinished(() => app.close());
  await app.register(fastifyGuard, { guard });
  app.setErrorHandler((error, _request, reply) =>
    reply.code(500).send(String(error instanceof Error)),
  );
  app.get('/', { onRequest: app.requireToken(requirements) }, async () => 'let in');
  const { statusCode, body } = await app.inject({ url: '/', headers });
  expect([statusCode, body]).toEqual([500, 'true']);
});

test.each(cases)('Fetch, and a guard alone: %s from %s rejects with an Error', async (...given) => {
  const [, name, value] = given;
  const one = optionsOf(name, value);
  const request = new Request('https://api.test/', { headers: one.headers });
  await expect(fetchGuard(one.guard)(request, one.requirements)).rejects.toBeInstanceOf(Error);
  const { guard, requirements, headers } = optionsOf(name, value);
  await expect(guard(requestOf(headers), requirements)).rejects.toBeInstanceOf(Error);
});

test('an Error stays the same one, and a value is its cause and not in its message', async () => {
  const guard = createGuard(issuer.options);
  const ask = (value: unknown) => guard(bearing(token), { check: () => Promise.reject(value) });
  const error = new RangeError('mine');
  await expect(ask(error)).rejects.toBe(error);
  const wrapped = await ask('sk_secret').catch((thrown: Error) => thrown);
  expect(wrapped).toMatchObject({ name: 'TypeError', cause: 'sk_secret' });
  expect(String(wrapped)).not.toContain('sk_secret');
});
