const assert = require('node:assert/strict');
const { createServer } = require('node:http');

const algorithms = ['RS256', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];

/** Tries every door of one build; `express` and `fastify` where they are installed. */
module.exports = async function smoke({ sallyport, express, fastify }) {
  const issuer = await sallyport.createTestIssuer();
  const good = await issuer.token({ scopes: ['orders:read'], orgId: 'org_1' });
  const given = { issuer, good, headers: { authorization: `Bearer ${good}` } };
  await decides(sallyport, given);
  await everyAlgorithm(sallyport);
  await overSocket(sallyport);
  await onFetch(sallyport, given);
  if (express) await onExpress(sallyport, given, express);
  if (fastify) await onFastify(sallyport, given, fastify);
  const tried = ['fetch', express && 'express', fastify && 'fastify'].filter(Boolean);
  return `node ${process.version}: ${tried.join(', ')}`;
};

const asking = (token) => ({ method: 'GET', url: '/', header: () => token && `Bearer ${token}` });

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

// The whole contract, request by request, against the built door.
async function onExpress({ expressGuard, guardCases }, _, express) {
  const open = async (guard, requirements) => {
    const app = express().use(expressGuard(guard)(requirements), ({ principal }, res) => {
      res.json(principal ? told(principal) : null);
    });
    const server = createServer({ maxHeaderSize: 65_536 }, app);
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const close = () => new Promise((done) => server.close(done));
    return { origin: `http://127.0.0.1:${server.address().port}`, close };
  };
  assert(guardCases.length > 50);
  for (const { title, run } of guardCases) {
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
