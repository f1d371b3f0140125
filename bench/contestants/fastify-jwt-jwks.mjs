import fastify from 'fastify';
import fastifyJwtJwks from 'fastify-jwt-jwks';

async function register(app, { issuer, audience, jwksUri }) {
  await app.register(fastifyJwtJwks, { jwksUrl: jwksUri, audience, issuer, cache: 10_000 });
  return {
    route: { preValidation: app.authenticate },
    subjectOf: (request) => request.user.sub,
  };
}

export default {
  name: 'fastify-jwt-jwks',
  packages: ['fastify-jwt-jwks'],
  algorithms: ['RS256', 'EdDSA'],
  blocks: true,
  remembers: 'keys; tokens, by their digest',
  remembersTokens: true,
  how: 'app.authenticate, registered with { jwksUrl, audience, issuer, cache }',
  fastify: register,

  async verifier(issuer) {
    const app = fastify();
    await register(app, issuer);
    let real;
    app.get('/', async (request) => {
      real = request;
    });
    await app.inject('/');
    // A request of Fastify's own, but for its headers.
    return async (authorization) => {
      const request = Object.create(real);
      request.raw = { headers: { authorization } };
      try {
        await app.authenticate(request);
      } catch (error) {
        return error.statusCode;
      }
      return request.user.sub;
    };
  },
};
