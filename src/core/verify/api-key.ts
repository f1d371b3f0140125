import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { ApiKeyRecord, ApiKeySettings } from '../api-keys.js';
import { AuthError, type AuthErrorCode, UpstreamError } from '../errors.js';
import { ownerOf, type Principal, type Seen } from '../principal.js';
import { checkRecord } from '../record.js';
import { withDeadline } from './deadline.js';
import { hmacSha256, sha256Hex } from './digest.js';

/** Asks the application who owns a key, and remembers what it said. */
export interface KeyVerifier {
  /**
   * Answers who a good key speaks for.
   * @throws AuthError 401 for a bad one, UpstreamError for one that cannot be looked up
   */
  verify(value: string, seen: Seen): Promise<Principal>;
  /** Forgets a key by its id; what was asked before is not remembered. */
  forget(id: string): void;
}

interface Known {
  readonly record: ApiKeyRecord;
  readonly principal: Principal;
  readonly at: number;
  /** After a failed look-up: until when nobody asks again. */
  askAgainAt: number;
}

interface Refused {
  readonly code: AuthErrorCode;
  readonly keyId: string | undefined;
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
  const secret = randomBytes(32);
  const good = new LRUCache<string, Known>({ max: cache.max });
  const refused = new LRUCache<string, Refused>({ max: cache.unknownMax });
  const flights = new Map<string, Promise<Known | Refused>>();
  let asked = 0;
  let generation = 0;

  // A negative age means that the clock was set back: what is held counts as old.
  const isYoung = ({ at }: { readonly at: number }, seconds: number): boolean => {
    const age = now() - at;
    return age >= 0 && age < seconds * 1000;
  };

  function verdictOf(answer: ApiKeyRecord | undefined, at: number): Known | Refused {
    if (answer === undefined) return { code: 'ERR_API_KEY_UNKNOWN', keyId: undefined, at };
    const record = checkRecord(answer);
    const code = faultOf(record);
    return code
      ? { code, keyId: record.id, at }
      : { record, principal: ownerOf(record), at, askAgainAt: at };
  }

  function faultOf({ disabled, expiresAt, environment: is }: ApiKeyRecord) {
    if (disabled) return 'ERR_API_KEY_DISABLED';
    if (hasExpired(expiresAt)) return 'ERR_API_KEY_EXPIRED';
    return environment !== undefined && is !== environment ? 'ERR_API_KEY_ENVIRONMENT' : undefined;
  }

  const hasExpired = (expiresAt = Number.POSITIVE_INFINITY): boolean => now() >= expiresAt * 1000;

  async function ask(handle: string, value: string): Promise<Known | Refused> {
    if (asked >= mostLookups) {
      throw new UpstreamError('ERR_LOOKUP_BUSY', `${mostLookups} look-ups of keys are under way`);
    }
    const born = generation;
    const at = now();
    asked += 1;
    let answer: ApiKeyRecord | undefined;
    try {
      answer = await withDeadline(deadline, async () =>
        lookup({ value, sha256: sha256Hex(value) }),
      );
    } catch (error) {
      throw outage(error);
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
    if ('record' in verdict) good.set(handle, verdict);
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

  /** What is said of a key now: held, or asked for, or held for longer because nobody answers. */
  async function verdictFor(handle: string, value: string): Promise<Known | Refused> {
    const held = good.get(handle);
    if (held && isYoung(held, cache.ttl)) return held;
    const no = refused.get(handle);
    if (no && isYoung(no, cache.unknownTtl)) return no;
    const usable = () => {
      const stale = good.get(handle);
      return stale && isYoung(stale, cache.maxStale) ? stale : undefined;
    };
    // While one who asked got no answer, the others need not wait as long as that one did.
    if (held && now() < held.askAgainAt && usable()) return held;
    try {
      return await share(handle, value);
    } catch (error) {
      const stale = error instanceof UpstreamError ? usable() : undefined;
      if (!stale) throw error;
      stale.askAgainAt = now() + deadline.milliseconds;
      return stale;
    }
  }

  return {
    async verify(value, seen) {
      if (value.length > longestKey) throw new AuthError('ERR_API_KEY_INVALID');
      if (wellFormed && !isWellFormed(wellFormed(value))) {
        throw new AuthError('ERR_API_KEY_INVALID');
      }
      const verdict = await verdictFor(hmacSha256(secret, value), value);
      if (!('record' in verdict)) {
        if (verdict.keyId !== undefined) seen.keyId = verdict.keyId;
        throw new AuthError(verdict.code);
      }
      const { record, principal } = verdict;
      if (!hasExpired(record.expiresAt)) return principal;
      seen.keyId = record.id;
      throw new AuthError('ERR_API_KEY_EXPIRED');
    },
    forget(id) {
      generation += 1;
      flights.clear();
      for (const [handle, { record }] of good.entries()) if (record.id === id) good.delete(handle);
      for (const [handle, { keyId }] of refused.entries()) if (keyId === id) refused.delete(handle);
    },
  };
}

function isWellFormed(answer: unknown): boolean {
  if (typeof answer === 'boolean') return answer;
  throw new TypeError('apiKeys.wellFormed answered neither true nor false');
}

// The message of a look-up's error may hold the key, so only its kind goes on.
function outage(error: unknown): UpstreamError {
  if (error instanceof UpstreamError && error.code === 'ERR_LOOKUP_TIMEOUT') return error;
  const thrown = Object(error) as { readonly code?: unknown; readonly constructor?: unknown };
  const kind = typeof thrown.constructor === 'function' ? thrown.constructor.name : 'an object';
  // Such as ECONNREFUSED, ERR_SOCKET_CLOSED, 57P01.
  const code = /^[A-Z0-9_]{3,40}$/.test(String(thrown.code)) ? ` ${thrown.code}` : '';
  return new UpstreamError('ERR_LOOKUP_FAILED', `the look-up of an API key threw: ${kind}${code}`);
}
