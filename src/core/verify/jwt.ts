import type { Algorithm } from '../algorithms.js';
import { AuthError, type AuthErrorCode } from '../errors.js';
import { plainType } from '../issuers.js';
import type { Check } from '../migration/plan.js';
import { type Seen, text as textAt } from '../principal.js';
import type { Ruling } from '../ruling.js';
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

interface Parts {
  readonly header: Claims;
  readonly claims: Claims;
}

interface Limits {
  readonly clockTolerance: number;
  readonly maxTokenLifetime: number | undefined;
  now(): number;
}

/** Beyond this, a time in seconds was surely meant in milliseconds. */
const latestTime = 1e11;

/**
 * Verifies access tokens (RFC 7519 §7.2, RFC 8725, RFC 9068 §4). Cheap checks come first, and
 * before the signature a claim is only ever used to refuse.
 */
export function createJwtVerifier(
  issuers: ReadonlyMap<string, TrustedIssuer>,
  { clockTolerance, maxTokenLifetime, now }: Limits,
): (text: string, seen: Seen, ruling: Ruling) => Promise<VerifiedToken> {
  const all = [...issuers.values()];
  const anyIssuer: Accepted = {
    algorithms: new Set(all.flatMap(({ algorithms }) => [...algorithms])),
    types: new Set(all.flatMap(({ types }) => [...types])),
  };

  /** What is wrong by a check that a plan can make a report of. */
  function faultOf(check: Check, { header, claims }: Parts, issuer: TrustedIssuer) {
    if (check === 'type') return typeFault(header, issuer.types);
    if (check === 'lifetime') return lifetimeFault(claims, maxTokenLifetime);
    return check === 'audience' ? audienceFault(claims, issuer.audience) : undefined;
  }

  return async function verifyJwt(text, seen, { deferred, fail }) {
    const jws = parseCompact(text);
    const payload = parseObject(jws.payload);
    if (!payload) throw new AuthError('ERR_TOKEN_MALFORMED');
    seen.claims = payload;
    const [header, claims] = [bare(jws.header), bare(payload)];
    checkHeader(header, anyIssuer, deferred);
    const issuer = typeof claims.iss === 'string' ? issuers.get(claims.iss) : undefined;
    if (!issuer) throw new AuthError('ERR_TOKEN_ISSUER');
    seen.clientPath = issuer.claims.clientId;
    checkHeader(header, issuer, deferred);
    checkKind(claims, issuer);
    checkTimes(claims, now() / 1000, clockTolerance);
    for (const check of ['lifetime', 'audience'] as const) {
      const fault = deferred.has(check) ? undefined : faultOf(check, { header, claims }, issuer);
      if (fault) throw new AuthError(fault);
    }
    const algorithm = header.alg as Algorithm;
    const key = await issuer.keys.find(header.kid as string | undefined, algorithm);
    if (!(await verifySignature(jws, key, algorithm))) throw new AuthError('ERR_TOKEN_SIGNATURE');
    if ('cnf' in claims) throw new AuthError('ERR_TOKEN_BOUND');
    const client = textAt(claims, issuer.claims.clientId);
    for (const check of deferred) {
      const fault = faultOf(check, { header, claims }, issuer);
      if (fault) fail(check, new AuthError(fault), client);
    }
    return { claims: payload, issuer };
  };
}

function checkHeader(header: Claims, accepted: Accepted, deferred: ReadonlySet<Check>): void {
  const { alg, kid } = header;
  if (typeof alg !== 'string' || !accepted.algorithms.has(alg)) {
    throw new AuthError('ERR_TOKEN_ALGORITHM');
  }
  if ('crit' in header || 'b64' in header) throw new AuthError('ERR_TOKEN_CRITICAL');
  const fault = deferred.has('type') ? undefined : typeFault(header, accepted.types);
  if (fault) throw new AuthError(fault);
  if (kid !== undefined && typeof kid !== 'string') throw new AuthError('ERR_TOKEN_MALFORMED');
}

function typeFault({ typ }: Claims, types: Accepted['types']): AuthErrorCode | undefined {
  const type = typeof typ === 'string' ? plainType(typ) : undefined;
  const known = (typ === undefined || type !== undefined) && types.has(type);
  return known ? undefined : 'ERR_TOKEN_TYPE';
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

// A token that does not say when it was issued could live for ever.
function lifetimeFault({ exp, iat }: Claims, longest: number | undefined) {
  const short = longest === undefined || (exp as number) - (iat as number) <= longest;
  return short ? undefined : 'ERR_TOKEN_LIFETIME';
}

function audienceFault({ aud }: Claims, audience: ReadonlySet<string>) {
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const texts = list.every((one): one is string => typeof one === 'string');
  return texts && list.some((one) => audience.has(one)) ? undefined : 'ERR_TOKEN_AUDIENCE';
}
