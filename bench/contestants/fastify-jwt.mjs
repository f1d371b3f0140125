import fastifyJwt from '@fastify/jwt';
import buildGetJwks from 'get-jwks';

/** As get-jwks's README says. */
export default {
  name: '@fastify/jwt + get-jwks',
  packages: ['@fastify/jwt', 'get-jwks'],
  blocks: true,
  remembers: 'keys; tokens, by their digest',
  how: 'request.jwtVerify(), registered with { secret: getJwks.getPublicKey(…), verify }',

  async fastify(app, { issuer, audience }) {
    const getJwks = buildGetJwks({ issuersWhitelist: [issuer] });
    await app.register(fastifyJwt, {
      decode: { complete: true },
      secret: (_request, token, callback) => {
        const { kid, alg } = token.header;
        getJwks
          .getPublicKey({ kid, domain: token.payload.iss, alg })
          .then((publicKey) => callback(null, publicKey), callback);
      },
      verify: { cache: 10_000, allowedIss: issuer, allowedAud: audience },
    });
    return {
      route: { onRequest: async (request) => request.jwtVerify() },
      subjectOf: (request) => request.user.sub,
    };
  },
};
