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
import { type Algorithm, isAlgorithm } from './algorithms.js';
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
import { type Clock, checkTimes, readTimes, type Times } from './times.js';

/** A token that is valid as far as that can be known without a key. */
export interface ReadToken {
  readonly jws: Jws;
  readonly header: ValidHeader;
  readonly payload: Claims;
  readonly times: Times;
  readonly issuer: TrustedIssuer;
}

/** A header that was checked. */
interface ValidHeader extends Header {
  readonly alg: Algorithm;
  readonly kid: string | undefined;
}

/** A token with a valid signature. */
export interface VerifiedToken {
  readonly principal: Principal;
  readonly times: Times;
  readonly issuer: TrustedIssuer;
  readonly key: VerificationKey;
  /** The checks it failed of those that a plan may only report. */
  readonly faults: readonly Fault[];
}

interface Fault {
  readonly check: Check;
  readonly error: AuthError;
}

/** Verifies access tokens (RFC 7519 §7.2, RFC 8725, RFC 9068 §4), in two steps. */
export interface JwtVerifier {
  /**
   * Does all that needs no key, the cheap checks first; a claim is only ever used to reject. What it
   * reads it writes into `unverified`, for the event about a token that is rejected.
   * @throws AuthError 401, also for a check that is not in `deferred`
   */
  read(text: string, unverified: UnverifiedIdentity, deferred: ReadonlySet<Check>): ReadToken;
  /**
   * Finds the key, checks the signature, and then what was deferred.
   * @throws AuthError 401, UpstreamError if the signing keys are unavailable
   */
  prove(token: ReadToken, deferred: ReadonlySet<Check>): Promise<VerifiedToken>;
}

/** An issuer has one for each of its keys. */
const mostHeaders = 100;
const longestHeader = 1_024;

const noFaults: readonly Fault[] = [];

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
    typ: new Set(all.flatMap(({ typ }) => [...typ])),
  };

  // Written once its signature was good, so that nobody else's displace them.
  const headers = createLru<Header>(mostHeaders);

  const lifetimeOf = ({ times }: ReadToken) => lifetimeFault(times, limits.maxTokenLifetime);

  /** The checks that a plan can make report-only, of what only a token has. */
  const faultBy: { readonly [C in Check]?: (token: ReadToken) => AuthError | undefined } = {
    type: ({ header, issuer }) => typeFault(header, issuer.typ),
    lifetime: lifetimeOf,
    audience: audienceFault,
  };

  function faultsOf(token: ReadToken, deferred: ReadonlySet<Check>): readonly Fault[] {
    return [...deferred].flatMap((check) => {
      const error = faultBy[check]?.(token);
      return error ? [{ check, error }] : [];
    });
  }

  function remember({ text, header }: Jws): void {
    const segment = text.slice(0, text.indexOf('.'));
    if (segment.length > longestHeader || headers.get(segment)) return;
    // A copy: a part of a text keeps all of it, and that is a raw token.
    headers.set(Buffer.from(segment, 'latin1').toString('latin1'), header);
  }

  return {
    read(text, unverified, deferred) {
      const jws = parseJws(text, headers);
      const { header } = jws;
      const payload = parseObject(jws.payload);
      if (!payload) throw new AuthError('ERR_TOKEN_MALFORMED', { detail: noObject });
      unverified.claims = payload;
      // First by what any issuer accepts: what none does is said before the issuer is looked at.
      checkHeader(header, anyIssuer, deferred);
      const iss = own(payload, 'iss');
      const issuer = typeof iss === 'string' ? issuers.get(iss) : undefined;
      if (!issuer) throw refused('ERR_TOKEN_ISSUER', issuerMismatch, iss, issuers.keys());
      unverified.paths = issuer.claims;
      checkHeader(header, issuer, deferred);
      checkKind(payload, issuer);
      const times = readTimes(payload);
      checkTimes(times, limits);
      const token = { jws, header, payload, times, issuer };
      if (!deferred.has('lifetime')) throwIfAny(lifetimeOf(token));
      if (!deferred.has('audience')) throwIfAny(audienceFault(token));
      checkIdentity(payload, issuer);
      return token;
    },

    async prove(token, deferred) {
      const { jws, payload, times, issuer } = token;
      const key = await signingKeyOf(token);
      remember(jws);
      // Before what a plan defers: a bound token is never accepted as a bearer token.
      if (Object.hasOwn(payload, 'cnf')) throw refused('ERR_TOKEN_BOUND', boundBy, payload.cnf);
      const faults = deferred.size === 0 ? noFaults : faultsOf(token, deferred);
      const issued = { issuer: issuer.issuer, expiresAt: times.exp };
      const principal = principalFromClaims(payload, issuer.claims, issued);
      return { principal, times, issuer, key, faults };
    },
  };
}

/** Returns the key that signed a token. @throws AuthError if none did */
async function signingKeyOf({ jws, header, issuer }: ReadToken): Promise<VerificationKey> {
  const { keys } = issuer;
  const found = keys.find(header, header.alg);
  const key = found instanceof Promise ? await found : found;
  if (await verifySignature(jws, key, header.alg)) return key;
  // A key that was held may have been replaced under its kid; one that was waited for is new.
  const other = key === found && (await keys.findReplacement(key, header, header.alg));
  if (other && (await verifySignature(jws, other, header.alg))) return other;
  throw refused('ERR_TOKEN_SIGNATURE', notSigned, key.kid, issuer.issuer);
}

function throwIfAny(error: AuthError | undefined): void {
  if (error) throw error;
}

const noObject = 'the payload must be a JSON object in which no name is repeated';

function checkHeader(
  header: Header,
  accepted: Accepted,
  deferred: ReadonlySet<Check>,
): asserts header is ValidHeader {
  const { alg, kid } = header;
  if (!isAlgorithm(alg) || !accepted.algorithms.has(alg)) {
    throw refused('ERR_TOKEN_ALGORITHM', algorithmMismatch, alg, accepted.algorithms);
  }
  if (header.isCritical) {
    throw new AuthError('ERR_TOKEN_CRITICAL', { detail: 'the header has "crit" or "b64"' });
  }
  if (!deferred.has('type')) throwIfAny(typeFault(header, accepted.typ));
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
  const absent = absentClaim(claims);
  if (absent === undefined) return;
  throw new AuthError('ERR_TOKEN_CLAIMS', {
    detail: `with only at+jwt accepted, RFC 9068 requires the claim "${absent}"`,
  });
}

/** A claim that RFC 9068 §2.2 requires and a token lacks; iss, exp and aud are checked in any case. */
function absentClaim(claims: Claims): string | undefined {
  const text = ['sub', 'client_id', 'jti'].find((name) => typeof own(claims, name) !== 'string');
  if (text !== undefined) return text;
  return Object.hasOwn(claims, 'iat') ? undefined : 'iat';
}

// A number may be another number by the time it is read (beyond 2^53), and an identity that is left out
// is shared by all who have none.
function checkIdentity(payload: Claims, { claims }: TrustedIssuer): void {
  const misfit = misfitIn(payload, claims);
  if (!misfit) return;
  throw refused('ERR_TOKEN_CLAIMS', notAString, `claim ${pathName(misfit.path)}`, misfit.value);
}

// A token that does not say when it was issued could live for ever.
function lifetimeFault({ exp, iat }: Times, longest: number | undefined): AuthError | undefined {
  if (longest === undefined) return undefined;
  const lives = exp - (iat ?? Number.NaN);
  return lives <= longest ? undefined : refused('ERR_TOKEN_LIFETIME', livesLong, lives, longest);
}

function audienceFault({ payload, issuer }: ReadToken): AuthError | undefined {
  const aud = own(payload, 'aud');
  const { audience } = issuer;
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const areStrings = list.every((one): one is string => typeof one === 'string');
  const isNamed = areStrings && list.some((one) => audience.has(one));
  return isNamed ? undefined : refused('ERR_TOKEN_AUDIENCE', audienceMismatch, aud, audience);
}
