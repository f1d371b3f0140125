import { expressjwt } from 'express-jwt';
import jwksRsa from 'jwks-rsa';
import { through } from '../harness/through.mjs';

function express({ issuer, audience, jwksUri }, { algorithm = 'RS256' } = {}) {
  const secret = jwksRsa.expressJwtSecret({
    cache: true,
    rateLimit: true,
    jwksRequestsPerMinute: 5,
    jwksUri,
  });
  return {
    guards: [expressjwt({ secret, audience, issuer, algorithms: [algorithm] })],
    subjectOf: (request) => request.auth.sub,
  };
}

export default {
  name: 'express-jwt + jwks-rsa',
  packages: ['express-jwt', 'jwks-rsa'],
  algorithms: ['RS256', 'ES256'],
  blocks: true,
  remembers: 'keys',
  how: 'expressjwt({ secret: expressJwtSecret(…), audience, issuer, algorithms })',
  express,

  async verifier(issuer, options) {
    const { guards, subjectOf } = express(issuer, options);
    return through(guards, subjectOf);
  },
};
