import type { AuthError, ErrorCode, UpstreamError } from '../base/errors.js';
import type { Credential, GuardRequest } from '../extract.js';
import type { Principal, UnverifiedIdentity } from '../principal.js';

/** What the counters look at in a request. */
export interface CountedAttempt {
  readonly request: GuardRequest;
  readonly required: { readonly routeTemplate?: string };
  readonly credential: Credential | undefined;
  readonly principal: Principal | undefined;
  readonly unverified: UnverifiedIdentity;
  readonly admission: {
    /** Milliseconds since 1970: the start of the brownout that rejected it. */
    readonly evaluation: { readonly brownout: number | undefined } | undefined;
  };
}

/** How a request ended; undefined if that was an exception. */
export type Outcome =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly error: AuthError | UpstreamError }
  | undefined;

/** What an attempt is for the counters; `unknown`: rejected before its owner was known. */
export type Kind = 'use' | 'refused' | 'unknown' | 'neither';

/** Classifies an attempt; an anonymous request is `neither`. */
export function kindOf({ principal, unverified }: CountedAttempt, outcome: Outcome): Kind {
  if (outcome?.allowed) return principal ? 'use' : 'neither';
  return principal || unverified.key ? 'refused' : 'unknown';
}

/** The code of a rejection; `error` for an exception. */
export const codeOf = (outcome: Outcome): ErrorCode | 'error' =>
  outcome && !outcome.allowed ? outcome.error.code : 'error';
