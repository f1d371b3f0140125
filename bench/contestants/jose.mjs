import { createRemoteJWKSet, jwtVerify } from 'jose';
import { tokenOf } from '../harness/tokens.mjs';

export default {
  name: 'jose',
  packages: ['jose'],
  algorithms: ['RS256', 'ES256', 'EdDSA'],
  blocks: false,
  remembers: 'keys',
  how: 'jwtVerify(token, createRemoteJWKSet(…), { issuer, audience })',

  async verifier({ issuer, audience, jwksUri }) {
    const JWKS = createRemoteJWKSet(new URL(jwksUri));
    return async (authorization) => {
      const { payload } = await jwtVerify(tokenOf(authorization), JWKS, { issuer, audience });
      return payload.sub;
    };
  },
};
