import type { ApiKeyRecord, ApiKeySettings } from '../api-keys.js';
import { AuthError, type AuthErrorCode, UpstreamError } from '../errors.js';
import { type KnownKey, knownKey, ownerOf, type Principal, type Seen } from '../principal.js';
import { checkRecord } from '../record.js';
import { boundedMap } from './bounded.js';
import { withDeadline } from './deadline.js';
import { createKeyedDigest, sha256Hex } from './digest.js';

/** Asks the application who owns a key, and remembers what it said. */
export interface KeyVerifier {
  /**
   * Answers who a good key speaks for: at once, where that is known already.
   * @throws AuthError 401 for a bad one, UpstreamError for one that cannot be looked up
   */
  verify(value: string, seen: Seen): Principal | Promise<Principal>;
  /** Forgets a key by its id; what was asked before is not remembered. */
  forget(id: string): void;
}

interface Known {
  readonly code: undefined;
  readonly record: ApiKeyRecord;
  readonly principal: Principal;
  readonly at: number;
  /** After a failed look-up: until when nobody asks again. */
  askAgainAt: number;
}

interface Refused {
  readonly code: AuthErrorCode;
  /** Undefined if nothing is known of it. */
  readonly key: KnownKey | undefined;
  readonly at: number;
}

/** Beyond this no text is taken for a key, so that nobody pays for digesting it. */
const longestKey = 2_048;
/** Beyond this many look-ups at once, a store is only being buried. */
const mostLookups = 1_000;

/** A good key is remembered for its time-to-live, a refused one briefly, an outage never. */
export function createKeyVerifier(settings: ApiKeySettings, now: () => number): KeyVerifier {
  const { lookup, environment, wellFormed, timeout, cache } = settings;
  const deadline = { milliseconds: timeout * 1000, late: 'ERR_LOOKUP_TIMEOUT' } as const;
  const handleOf = createKeyedDigest();
  const good = boundedMap<Known>(cache.max);
  const refused = boundedMap<Refused>(cache.unknownMax);
  const flights = new Map<string, Promise<Known | Refused>>();
  let asked = 0;
  let generation = 0;

  // A negative age means that the clock was set back: what is held counts as old.
  const isYoung = ({ at }: { readonly at: number }, seconds: number): boolean => {
    const age = now() - at;
    return age >= 0 && age < seconds * 1000;
  };

  function verdictOf(answer: ApiKeyRecord | undefined, at: number): Known | Refused {
    if (answer === undefined) return { code: 'ERR_API_KEY_UNKNOWN', key: undefined, at };
    const record = checkRecord(answer);
    const code = faultOf(record);
    return code
      ? { code, key: knownKey(record), at }
      : { code, record, principal: ownerOf(record), at, askAgainAt: at };
  }

  function faultOf({ disabled, expiresAt, environment: is }: ApiKeyRecord) {
    if (disabled) return 'ERR_API_KEY_DISABLED';
    if (hasExpired(expiresAt)) return 'ERR_API_KEY_EXPIRED';
    return environment !== undefined && is !== environment ? 'ERR_API_KEY_ENVIRONMENT' : undefined;
  }

  const hasExpired = (expiresAt = Number.POSITIVE_INFINITY): boolean => now() >= expiresAt * 1000;

  async function lookUp(value: string): Promise<ApiKeyRecord | undefined> {
    try {
      return await lookup({ value, sha256: sha256Hex(value) });
    } catch (error) {
      throw new UpstreamError(
        'ERR_LOOKUP_FAILED',
        `the look-up of an API key threw: ${kind(error)}`,
      );
    }
  }

  async function ask(handle: string, value: string): Promise<Known | Refused> {
    if (asked >= mostLookups) {
      throw new UpstreamError('ERR_LOOKUP_BUSY', `${mostLookups} look-ups of keys are under way`);
    }
    const born = generation;
    const at = now();
    asked += 1;
    let answer: ApiKeyRecord | undefined;
    try {
      answer = await withDeadline(deadline, () => lookUp(value));
    } finally {
      asked -= 1;
    }
    const verdict = verdictOf(answer, at);
    // Somebody forgot a key meanwhile, and it may be this one.
    if (born === generation) remember(handle, verdict);
    return verdict;
  }

  function remember(handle: string, verdict: Known | Refused): void {
    good.delete(handle);
    refused.delete(handle);
    if (verdict.code === undefined) good.set(handle, verdict);
    else refused.set(handle, verdict);
  }

  function share(handle: string, value: string): Promise<Known | Refused> {
    const flight = flights.get(handle);
    if (flight) return flight;
    const begun = ask(handle, value).finally(() => {
      if (flights.get(handle) === begun) flights.delete(handle);
    });
    flights.set(handle, begun);
    return begun;
  }

  /** What is held of a key, if that is good enough still. */
  function heldOf(handle: string): Known | Refused | undefined {
    const held = good.get(handle);
    if (held && isYoung(held, cache.ttl)) return held;
    const no = refused.get(handle);
    if (no && isYoung(no, cache.unknownTtl)) return no;
    // While one who asked got no answer, the others need not wait as long as that one did. More than
    // the whole wait to go means that the clock was set back.
    const left = held ? held.askAgainAt - now() : 0;
    return left > 0 && left <= deadline.milliseconds ? staleOf(handle) : undefined;
  }

  function staleOf(handle: string): Known | undefined {
    const held = good.get(handle);
    return held && isYoung(held, cache.maxStale) ? held : undefined;
  }

  function putOff(held: Known): Known {
    held.askAgainAt = now() + deadline.milliseconds;
    return held;
  }

  /** Asks, and makes do with what is held if nobody answers. */
  async function askedOf(handle: string, value: string): Promise<Known | Refused> {
    const held = good.get(handle);
    // One asks again, and the others go on meanwhile.
    if (held && held.askAgainAt > held.at) putOff(held);
    try {
      return await share(handle, value);
    } catch (error) {
      const stale = error instanceof UpstreamError ? staleOf(handle) : undefined;
      if (stale) return putOff(stale);
      if (held) held.askAgainAt = held.at;
      throw error;
    }
  }

  function settle(verdict: Known | Refused, seen: Seen): Principal {
    if (verdict.code !== undefined) {
      seen.key = verdict.key;
      throw new AuthError(verdict.code);
    }
    const { record, principal } = verdict;
    if (!hasExpired(record.expiresAt)) return principal;
    seen.key = knownKey(record);
    throw new AuthError('ERR_API_KEY_EXPIRED');
  }

  return {
    verify(value, seen) {
      if (value.length > longestKey || (wellFormed && !isWellFormed(wellFormed(value)))) {
        throw new AuthError('ERR_API_KEY_INVALID');
      }
      const handle = handleOf(value);
      const held = heldOf(handle);
      if (held) return settle(held, seen);
      return askedOf(handle, value).then((verdict) => settle(verdict, seen));
    },
    forget(id) {
      generation += 1;
      flights.clear();
      for (const [handle, { record }] of good.entries()) if (record.id === id) good.delete(handle);
      for (const [handle, { key }] of refused.entries()) if (key?.id === id) refused.delete(handle);
    },
  };
}

function isWellFormed(answer: unknown): boolean {
  if (typeof answer === 'boolean') return answer;
  // An async one may reject besides, and that would be nobody's.
  Promise.resolve(answer).catch(() => {});
  throw new TypeError('apiKeys.wellFormed answered neither true nor false');
}

// What an error says may hold the key, so only its class goes on, and a code such as ECONNREFUSED,
// 57P01 or ERR_COLUMN_scopes.
function kind(error: unknown): string {
  try {
    const thrown = Object(error) as { readonly code?: unknown };
    const name = thrown.constructor.name.slice(0, 80);
    const code = ['string', 'number'].includes(typeof thrown.code) ? String(thrown.code) : '';
    return /^(?:[A-Z0-9_]{3,40}|ERR_\w{1,40})$/.test(code) ? `${name} ${code}` : `${name}`;
  } catch {
    return 'an object';
  }
}
