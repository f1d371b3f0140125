/**
 * Who stands before a handler, on which framework, and in which file. A server loads only its own.
 */
export const servers = {
  express: {
    'no auth': undefined,
    'no auth, again': undefined,
    sallyport: ['sallyport.mjs', 'default'],
    'sallyport, dual mode': ['sallyport.mjs', 'dual'],
    'express-oauth2-jwt-bearer': ['express-oauth2-jwt-bearer.mjs', 'default'],
    'express-jwt + jwks-rsa': ['express-jwt.mjs', 'default'],
    'aws-jwt-verify': ['aws-jwt-verify.mjs', 'default'],
    'MCP SDK + jose': ['mcp-sdk.mjs', 'default'],
  },
  fastify: {
    'no auth': undefined,
    'no auth, again': undefined,
    sallyport: ['sallyport.mjs', 'default'],
    'sallyport, dual mode': ['sallyport.mjs', 'dual'],
    'fastify-jwt-jwks': ['fastify-jwt-jwks.mjs', 'default'],
    '@fastify/jwt + get-jwks': ['fastify-jwt.mjs', 'default'],
    'aws-jwt-verify': ['aws-jwt-verify.mjs', 'default'],
  },
};

/** Whom the handler without auth names, so that all answers are of one length. */
export const nobody = 'user_00000000';

export async function start(framework, name, issuer) {
  const [file, member] = servers[framework][name] ?? [];
  const contestant = file && (await import(`./${file}`))[member];
  return framework === 'express' ? onExpress(contestant, issuer) : onFastify(contestant, issuer);
}

async function onExpress(contestant, issuer) {
  const { default: express } = await import('express');
  const { guards, subjectOf } = (await contestant?.express(issuer)) ?? open;
  const app = express();
  app.get('/orders', ...guards, (request, response) => {
    response.json({ orders: [], for: subjectOf(request) });
  });
  return new Promise((resolve) => {
    const server = app.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
}

async function onFastify(contestant, issuer) {
  const { default: fastify } = await import('fastify');
  const app = fastify();
  const { route, subjectOf } = (await contestant?.fastify(app, issuer)) ?? open;
  app.get('/orders', route, async (request) => ({ orders: [], for: subjectOf(request) }));
  await app.listen({ port: 0, host: '127.0.0.1' });
  return app.server.address().port;
}

const open = { guards: [], route: {}, subjectOf: () => nobody };
