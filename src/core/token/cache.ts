import { digestOf } from '../base/digest.js';
import { createLru } from '../base/lru.js';
import type { Enforcement } from '../enforcement.js';
import type { Principal, UnverifiedIdentity } from '../principal.js';
import { longestToken } from './jws.js';
import type { JwtVerifier, ReadToken, VerifiedToken } from './jwt.js';
import { type Clock, checkTimes } from './times.js';

/** How many good tokens are remembered, and for how many seconds. */
export interface TokenCacheSettings {
  readonly max: number;
  readonly ttl: number;
}

/**
 * Answers who a token speaks for: at once, where that is known already.
 * @throws AuthError for a bad one, UpstreamError for one that cannot be told
 */
export type VerifyToken = (
  text: string,
  seen: UnverifiedIdentity,
  ruling: Enforcement,
) => Principal | Promise<Principal>;

/** Written out, and not spread into: an object that is spread into takes twice the room. */
interface Remembered extends Omit<VerifiedToken, 'faults'> {
  readonly at: number;
}

/**
 * Remembers good tokens by the SHA-256 of their whole text: no longer than they live, and than their
 * keys are listed. One that is refused is not remembered, so it displaces none.
 */
export function createTokenVerifier(
  { read, prove }: JwtVerifier,
  settings: Clock & { readonly tokenCache: TokenCacheSettings | false },
): VerifyToken {
  const { tokenCache } = settings;
  // What is refused without a wait throws at once: a promise of it would cost more than the rest.
  function verifyAnew(...[text, seen, ruling]: Parameters<VerifyToken>): Promise<Principal> {
    const token = read(text, seen, ruling.deferred);
    return prove(token, ruling.deferred).then((proven) => speakerOf(proven, ruling));
  }

  if (!tokenCache) return verifyAnew;
  const ttl = tokenCache.ttl * 1000;
  const good = createLru<Remembered>(tokenCache.max);
  const flights = new Map<string, Promise<VerifiedToken>>();

  async function proveOnce(
    handle: string,
    token: ReadToken,
    deferred: Enforcement['deferred'],
  ): Promise<VerifiedToken> {
    try {
      const proven = await prove(token, deferred);
      const { principal, times, issuer, key, faults } = proven;
      // A fault may be let go for one client only, or only for now.
      if (faults.length === 0) {
        good.set(handle, { principal, times, issuer, key, at: settings.now() });
      }
      return proven;
    } finally {
      flights.delete(handle);
    }
  }

  /** One signature for a token that comes many times at once. */
  function share(
    handle: string,
    token: ReadToken,
    { deferred }: Enforcement,
  ): Promise<VerifiedToken> {
    const flight = flights.get(handle);
    if (flight) return flight;
    const begun = proveOnce(handle, token, deferred);
    flights.set(handle, begun);
    return begun;
  }

  function verify(handle: string, ...how: Parameters<VerifyToken>): Promise<Principal> {
    const [text, seen, ruling] = how;
    const token = read(text, seen, ruling.deferred);
    return share(handle, token, ruling).then((proven) => speakerOf(proven, ruling));
  }

  /** The speaker of a remembered token, whose time may have come meanwhile. */
  function stillGood(
    { principal, times, issuer }: Remembered,
    seen: UnverifiedIdentity,
  ): Principal {
    seen.claims = principal.claims as Readonly<Record<string, unknown>>;
    seen.paths = issuer.claims;
    checkTimes(times, settings);
    return principal;
  }

  return function verifyToken(text, seen, ruling) {
    // What has no shape is refused before it costs a digest.
    if (!hasShape(text)) return verifyAnew(text, seen, ruling);
    const handle = digestOf(text);
    const held = good.get(handle);
    const age = held ? settings.now() - held.at : -1;
    // A negative age means that the clock was set back: what is held counts as old.
    if (!held || age < 0 || age >= ttl) return verify(handle, text, seen, ruling);
    const listed = held.issuer.keys.lists(held.key);
    if (listed === true) return stillGood(held, seen);
    if (listed === false) return verify(handle, text, seen, ruling);
    return listed.then((is) => (is ? stillGood(held, seen) : verify(handle, text, seen, ruling)));
  };
}

/** Three segments, and not too long: what a token has at least. */
function hasShape(text: string): boolean {
  const first = text.indexOf('.');
  const second = text.indexOf('.', first + 1);
  return second > first && text.indexOf('.', second + 1) < 0 && text.length <= longestToken;
}

function speakerOf({ principal, faults }: VerifiedToken, { fail }: Enforcement): Principal {
  for (const [check, fault] of faults) fail(check, fault, principal);
  return principal;
}
