import express from 'express';
import express4 from 'express4';
import fastify from 'fastify';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createGuard } from '../../src/index.js';
import {
  type MigrationReport,
  migrationReport,
  type ReportPage,
  type ReportPageOptions,
  reportPage,
} from '../../src/report.js';
import { createTestIssuer } from '../../src/testing.js';
import { listenTo } from '../adapters/open.js';

const methods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const issuer = await createTestIssuer();
const reader = await issuer.token({ scopes: ['migration:read'], orgId: 'org_1' });

const onExpress = async (make: typeof express, page: ReportPage): Promise<string> => {
  const app = make();
  app.use(express.json(), express.urlencoded({ extended: false }));
  app.all('/orgs/:org/migration', page);
  const { origin, close } = await listenTo(app);
  onTestFinished(close);
  return origin;
};

const hosts: Readonly<Record<string, (page: ReportPage) => Promise<string>>> = {
  'Express 4': (page) => onExpress(express4, page),
  'Express 5': (page) => onExpress(express, page),
  async 'Fastify 5'(page) {
    const app = fastify();
    onTestFinished(() => app.close());
    app.route({ method: [...methods], url: '/orgs/:org/migration', handler: page });
    return app.listen({ host: '127.0.0.1', port: 0 });
  },
};

const report = (): MigrationReport =>
  migrationReport({
    usage: { trackingSince: Date.UTC(2030, 0, 1), rows: [], instances: [] },
    clients: [{ client: 'acme' }, { client: 'globex' }],
    keys: [{ id: 'key_nobody' }],
    now: Date.UTC(2030, 0, 2),
  });

async function openPage(host: string, options: Partial<ReportPageOptions> = {}) {
  const guard = createGuard({
    ...issuer.options,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async ({ value }) => ({ id: `key_${value}`, scopes: ['migration:read'] }),
      plan: { deprecatedAt: '2026-01-01T00:00:00Z', guide: 'https://docs.example.com/oauth' },
    },
  });
  onTestFinished(() => guard.close());
  let made = 0;
  const page = reportPage({
    guard,
    requirements: { scopes: ['migration:read'] },
    report: async () => {
      made += 1;
      return report();
    },
    ...options,
  });
  const origin = await hosts[host]?.(page);
  const ask = (headers: Record<string, string>, init: RequestInit = {}) =>
    fetch(`${origin}/orgs/org_1/migration`, { ...init, headers });
  return { ask, made: () => made };
}

const good = { authorization: `Bearer ${reader}` };

describe.each(Object.keys(hosts))('the page on %s', (host) => {
  test.each(methods)('answers no stranger to %s, and makes no report for one', async (method) => {
    const { ask, made } = await openPage(host);
    const response = await ask({}, { method });
    expect(response.status).toBe(401);
    expect(await response.text()).not.toMatch(/acme/);
    expect(made()).toBe(0);
  });

  test.each(methods.slice(2))('has nothing for %s', async (method) => {
    const { ask, made } = await openPage(host);
    const response = await ask(good, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect(made()).toBe(0);
  });

  test('takes a body that has the names of a framework’s own members for a body', async () => {
    const { ask } = await openPage(host);
    const body = JSON.stringify({ raw: {}, code: 200, hijack: true, originalUrl: '/' });
    const sent = { method: 'POST', body };
    expect((await ask({ 'content-type': 'application/json' }, sent)).status).toBe(401);
    expect((await ask({ ...good, 'content-type': 'application/json' }, sent)).status).toBe(405);
  });

  test('asks its guard about the path too', async () => {
    const requirements = {
      orgId: (request: { params?: Record<string, string> }) => {
        return request.params?.org;
      },
    } as NonNullable<ReportPageOptions['requirements']>;
    const { ask } = await openPage(host, { requirements });
    expect((await ask(good)).status).toBe(200);
    const other = await issuer.token({ scopes: ['migration:read'], orgId: 'org_2' });
    expect((await ask({ authorization: `Bearer ${other}` })).status).toBe(403);
  });

  test.each(['text/html', 'application/json', 'text/plain', 'TEXT/PLAIN', '*/*'])(
    'may be kept by nobody between, as %s',
    async (accept) => {
      const { ask } = await openPage(host);
      const { headers } = await ask({ ...good, accept });
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('vary')).toBe('Accept, Authorization');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    },
  );

  test('reads Accept in any case', async () => {
    const { ask } = await openPage(host);
    const { headers } = await ask({ ...good, accept: 'TEXT/PLAIN' });
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
  });

  test('tells whoever comes with a key that keys end', async () => {
    const { ask } = await openPage(host);
    const { status, headers } = await ask({ 'x-api-key': 'nobody' });
    expect([status, headers.get('deprecation')]).toEqual([200, '@1767225600']);
    expect(headers.get('link')).toContain('https://docs.example.com/oauth');
    expect((await ask(good)).headers.get('deprecation')).toBeNull();
  });

  test('of its own is a key’s too, if the key is of no client', async () => {
    const { ask } = await openPage(host, { own: true, requirements: {} });
    const text = await (await ask({ 'x-api-key': 'nobody' })).text();
    expect(JSON.parse(text)).toMatchObject({ client: 'key_nobody' });
    expect(text).not.toMatch(/acme|globex/);
    expect((await ask({ 'x-api-key': 'else' })).status).toBe(404);
  });

  test('of its own is the same for every Accept', async () => {
    const { ask } = await openPage(host, { own: true, requirements: {} });
    const acme = `Bearer ${await issuer.token({ clientId: 'acme' })}`;
    for (const accept of ['text/html', 'text/plain', '*/*']) {
      const response = await ask({ authorization: acme, accept });
      expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(await response.json()).toMatchObject({ client: 'acme' });
    }
  });
});

describe.each(['Express 4', 'Express 5'])('a form on %s', (host) => {
  test('with a token in it is refused as by any guard', async () => {
    const { ask } = await openPage(host);
    const response = await ask(
      { ...good, 'content-type': 'application/x-www-form-urlencoded' },
      { method: 'POST', body: `access_token=${reader}` },
    );
    expect(response.status).toBe(400);
  });
});

test('an age of more than an hour is a mistake', () => {
  const guard = createGuard(issuer.options);
  onTestFinished(() => guard.close());
  const page = (maxAge: number) => () => reportPage({ guard, report, own: true, maxAge });
  expect(page(3_600)).not.toThrow();
  expect(page(3_601)).toThrow('reportPage.maxAge');
  expect(page(Number.NaN)).toThrow('reportPage.maxAge');
});
