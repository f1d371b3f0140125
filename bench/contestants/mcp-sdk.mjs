import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { through } from '../harness/through.mjs';

// The SDK leaves the token to a verifier of one's own, and wants to be told AuthInfo.
function express({ issuer, audience, jwksUri }) {
  const JWKS = createRemoteJWKSet(new URL(jwksUri));
  async function verifyAccessToken(token) {
    const { payload } = await jwtVerify(token, JWKS, { issuer, audience }).catch((error) => {
      throw new InvalidTokenError(error.message);
    });
    return {
      token,
      clientId: payload.client_id,
      scopes: payload.scope.split(' '),
      expiresAt: payload.exp,
      extra: { subject: payload.sub },
    };
  }
  return {
    guards: [
      requireBearerAuth({ verifier: { verifyAccessToken }, requiredScopes: ['orders:read'] }),
    ],
    subjectOf: (request) => request.auth.extra.subject,
  };
}

export default {
  name: 'MCP SDK + jose',
  packages: ['@modelcontextprotocol/sdk', 'jose'],
  algorithms: ['RS256', 'ES256', 'EdDSA'],
  blocks: false,
  remembers: 'keys',
  how: 'requireBearerAuth({ verifier: jwtVerify(…), requiredScopes })',
  express,

  async verifier(issuer) {
    const { guards, subjectOf } = express(issuer);
    return through(guards, subjectOf);
  },
};
