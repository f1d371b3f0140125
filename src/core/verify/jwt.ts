import type { Algorithm } from '../algorithms.js';
import { AuthError } from '../errors.js';
import { plainType } from '../issuers.js';
import type { Unverified } from '../principal.js';
import { parseCompact } from './compact.js';
import type { TrustedIssuer } from './issuer.js';
import { bare, type Claims, parseObject } from './json.js';
import { verifySignature } from './signature.js';

/** A token that is good, whatever the request asks. */
export interface VerifiedToken {
  readonly claims: Claims;
  readonly issuer: TrustedIssuer;
}

/** What headers are acceptable: of one issuer, or of any. */
type Accepted = Pick<TrustedIssuer, 'algorithms' | 'types'>;

/** Beyond this, a time in seconds was surely meant in milliseconds. */
const latestTime = 1e11;

/**
 * Verifies access tokens (RFC 7519 §7.2, RFC 8725, RFC 9068 §4). Cheap checks come first, and
 * before the signature a claim is only ever used to refuse.
 */
export function createJwtVerifier(
  issuers: ReadonlyMap<string, TrustedIssuer>,
  { clockTolerance, now }: { readonly clockTolerance: number; now(): number },
): (text: string, seen: Unverified) => Promise<VerifiedToken> {
  const all = [...issuers.values()];
  const anyIssuer: Accepted = {
    algorithms: new Set(all.flatMap(({ algorithms }) => [...algorithms])),
    types: new Set(all.flatMap(({ types }) => [...types])),
  };

  return async function verifyJwt(text, seen) {
    const jws = parseCompact(text);
    const payload = parseObject(jws.payload);
    if (!payload) throw new AuthError('ERR_TOKEN_MALFORMED');
    seen.claims = payload;
    const [header, claims] = [bare(jws.header), bare(payload)];
    checkHeader(header, anyIssuer);
    const issuer = typeof claims.iss === 'string' ? issuers.get(claims.iss) : undefined;
    if (!issuer) throw new AuthError('ERR_TOKEN_ISSUER');
    seen.clientPath = issuer.claims.clientId;
    checkHeader(header, issuer);
    checkKind(claims, issuer);
    checkTimes(claims, now() / 1000, clockTolerance);
    checkAudience(claims.aud, issuer.audience);
    const algorithm = header.alg as Algorithm;
    const key = await issuer.keys.find(header.kid as string | undefined, algorithm);
    if (!(await verifySignature(jws, key, algorithm))) throw new AuthError('ERR_TOKEN_SIGNATURE');
    if ('cnf' in claims) throw new AuthError('ERR_TOKEN_BOUND');
    return { claims: payload, issuer };
  };
}

function checkHeader(header: Claims, accepted: Accepted): void {
  const { alg, typ, kid } = header;
  if (typeof alg !== 'string' || !accepted.algorithms.has(alg)) {
    throw new AuthError('ERR_TOKEN_ALGORITHM');
  }
  if ('crit' in header || 'b64' in header) throw new AuthError('ERR_TOKEN_CRITICAL');
  const type = typeof typ === 'string' ? plainType(typ) : undefined;
  if ((typ !== undefined && type === undefined) || !accepted.types.has(type)) {
    throw new AuthError('ERR_TOKEN_TYPE');
  }
  if (kid !== undefined && typeof kid !== 'string') throw new AuthError('ERR_TOKEN_MALFORMED');
}

// RFC 8725 §3.12: the rules for ID tokens, logout tokens and security events exclude ours.
function checkKind(claims: Claims, { types }: Accepted): void {
  const use = 'token_use' in claims ? claims.token_use : 'access';
  if ('at_hash' in claims || 'c_hash' in claims || 'events' in claims || use !== 'access') {
    throw new AuthError('ERR_TOKEN_KIND');
  }
  if (types.size > 1 || !types.has('at+jwt')) return;
  // RFC 9068 §2.2; iss, exp and aud are checked in any case.
  const texts = ['sub', 'client_id', 'jti'].every((name) => typeof claims[name] === 'string');
  if (!texts || !('iat' in claims)) throw new AuthError('ERR_TOKEN_CLAIMS');
}

// RFC 7519 §4.1.4 to §4.1.6. Each comparison is written so that NaN refuses.
function checkTimes({ exp, nbf, iat }: Claims, now: number, tolerance: number): void {
  const plausible = [exp, nbf === undefined ? now : nbf, iat === undefined ? now : iat].map(
    seconds,
  );
  const [expires, begins, issued] = plausible as [number, number, number];
  if (!(now < expires + tolerance)) throw new AuthError('ERR_TOKEN_EXPIRED');
  if (!(begins <= now + tolerance)) throw new AuthError('ERR_TOKEN_NOT_YET_VALID');
  if (!(issued <= now + tolerance)) throw new AuthError('ERR_TOKEN_ISSUED_LATER');
}

function seconds(time: unknown): number {
  if (typeof time === 'number' && Math.abs(time) < latestTime) return time;
  throw new AuthError('ERR_TOKEN_TIME');
}

function checkAudience(aud: unknown, audience: ReadonlySet<string>): void {
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const texts = list.every((one): one is string => typeof one === 'string');
  if (!texts || !list.some((one) => audience.has(one))) throw new AuthError('ERR_TOKEN_AUDIENCE');
}
