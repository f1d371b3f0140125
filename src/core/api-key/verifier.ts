import { createKeyedDigest } from '../base/digest.js';
import { AuthError, UpstreamError } from '../base/errors.js';
import { bare } from '../base/json.js';
import { typeName } from '../base/quote.js';
import {
  type ApiKeyRecord,
  type KnownKey,
  knownKey,
  ownerOf,
  type Principal,
  type UnverifiedIdentity,
} from '../principal.js';
import { createApiKeyCache, idOf, type Known, type Verdict } from './cache.js';
import { noteInvalidations } from './invalidation-log.js';
import { boundLookup, isUnusable } from './lookup.js';
import type { ApiKeySettings } from './options.js';
import { checkRecord, ignoreRejection } from './record.js';

/** Verifies API keys by the application's lookup, and caches the results. */
export interface ApiKeyVerifier {
  /**
   * Verifies a key and returns its principal; synchronously if the key is cached.
   * @throws AuthError 401 if the key is invalid, UpstreamError if the lookup fails
   */
  verify(value: string, unverified: UnverifiedIdentity): Principal | Promise<Principal>;
  /** Removes a key from the cache by its id, or every key; lookups under way are not cached. */
  forget(id?: string): void;
}

interface Flight {
  /** How many invalidations there had been when it began. */
  readonly begun: number;
  readonly verdict: Promise<Verdict>;
}

/** A longer string is rejected without a digest and a lookup. */
const longestKey = 2_048;

/** Creates a verifier that caches valid keys for `ttl`, rejected ones for `negativeTtl`, failures never. */
export function createApiKeyVerifier(settings: ApiKeySettings, now: () => number): ApiKeyVerifier {
  const { environment, wellFormed, timeout, cache } = settings;
  const lookUp = boundLookup(settings);
  const handleOf = createKeyedDigest();
  const invalidated = noteInvalidations();
  const flights = new Map<string, Flight>();
  let memory = createApiKeyCache(cache);
  let turns = 0;

  // A negative age means that the clock was set back: what is held counts as old.
  const isYoung = ({ at }: { readonly at: number }, seconds: number): boolean => {
    const age = now() - at;
    return age >= 0 && age < seconds * 1000;
  };

  function verdictOf(answer: unknown, at: number, turn: number): Verdict {
    if (answer === undefined) return { code: 'ERR_API_KEY_UNKNOWN', key: undefined, at, turn };
    const record = recordIn(answer, settings);
    const code = faultOf(record);
    return code
      ? { code, key: knownKey(record), at, turn }
      : { code, record, principal: ownerOf(record), at, turn, askAgainAt: at };
  }

  function faultOf({ disabled, expiresAt, environment: is }: ApiKeyRecord) {
    if (disabled) return 'ERR_API_KEY_DISABLED';
    if (hasExpired(expiresAt)) return 'ERR_API_KEY_EXPIRED';
    return environment !== undefined && is !== environment ? 'ERR_API_KEY_ENVIRONMENT' : undefined;
  }

  const hasExpired = (expiresAt = Number.POSITIVE_INFINITY): boolean => now() >= expiresAt * 1000;

  async function ask(handle: string, value: string, begun: number): Promise<Verdict> {
    turns += 1;
    const [turn, at] = [turns, now()];
    try {
      const verdict = verdictOf(await lookUp(value), at, turn);
      if (!invalidated.outdate(begun, idOf(verdict))) memory.keep(handle, verdict);
      return verdict;
    } catch (error) {
      if (isUnusable(error)) memory.drop(handle);
      throw error;
    }
  }

  function share(handle: string, value: string): Promise<Verdict> {
    const flight = flights.get(handle);
    const begun = invalidated.count();
    // Some key was invalidated since this lookup began, and it may be this one: only its answer tells.
    if (flight && flight.begun === begun) return flight.verdict;
    const verdict = ask(handle, value, begun).finally(() => {
      if (flights.get(handle)?.verdict === verdict) flights.delete(handle);
    });
    flights.set(handle, { begun, verdict });
    return verdict;
  }

  /** What is held of a key, if that is good enough still. */
  function heldOf(handle: string): Verdict | undefined {
    const held = memory.known(handle);
    if (held && isYoung(held, cache.ttl)) return held;
    const no = memory.refused(handle);
    if (no && isYoung(no, cache.negativeTtl)) return no;
    // While one who asked got no answer, the others need not wait as long as that one did. More than
    // the whole wait to go means that the clock was set back.
    const left = held ? held.askAgainAt - now() : 0;
    return left > 0 && left <= timeout * 1000 ? staleOf(handle) : undefined;
  }

  function staleOf(handle: string): Known | undefined {
    const held = memory.known(handle);
    return held && isYoung(held, cache.staleIfError) ? held : undefined;
  }

  function lastOwnerOf(handle: string): KnownKey | undefined {
    const known = memory.known(handle);
    return known ? knownKey(known.record) : memory.refused(handle)?.key;
  }

  function putOff(held: Known): Known {
    held.askAgainAt = now() + timeout * 1000;
    return held;
  }

  /** Asks, and makes do with what is held if nobody answers. */
  async function askedOf(
    handle: string,
    value: string,
    seen: UnverifiedIdentity,
  ): Promise<Verdict> {
    const held = memory.known(handle);
    // One asks again, and the others go on meanwhile.
    if (held && held.askAgainAt > held.at) putOff(held);
    try {
      return await share(handle, value);
    } catch (error) {
      const stale = error instanceof UpstreamError ? staleOf(handle) : undefined;
      if (stale) return putOff(stale);
      if (held) held.askAgainAt = held.at;
      // Whose it was when it was looked up last: refused, it is counted for that client.
      seen.key = lastOwnerOf(handle);
      throw error;
    }
  }

  function settle(verdict: Verdict, unverified: UnverifiedIdentity): Principal {
    if (verdict.code !== undefined) {
      unverified.key = verdict.key;
      throw new AuthError(verdict.code);
    }
    const { record, principal } = verdict;
    if (!hasExpired(record.expiresAt)) return principal;
    unverified.key = knownKey(record);
    throw new AuthError('ERR_API_KEY_EXPIRED');
  }

  return {
    verify(value, unverified) {
      if (value.length > longestKey || (wellFormed && !isWellFormed(wellFormed, value))) {
        throw new AuthError('ERR_API_KEY_INVALID');
      }
      const handle = handleOf(value);
      const held = heldOf(handle);
      if (held) return settle(held, unverified);
      return askedOf(handle, value, unverified).then((verdict) => settle(verdict, unverified));
    },
    forget(id) {
      invalidated.add(id);
      if (id !== undefined) memory.forget(id);
      // Thrown away whole, so that forgetting a million keys takes no longer than one.
      else memory = createApiKeyCache(cache);
    },
  };
}

/** The record that a lookup returned, with its issuer, which must be one of the guard's. */
function recordIn(answer: unknown, { issuer, issuers }: ApiKeySettings): ApiKeyRecord {
  const record = readRecord(answer);
  if (record.issuer === undefined) {
    if (issuer === undefined) return record;
    return Object.freeze(bare({ ...record, issuer })) as unknown as ApiKeyRecord;
  }
  if (issuers.includes(record.issuer)) return record;
  const given = JSON.stringify(record.issuer.slice(0, 128));
  const wrong = `apiKeys.lookup returned a record whose issuer must be one of the guard's; got ${given}`;
  throw new TypeError(wrong);
}

function readRecord(answer: unknown): ApiKeyRecord {
  try {
    return checkRecord(answer);
  } catch (error) {
    throw asError(error, 'a getter of the record that apiKeys.lookup returned');
  }
}

function isWellFormed(wellFormed: (value: string) => boolean, value: string): boolean {
  let answer: unknown;
  try {
    answer = wellFormed(value);
  } catch (error) {
    throw asError(error, 'apiKeys.wellFormed');
  }
  if (typeof answer === 'boolean') return answer;
  // An async one may reject besides, and that would be nobody's.
  ignoreRejection(answer);
  throw new TypeError(`apiKeys.wellFormed must return true or false; got ${typeName(answer)}`);
}

/** Frameworks take some values that are no Error for "no error": none of them may get there. */
const asError = (thrown: unknown, from: string): Error =>
  thrown instanceof Error ? thrown : new TypeError(`${from} threw what is no Error`);
