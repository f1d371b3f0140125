import process from 'node:process';
import { Hono } from 'hono';
import { type Algorithm, createGuard, type GuardRequest } from 'sallyport';
import { fetchGuard } from 'sallyport/fetch';
import { honoGuard } from 'sallyport/hono';
import { createTestIssuer } from 'sallyport/testing';
import { memoryUsageStore } from 'sallyport/usage';

// One API for all runtimes. Both guards are made in the global scope, where a Worker may neither wait,
// nor start a timer, nor generate random values.

const { ISSUER = '', SLOW = '', DOWN = '', KEY_DIGEST = '' } = process.env;
const audience = 'https://api.test';
const required = { scopes: ['orders:read'] };

const guard = createGuard({
  issuer: ISSUER,
  audience,
  apiKeys: {
    from: [{ header: 'x-api-key' }],
    lookup: async ({ sha256 }) =>
      sha256 === KEY_DIGEST
        ? { id: 'key_1', clientId: 'client_1', scopes: ['orders:read'] }
        : undefined,
    plan: { sunsetAt: '2999-01-01T00:00:00Z' },
    usage: { store: memoryUsageStore() },
  },
});
const check = fetchGuard(guard);
const requireToken = honoGuard(guard);
const checkDown = fetchGuard({ issuer: DOWN, audience });
const checkSlow = fetchGuard({ issuer: SLOW, audience, jwks: { timeout: 2 } });

const app = new Hono();

app.get('/hono', requireToken(required), (c) => c.json(c.var.principal.clientId));

app.get('/fetch', async (c) => {
  const pass = await check(c.req.raw, required);
  return pass instanceof Response ? pass : c.json(pass.principal.clientId);
});

app.get('/core', async (c) => {
  const request: GuardRequest = {
    method: c.req.method,
    url: c.req.path,
    header: (name) => c.req.header(name),
  };
  const decision = await guard(request, required);
  if (decision.allowed) return c.json(decision.principal?.clientId);
  const { status, headers, body } = decision.denial;
  return new Response(JSON.stringify(body), { status, headers });
});

app.get('/down', async (c) => {
  const pass = await checkDown(c.req.raw);
  return pass instanceof Response ? pass : c.json(pass.principal.clientId);
});

app.get('/slow', async (c) => {
  const pass = await checkSlow(c.req.raw);
  return pass instanceof Response ? pass : c.json(pass.principal.clientId);
});

// The test issuer itself, as in a test that runs in this runtime, with every algorithm.
app.get('/testing/:algorithm', async (c) => {
  const algorithm = c.req.param('algorithm') as Algorithm;
  const issuer = await createTestIssuer({ algorithm });
  const checkTest = fetchGuard({ ...issuer.options, algorithms: [algorithm] });
  const answers: number[] = [];
  for (const parts of [{}, { expiresIn: -300 }, { wrongKey: true }]) {
    const authorization = `Bearer ${await issuer.token(parts)}`;
    const pass = await checkTest(new Request('https://api.test/', { headers: { authorization } }));
    answers.push(pass instanceof Response ? pass.status : 200);
  }
  return c.json(answers);
});

export default { fetch: app.fetch };
