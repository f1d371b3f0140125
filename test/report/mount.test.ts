import express from 'express';
import express4 from 'express4';
import fastify from 'fastify';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createGuard, type DecisionEvent, type Requirements } from '../../src/index.js';
import {
  contentSecurityPolicy,
  type MigrationReport,
  migrationReport,
  type ReportPage,
  type ReportPageOptions,
  renderHtml,
  renderText,
  reportPage,
} from '../../src/report.js';
import { createTestIssuer } from '../../src/testing.js';
import { listenTo } from '../adapters/open.js';
import { bearing } from '../rfc/ask.js';
import { createClock } from '../token/jwks-server.js';

const clock = createClock();
const issuer = await createTestIssuer({ now: clock.now });
const requirements: Requirements = { scopes: ['migration:read'] };

const hosts: Readonly<Record<string, (page: ReportPage) => Promise<string>>> = {
  'Express 4': (page) => onExpress(express4, page),
  'Express 5': (page) => onExpress(express, page),
  async 'Fastify 5'(page) {
    const app = fastify();
    onTestFinished(() => app.close());
    app.get('/migration', page);
    app.post('/migration', page);
    return app.listen({ host: '127.0.0.1', port: 0 });
  },
};

async function onExpress(make: typeof express, page: ReportPage): Promise<string> {
  const app = make();
  app.all('/migration', page);
  app.use(((_error, _request, response, _next) => {
    response.status(500).end('the error handler');
  }) as express.ErrorRequestHandler);
  const { origin, close } = await listenTo(app);
  onTestFinished(close);
  return origin;
}

/** A guard that has seen keys of acme, and tokens of acme and globex. */
async function openGuard() {
  const guard = createGuard({
    ...issuer.options,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async ({ value }) => ({ id: value, clientId: 'acme', createdBy: 'somebody' }),
    },
  });
  onTestFinished(() => guard.close());
  await guard({
    method: 'GET',
    url: '/',
    header: (name) => (name === 'x-api-key' ? 'key_1' : undefined),
  });
  for (const clientId of ['acme', 'globex']) {
    await guard(bearing(await issuer.token({ clientId })));
  }
  return guard;
}

async function openPage(host: string, options: Partial<ReportPageOptions> = {}) {
  const guard = await openGuard();
  const made: MigrationReport[] = [];
  const report = async () => {
    const next = migrationReport({ usage: await guard.usage(), now: clock.now() });
    made.push(next);
    return next;
  };
  const page = reportPage({ report, guard, requirements, now: clock.now, ...options });
  const origin = await hosts[host]?.(page);
  const ask = async (parts: object | undefined, init: RequestInit = {}) => {
    const authorization = parts && `Bearer ${await issuer.token(parts)}`;
    const headers = { ...(authorization && { authorization }), ...init.headers };
    return fetch(`${origin}/migration`, { ...init, headers });
  };
  return { ask, made };
}

const reader = { scopes: ['migration:read'] };

describe.each(Object.keys(hosts))('the page on %s', (host) => {
  test('is for those whom its guard lets in', async () => {
    const { ask, made } = await openPage(host);
    const nobody = await ask(undefined);
    expect([nobody.status, nobody.headers.get('www-authenticate')]).toEqual([
      ...[401, expect.stringContaining('scope="migration:read"')],
    ]);
    const other = await ask({ scopes: ['orders:read'] });
    expect([other.status, ((await other.json()) as { code: string }).code]).toEqual([
      403,
      'ERR_SCOPE_MISSING',
    ]);
    expect(made).toHaveLength(0);
    expect((await ask(reader)).status).toBe(200);
  });

  test('is HTML, and nothing it holds may reach out', async () => {
    const { ask, made } = await openPage(host);
    const response = await ask(reader, { headers: { accept: 'text/html,*/*;q=0.8' } });
    expect(await response.text()).toBe(renderHtml(made[0] as MigrationReport));
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': contentSecurityPolicy,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
  });

  test('is JSON, or text, for those who would rather have that', async () => {
    const { ask, made } = await openPage(host);
    const json = await ask(reader, { headers: { accept: 'application/json' } });
    expect(await json.json()).toEqual(JSON.parse(JSON.stringify(made[0])));
    const text = await ask(reader, { headers: { accept: 'text/plain' } });
    expect(await text.text()).toBe(renderText(made[0] as MigrationReport));
  });

  test('is made once for all who ask within its age', async () => {
    const { ask, made } = await openPage(host, { maxAge: 60 });
    await Promise.all(Array.from({ length: 5 }, () => ask(reader)));
    expect(made).toHaveLength(1);
    clock.advance(60);
    await ask(reader);
    expect(made).toHaveLength(2);
    clock.advance(-3_600);
    await ask(reader);
    expect(made).toHaveLength(3);
  });

  test('that cannot be made is for the error handler, and is tried again 5 seconds later', async () => {
    let failing = true;
    const { ask } = await openPage(host, {
      report: async () => {
        if (failing) throw new Error('the store is gone');
        return migrationReport({ usage: { trackingSince: undefined, rows: [], instances: [] } });
      },
    });
    expect((await ask(reader)).status).toBe(500);
    expect((await ask(reader)).status).toBe(500);
    failing = false;
    clock.advance(5);
    expect((await ask(reader)).status).toBe(200);
  });

  test('can only be read', async () => {
    const { ask } = await openPage(host);
    const response = await ask(reader, { method: 'POST' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const head = await ask(reader, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test('is known by its route', async () => {
    const routes: unknown[] = [];
    const onDecision = (event: DecisionEvent) => routes.push(event.route);
    const guard = createGuard({ ...issuer.options, onDecision });
    const { ask } = await openPage(host, { guard });
    expect((await ask(reader)).status).toBe(200);
    expect(routes).toEqual(['/migration']);
  });

  test('of its own shows a client itself, and nothing of anybody else', async () => {
    const { ask } = await openPage(host, { own: true, requirements: {} });
    const text = await (await ask({ clientId: 'acme' })).text();
    expect(JSON.parse(text)).toMatchObject({ client: 'acme', keys: [{ id: 'key_1' }] });
    expect(text).not.toMatch(/globex|somebody/);
    expect(await (await ask({ clientId: 'globex' })).json()).toMatchObject({ client: 'globex' });
    expect((await ask({ clientId: 'initech' })).status).toBe(404);
    expect((await ask({ claims: { client_id: undefined } })).status).toBe(404);
    expect((await ask(undefined)).status).toBe(401);
  });
});

describe('what cannot be meant', () => {
  const report = () =>
    migrationReport({ usage: { trackingSince: undefined, rows: [], instances: [] } });

  test.each<[string, object, string]>([
    ['no guard', { guard: undefined }, 'reportPage.guard must be a guard'],
    ['a function for a guard', { guard: () => true }, 'reportPage.guard must be a guard'],
    ['no report', { report: {} }, 'reportPage.report'],
    ['requirements that ask nothing', { requirements: {} }, 'must not be empty'],
    ['no requirements', { requirements: undefined }, 'must not be empty'],
    ['a mode alone', { requirements: { mode: 'token-only' } }, 'must not be empty'],
    ['what lets everybody in', { requirements: { optional: true } }, 'would be public'],
    ['the same of its own', { own: true, requirements: { optional: true } }, 'would be public'],
    ['an age below nothing', { maxAge: -1 }, 'reportPage.maxAge'],
    ['another name', { requires: {} }, 'reportPage.requires is not a known option'],
  ])('%s', async (_, options, meant) => {
    const guard = await openGuard();
    const all = { report, guard, requirements, ...options } as ReportPageOptions;
    expect(() => reportPage(all)).toThrow(expect.objectContaining({ name: 'ConfigError' }));
    expect(() => reportPage(all)).toThrow(meant);
  });
});
