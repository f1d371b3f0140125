import { attemptOf } from './attempt.js';
import { createAuthenticator } from './authenticate.js';
import { createAuthorizer } from './authorize.js';
import { AuthError } from './base/errors.js';
import { asError, isRefusal } from './base/thrown.js';
import { createChallenger } from './challenge.js';
import type { Decision } from './decision.js';
import { createEmitter } from './events.js';
import { createExtractor, type GuardRequest } from './extract.js';
import { formatted } from './format-denial.js';
import { createMigration } from './migration.js';
import { checkOptions, type GuardOptions } from './options.js';
import { type Counts, createRefusalCounts } from './refusal-counts.js';
import { checkRequirements, passesWithout, type Requirements } from './requirements.js';
import type { Usage } from './usage/usage.js';

export type Guard = ((request: GuardRequest, requirements?: Requirements) => Promise<Decision>) & {
  /**
   * Fetches every issuer's JWKS and loads the plan. Until that worked, API keys may get a 503.
   * @throws UpstreamError while a JWKS or the plan is unavailable
   */
  ready(): Promise<void>;
  /** Aborts fetches, stops polling, and flushes the usage counters. */
  close(): Promise<void>;
  /**
   * Removes an API key from the cache by the id of its record: here at once, and in other processes
   * through `apiKeys.invalidations`.
   * @throws what `publish` throws; the key is removed here all the same
   */
  invalidateApiKey(id: string): Promise<void>;
  /** The issuers whose tokens the guard accepts. */
  readonly issuers: readonly string[];
  /** Whether the guard was created with `optional: true`: then there may be no principal. */
  readonly optional: boolean;
  /** Returns how many requests were rejected, or would have been, by error code. */
  counts(): Counts;
  /** Returns who used which credential, at all guards of one store. @throws what the store throws */
  usage(): Promise<Usage>;
};

/**
 * Creates the guard that every adapter uses. It rejects only for a bug, in sallyport or in a function it
 * was given, and for a ConfigError in `requirements`: that is for the framework's error handler.
 * @throws ConfigError for invalid options
 */
export function createGuard(
  options: GuardOptions & { readonly optional?: false },
): Guard & { readonly optional: false };
export function createGuard(options: GuardOptions): Guard;
export function createGuard(options: GuardOptions): Guard {
  const settings = checkOptions(options);
  const { apiKeys, formatDenial, optional, now, stopwatch } = settings;
  const extract = createExtractor(apiKeys?.places);
  const authenticator = createAuthenticator(settings);
  const issuers = settings.issuers.map(({ issuer }) => issuer);
  const migration = createMigration(apiKeys, { ...authenticator, now, stopwatch, issuers });
  const authorize = createAuthorizer(settings.impliedScopes);
  const challenge = createChallenger(settings);
  const emitter = createEmitter(settings);
  const refusals = createRefusalCounts();

  async function guard(request: GuardRequest, requirements?: Requirements): Promise<Decision> {
    const attempt = attemptOf(request);
    let decision: Decision;
    try {
      const required = checkRequirements(requirements);
      attempt.required = required;
      attempt.startedAt = emitter.begin();
      const credential = extract(request);
      attempt.credential = credential;
      if (credential) {
        const enforcement = migration.enforcementFor(required, attempt.notes);
        // A cached principal is returned without awaiting: the microtask would cost more than the lookup.
        const found = authenticator.authenticate(credential, attempt.unverified, enforcement);
        const principal = found instanceof Promise ? await found : found;
        attempt.principal = principal;
        const admission = migration.admit(principal, required.mode);
        attempt.admission = admission;
        if (admission.wouldDeny) attempt.notes.push(admission.wouldDeny);
        if (admission.refusal) throw admission.refusal;
        const authorized = authorize(principal, required, { request, enforcement });
        if (authorized) await authorized;
      } else if (!passesWithout(required, optional)) {
        throw new AuthError('ERR_CREDENTIAL_MISSING');
      }
      const { headers } = attempt.admission;
      decision = { allowed: true, principal: attempt.principal, headers };
    } catch (error) {
      // Anything else is a bug, and must not be taken for an invalid credential.
      if (!isRefusal(error)) {
        migration.count(attempt, undefined, []);
        throw asError(error);
      }
      const { required, admission } = attempt;
      decision = { allowed: false, error, denial: challenge(error, required, admission.headers) };
    }
    migration.count(attempt, decision, refusals.add(attempt, decision));
    emitter.emit(attempt, decision);
    if (decision.allowed || !formatDenial) return decision;
    return { ...decision, denial: formatted(formatDenial, decision.denial, request) };
  }

  return Object.assign(guard, {
    async ready() {
      await Promise.all([authenticator.ready(), migration.ready()]);
    },
    async close() {
      authenticator.close();
      await migration.close();
    },
    // The id of a record may be a number.
    invalidateApiKey: (id: string) => migration.invalidate(String(id)),
    issuers: Object.freeze(issuers),
    optional,
    counts: refusals.read,
    usage: migration.usage,
  });
}
