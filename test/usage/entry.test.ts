import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve as serveFetch } from '@hono/node-server';
import express from 'express';
import express4 from 'express4';
import fastify from 'fastify';
import { describe, expect, onTestFinished, test } from 'vitest';
import { expressGuard } from '../../src/express.js';
import { fastifyGuard } from '../../src/fastify.js';
import { fetchGuard } from '../../src/fetch.js';
import { type ApiKeyRecord, createGuard, type UsageRow } from '../../src/index.js';
import { createTestIssuer, type OpenDoor } from '../../src/testing.js';
import { doors, listenTo } from '../adapters/open.js';
import { send } from '../api-key/wire.js';
import { createClock } from '../token/jwks-server.js';

const clock = createClock();
const issuer = await createTestIssuer({ now: clock.now });
const today = '2030-01-01';

const records: Readonly<Record<string, ApiKeyRecord>> = {
  sk_good: { id: 'key_good', clientId: 'acme', scopes: ['a'] },
  sk_poor: { id: 'key_poor', clientId: 'acme' },
  sk_closed: { id: 'key_closed', clientId: 'acme', disabled: true },
  sk_moved: { id: 'key_moved', clientId: 'globex' },
};

const guardOf = () => {
  const guard = createGuard({
    ...issuer.options,
    apiKeys: {
      from: [{ header: 'x-api-key' }, { dangerouslyInQuery: 'api_key' }],
      lookup: async ({ value }) => records[value],
      both: 'same-client',
      plan: {
        clients: { globex: 'token-only' },
        brownouts: [{ start: '2030-01-01T12:00Z', end: '2030-01-01T13:00Z' }],
      },
    },
  });
  onTestFinished(() => guard.close());
  return guard;
};

/** Rows in a fixed order, without their times and the routes. */
const countsOf = (rows: readonly UsageRow[]) =>
  rows
    .filter(({ what }) => what !== 'route')
    .map(({ client, key, what, detail, day, count }) =>
      [client, key, what, detail, day, count].join(' | '),
    )
    .sort();

const bearer = async (parts: Parameters<typeof issuer.token>[0] = {}) => [
  'Authorization',
  `Bearer ${await issuer.token({ clientId: 'acme', scopes: ['a'], ...parts })}`,
];
const key = (value: string) => ['X-API-Key', value];
const agent = (...values: readonly string[]) => values.flatMap((value) => ['User-Agent', value]);

async function askAll(origin: string): Promise<number[]> {
  const { status } = await send(origin, [...key('sk_good'), ...agent('curl/8')]);
  const requests: readonly (readonly [readonly string[], string?])[] = [
    [[...key('sk_good'), ...agent('curl/8')]],
    [[...key('sk_good'), ...agent(`caf\u00e9\t/1 ${'x'.repeat(200)}`)]],
    [[...key('sk_good')]],
    [[], '/?api_key=sk_good'],
    [[...key('sk_poor')]],
    [[...key('sk_closed'), ...agent('old/1')]],
    [[...key('sk_moved')]],
    [[...key('sk_unknown')]],
    [[...key('sk_good'), ...key('sk_good')]],
    [[...key('sk_good')], '/?api_key=sk_poor'],
    [await bearer()],
    [[...(await bearer()), ...key('sk_good')]],
    [[...(await bearer({ clientId: 'globex' })), ...key('sk_good')]],
    [await bearer({ scopes: [] })],
    [await bearer({ audience: 'https://other' })],
    [await bearer({ clientId: 'nobody', audience: 'https://other' })],
    [[]],
  ];
  const statuses = [status];
  for (const [headers, path = '/'] of requests) {
    statuses.push((await send(origin, headers, { path })).status);
  }
  return statuses;
}

const expected = [
  `acme |  | refused | ERR_TOKEN_AUDIENCE | ${today} | 1`,
  `acme |  | refused | ERR_SCOPE_MISSING | ${today} | 1`,
  `acme |  | token |  | ${today} | 2`,
  'acme | key_closed | agent | old/1 |  | 1',
  `acme | key_closed | refused | ERR_API_KEY_DISABLED | ${today} | 1`,
  'acme | key_good | agent |  |  | 6',
  'acme | key_good | agent | curl/8 |  | 2',
  `acme | key_good | agent | caf/1 ${'x'.repeat(122)} |  | 1`,
  `acme | key_good | both |  | ${today} | 2`,
  `acme | key_good | key |  | ${today} | 5`,
  'acme | key_good | query |  |  | 1',
  `acme | key_good | refused | ERR_API_KEY_REPEATED | ${today} | 1`,
  `acme | key_good | refused | ERR_CREDENTIAL_AMBIGUOUS | ${today} | 1`,
  `acme | key_good | refused | ERR_CREDENTIAL_MISMATCH | ${today} | 1`,
  'acme | key_poor | agent |  |  | 2',
  'acme | key_poor | query |  |  | 1',
  `acme | key_poor | refused | ERR_CREDENTIAL_AMBIGUOUS | ${today} | 1`,
  `acme | key_poor | refused | ERR_SCOPE_MISSING | ${today} | 1`,
  'globex | key_moved | agent |  |  | 1',
  `globex | key_moved | refused | ERR_API_KEY_MIGRATED | ${today} | 1`,
].sort();

describe.each(Object.entries(doors))('%s', (_, open) => {
  test('counts the same of the same requests', async () => {
    const guard = guardOf();
    const { origin, close } = await open(guard, { scopes: ['a'] });
    onTestFinished(close);
    const statuses = await askAll(origin);
    expect(statuses).toEqual([
      ...[200, 200, 200, 200, 200, 403, 401, 401, 401],
      ...[400, 400, 200, 200, 400, 403, 401, 401, 401],
    ]);
    const { rows } = await guard.usage();
    expect(countsOf(rows)).toEqual(expected);
    const routed = rows.filter(({ what }) => what === 'route');
    expect(routed.reduce((sum, { count }) => sum + count, 0)).toBe(13);
  });

  test('a refusal in a brownout, by its start', async () => {
    const guard = guardOf();
    const { origin, close } = await open(guard, undefined);
    onTestFinished(close);
    clock.advance(45_000);
    onTestFinished(() => clock.advance(-45_000));
    expect((await send(origin, key('sk_good'))).status).toBe(401);
    expect(countsOf((await guard.usage()).rows)).toEqual([
      'acme | key_good | agent |  |  | 1',
      'acme | key_good | brownout | 2030-01-01T12:00:00.000Z |  | 1',
      `acme | key_good | refused | ERR_API_KEY_BROWNOUT | ${today} | 1`,
    ]);
  });
});

const onExpress =
  (make: typeof express): OpenDoor =>
  (guard, requirements) => {
    const app = make();
    const requireToken = expressGuard(guard);
    app.use(requireToken());
    app.get('/orders/:id', requireToken(), requireToken(requirements), (_, response) => {
      response.end();
    });
    return listenTo(app);
  };

/** Each request meets the guard twice and more: all of it, then its route. */
const twice: Readonly<Record<string, OpenDoor>> = {
  'Express 4': onExpress(express4),
  'Express 5': onExpress(express),
  async 'Fastify 5'(guard, requirements) {
    const app = fastify();
    await app.register(fastifyGuard, { guard });
    app.addHook('onRequest', app.requireToken());
    const preHandler = [app.requireToken(), app.requireToken(requirements)];
    app.get('/orders/:id', { preHandler }, async () => '');
    return {
      origin: await app.listen({ port: 0, host: '127.0.0.1' }),
      close: () => app.close(),
    };
  },
  async Fetch(guard, requirements) {
    const check = fetchGuard(guard);
    const handler = async (request: Request) => {
      for (const asked of [undefined, undefined, requirements]) {
        const pass = await check(request, asked);
        if (pass instanceof Response) return pass;
      }
      return new Response();
    };
    const server = await new Promise<Server>((done) => {
      const options = { fetch: handler, port: 0, hostname: '127.0.0.1' };
      const made = serveFetch(options, () => done(made as Server));
    });
    const { port } = server.address() as AddressInfo;
    return {
      origin: `http://127.0.0.1:${port}`,
      close: () => new Promise((done) => server.close(() => done())),
    };
  },
};

test.each(Object.entries(twice))(
  '%s: a request is let in once, and refused once',
  async (_, open) => {
    const guard = guardOf();
    const { origin, close } = await open(guard, { scopes: ['a'] });
    onTestFinished(close);
    const at = { path: '/orders/sk_good' };
    for (const one of [key('sk_good'), key('sk_poor'), await bearer(), key('sk_closed')]) {
      await send(origin, one, at);
    }
    // On one connection too, each is a request of its own.
    for (let i = 0; i < 3; i += 1) {
      await (await fetch(origin + at.path, { headers: { 'x-api-key': 'sk_good' } })).text();
    }
    const { rows } = await guard.usage();
    const counted = countsOf(rows.filter(({ what }) => ['key', 'token', 'refused'].includes(what)));
    expect(counted).toEqual([
      `acme |  | token |  | ${today} | 1`,
      `acme | key_closed | refused | ERR_API_KEY_DISABLED | ${today} | 1`,
      `acme | key_good | key |  | ${today} | 4`,
      `acme | key_poor | key |  | ${today} | 1`,
      `acme | key_poor | refused | ERR_SCOPE_MISSING | ${today} | 1`,
    ]);
    // Never the path itself.
    expect(JSON.stringify(rows)).not.toContain('sk_');
  },
);
