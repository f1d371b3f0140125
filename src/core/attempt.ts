import type { AuthErrorCode } from './base/errors.js';
import type { Credential, GuardRequest } from './extract.js';
import { type Admission, notAdmitted } from './migration.js';
import type { Principal, UnverifiedIdentity } from './principal.js';
import type { Requirements } from './requirements.js';

/** What the guard has learned of one request so far. */
export interface Attempt {
  readonly request: GuardRequest;
  required: Requirements;
  /** Reading of the stopwatch, in milliseconds. */
  startedAt: number;
  credential: Credential | undefined;
  principal: Principal | undefined;
  admission: Admission;
  /** The verifiers write it before they reject a credential: for events and counters only. */
  readonly unverified: UnverifiedIdentity;
  /** Codes of report-only checks that failed. */
  readonly notes: AuthErrorCode[];
}

const nothingRequired: Requirements = Object.freeze({});

/** Returns the attempt of a request of which nothing is known yet. */
export const attemptOf = (request: GuardRequest): Attempt => ({
  request,
  required: nothingRequired,
  startedAt: 0,
  // Each member is an own one, so that a polluted Object.prototype shows nowhere.
  credential: undefined,
  principal: undefined,
  admission: notAdmitted,
  unverified: { claims: undefined, paths: undefined, key: undefined },
  notes: [],
});
