import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, type Meter, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  type ReadableSpan,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import express from 'express';
import fc from 'fast-check';
import Fastify from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { createApiKey, inMemoryApiKeys } from '../../src/api-keys.js';
import { expressGuard } from '../../src/express.js';
import { fastifyGuard } from '../../src/fastify.js';
import { ConfigError, createGuard, type GuardOptions } from '../../src/index.js';
import { type OtelDecisionsOptions, otelDecisions } from '../../src/otel.js';
import { createTestIssuer } from '../../src/testing.js';
import { inFull, runs } from '../runs.js';
import { event } from './scene.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  metrics.disable();
  trace.disable();
  context.disable();
});

/** The real SDK for metrics, scraped as Prometheus does. */
async function prometheus() {
  const exporter = new PrometheusExporter({ host: '127.0.0.1', port: 0, preventServerStart: true });
  const provider = new MeterProvider({ readers: [exporter] });
  const server = createServer((req, res) => exporter.getMetricsRequestHandler(req, res));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(
    () => provider.shutdown().catch(() => {}),
    () => server.close(),
  );
  const { port } = server.address() as AddressInfo;
  async function scrape() {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return text.split('\n').filter((line) => line.startsWith('sallyport_'));
  }
  /** What a metric says of these labels, all series together. */
  async function sum(name: string, labels: Record<string, string> = {}) {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const lines = (await scrape()).filter(
      (line) => line.startsWith(`${name}{`) && wanted.every((one) => line.includes(one)),
    );
    if (lines.length === 0) return undefined;
    return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
  }
  return { provider, scrape, sum };
}

/** The real SDK for traces. */
function tracing() {
  const spans: ReadableSpan[] = [];
  const processor: SpanProcessor = {
    // What is told to a span is told before it ends.
    onStart: (span) => void spans.push(span),
    onEnd() {},
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const provider = new BasicTracerProvider({ spanProcessors: [processor] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  return { tracer: provider.getTracer('test'), spans: () => spans };
}

const { key, digest } = createApiKey({ prefix: 'acme_live' });
const issuer = await createTestIssuer();
const token = await issuer.token({
  scopes: ['orders:read'],
  claims: { jti: 'token_1' },
  orgId: 'org_1',
});
const guardOf = (options: OtelDecisionsOptions = {}, extra: Partial<GuardOptions> = {}) =>
  createGuard({
    ...issuer.options,
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: inMemoryApiKeys([{ id: 'key_1', clientId: 'shop', digest }]),
      plan: { mode: 'dual', checks: { scopes: 'report' } },
    },
    onDecision: otelDecisions(options),
    ...extra,
  } as GuardOptions);

type Guard = ReturnType<typeof guardOf>;

async function onExpress(guard: Guard): Promise<string> {
  const app = express();
  const requireToken = expressGuard(guard);
  app.use((req, res, next) => {
    trace.getTracer('http').startActiveSpan(`${req.method}`, (span) => {
      res.on('close', () => span.end());
      next();
    });
  });
  app.all('/orders', requireToken({ scopes: ['orders:read'] }), (_req, res) => void res.json({}));
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function onFastify(guard: Guard): Promise<string> {
  const app = Fastify();
  app.addHook('onRequest', (request, reply, done) => {
    trace.getTracer('http').startActiveSpan(request.method, (span) => {
      reply.raw.on('close', () => span.end());
      done();
    });
  });
  await app.register(fastifyGuard, { guard });
  const onRequest = app.requireToken({ scopes: ['orders:read'] });
  app.all('/orders', { onRequest }, async () => ({}));
  closing.push(() => app.close());
  return app.listen({ port: 0, host: '127.0.0.1' });
}

describe.each([
  ['Express', onExpress],
  ['Fastify', onFastify],
] as const)('on %s', (_, serve) => {
  const bearer = { authorization: `Bearer ${token}` };
  async function ask(origin: string) {
    const all: RequestInit[] = [
      { headers: bearer },
      { headers: bearer, method: 'POST' },
      { headers: { 'x-api-key': key } },
      { headers: { 'x-api-key': `${key}x` } },
      {},
    ];
    const statuses: number[] = [];
    for (const one of all) {
      const response = await fetch(`${origin}/orders`, { ...one, keepalive: false });
      await response.text();
      statuses.push(response.status);
    }
    expect(statuses).toEqual([200, 200, 200, 401, 401]);
  }

  test('decisions are counted and timed, and Prometheus reads them', async () => {
    const { provider, sum, scrape } = await prometheus();
    metrics.setGlobalMeterProvider(provider);
    await ask(await serve(guardOf()));
    const name = 'sallyport_decisions_total';
    expect(await sum(name)).toBe(5);
    expect(await sum(name, { outcome: 'allow', method: 'token' })).toBe(2);
    expect(await sum(name, { http_request_method: 'POST' })).toBe(1);
    expect(await sum(name, { outcome: 'allow', method: 'api-key', mode: 'dual' })).toBe(1);
    expect(await sum(name, { reason: 'ERR_API_KEY_UNKNOWN', method: 'api-key' })).toBe(1);
    expect(await sum(name, { reason: 'ERR_CREDENTIAL_MISSING', method: 'none' })).toBe(1);
    expect(await sum('sallyport_would_deny_total', { reason: 'ERR_SCOPE_MISSING' })).toBe(1);
    const duration = 'sallyport_decision_duration';
    expect(await sum(`${duration}_count`, { outcome: 'allow' })).toBe(3);
    expect(
      await sum(`${duration}_bucket`, { le: '0.0005', outcome: 'deny', method: 'none' }),
    ).toBeDefined();
    const text = (await scrape()).join('\n');
    for (const one of ['user_1', 'client_1', 'org_1', 'token_1', 'key_1', 'shop', key, token]) {
      expect(text).not.toContain(one);
    }
  });

  test('the active span is told, and who asks only by option', async () => {
    const { spans } = tracing();
    await ask(await serve(guardOf()));
    expect(spans()).toHaveLength(5);
    const told = spans().map(({ attributes }) => attributes);
    expect(told).toEqual([
      { 'sallyport.outcome': 'allow', 'sallyport.method': 'token' },
      { 'sallyport.outcome': 'allow', 'sallyport.method': 'token' },
      {
        'sallyport.outcome': 'allow',
        'sallyport.method': 'api-key',
        'sallyport.mode': 'dual',
        'sallyport.would_deny': ['ERR_SCOPE_MISSING'],
      },
      {
        'sallyport.outcome': 'deny',
        'sallyport.method': 'api-key',
        'sallyport.reason': 'ERR_API_KEY_UNKNOWN',
      },
      {
        'sallyport.outcome': 'deny',
        'sallyport.method': 'none',
        'sallyport.reason': 'ERR_CREDENTIAL_MISSING',
      },
    ]);
  });

  test('and by option, it is told', async () => {
    const { spans } = tracing();
    const identities = ['subject', 'client', 'organization', 'key', 'token'] as const;
    await ask(await serve(guardOf({ identities })));
    expect(spans()).toHaveLength(5);
    expect(spans()[0]?.attributes).toMatchObject({
      'user.id': 'user_1',
      'sallyport.client.id': 'client_1',
      'sallyport.organization.id': 'org_1',
      'sallyport.token.id': 'token_1',
    });
    expect(spans()[2]?.attributes).toMatchObject({
      'sallyport.client.id': 'shop',
      'sallyport.key.id': 'key_1',
    });
    expect(JSON.stringify(spans().map(({ attributes }) => attributes))).not.toContain(key);
  });
});

describe('metrics', () => {
  test('begin at zero, before anything was decided', async () => {
    const { provider, sum } = await prometheus();
    otelDecisions({ meter: provider.getMeter('mine'), clients: ['shop'] });
    const name = 'sallyport_decisions_total';
    for (const outcome of ['allow', 'deny', 'error']) {
      for (const method of ['token', 'api-key', 'both', 'none']) {
        expect(await sum(name, { outcome, method })).toBe(0);
      }
    }
    expect(await sum(name, { client: 'shop', method: 'api-key' })).toBe(0);
    expect(await sum('sallyport_would_deny_total')).toBe(0);
  });

  test('an SDK that is registered later gets what is decided from then on', async () => {
    const tell = otelDecisions();
    tell(event());
    const { provider, sum } = await prometheus();
    metrics.setGlobalMeterProvider(provider);
    tell(event());
    expect(await sum('sallyport_decisions_total')).toBe(1);
    const other = await prometheus();
    metrics.disable();
    metrics.setGlobalMeterProvider(other.provider);
    tell(event());
    expect(await other.sum('sallyport_decisions_total')).toBe(1);
    expect(await sum('sallyport_decisions_total')).toBe(1);
  });

  test('a client is named only if it is listed', async () => {
    const { provider, sum, scrape } = await prometheus();
    const tell = otelDecisions({ meter: provider.getMeter('mine'), clients: ['shop', 'bank'] });
    tell(event({ clientId: 'shop' }));
    tell(event({ clientId: 'mall' }));
    tell(event());
    const name = 'sallyport_decisions_total';
    for (const client of ['shop', 'other', 'none']) expect(await sum(name, { client })).toBe(1);
    expect(await sum(name, { client: 'bank' })).toBe(0);
    expect((await scrape()).join()).not.toContain('mall');
  });

  test('whatever events hold, each label has a few values', async () => {
    const { provider, scrape } = await prometheus();
    const tell = otelDecisions({ meter: provider.getMeter('mine') });
    const any = fc.string({ maxLength: 20 });
    const code = fc.integer({ min: 0, max: 5000 }).map(
      (i) =>
        `ERR_${i
          .toString(26)
          .replace(/\d/g, (d) => 'QRSTUVWXYZ'[Number(d)] ?? '')
          .toUpperCase()}`,
    );
    fc.assert(
      fc.property(
        any,
        fc.oneof(any, code),
        fc.array(code, { maxLength: 3 }),
        (text, reason, wouldDeny) => {
          tell(
            event({
              ...{
                httpMethod: text,
                reason,
                wouldDeny,
                subject: text,
                clientId: text,
                orgId: text,
              },
              ...{ tokenId: text, keyId: text, issuer: text, cohort: text, route: text },
              ...{ actors: [text], scopes: [text], claimed: { clientId: text } },
            }),
          );
        },
      ),
      { numRuns: runs(1000) },
    );
    const values = new Map<string, Set<string>>();
    for (const line of await scrape()) {
      for (const [, label = '', value = ''] of line.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
        values.set(label, (values.get(label) ?? new Set()).add(value));
      }
    }
    const counted = Object.fromEntries([...values].map(([label, all]) => [label, all.size]));
    expect(counted.reason).toBeLessThanOrEqual(101);
    if (inFull) expect(counted.reason).toBeGreaterThan(50);
    expect(counted.http_request_method).toBeLessThanOrEqual(11);
    expect([counted.outcome, counted.method]).toEqual([3, 4]);
    expect(
      Object.keys(counted)
        .filter((label) => !label.startsWith('otel_scope'))
        .sort(),
    ).toEqual(['http_request_method', 'le', 'method', 'outcome', 'reason']);
    expect(values.get('reason')).toContain('other');
    expect(values.get('http_request_method')).toContain('_OTHER');
  });

  test('durations are seconds', async () => {
    const { provider, sum } = await prometheus();
    otelDecisions({ meter: provider.getMeter('mine') })(event({ durationMs: 30 }));
    const name = 'sallyport_decision_duration';
    expect(await sum(`${name}_sum`)).toBeCloseTo(0.03);
    expect(await sum(`${name}_bucket`, { le: '0.025' })).toBe(0);
    expect(await sum(`${name}_bucket`, { le: '0.05' })).toBe(1);
  });
});

describe('trouble elsewhere is no trouble here', () => {
  test('without an SDK', () => {
    const tell = otelDecisions();
    expect(() => tell(event())).not.toThrow();
  });

  test('with a meter or a span that throws', async () => {
    const fails = () => {
      throw new Error('mine');
    };
    const { tracer, spans } = tracing();
    const meter = { createCounter: fails, createHistogram: fails } as unknown as Meter;
    const tell = otelDecisions({ meter });
    tracer.startActiveSpan('one', (span) => {
      expect(() => tell(event())).not.toThrow();
      span.end();
    });
    // Metrics that fail leave the span alone.
    expect(spans()[0]?.attributes).toEqual({
      'sallyport.outcome': 'allow',
      'sallyport.method': 'token',
    });
    const { provider, sum } = await prometheus();
    const counted = otelDecisions({ meter: provider.getMeter('mine') });
    const broken = Object.assign(tracer.startSpan('two'), { setAttributes: fails });
    context.with(trace.setSpan(context.active(), broken), () => {
      expect(() => counted(event())).not.toThrow();
    });
    expect(await sum('sallyport_decisions_total')).toBe(1);
  });

  test('with a span that is not recorded, which is told nothing', () => {
    const { tracer } = tracing();
    const told: object[] = [];
    const span = Object.assign(tracer.startSpan('one'), {
      isRecording: () => false,
      setAttributes: (attributes: object) => told.push(attributes),
    });
    context.with(trace.setSpan(context.active(), span as never), () => otelDecisions()(event()));
    expect(told).toEqual([]);
  });
});

describe('an invalid option', () => {
  const invalid: [options: object | null, message: RegExp][] = [
    [null, /^otelDecisions must be an object with named settings; got null\. See docs/],
    [{ client: ['a'] }, /otelDecisions\.client is not a known setting: use meter, clients/],
    [{ meter: undefined }, /otelDecisions\.meter must not be undefined/],
    [{ meter: {} }, /otelDecisions\.meter must be a Meter; got an object/],
    [{ clients: 'shop' }, /clients must be an array of at most 100 client ids; got a string/],
    [{ clients: Array.from({ length: 101 }, String) }, /at most 100 client ids; got 101 entries/],
    [{ clients: ['other'] }, /clients must not contain "other"/],
    [{ clients: ['none'] }, /clients must not contain "none"/],
    [{ clients: [''] }, /clients must contain client ids .* got an entry that is an empty string/],
    [{ clients: [1] }, /clients must contain client ids .* got an entry that is a number/],
    [{ identities: true }, /identities must be an array; got a boolean/],
    [{ identities: ['email'] }, /identities must be one of "subject", .*; got another string/],
  ];
  test.each(invalid)('%o throws a ConfigError', (options, message) => {
    const make = () => otelDecisions(options as OtelDecisionsOptions);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });
});
