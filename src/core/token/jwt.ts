import { AuthError } from '../base/errors.js';
import { type Claims, own, parseObject } from '../base/json.js';
import { createLru } from '../base/lru.js';
import { pathName } from '../base/quote.js';
import type { Check } from '../enforcement.js';
import {
  misfitIn,
  type Principal,
  principalFromClaims,
  type UnverifiedIdentity,
} from '../principal.js';
import type { Algorithm } from './algorithms.js';
import type { TrustedIssuer } from './issuer.js';
import { plainType } from './issuer-options.js';
import type { VerificationKey } from './jwk.js';
import { type Header, type Jws, parseJws } from './jws.js';
import { otherKind } from './kind.js';
import {
  algorithmMismatch,
  audienceMismatch,
  boundBy,
  issuerMismatch,
  livesLong,
  notAString,
  notSigned,
  typeMismatch,
} from './mismatch.js';
import { refused } from './refused.js';
import { verifySignature } from './signature.js';
import { type Clock, checkTimes, type Times } from './times.js';

/** A token that nothing is wrong with but, perhaps, its signature. */
export interface ReadToken {
  readonly jws: Jws;
  readonly payload: Claims;
  /** Those that every token is asked for; of its own, whatever `Object.prototype` may have. */
  readonly claims: StandardClaims;
  readonly issuer: TrustedIssuer;
}

interface StandardClaims extends Times {
  readonly aud: unknown;
}

/** A token that is good, whatever the request asks. */
export interface VerifiedToken {
  readonly principal: Principal;
  readonly times: Times;
  readonly issuer: TrustedIssuer;
  readonly key: VerificationKey;
  /** What is wrong with it by a check that had to wait for the signature. */
  readonly faults: readonly (readonly [Check, AuthError])[];
}

/** Verifies access tokens (RFC 7519 §7.2, RFC 8725, RFC 9068 §4), in two steps. */
export interface JwtVerifier {
  /**
   * Does all that needs no key, the cheap checks first; a claim is only ever used to refuse.
   * @throws AuthError 401
   */
  read(text: string, seen: UnverifiedIdentity, deferred: ReadonlySet<Check>): ReadToken;
  /**
   * Finds the key, checks the signature, and then what was deferred.
   * @throws AuthError 401, UpstreamError for keys that cannot be had
   */
  prove(token: ReadToken, deferred: ReadonlySet<Check>): Promise<VerifiedToken>;
}

/** An issuer has one for each of its keys. */
const mostHeaders = 100;
const longestHeader = 1_024;

const noFaults: VerifiedToken['faults'] = [];

/** What headers are acceptable: of one issuer, or of any. */
type Accepted = Pick<TrustedIssuer, 'algorithms' | 'typ'>;

interface Limits extends Clock {
  readonly maxTokenLifetime: number | undefined;
}

export function createJwtVerifier(
  issuers: ReadonlyMap<string, TrustedIssuer>,
  limits: Limits,
): JwtVerifier {
  const all = [...issuers.values()];
  const anyIssuer: Accepted = {
    algorithms: new Set(all.flatMap(({ algorithms }) => [...algorithms])),
    typ: new Set(all.flatMap(({ typ: types }) => [...types])),
  };

  // Written once its signature was good, so that nobody else's displace them.
  const headers = createLru<Header>(mostHeaders);

  /** What is wrong by a check that a plan can make a report of. */
  function faultOf(check: Check, { jws, claims, issuer }: ReadToken) {
    if (check === 'type') return typeFault(jws.header, issuer.typ);
    if (check === 'lifetime') return lifetimeFault(claims, limits.maxTokenLifetime);
    return check === 'audience' ? audienceFault(claims, issuer.audience) : undefined;
  }

  function faultsIn(token: ReadToken, deferred: ReadonlySet<Check>): VerifiedToken['faults'] {
    return [...deferred].flatMap((check) => {
      const fault = faultOf(check, token);
      return fault ? [[check, fault] as const] : [];
    });
  }

  function remember({ text, header }: Jws): void {
    const segment = text.slice(0, text.indexOf('.'));
    if (segment.length > longestHeader || headers.get(segment)) return;
    // A copy: a part of a text keeps all of it, and that is a raw token.
    headers.set(Buffer.from(segment, 'latin1').toString('latin1'), header);
  }

  return {
    read(text, seen, deferred) {
      const jws = parseJws(text, headers);
      const payload = parseObject(jws.payload);
      if (!payload) throw new AuthError('ERR_TOKEN_MALFORMED', { detail: noObject });
      seen.claims = payload;
      checkHeader(jws.header, anyIssuer, deferred);
      const iss = own(payload, 'iss');
      const issuer = typeof iss === 'string' ? issuers.get(iss) : undefined;
      if (!issuer) throw refused('ERR_TOKEN_ISSUER', issuerMismatch, iss, issuers.keys());
      seen.paths = issuer.claims;
      checkHeader(jws.header, issuer, deferred);
      checkKind(payload, issuer);
      const claims = {
        exp: own(payload, 'exp'),
        nbf: own(payload, 'nbf'),
        iat: own(payload, 'iat'),
        aud: own(payload, 'aud'),
      };
      checkTimes(claims, limits);
      const token = { jws, payload, claims, issuer };
      for (const check of ['lifetime', 'audience'] as const) {
        const fault = deferred.has(check) ? undefined : faultOf(check, token);
        if (fault) throw fault;
      }
      checkIdentity(payload, issuer);
      return token;
    },

    async prove(token, deferred) {
      const { jws, payload, claims, issuer } = token;
      const algorithm = jws.header.alg as Algorithm;
      const found = issuer.keys.find(jws.header, algorithm);
      let key = found instanceof Promise ? await found : found;
      if (!(await verifySignature(jws, key, algorithm))) {
        // A key that was held may have been replaced under its kid; what was waited for is new.
        const other =
          key === found && (await issuer.keys.findReplacement(key, jws.header, algorithm));
        const isGood = other && (await verifySignature(jws, other, algorithm));
        if (!isGood) throw refused('ERR_TOKEN_SIGNATURE', notSigned, key.kid, issuer.issuer);
        key = other;
      }
      remember(jws);
      // Before what a plan defers: a bound token is never taken for a bearer token.
      if (Object.hasOwn(payload, 'cnf')) throw refused('ERR_TOKEN_BOUND', boundBy, payload.cnf);
      const faults = deferred.size === 0 ? noFaults : faultsIn(token, deferred);
      const { exp, nbf, iat } = claims;
      const principal = principalFromClaims(payload, issuer.claims);
      return { principal, times: { exp, nbf, iat }, issuer, key, faults };
    },
  };
}

const noObject = 'the payload must be a JSON object in which no name is repeated';

function checkHeader(header: Header, accepted: Accepted, deferred: ReadonlySet<Check>): void {
  const { alg, kid } = header;
  if (typeof alg !== 'string' || !accepted.algorithms.has(alg)) {
    throw refused('ERR_TOKEN_ALGORITHM', algorithmMismatch, alg, accepted.algorithms);
  }
  if (header.isCritical) {
    throw new AuthError('ERR_TOKEN_CRITICAL', { detail: 'the header has "crit" or "b64"' });
  }
  const fault = deferred.has('type') ? undefined : typeFault(header, accepted.typ);
  if (fault) throw fault;
  if (kid !== undefined && typeof kid !== 'string') {
    throw refused('ERR_TOKEN_MALFORMED', notAString, 'kid', kid);
  }
}

function typeFault({ typ }: Header, types: Accepted['typ']): AuthError | undefined {
  const type = typeof typ === 'string' ? plainType(typ) : undefined;
  const known = (typ === undefined || type !== undefined) && types.has(type);
  return known ? undefined : refused('ERR_TOKEN_TYPE', typeMismatch, typ, types);
}

function checkKind(claims: Claims, { typ: types, claims: paths }: TrustedIssuer): void {
  const kind = otherKind(claims, paths);
  if (kind !== undefined) throw new AuthError('ERR_TOKEN_NOT_ACCESS_TOKEN', { detail: kind });
  if (types.size > 1 || !types.has('at+jwt')) return;
  // RFC 9068 §2.2; iss, exp and aud are checked in any case.
  const absent =
    ['sub', 'client_id', 'jti'].find((name) => typeof own(claims, name) !== 'string') ??
    (Object.hasOwn(claims, 'iat') ? undefined : 'iat');
  if (absent === undefined) return;
  throw new AuthError('ERR_TOKEN_CLAIMS', {
    detail: `with only at+jwt accepted, RFC 9068 requires the claim "${absent}"`,
  });
}

// A number may be another number by the time it is read (beyond 2^53), and an identity that is left out
// is shared by all who have none.
function checkIdentity(payload: Claims, { claims }: TrustedIssuer): void {
  const misfit = misfitIn(payload, claims);
  if (!misfit) return;
  throw refused('ERR_TOKEN_CLAIMS', notAString, `claim ${pathName(misfit.path)}`, misfit.value);
}

// A token that does not say when it was issued could live for ever.
function lifetimeFault({ exp, iat }: StandardClaims, longest: number | undefined) {
  const lives = (exp as number) - (iat as number);
  const short = longest === undefined || lives <= longest;
  return short ? undefined : refused('ERR_TOKEN_LIFETIME', livesLong, lives, longest);
}

function audienceFault({ aud }: StandardClaims, audience: ReadonlySet<string>) {
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const texts = list.every((one): one is string => typeof one === 'string');
  const named = texts && list.some((one) => audience.has(one));
  return named ? undefined : refused('ERR_TOKEN_AUDIENCE', audienceMismatch, aud, audience);
}
