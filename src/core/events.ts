import type { Decision } from './decision.js';
import type { AuthErrorCode } from './errors.js';
import type { Credential, GuardRequest } from './extract.js';
import { type Notices, noNotices } from './migration/notice.js';
import type { Mode } from './migration/plan.js';
import type { Stance } from './migration/stance.js';
import { type Principal, type Seen, text } from './principal.js';
import { own } from './verify/json.js';

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
  /** Of an `error`: what could not be asked, and why, in words for the operator. */
  readonly detail?: string;
  readonly method: 'token' | 'api-key' | 'both' | 'none';
  readonly subject?: string;
  readonly clientId?: string;
  readonly orgId?: string;
  readonly issuer?: string;
  readonly tokenId?: string;
  /** Also of a key that is known, and refused all the same. */
  readonly keyId?: string;
  /** The mode that was in force for the owner of a key. */
  readonly mode?: Mode;
  readonly cohort?: string;
  /** The codes with which checks in report mode, and brownouts in a dry run, would have refused. */
  readonly wouldDeny?: readonly string[];
  readonly scopes?: readonly string[];
  readonly missingScopes?: readonly string[];
  /** What a refused token said of itself: unverified, 128 printable characters each at most. */
  readonly claimed?: { readonly issuer?: string; readonly clientId?: string };
  readonly durationMs: number;
  readonly httpMethod: string;
}

/** What is known of a request so far; each stage adds what it found. */
export interface Attempt {
  readonly request: GuardRequest;
  readonly startedAt: number;
  credential: Credential | undefined;
  principal: Principal | undefined;
  stance: Stance | undefined;
  notices: Notices;
  readonly seen: Seen;
  /** With what it would have been refused, if every check were enforced. */
  readonly notes: AuthErrorCode[];
}

/** What is known of a request before anything is done with it. */
export const attemptOf = (request: GuardRequest, startedAt: number): Attempt => ({
  request,
  startedAt,
  // Each member is its own, whatever somebody may have put into Object.prototype.
  credential: undefined,
  principal: undefined,
  stance: undefined,
  notices: noNotices,
  seen: { claims: undefined, clientPath: undefined, keyId: undefined },
  notes: [],
});

/** Tells a listener of decisions. */
export interface Teller {
  /** When an attempt began; 0 if nobody wants to know. */
  begin(): number;
  /** Tells, whatever the listener makes of it, and answers the same decision. */
  tell(attempt: Attempt, decision: Decision): Decision;
}

/** A listener can throw, reject or change its event: no decision knows of it. */
export function createTeller(
  listener: ((event: DecisionEvent) => unknown) | undefined,
  now: () => number,
): Teller {
  if (!listener) return { begin: () => 0, tell: (_, decision) => decision };
  return {
    begin: now,
    tell(attempt, decision) {
      try {
        Promise.resolve(listener(eventOf(attempt, decision, now()))).catch(() => {});
      } catch {
        // The listener's own trouble.
      }
      return decision;
    },
  };
}

function eventOf(attempt: Attempt, decision: Decision, time: number): DecisionEvent {
  const { request, startedAt, credential, principal, stance, seen, notes } = attempt;
  return {
    time,
    ...outcomeOf(decision),
    method: credential?.kind ?? 'none',
    ...(principal ? identityOf(principal) : claimedBy(seen)),
    ...(stance && {
      mode: stance.mode,
      ...(stance.cohort !== undefined && { cohort: stance.cohort }),
    }),
    ...(notes.length > 0 && { wouldDeny: [...notes] }),
    durationMs: Math.max(0, time - startedAt),
    httpMethod: request.method,
  };
}

function outcomeOf(decision: Decision) {
  if (decision.allowed) return { outcome: 'allow', status: 200 } as const;
  const { error, denial } = decision;
  const missingScopes = own(error, 'missingScopes') as readonly string[] | undefined;
  return {
    outcome: denial.status === 503 ? 'error' : 'deny',
    status: denial.status,
    reason: error.code,
    ...(denial.status === 503 && { detail: error.message }),
    ...(missingScopes && { missingScopes: [...missingScopes] }),
  } as const;
}

function identityOf({ subject, clientId, orgId, issuer, tokenId, key, scopes }: Principal) {
  return {
    ...(subject !== undefined && { subject }),
    ...(clientId !== undefined && { clientId }),
    ...(orgId !== undefined && { orgId }),
    ...(issuer !== undefined && { issuer }),
    ...(tokenId !== undefined && { tokenId }),
    ...(key && { keyId: key.id }),
    scopes: [...scopes],
  };
}

function claimedBy({ claims, keyId, clientPath = ['client_id'] }: Seen) {
  if (keyId !== undefined) return { keyId };
  if (!claims) return {};
  const issuer = printable(text(claims, ['iss']));
  const clientId = printable(text(claims, clientPath));
  if (issuer === undefined && clientId === undefined) return {};
  return {
    claimed: {
      ...(issuer !== undefined && { issuer }),
      ...(clientId !== undefined && { clientId }),
    },
  };
}

const printable = (value: string | undefined): string | undefined =>
  value?.replace(/[^ -~]/g, '').slice(0, 128) || undefined;
