import { createAuthenticator } from './authenticate.js';
import { createAuthorizer } from './authorize.js';
import { createChallenger } from './challenge.js';
import type { Decision } from './decision.js';
import { AuthError, UpstreamError } from './errors.js';
import { type Attempt, createTeller } from './events.js';
import { extract, type GuardRequest } from './extract.js';
import { checkOptions, type GuardOptions } from './options.js';
import type { Principal } from './principal.js';
import { checkRequirements, passesWithout, type Requirements } from './requirements.js';

/** Decides about one request. */
export type Guard = ((request: GuardRequest, requirements?: Requirements) => Promise<Decision>) & {
  /**
   * Fetches every issuer's keys ahead of the first request. A guard works without it too.
   * @throws UpstreamError while an issuer's keys cannot be fetched
   */
  ready(): Promise<void>;
  /** Ends every fetch on its way. */
  close(): Promise<void>;
};

/**
 * Makes the guard that every door stands on. The promise of a decision rejects only for a bug, of
 * sallyport or of a function it was given, or for a ConfigError in `requirements`; that is for the
 * framework's error handler.
 * @throws ConfigError for any option that cannot be meant
 */
export function createGuard(options: GuardOptions): Guard {
  const settings = checkOptions(options);
  const { authenticate, ready, close } = createAuthenticator(settings);
  const authorize = createAuthorizer(settings.impliedScopes);
  const challenge = createChallenger(settings);
  const { begin, tell } = createTeller(settings.onDecision, settings.now);

  async function guard(request: GuardRequest, requirements?: Requirements): Promise<Decision> {
    const required = checkRequirements(requirements);
    const attempt: Attempt = { request, startedAt: begin(), seen: {} };
    return tell(attempt, await decide(attempt, required));
  }

  async function decide(attempt: Attempt, required: Requirements): Promise<Decision> {
    try {
      return allow(await pass(attempt, required));
    } catch (error) {
      // Anything else is a bug, and must not be taken for a bad credential.
      if (!(error instanceof AuthError || error instanceof UpstreamError)) throw error;
      return { allowed: false, error, denial: challenge(error, required) };
    }
  }

  async function pass(attempt: Attempt, required: Requirements): Promise<Principal | undefined> {
    const { request, seen } = attempt;
    const credential = extract(request);
    if (!credential) {
      if (passesWithout(required, settings.optional)) return undefined;
      throw new AuthError('ERR_CREDENTIAL_MISSING');
    }
    attempt.credential = credential;
    const principal = await authenticate(credential, seen);
    attempt.principal = principal;
    await authorize(principal, required, request);
    return principal;
  }

  return Object.assign(guard, { ready, close: async () => close() });
}

const allow = (principal: Principal | undefined): Decision => ({
  allowed: true,
  principal,
  headers: {},
});
