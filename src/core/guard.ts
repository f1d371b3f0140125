import { createAuthenticator } from './authenticate.js';
import { createAuthorizer } from './authorize.js';
import { AuthError } from './base/errors.js';
import { asError, isRefusal } from './base/thrown.js';
import { createChallenger } from './challenge.js';
import type { Decision } from './decision.js';
import { type Attempt, attemptOf, createEmitter } from './events.js';
import { createExtractor, type GuardRequest } from './extract.js';
import { formatted } from './format-denial.js';
import { createMigration } from './migration.js';
import { checkOptions, type GuardOptions } from './options.js';
import { createEnforcements } from './plan/report-only.js';
import { checkRequirements, passesWithout, type Requirements } from './requirements.js';
import { type Counts, createRefusalCounters } from './usage/refusals.js';
import type { Usage } from './usage/usage.js';

/** Decides about one request. */
export type Guard = ((request: GuardRequest, requirements?: Requirements) => Promise<Decision>) & {
  /**
   * Fetches every issuer's keys, and loads the plan, ahead of the first request. A guard works
   * without it too, but for API keys whose plan has never been loaded.
   * @throws UpstreamError while an issuer's keys, or the plan, cannot be had
   */
  ready(): Promise<void>;
  /** Ends every fetch on its way, and all polling; tells the usage store what is counted. */
  close(): Promise<void>;
  /**
   * Forgets what is remembered of an API key, by the id of its record: here at once, and in other
   * processes once `apiKeys.invalidations` has told them.
   * @throws whatever `publish` throws, with the key forgotten here
   */
  invalidateApiKey(id: string): Promise<void>;
  /** The issuers whose tokens it accepts. */
  readonly issuers: readonly string[];
  /** Whether it was made with `optional: true`: then there may be no principal. */
  readonly optional: boolean;
  /** What was refused, and what would have been. */
  counts(): Counts;
  /** Who used which credential, by all guards of the same store. @throws whatever the store throws */
  usage(): Promise<Usage>;
};

/**
 * Makes the guard under every adapter. Its decisions reject only for a bug, of sallyport or of a function
 * it was given, or for a ConfigError in `requirements`: for the framework's error handler.
 * @throws ConfigError for any option that cannot be meant
 */
export function createGuard(
  options: GuardOptions & { readonly optional?: false },
): Guard & { readonly optional: false };
export function createGuard(options: GuardOptions): Guard;
export function createGuard(options: GuardOptions): Guard {
  const settings = checkOptions(options);
  const { apiKeys, formatDenial, optional, now, stopwatch } = settings;
  const extract = createExtractor(apiKeys?.places);
  const { authenticate, forget, ...keys } = createAuthenticator(settings);
  const issuers = settings.issuers.map(({ issuer }) => issuer);
  const surroundings = { now, stopwatch, forget, issuers, ...keys };
  const migration = createMigration(apiKeys, surroundings);
  const authorize = createAuthorizer(settings.impliedScopes);
  const challenge = createChallenger(settings);
  const { begin, emit: tell } = createEmitter(settings);
  const tally = createRefusalCounters();
  const rulingFor = createEnforcements(migration.plan);

  async function guard(request: GuardRequest, requirements?: Requirements): Promise<Decision> {
    let attempt: Attempt | undefined;
    let decision: Decision;
    try {
      const required = checkRequirements(requirements);
      attempt = attemptOf(request, required, begin());
      const credential = extract(request);
      attempt.credential = credential;
      if (credential) {
        const ruling = rulingFor(required, attempt.notes);
        // Who is known already is answered at once; a wait for nothing is the dearest part of it.
        const found = authenticate(credential, attempt.unverified, ruling);
        const principal = found instanceof Promise ? await found : found;
        attempt.principal = principal;
        attempt.headers = migration.admit(principal, attempt, required.mode);
        const asked = authorize(principal, required, { request, ruling });
        if (asked) await asked;
      } else if (!passesWithout(required, optional)) {
        throw new AuthError('ERR_CREDENTIAL_MISSING');
      }
      decision = { allowed: true, principal: attempt.principal, headers: attempt.headers };
    } catch (error) {
      // Anything else is a bug, and must not be taken for an invalid credential.
      if (!attempt || !isRefusal(error)) {
        migration.countError(attempt ?? attemptOf(request, {}, 0));
        throw asError(error);
      }
      const { required, headers: notices } = attempt;
      decision = { allowed: false, error, denial: challenge(error, required, notices) };
    }
    migration.count(attempt, decision, tally.add(attempt, decision));
    tell(attempt, decision);
    if (decision.allowed || !formatDenial) return decision;
    return { ...decision, denial: formatted(formatDenial, decision.denial, request) };
  }

  return Object.assign(guard, {
    async ready() {
      await Promise.all([keys.ready(), migration.ready()]);
    },
    async close() {
      keys.close();
      await migration.close();
    },
    async invalidateApiKey(id: string) {
      const name = String(id); // a lookup may call a key by a number
      forget(name);
      await migration.invalidate(name);
    },
    issuers: Object.freeze(issuers),
    optional,
    counts: tally.read,
    usage: migration.usage,
  });
}
