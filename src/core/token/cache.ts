import { digestOf } from '../base/digest.js';
import { createLru } from '../base/lru.js';
import type { Enforcement } from '../enforcement.js';
import type { Principal, UnverifiedIdentity } from '../principal.js';
import { longestToken } from './jws.js';
import type { JwtVerifier, ReadToken, VerifiedToken } from './jwt.js';
import { type Clock, checkTimes } from './times.js';

/** How many valid tokens are cached, and for how many seconds. */
export interface TokenCacheSettings {
  readonly max: number;
  readonly ttl: number;
}

/**
 * Verifies a token and returns its principal; synchronously if the token is cached. What needs no key
 * is thrown synchronously too: a rejected promise would cost more than all else about such a token.
 * @throws AuthError if the token is invalid, UpstreamError if the signing keys are unavailable
 */
export type VerifyToken = (
  text: string,
  unverified: UnverifiedIdentity,
  enforcement: Enforcement,
) => Principal | Promise<Principal>;

/** Written out, and not spread into: an object that is spread into takes twice the memory. */
interface CachedToken extends Omit<VerifiedToken, 'faults'> {
  readonly at: number;
}

/** One token that a request brings. */
interface Request {
  readonly digest: string;
  readonly text: string;
  readonly unverified: UnverifiedIdentity;
  readonly enforcement: Enforcement;
}

/**
 * Caches valid tokens by the SHA-256 of their whole text: no longer than they live, and than their
 * keys are listed. An invalid one is not cached, so it displaces none.
 */
export function createTokenVerifier(
  { read, prove }: JwtVerifier,
  settings: Clock & { readonly tokenCache: TokenCacheSettings | false },
): VerifyToken {
  const { tokenCache } = settings;

  const verifyUncached: VerifyToken = (text, unverified, enforcement) => {
    const token = read(text, unverified, enforcement.deferred);
    return prove(token, enforcement.deferred).then((verified) => accept(verified, enforcement));
  };

  if (!tokenCache) return verifyUncached;
  const ttl = tokenCache.ttl * 1000;
  const cache = createLru<CachedToken>(tokenCache.max);
  const proofs = new Map<string, Promise<VerifiedToken>>();

  function lookup(digest: string): CachedToken | undefined {
    const cached = cache.get(digest);
    const age = cached ? settings.now() - cached.at : -1;
    // A negative age means that the clock was set back: what is cached counts as old.
    return age >= 0 && age < ttl ? cached : undefined;
  }

  async function proveAndCache({ digest, enforcement }: Request, token: ReadToken) {
    try {
      const verified = await prove(token, enforcement.deferred);
      const { principal, times, issuer, key, faults } = verified;
      // A fault may be passed over for one client only, or only for now.
      if (faults.length === 0) {
        cache.set(digest, { principal, times, issuer, key, at: settings.now() });
      }
      return verified;
    } finally {
      proofs.delete(digest);
    }
  }

  /**
   * Verifies a token that is not cached, with one proof however many requests bring it meanwhile.
   * They may defer different checks and still share the faults that are found: a check that one of
   * them does not defer was done by its own `read`, depends on the token alone, and would have thrown
   * there. So whatever the proof finds is deferred by all of them.
   */
  function verifyOnce(request: Request): Promise<Principal> {
    const { digest, text, unverified, enforcement } = request;
    const token = read(text, unverified, enforcement.deferred);
    const proof = proofs.get(digest) ?? proveAndCache(request, token);
    proofs.set(digest, proof);
    return proof.then((verified) => accept(verified, enforcement));
  }

  /** The principal of a cached token, which may have expired meanwhile. */
  function recheck(
    { principal, times, issuer }: CachedToken,
    unverified: UnverifiedIdentity,
  ): Principal {
    unverified.claims = principal.claims;
    unverified.paths = issuer.claims;
    checkTimes(times, settings);
    return principal;
  }

  return function verifyToken(text, unverified, enforcement) {
    // What does not have the shape of a JWT is rejected before it costs a digest.
    if (!hasShape(text)) return verifyUncached(text, unverified, enforcement);
    const digest = digestOf(text);
    const cached = lookup(digest);
    const isListed = cached?.issuer.keys.lists(cached.key) ?? false;
    if (cached && isListed === true) return recheck(cached, unverified);
    const request = { digest, text, unverified, enforcement };
    if (!cached || typeof isListed === 'boolean') return verifyOnce(request);
    return isListed.then((is) => (is ? recheck(cached, unverified) : verifyOnce(request)));
  };
}

/** Three segments, and not too long: what a token has at least. */
function hasShape(text: string): boolean {
  const first = text.indexOf('.');
  const second = text.indexOf('.', first + 1);
  return second > first && text.indexOf('.', second + 1) < 0 && text.length <= longestToken;
}

/** Enforces, or reports, what the token failed of the checks that a plan may only report. */
function accept({ principal, faults }: VerifiedToken, enforcement: Enforcement): Principal {
  for (const { check, error } of faults) enforcement.fail(check, error, principal);
  return principal;
}
