import fc from 'fast-check';
import { expect, test } from 'vitest';
import { signCompact } from '../../src/testing/token.js';
import { bearing } from '../rfc/ask.js';
import { audience, claimsOf, guardFor, headerOf, issuer, keyFor, seconds } from '../rfc/mint.js';
import { inFull, runs } from '../runs.js';

const key = await keyFor('ES256');

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const absent = (value: Json, ...names: string[]) => names.every((name) => !(name in value));
const hidesAName = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (Object.keys(value).includes('__proto__') || Object.values(value).some(hidesAName));

const isScopeList = (scope: unknown): boolean =>
  Array.isArray(scope) && scope.length > 0 && scope.every((one) => typeof one === 'string');

/** The rules of section 4 and 5 of the design once more, as plainly as they can be written. */
function isGood(header: unknown, claims: unknown, profile: boolean): boolean {
  if (!isObject(header) || !isObject(claims)) return false;
  if (hidesAName(header) || hidesAName(claims)) return false;

  if (header.alg !== 'ES256') return false;
  if (!absent(header, 'crit', 'b64')) return false;
  if ('kid' in header && header.kid !== 'ES256') return false;
  const typ = 'typ' in header ? header.typ : profile ? null : 'JWT';
  if (typeof typ !== 'string') return false;
  const types = profile ? ['at+jwt'] : ['at+jwt', 'jwt'];
  if (![...types, ...types.map((type) => `application/${type}`)].includes(typ.toLowerCase())) {
    return false;
  }

  if (claims.iss !== issuer) return false;
  if (!absent(claims, 'at_hash', 'c_hash', 'events', 'cnf')) return false;
  if ('token_use' in claims && claims.token_use !== 'access') return false;
  const audiences = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  if (audiences.some((one) => typeof one !== 'string') || !audiences.includes(audience))
    return false;

  const { exp, nbf = 0, iat = 0 } = claims;
  for (const time of [exp, nbf, iat]) {
    if (typeof time !== 'number' || time >= 1e11 || time <= -1e11) return false;
  }
  if (seconds >= Number(exp) + 5) return false;
  if (seconds < Number(nbf) - 5 || seconds < Number(iat) - 60) return false;

  const { sub, client_id, org_id, jti, nonce, scope } = claims;
  const identified = [sub, client_id, org_id].every(
    (name) => name === undefined || name === null || typeof name === 'string',
  );
  if (!identified) return false;
  const otherKinds = ['id', 'refresh', 'offline', 'logout'];
  if (typeof claims.typ === 'string' && otherKinds.includes(claims.typ.toLowerCase())) return false;
  const scopes = typeof scope === 'string' ? scope.trim() !== '' : isScopeList(scope);
  if (nonce !== undefined && !scopes) return false;
  const named = [sub, client_id, jti].every((name) => typeof name === 'string');
  return !profile || (named && 'iat' in claims);
}

const time = fc.oneof(
  fc.constantFrom(seconds, seconds - 5, seconds + 5, seconds + 5.001, seconds - 5.001, 0, -1),
  fc.constantFrom(seconds + 60, seconds + 60.001),
  fc.constantFrom(1e11, -1e11, 1e11 - 1, seconds * 1000, String(seconds), null, true, []),
);
const text = fc.constantFrom('', 'a', audience, issuer, 'ES256', 'access', 'id', null, 1, [], {});
const aud = fc.oneof(text, fc.array(fc.constantFrom(audience, 'b', null, 1, [audience])));
const typ = fc.constantFrom('at+jwt', 'AT+JWT', 'JWT', 'application/jwt', 'dpop+jwt', '', null, 1);

/** A member that is mostly as it was, sometimes another, and sometimes not there. */
const bent = (good: unknown, other: fc.Arbitrary<unknown>) =>
  fc.oneof(
    { weight: 24, arbitrary: fc.constant(good) },
    { weight: 2, arbitrary: other },
    { weight: 1, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 1 }) },
  );
/** A member that is mostly not there. */
const seldom = (other: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 20, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: other });
const any = seldom(fc.jsonValue({ maxDepth: 2 }));
const one = <T>(good: object, members: Record<string, fc.Arbitrary<T>>) =>
  fc.record(members).map((bent) => ({ ...good, ...bent }));

const goodHeader = headerOf(key);
const goodClaims = claimsOf();
const headers = one(goodHeader, {
  alg: bent('ES256', fc.constantFrom('none', 'HS256', 'es256', 'ES384', 'Ed25519', 'toString')),
  typ: bent('at+jwt', typ),
  kid: bent('ES256', text),
  crit: seldom(fc.constantFrom([], ['exp'], null)),
  b64: seldom(fc.constantFrom(false, true)),
  other: any,
});
const claims = one(goodClaims, {
  iss: bent(issuer, text),
  aud: bent(audience, aud),
  exp: bent(seconds + 300, time),
  iat: bent(seconds, time),
  nbf: fc.oneof(fc.constant(undefined), bent(seconds, time)),
  sub: bent('user_1', text),
  client_id: bent('client_1', text),
  jti: bent('token_1', text),
  at_hash: seldom(text),
  events: seldom(text),
  cnf: seldom(fc.constantFrom({}, null, { jkt: 'a' })),
  token_use: seldom(fc.constantFrom('access', 'id', null)),
  typ: seldom(fc.constantFrom('Bearer', 'ID', 'id', 'REFRESH', 'Offline', 'Logout', 1)),
  nonce: seldom(fc.constantFrom('a', null)),
  scope: any,
  org_id: any,
  other: any,
});
const anything = fc.jsonValue({ maxDepth: 3 });

test.each([
  ['as they are by default', undefined],
  ['of RFC 9068', ['at+jwt']],
])('what is signed is allowed exactly if the rules %s say so', async (_, types) => {
  const guard = guardFor([key.jwk], types && { typ: types });
  const seen = { good: 0, bad: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.oneof({ weight: 30, arbitrary: headers }, { weight: 1, arbitrary: anything }),
      fc.oneof({ weight: 30, arbitrary: claims }, { weight: 1, arbitrary: anything }),
      async (header, payload) => {
        const token = signCompact(header as object, payload, key);
        const written = [header, payload].map((part) => JSON.parse(JSON.stringify(part)));
        const good = isGood(written[0], written[1], types !== undefined);
        seen[good ? 'good' : 'bad'] += 1;
        expect((await guard(bearing(token))).allowed).toBe(good);
      },
    ),
    { numRuns: runs(800) },
  );
  // Both sides of the rules were met, or the property would say nothing.
  if (inFull) expect(Math.min(seen.good, seen.bad)).toBeGreaterThan(100);
});
