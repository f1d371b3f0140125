const assert = require('node:assert/strict');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const algorithms = ['RS256', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];

/** Tries every door of one build; `express` and `fastify` where they are installed. */
module.exports = async function smoke({ sallyport, schema, express, fastify }) {
  const issuer = await sallyport.createTestIssuer();
  const good = await issuer.token({ scopes: ['orders:read'], orgId: 'org_1' });
  const given = { issuer, good, headers: { authorization: `Bearer ${good}` } };
  await decides(sallyport, given);
  await everyAlgorithm(sallyport);
  await overSocket(sallyport);
  await onFetch(sallyport, given);
  await withKeys(sallyport, given);
  await withStores(sallyport);
  await byPlanFile(sallyport, given);
  await withReport(sallyport, given);
  assert.equal(schema.title, 'Migration plan of sallyport');
  if (express) await onExpress(sallyport, given, express);
  if (fastify) await onFastify(sallyport, given, fastify);
  const tried = ['fetch', 'api-keys', express && 'express', fastify && 'fastify'].filter(Boolean);
  return `node ${process.version}: ${tried.join(', ')}`;
};

const sending = (wanted, value) => ({
  method: 'GET',
  url: '/',
  header: (name) => (name === wanted ? value : undefined),
});
const asking = (token) => sending('authorization', token && `Bearer ${token}`);
const presenting = (key) => sending('x-api-key', key);

async function decides({ createGuard, AuthError }, { issuer, good }) {
  const guard = createGuard(issuer.options);
  await guard.ready();
  const allowed = await guard(asking(good), { scopes: ['orders:read'], orgId: 'org_1' });
  assert.equal(allowed.principal.subject, 'user_1');
  const codeOf = async (token, requirements) => {
    const { error } = await guard(asking(token), requirements);
    assert(error instanceof AuthError);
    return error.code;
  };
  assert.equal(await codeOf(undefined), 'ERR_CREDENTIAL_MISSING');
  assert.equal(await codeOf(good, { scopes: ['a'] }), 'ERR_SCOPE_MISSING');
  assert.equal(await codeOf(good, { orgId: 'org_2' }), 'ERR_ORG_MISMATCH');
  assert.equal(await codeOf(await issuer.token({ wrongKey: true })), 'ERR_TOKEN_SIGNATURE');
  assert.equal(await codeOf(await issuer.token({ expiresIn: -60 })), 'ERR_TOKEN_EXPIRED');
}

async function everyAlgorithm({ createGuard, createTestIssuer }) {
  for (const algorithm of algorithms) {
    const issuer = await createTestIssuer({ algorithm });
    const decision = await createGuard(issuer.options)(asking(await issuer.token()));
    assert(decision.allowed, `${algorithm}: ${decision.error?.code}`);
  }
}

// The keys over a real connection, with the global fetch; afterwards nothing may keep the process.
async function overSocket({ createGuard, createTestIssuer, UpstreamError }) {
  const issuer = await createTestIssuer();
  await issuer.listen();
  assert.equal(issuer.options.fetch, undefined);
  const guard = createGuard(issuer.options);
  assert((await guard(asking(await issuer.token()))).allowed);
  issuer.goDown();
  await assert.rejects(createGuard(issuer.options).ready(), UpstreamError);
  await issuer.close();
}

async function onFetch({ fetchGuard }, { issuer, headers }) {
  const check = fetchGuard(issuer.options);
  const pass = await check(new Request('https://api.test/', { headers }));
  assert.equal(pass.principal.orgId, 'org_1');
  const refusal = await check(new Request('https://api.test/'));
  assert(refusal instanceof Response);
  assert.equal(refusal.status, 401);
  assert.equal(refusal.headers.get('www-authenticate'), 'Bearer realm="https://api.test"');
}

const from = [{ header: 'x-api-key' }];

// Counts go into files, a report comes out of them, and each decision is a line.
async function withReport(sallyport, { issuer, good }) {
  const { auditLog, createGuard, fileUsageStore, migrationReport, renderHtml, reportPage } =
    sallyport;
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-'));
  const lines = [];
  const guard = createGuard({
    ...issuer.options,
    onDecision: auditLog({ write: (line) => void lines.push(JSON.parse(line)) }),
    apiKeys: {
      from,
      lookup: async () => ({ id: 'key_1', clientId: 'acme' }),
      usage: { store: fileUsageStore(folder) },
    },
  });
  for (const request of [presenting('a-key'), asking(good)]) await guard(request);
  await guard.close();
  const report = migrationReport({ usage: await fileUsageStore(folder).read() });
  assert.deepEqual(
    report.clients.map(({ client, status }) => [client, status]),
    [
      ['acme', 'on keys'],
      ['client_1', 'migrated'],
    ],
  );
  assert.match(renderHtml(report), /^<!doctype html>/);
  assert.throws(() => reportPage({ guard, report: () => report }), sallyport.ConfigError);
  assert.deepEqual(
    lines.map(({ schema }) => schema),
    ['sallyport-audit-1', 'sallyport-audit-1'],
  );
  rmSync(folder, { recursive: true });
}

async function withKeys(sallyport, { issuer, good }) {
  const { AuthError, checksummed, createApiKey, createGuard, inMemoryApiKeys } = sallyport;
  const { key, digest } = createApiKey({ prefix: 'acme_live' });
  const guard = createGuard({
    ...issuer.options,
    apiKeys: {
      from,
      lookup: inMemoryApiKeys([
        { id: 'key_1', digest, clientId: 'client_1', scopes: ['orders:read'] },
      ]),
      wellFormed: checksummed('acme_live'),
      plan: { deprecatedAt: '2020-01-01T00:00:00Z', sunsetAt: '2999-01-01T00:00:00Z' },
    },
  });
  for (const _ of ['asked', 'remembered']) {
    const { principal, headers } = await guard(presenting(key), { scopes: ['orders:read'] });
    assert.deepEqual([principal.kind, principal.clientId], ['api-key', 'client_1']);
    assert.equal(headers.Deprecation, '@1577836800');
    assert.equal(headers.Sunset, 'Tue, 01 Jan 2999 00:00:00 GMT');
  }
  assert.deepEqual((await guard(asking(good))).headers, {});
  const { error } = await guard(presenting(`${key}0`));
  assert(error instanceof AuthError);
  assert.equal(error.code, 'ERR_API_KEY_INVALID');
  assert.deepEqual(guard.counts().refused, { ERR_API_KEY_INVALID: 1 });
  await guard.invalidateApiKey('key_1');
  await guard.close();
}

// What Postgres and Redis would say. The real ones are asked in test/services.
async function withStores({
  createApiKey,
  postgresApiKeys,
  redisApiKeys,
  redisPlan,
  storeRedisApiKey,
}) {
  const { key, digest } = createApiKey({ prefix: 'acme' });
  const asked = { value: key, sha256: digest };
  const pool = {
    query: async (_, [digests]) => ({
      rows: digests.includes(digest) ? [{ id: 1, digest, scopes: ['a'] }] : [],
    }),
  };
  assert.deepEqual(await postgresApiKeys(pool)(asked), { id: '1', scopes: ['a'] });
  assert.equal(await postgresApiKeys(pool)({ value: 'another' }), undefined);

  const stored = new Map();
  const commands = {
    SET: (name, value) => void stored.set(name, value),
    GET: (name) => stored.get(name) ?? null,
    MGET: (...names) => names.map((name) => stored.get(name) ?? null),
  };
  const client = { sendCommand: async ([command, ...args]) => commands[command](...args) };
  await storeRedisApiKey(client, { id: 'key_1', digest });
  assert.deepEqual({ ...(await redisApiKeys(client)(asked)) }, { id: 'key_1' });
  stored.set('sallyport:plan', '{"mode":"dual"}');
  assert.equal(await redisPlan(client).load(), '{"mode":"dual"}');
}

async function byPlanFile({ createGuard, planFile }, { issuer }) {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-plan-'));
  try {
    const file = join(folder, 'plan.json');
    writeFileSync(file, '{ "mode": "token-only", "refusedStatus": 410 }');
    const lookup = async () => ({ id: 'key_1' });
    const guard = createGuard({
      ...issuer.options,
      apiKeys: { from, lookup, plan: planFile(file) },
    });
    await guard.ready();
    const { denial } = await guard(presenting('key'));
    assert.deepEqual([denial.status, denial.body.code], [410, 'ERR_API_KEY_RETIRED']);
    await guard.close();
    writeFileSync(file, '{\n  "mode": "duel"\n}');
    assert.throws(() => planFile(file), { name: 'ConfigError', message: /line 2.*"dual"/ });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// The whole contract, request by request, against the built door.
async function onExpress({ expressGuard, conformanceCases }, _, express) {
  const open = async (guard, requirements) => {
    const app = express().use(expressGuard(guard)(requirements), ({ principal }, res) => {
      res.json(principal ? told(principal) : null);
    });
    const server = createServer({ maxHeaderSize: 65_536 }, app);
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const close = () => new Promise((done) => server.close(done));
    return { origin: `http://127.0.0.1:${server.address().port}`, close };
  };
  assert(conformanceCases.length > 50);
  for (const { title, run } of conformanceCases) {
    await run(open).catch((cause) => {
      throw new Error(title, { cause });
    });
  }
}

const told = ({ subject = null, clientId = null, orgId = null, scopes }) => ({
  subject,
  clientId,
  orgId,
  scopes: [...scopes],
});

async function onFastify({ fastifyGuard }, { issuer, headers }, fastify) {
  const app = fastify();
  await app.register(fastifyGuard, issuer.options);
  app.get('/', { onRequest: app.requireToken({ scopes: ['orders:read'] }) }, async (request) =>
    told(request.principal),
  );
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  assert.equal((await (await fetch(origin, { headers })).json()).subject, 'user_1');
  assert.equal((await fetch(origin)).status, 401);
  await app.close();
}
