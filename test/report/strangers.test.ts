import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import express from 'express';
import express4 from 'express4';
import fastify from 'fastify';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { redactedLogger } from '../../src/audit.js';
import { createGuard } from '../../src/index.js';
import { run } from '../../src/report/command.js';
import { type ReportPageOptions, renderText, reportPage } from '../../src/report.js';
import { createTestIssuer } from '../../src/testing.js';
import { listenTo } from '../adapters/open.js';
import { inFull } from '../runs.js';
import { key, made, now, reportOf, token, guard as told, usageOf } from './making.js';

const issuer = await createTestIssuer();
const guard = createGuard(issuer.options);
const reader = { authorization: `Bearer ${await issuer.token({ scopes: ['m'], clientId: 'a' })}` };
const report = () => reportOf([...key('a', 1), ...key('b', 1)]);
const requirements = { scopes: ['m'] };
const pageOf = (more: object) =>
  reportPage({ guard, requirements, report, ...more } as ReportPageOptions);

async function serve(make: typeof express, ...handlers: unknown[]) {
  const app = make();
  app.get('/', ...(handlers as express.RequestHandler[]));
  const { origin, close } = await listenTo(app);
  onTestFinished(close);
  return (headers: Record<string, string> = reader) => fetch(origin, { headers });
}

describe('the page', () => {
  test.each([['true'], ['false'], [1], [{}]])(
    'own: %j is a mistake, and never all clients',
    (own) => {
      expect(() => pageOf({ own, requirements: {} })).toThrow('reportPage.own');
    },
  );

  test.each([
    ['Express 4', express4],
    ['Express 5', express],
  ])('on %s it is for Express, whatever a middleware has put into the request', async (_, make) => {
    const put = (request: object, _r: unknown, next: () => void) => {
      Object.assign(request, { raw: 'the body, for a signature' });
      next();
    };
    const ask = await serve(make, put, pageOf({}));
    expect((await ask()).status).toBe(200);
  });

  test('with maxAge 0 it is made once for those who ask meanwhile', async () => {
    let times = 0;
    let go = () => {};
    const all = new Promise<void>((resolve) => {
      go = resolve;
    });
    let asking = 0;
    const seen = createGuard({
      ...issuer.options,
      onDecision: () => {
        asking += 1;
        if (asking === 5) setImmediate(go);
      },
    });
    const slow = async () => {
      times += 1;
      await all;
      return report();
    };
    const ask = await serve(express, pageOf({ guard: seen, report: slow, maxAge: 0 }));
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask()));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(times).toBe(1);
  });

  test.each([
    ['text/html;q=0.1, application/json', 'application/json; charset=utf-8'],
    ['application/json;q=0, text/html', 'text/html; charset=utf-8'],
    ['text/html;q=0.5, text/plain;q=0.9', 'text/plain; charset=utf-8'],
    ['application/json-seq', 'text/html; charset=utf-8'],
    ['text/html, application/json', 'text/html; charset=utf-8'],
  ])('for %s it is %s', async (accept, type) => {
    const ask = await serve(express, pageOf({}));
    expect((await ask({ ...reader, accept })).headers.get('content-type')).toBe(type);
  });

  test('of its own is for nobody without a credential, also where the guard would let them in', async () => {
    const open = createGuard({ ...issuer.options, optional: true });
    const ask = await serve(express, pageOf({ guard: open, own: true, requirements: {} }));
    expect((await ask({})).status).toBe(401);
  });

  test('on Fastify keeps the links of others', async () => {
    const apiKeys = {
      from: [{ header: 'x-api-key' }],
      lookup: async () => ({ id: 'k', scopes: ['m'] }),
      plan: { deprecatedAt: '2026-01-01T00:00:00Z', guide: 'https://docs.example.com/oauth' },
    };
    const app = fastify();
    onTestFinished(() => app.close());
    app.addHook('onRequest', async (_, reply) => {
      reply.header('link', '<https://x.test>; rel="help"');
    });
    app.get('/', pageOf({ guard: createGuard({ ...issuer.options, apiKeys }) }));
    const answer = await app.inject({ url: '/', headers: { 'x-api-key': 'x' } });
    expect(answer.headers.link).toMatch(/x\.test.*docs\.example\.com/);
  });

  test('that fails with nothing is a failure, and no page of the next handler', async () => {
    const next = (_: unknown, response: express.Response) => response.status(200).send('next');
    const ask = await serve(express, pageOf({ report: () => Promise.reject() }), next);
    expect((await ask()).status).toBe(500);
  });
});

describe('the command', () => {
  test.each([
    'Postgres://db.test/x?password=hush',
    'mysql://me:hu/hush@db.test/x',
    'mysql://me:hush@hush@db.test/x',
    'redis:/:hush@cache.test',
    'me:hush@db.test/x',
  ])('%s: its password is in no error', async (place) => {
    const { code, err } = await run(['report', '--usage', place], { env: {}, width: 80 });
    expect(code).toBeGreaterThan(1);
    expect(err).not.toContain('hush');
  });

  test.runIf(inFull)(
    'whose reader has gone exits with its own code, and says nothing of it',
    async () => {
      const place = await mkdtemp(join(tmpdir(), 'sallyport-'));
      onTestFinished(() => rm(place, { recursive: true }));
      const batch = {
        ...told,
        rows: usageOf(Array.from({ length: 900 }, (_, i) => key(`client_${i}`, 1)).flat()).rows,
      };
      await writeFile(join(place, 'a.ndjson'), `${JSON.stringify(batch)}\n`);
      const args = [
        '--import',
        'tsx',
        'src/cli.ts',
        'report',
        '--usage',
        place,
        '--format',
        'json',
      ];
      const child = spawn(process.execPath, args);
      let err = '';
      child.stderr.on('data', (chunk) => {
        err += chunk;
      });
      child.stdout.once('readable', () => child.stdout.destroy());
      const [code] = await once(child, 'close');
      expect([code, err]).toEqual([0, '']);
    },
  );
});

describe('the log', () => {
  const secret = 'sk_live_0123456789abcdef';
  const from = [{ header: 'x-api-key' }, { dangerouslyInQuery: 'api_key' }] as const;
  const memory = () => {
    const chunks: string[] = [];
    const write = (chunk: unknown, _: unknown, done: () => void) => {
      chunks.push(String(chunk));
      done();
    };
    return { stream: new Writable({ write }), text: () => chunks.join('') };
  };

  test.each<[string, object]>([
    ['a query without its question mark', { query: `api_key=${secret}&page=2` }],
    ['where a request is sent on to', { res: { headers: { location: `/x/?api_key=${secret}` } } }],
  ])('%s has no key', (_, logged) => {
    const log = memory();
    pino(redactedLogger(from) as never, log.stream).info(logged);
    expect(log.text()).not.toContain(secret);
  });

  test('of Fastify has no key of a request that Node cannot read', async () => {
    const log = memory();
    const app = fastify({
      logger: { ...redactedLogger(from), level: 'trace', stream: log.stream } as never,
    });
    onTestFinished(() => app.close());
    await app.listen({ host: '127.0.0.1', port: 0 });
    const socket = connect((app.server.address() as { port: number }).port, '127.0.0.1');
    socket.end(`GET / HTTP/1.1\r\nHost: x\r\nX-Api-Key: ${secret}\r\nBad Header: x\r\n\r\n`);
    socket.resume();
    await once(socket, 'close');
    const lines = log
      .text()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const { err } = lines.find((line) => line.msg === 'client error');
    const packet = err.rawPacket?.data ?? [];
    expect(Buffer.from(packet).toString()).not.toContain(secret);
  });
});

describe('the words', () => {
  const midnight = Date.parse('2030-03-15T00:00:05Z');
  test('a guard that told 20 s ago, before midnight, has told', () => {
    const instances = [{ ...told, at: midnight - 20_000 }];
    const usage = usageOf(token('a', 3), { instances });
    expect(renderText(made({ usage, now: midnight }))).not.toMatch(/Nothing was told for/);
  });

  test('an extension ends; it is not away', () => {
    const until = new Date(now + 3.5 * 86_400_000).toISOString();
    const plan = { clients: { a: { mode: 'extension', until } } } as const;
    expect(reportOf(key('a', 1), { plan }).risks[0]?.detail).toMatch(/^The end of the extension/);
  });

  test('31 days are not the days before a first use after 69', () => {
    const { why } = reportOf(key('a', [31, 30])).clients[0]?.safeToCut ?? {};
    expect(why).not.toContain('twice the 31 days before its first');
  });

  test('what 3 days of tracking cannot know, they do not say', () => {
    const { projection } = reportOf(token('a', 1), { tracked: 3 });
    expect(JSON.stringify(projection)).not.toContain('No key has come for 14 days');
  });
});
