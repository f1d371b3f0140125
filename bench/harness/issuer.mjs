import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

const kinds = {
  RS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};

/**
 * Serves discovery and keys on the loopback, in a process that measures nothing. `issuer` is plain
 * data: whoever gets it can mint.
 */
export async function startIssuer() {
  const keys = Object.fromEntries(
    Object.keys(kinds).map((algorithm) => [algorithm, key(algorithm)]),
  );
  const jwks = JSON.stringify({ keys: Object.values(keys).map(({ publicJwk }) => publicJwk) });
  let fetches = 0;
  let metadata = '';
  const server = createServer(({ url }, response) => {
    response.setHeader('Content-Type', 'application/json');
    if (url === '/.well-known/jwks.json') {
      fetches += 1;
      response.end(jwks);
    } else {
      response.end(metadata);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${server.address().port}`;
  const jwksUri = `${origin}/.well-known/jwks.json`;
  metadata = JSON.stringify({
    issuer: origin,
    jwks_uri: jwksUri,
    id_token_signing_alg_values_supported: Object.keys(kinds),
  });
  return {
    issuer: { issuer: origin, audience: 'https://api.example.com', jwksUri, keys },
    fetches: () => fetches,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function key(algorithm) {
  const { privateKey, publicKey } = generateKeyPairSync(...kinds[algorithm]);
  const names = { kid: `${algorithm.toLowerCase()}-2025-06`, alg: algorithm, use: 'sig' };
  return {
    kid: names.kid,
    privateJwk: privateKey.export({ format: 'jwk' }),
    publicJwk: { ...publicKey.export({ format: 'jwk' }), ...names },
  };
}
