import { JwtVerifier } from 'aws-jwt-verify';
import { SimpleJwksCache } from 'aws-jwt-verify/jwk';
import { tokenOf } from '../harness/tokens.mjs';

async function create({ issuer, audience, jwksUri }) {
  // Its own fetcher speaks only https; the README says how to bring another.
  const fetcher = { fetch: async (uri) => (await fetch(uri)).arrayBuffer() };
  const verifier = JwtVerifier.create(
    { issuer, audience, jwksUri, scope: 'orders:read' },
    { jwksCache: new SimpleJwksCache({ fetcher }) },
  );
  await verifier.hydrate();
  return verifier;
}

export default {
  name: 'aws-jwt-verify',
  packages: ['aws-jwt-verify'],
  algorithms: ['RS256', 'ES256', 'EdDSA'],
  blocks: true,
  remembers: 'keys',
  how: 'JwtVerifier.create({ issuer, audience, jwksUri, scope }).verify(token)',

  async verifier(issuer) {
    const verifier = await create(issuer);
    return async (authorization) => (await verifier.verify(tokenOf(authorization))).sub;
  },

  // As in the README's examples, but that the payload is kept.
  async express(issuer) {
    const verifier = await create(issuer);
    const guard = async (request, response, next) => {
      try {
        request.payload = await verifier.verify(tokenOf(request.header('authorization')));
      } catch {
        response.status(403).json({ statusCode: 403, message: 'Forbidden' });
        return;
      }
      next();
    };
    return { guards: [guard], subjectOf: (request) => request.payload.sub };
  },

  async fastify(app, issuer) {
    const verifier = await create(issuer);
    app.decorateRequest('payload', null);
    const onRequest = async (request) => {
      try {
        request.payload = await verifier.verify(tokenOf(request.headers.authorization));
      } catch {
        throw Object.assign(new Error(), { statusCode: 403 });
      }
    };
    return { route: { onRequest }, subjectOf: (request) => request.payload.sub };
  },
};
