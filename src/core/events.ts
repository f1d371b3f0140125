import type { Attempt } from './attempt.js';
import type { AuthError } from './base/errors.js';
import { own } from './base/json.js';
import { holdsSecret, withoutCredential } from './base/without-credential.js';
import type { Decision } from './decision.js';
import { type Credential, type KeyPlace, routeOf } from './extract.js';
import type { Mode } from './plan/plan.js';
import {
  actorsOf,
  claimedClient,
  type Principal,
  text,
  type UnverifiedIdentity,
} from './principal.js';
import { neededScopes } from './requirements.js';
import { claimDetail } from './token/claim-details.js';
import type { Warner } from './warnings.js';

/** One decision, for logs and metrics. No token, no key, and identity only once it is verified. */
export interface DecisionEvent {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** `error`: it could not be decided. */
  readonly outcome: 'allow' | 'deny' | 'error';
  /** What the guard answers; 200 where the handler does. */
  readonly status: number;
  /** The code of docs/errors.md, e.g. `ERR_TOKEN_EXPIRED`; finer than what the client is told. */
  readonly reason?: string;
  /**
   * Of a refusal or an error, for the operator: what was required and what was found, or what was
   * unavailable and why. Values that a refused token claims are unverified: 128 printable characters each.
   */
  readonly detail?: string;
  readonly method: 'token' | 'api-key' | 'both' | 'none';
  readonly subject?: string;
  readonly clientId?: string;
  readonly orgId?: string;
  readonly issuer?: string;
  readonly tokenId?: string;
  /** Also of a key that is known, and refused all the same. */
  readonly keyId?: string;
  readonly keyPlace?: KeyPlace;
  /** Who acts for the subject (RFC 8693 §4.1): the current actor first, 5 at most. */
  readonly actors?: readonly string[];
  /** The mode that was in force for the owner of a key. */
  readonly mode?: Mode;
  readonly cohort?: string;
  /** The codes with which checks in report mode, and brownouts in a dry run, would have refused. */
  readonly wouldDeny?: readonly string[];
  readonly scopes?: readonly string[];
  /** What the route asks for: all of `scopes`, and the first of `anyScope`. */
  readonly requiredScopes?: readonly string[];
  readonly missingScopes?: readonly string[];
  /** What a refused token said of itself: unverified, 128 printable characters each at most. */
  readonly claimed?: { readonly issuer?: string; readonly clientId?: string };
  /** With fractions, unless the guard is given a clock of its own. */
  readonly durationMs: number;
  readonly httpMethod: string;
  /** The template of the route, such as `/orders/:id`, where it is known. */
  readonly route?: string;
}

/** Who wants to know, and the clocks. */
interface Listening {
  readonly onDecision: ((event: DecisionEvent) => unknown) | undefined;
  readonly now: () => number;
  readonly stopwatch: () => number;
  readonly warner: Warner;
}

/** Calls the listener of decisions. */
export interface Emitter {
  /** Returns the reading of the stopwatch; 0 without a listener. */
  begin(): number;
  /** Emits the event of a decision. Never throws. */
  emit(attempt: Attempt, decision: Decision): void;
}

/** Creates the emitter. A listener that throws, rejects or changes its event changes no decision. */
export function createEmitter({
  onDecision: listener,
  now,
  stopwatch,
  warner,
}: Listening): Emitter {
  if (!listener) return { begin: () => 0, emit: (...what) => warn(warner, ...what) };
  return {
    begin: stopwatch,
    emit(attempt, decision) {
      try {
        Promise.resolve(
          listener(eventOf(attempt, decision, { time: now(), readAt: stopwatch() })),
        ).catch(() => {});
      } catch {
        // A listener that throws must not change the decision.
      }
      return decision;
    },
  };
}

/** Without a listener, a likely configuration error becomes a process warning. */
function warn(warner: Warner, attempt: Attempt, decision: Decision): Decision {
  if (decision.allowed) {
    if (decision.principal) warner.accepted();
    return decision;
  }
  const { code } = decision.error;
  const { claims } = attempt.unverified;
  try {
    if (warner.wants(code, claims)) warner.refused(code, detailOf(attempt, decision));
  } catch {
    // The detail of an error that a user's function made may throw.
  }
  return decision;
}

function eventOf(
  attempt: Attempt,
  decision: Decision,
  { time, readAt }: { readonly time: number; readonly readAt: number },
): DecisionEvent {
  const {
    request,
    required,
    startedAt,
    credential,
    principal,
    admission: { evaluation },
    unverified: seen,
    notes,
  } = attempt;
  const requiredScopes = neededScopes(required);
  const route = routeOf(attempt);
  return {
    time,
    ...outcomeOf(attempt, decision),
    method: credential?.kind ?? 'none',
    ...(principal ? identityOf(principal) : claimedBy(seen, credential)),
    ...(seen.key && { keyId: seen.key.id }),
    ...(credential && credential.kind !== 'token' && { keyPlace: credential.place }),
    ...(requiredScopes.length > 0 && { requiredScopes }),
    ...(evaluation && {
      mode: evaluation.mode,
      ...(evaluation.cohort !== undefined && { cohort: evaluation.cohort }),
    }),
    ...(notes.length > 0 && { wouldDeny: [...notes] }),
    durationMs: Math.max(0, readAt - startedAt),
    httpMethod: request.method,
    ...(route !== undefined && { route }),
  };
}

function outcomeOf(attempt: Attempt, decision: Decision) {
  if (decision.allowed) return { outcome: 'allow', status: 200 } as const;
  const { error, denial } = decision;
  const missingScopes = own(error, 'missingScopes') as readonly string[] | undefined;
  const detail = detailOf(attempt, decision);
  return {
    outcome: denial.status === 503 ? 'error' : 'deny',
    status: denial.status,
    reason: error.code,
    ...(detail !== undefined && { detail }),
    ...(missingScopes && { missingScopes: [...missingScopes] }),
  } as const;
}

/** Returns why a request was rejected, for the operator. */
function detailOf(
  { unverified: seen, principal, credential }: Attempt,
  { error, denial }: Extract<Decision, { readonly allowed: false }>,
): string | undefined {
  if (denial.status === 503) return error.message;
  const detail =
    (error as AuthError).detail ??
    (principal && seen.paths && claimDetail(error.code, principal, seen.paths));
  // No sentence is made from a credential; but a stranger may have written one into a claim.
  const isLong = (credential?.text.length ?? 0) >= shortestSecret;
  return detail !== undefined && isLong && holdsSecret(detail, credential) ? undefined : detail;
}

/** What is shorter may stand in a sentence by chance. */
const shortestSecret = 12;

function identityOf(principal: Principal) {
  const { subject, clientId, orgId, issuer, tokenId, key, scopes } = principal;
  const actors = actorsOf(principal);
  return {
    ...(subject !== undefined && { subject }),
    ...(clientId !== undefined && { clientId }),
    ...(orgId !== undefined && { orgId }),
    ...(issuer !== undefined && { issuer }),
    ...(tokenId !== undefined && { tokenId }),
    ...(key && { keyId: key.id }),
    ...(actors.length > 0 && { actors }),
    scopes: [...scopes],
  };
}

// A token may name the very key that stands beside it.
function claimedBy(seen: UnverifiedIdentity, credential: Credential | undefined) {
  if (seen.key || !seen.claims) return {};
  const issuer = withoutCredential(text(seen.claims, ['iss']), credential);
  const clientId = withoutCredential(claimedClient(seen), credential);
  if (issuer === undefined && clientId === undefined) return {};
  return {
    claimed: {
      ...(issuer !== undefined && { issuer }),
      ...(clientId !== undefined && { clientId }),
    },
  };
}
