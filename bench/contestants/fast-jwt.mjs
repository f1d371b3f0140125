import { createPublicKey } from 'node:crypto';
import { createVerifier } from 'fast-jwt';
import buildGetJwks from 'get-jwks';
import { tokenOf } from '../harness/tokens.mjs';

// Its default of 1 000 would forget most of 10 000 tokens; sallyport's is 10 000.
const cache = 10_000;

export default {
  name: 'fast-jwt + get-jwks',
  packages: ['fast-jwt', 'get-jwks'],
  // What jwk-to-pem, on which get-jwks stands, can convert.
  algorithms: ['RS256', 'ES256'],
  blocks: true,
  remembers: 'keys; tokens, by their digest',
  remembersTokens: true,
  how: 'createVerifier({ key: getJwks.getPublicKey(…), cache, allowedIss, allowedAud })',

  async verifier({ issuer, audience }) {
    const getJwks = buildGetJwks({ issuersWhitelist: [issuer] });
    const verify = createVerifier({
      key: async ({ header }) =>
        getJwks.getPublicKey({ kid: header.kid, alg: header.alg, domain: issuer }),
      cache,
      allowedIss: issuer,
      allowedAud: audience,
    });
    return async (authorization) => (await verify(tokenOf(authorization))).sub;
  },
};

/** No key to look for, and nothing to wait for: as fast as it gets. `cached` only where it helps. */
export const keyInHand = {
  name: 'fast-jwt, key in hand',
  packages: ['fast-jwt'],
  algorithms: ['RS256', 'ES256', 'EdDSA'],
  blocks: true,
  remembers: 'tokens, by their digest, where that helps it',
  remembersTokens: true,
  how: 'createVerifier({ key: pem, cache, allowedIss, allowedAud }), synchronous',

  async verifier({ issuer, audience, keys }, { algorithm = 'RS256', cached = true } = {}) {
    const key = createPublicKey({ key: keys[algorithm].publicJwk, format: 'jwk' });
    const verify = createVerifier({
      key: key.export({ type: 'spki', format: 'pem' }),
      ...(cached && { cache }),
      allowedIss: issuer,
      allowedAud: audience,
    });
    return (authorization) => verify(tokenOf(authorization)).sub;
  },
};
