import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import express from 'express';
import fc from 'fast-check';
import Fastify from 'fastify';
import { pino, stdSerializers } from 'pino';
import { describe, expect, test } from 'vitest';
import { inMemoryApiKeys } from '../../src/api-keys.js';
import { redactedLogger, redactPaths, redactUrl } from '../../src/audit.js';
import { expressGuard } from '../../src/express.js';
import { fastifyGuard } from '../../src/fastify.js';
import { type ApiKeySource, ConfigError, createGuard, type GuardOptions } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { runs } from '../runs.js';

const key = 'sk_live_0123456789abcdef';
const from = [
  { header: 'X-Api-Key' },
  { header: 'apikey' },
  { scheme: 'ApiKey' },
  { bearer: 'sk_live_' },
  { dangerouslyInQuery: 'api_key' },
  { dangerouslyInQuery: 'k' },
] as const satisfies readonly ApiKeySource[];

/** What is written to a log, whole. */
function memory() {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { stream, text: () => chunks.join('') };
}

const issuer = await createTestIssuer();
const token = await issuer.token({ scopes: ['a'] });
const guardOf = () =>
  createGuard({
    ...issuer.options,
    apiKeys: { from, lookup: inMemoryApiKeys([]) },
  } as GuardOptions);

/** Every way in which this guard's clients send a credential, and some in which they should not. */
const requests: readonly [name: string, url: string, headers: Record<string, string>][] = [
  ['a header with hyphens', '/orders', { 'X-Api-Key': key }],
  ['a header without', '/orders', { apikey: key }],
  ['a scheme', '/orders', { authorization: `ApiKey ${key}` }],
  ['behind Bearer', '/orders', { authorization: `Bearer ${key}` }],
  ['a query parameter', `/orders?page=1&api_key=${key}&sort=a`, {}],
  ['a query parameter of one letter', `/orders?k=${key}`, {}],
  ['an escaped name', `/orders?a%70i_key=${key}`, {}],
  ['a list', `/orders?api_key[]=${key}&[api_key]=${key}&api_key%5B%5D=${key}`, {}],
  ['a value with # and ;', `/orders?api_key=ab;c${key}`, {}],
  ['a page with a key in its URL', '/orders', { referer: `https://x.test/?api_key=${key}` }],
  ['a route that is not there', `/nothing?api_key=${key}`, {}],
  ['a path that cannot be decoded', `/%zz?api_key=${key}`, {}],
  ['a token', '/orders', { authorization: `Bearer ${token}` }],
  ['a token in the query', `/orders?access_token=${token}`, {}],
  ['a token for a proxy', '/orders', { 'proxy-authorization': `Bearer ${token}` }],
  ['a cookie', '/orders', { cookie: `session=${key}` }],
];

/** Sends a request as it is written: `fetch` would tidy it up. */
async function send(port: number, [, path, headers]: (typeof requests)[number]): Promise<number> {
  const sent = httpRequest({ port, host: '127.0.0.1', path, headers });
  sent.end();
  const [answer] = await once(sent, 'response');
  answer.resume();
  await once(answer, 'end');
  return answer.statusCode;
}

const secrets = [key, token, token.split('.')[2] ?? token];
function expectClean(text: string) {
  for (const secret of secrets) expect(text).not.toContain(secret);
}

describe('a real Fastify with its logger on', () => {
  test.each(requests)('%s is not in the log', async (...sent) => {
    const log = memory();
    const app = Fastify({
      logger: { ...redactedLogger(from), level: 'trace', stream: log.stream },
    });
    await app.register(fastifyGuard, { guard: guardOf() });
    app.get('/orders', { onRequest: app.requireToken() }, async (request) => {
      request.log.info({ headers: request.headers, query: request.query }, 'by hand');
      return {};
    });
    app.addHook('onResponse', async (request, reply) => {
      request.log.info({
        req: request,
        res: reply,
        query: request.query,
        headers: request.headers,
      });
    });
    try {
      await app.listen({ port: 0, host: '127.0.0.1' });
      await send((app.server.address() as AddressInfo).port, sent);
    } finally {
      await app.close();
    }
    // Of a path that it cannot decode, Fastify logs nothing.
    if (!sent[1].includes('%zz')) expect(log.text()).toContain('"url":"/');
    expectClean(log.text());
  });

  test('and without any of this, it is', async () => {
    const log = memory();
    const app = Fastify({ logger: { stream: log.stream } });
    app.get('/orders', async () => ({}));
    await app.listen({ port: 0, host: '127.0.0.1' });
    await send((app.server.address() as AddressInfo).port, ['', `/orders?api_key=${key}`, {}]);
    await app.close();
    expect(log.text()).toContain(key);
  });
});

/** What pino-http does, but for the URL. */
const ownSerializer = (request: Parameters<typeof stdSerializers.req>[0]) => {
  const told = stdSerializers.req(request);
  return { ...told, url: redactUrl(told.url, from) };
};

describe('a real pino beside a real Express', () => {
  const serializers = [
    ['pino’s own serializer', { req: ownSerializer }],
    ['ours', redactedLogger(from).serializers],
  ] as const;
  describe.each(serializers)('%s', (_, chosen) => {
    test.each(requests)('%s is not in the log', async (...sent) => {
      const log = memory();
      const logger = pino({ ...redactedLogger(from), serializers: chosen as never }, log.stream);
      const app = express();
      const requireToken = expressGuard(guardOf());
      app.use((req, _res, next) => {
        const { headers, query, rawHeaders } = req;
        logger.info(
          { req, request: { headers, query, rawHeaders }, headers },
          `${req.method} ${req.originalUrl}`,
        );
        next();
      });
      app.get('/orders', requireToken(), (_req, res) => void res.json({}));
      const server = createServer(app).listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        await send((server.address() as AddressInfo).port, sent);
      } finally {
        server.close();
      }
      expect(log.text()).toContain('GET /');
      expectClean(log.text());
    });
  });
});

describe('redactPaths', () => {
  test('names what always is secret, and each header of a key in the form that pino reads', () => {
    expect(redactPaths()).toEqual(
      expect.arrayContaining([
        'req.headers.authorization',
        'req.headers["proxy-authorization"]',
        'req.headers.cookie',
        'res.headers["set-cookie"]',
        'req.query',
        'query.access_token',
      ]),
    );
    expect(redactPaths()).not.toContain('req.headers.referer');
    expect(redactPaths([{ header: 'X-Api-Key' }])).toContain('req.headers["x-api-key"]');
    expect(redactPaths([{ dangerouslyInQuery: 'api-key' }])).toEqual(
      expect.arrayContaining(['query["api-key"]', 'req.headers.referer']),
    );
  });

  test('any name of a header or a parameter is one that pino takes', () => {
    const name = fc.stringMatching(/^[!#$%&'*+\-.^_`|~\w]{1,20}$/);
    fc.assert(
      fc.property(name, name, (header, dangerouslyInQuery) => {
        const log = memory();
        const redact = redactPaths([{ header }, { dangerouslyInQuery }]);
        const headers = Object.fromEntries([[header.toLowerCase(), key]]);
        pino({ redact }, log.stream).info({
          req: { headers, query: Object.fromEntries([[dangerouslyInQuery, key]]) },
        });
        expectClean(log.text());
      }),
    );
  });
});

describe('redactUrl', () => {
  test.each([
    ['/orders', '/orders'],
    ['/orders?page=1', '/orders?page=1'],
    ['/orders?api_key=a&page=1', '/orders?api_key=[redacted]&page=1'],
    ['/orders?page=1&API_KEY=a', '/orders?page=1&API_KEY=[redacted]'],
    ['/orders?access_token=a.b.c', '/orders?access_token=[redacted]'],
    ['/orders?x=1;access_token=a;b', '/orders?x=1;access_token=[redacted]'],
    ['https://x.test/#access_token=a&state=b', 'https://x.test/#access_token=[redacted]&state=b'],
    ['/orders?api_keys=a&my_api_key=b', '/orders?api_keys=a&my_api_key=b'],
    ['/orders?k=%zz&%zz=a', '/orders?k=[redacted]&%zz=a'],
    ['GET /a?k=b HTTP/1.1 from /c?k=d', 'GET /a?k=[redacted] HTTP/1.1 from /c?k=[redacted]'],
  ])('%s', (url, expected) => {
    expect(redactUrl(url, from)).toBe(expected);
  });

  test('takes out whatever the guard would read as a key', () => {
    const piece = fc.constantFrom(
      '?',
      '&',
      '=',
      ';',
      '#',
      '[',
      ']',
      '%5B',
      '%5D',
      '+',
      '%20',
      'a',
      'api_key',
      'k',
      'access_token',
      'a%70i_key',
      '%',
      '"',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }),
        fc.array(piece, { maxLength: 6 }),
        (before, after) => {
          const url = `/o?${before.join('')}api_key=${key}${after.join('')}`;
          const query = url.slice(url.indexOf('?') + 1);
          const read = [...new URLSearchParams(query)].filter(([name]) => name === 'api_key');
          for (const [, value] of read) {
            if (value.includes(key)) expect(redactUrl(url, from)).not.toContain(key);
          }
        },
      ),
      { numRuns: runs(2000) },
    );
  });

  test('takes time in proportion to the text: 16 KiB of names is nothing', () => {
    const url = `/?${'api_key=a&'.repeat(1638)}`;
    expect(redactUrl(url, from)).toBe(`/?${'api_key=[redacted]&'.repeat(1638)}`);
  });
});

test('anything but an array of key sources throws a ConfigError', () => {
  for (const wrong of [{ header: 'x' }, 'x-api-key', [{ headers: 'x' }], [null]]) {
    expect(() => redactPaths(wrong as never)).toThrow(ConfigError);
    expect(() => redactUrl('/', wrong as never)).toThrow(ConfigError);
    expect(() => redactedLogger(wrong as never)).toThrow(ConfigError);
  }
});
