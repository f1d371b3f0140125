import { oneAtATime } from '../harness/drive.mjs';
import { mint } from '../harness/tokens.mjs';
import awsJwtVerify from './aws-jwt-verify.mjs';
import expressJwt from './express-jwt.mjs';
import expressOauth2JwtBearer from './express-oauth2-jwt-bearer.mjs';
import fastJwt, { keyInHand } from './fast-jwt.mjs';
import fastifyJwtJwks from './fastify-jwt-jwks.mjs';
import jose from './jose.mjs';
import mcpSdk from './mcp-sdk.mjs';
import sallyport from './sallyport.mjs';

/** Who can be called without a server. */
export const contestants = [
  sallyport,
  jose,
  expressOauth2JwtBearer,
  expressJwt,
  awsJwtVerify,
  fastJwt,
  keyInHand,
  fastifyJwtJwks,
  mcpSdk,
];

/** Contestants ready to verify: each has a verifier of its own, which has fetched its keys. */
export async function prepare(list, issuer, options = {}) {
  const { algorithm = 'RS256' } = options;
  const able = list.filter(({ algorithms }) => algorithms.includes(algorithm));
  const first = await mint(issuer, 1, { algorithm });
  return Promise.all(
    able.map(async ({ name, remembersTokens = false, verifier }) => {
      const entry = { name, remembersTokens, verify: await verifier(issuer, options) };
      await oneAtATime(entry, first, { count: 1 });
      return entry;
    }),
  );
}
