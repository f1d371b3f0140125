import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';
import { through } from '../harness/through.mjs';

function express({ issuer, audience }) {
  return {
    guards: [auth({ issuerBaseURL: issuer, audience }), requiredScopes('orders:read')],
    subjectOf: (request) => request.auth.payload.sub,
  };
}

export default {
  name: 'express-oauth2-jwt-bearer',
  packages: ['express-oauth2-jwt-bearer'],
  algorithms: ['RS256', 'ES256', 'EdDSA'],
  blocks: false,
  remembers: 'keys',
  how: 'auth({ issuerBaseURL, audience }), requiredScopes(…)',
  express,

  async verifier(issuer) {
    const { guards, subjectOf } = express(issuer);
    return through(guards, subjectOf);
  },
};
