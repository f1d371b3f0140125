import type { Decision } from './decision.js';
import type { Credential, GuardRequest } from './extract.js';
import { type Principal, text, type Unverified } from './principal.js';

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
  readonly keyId?: string;
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
  credential?: Credential;
  principal?: Principal;
  readonly seen: Unverified;
}

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
  const { request, startedAt, credential, principal, seen } = attempt;
  return {
    time,
    ...outcomeOf(decision),
    method: credential?.kind ?? 'none',
    ...(principal ? identityOf(principal) : claimedBy(seen)),
    durationMs: Math.max(0, time - startedAt),
    httpMethod: request.method,
  };
}

function outcomeOf(decision: Decision) {
  if (decision.allowed) return { outcome: 'allow', status: 200 } as const;
  const { error, denial } = decision;
  const missingScopes = 'missingScopes' in error ? error.missingScopes : undefined;
  return {
    outcome: denial.status === 503 ? 'error' : 'deny',
    status: denial.status,
    reason: error.code,
    ...(denial.status === 503 && { detail: error.message }),
    ...(missingScopes && { missingScopes: [...missingScopes] }),
  } as const;
}

function identityOf({ subject, clientId, orgId, issuer, tokenId, scopes }: Principal) {
  return {
    ...(subject !== undefined && { subject }),
    ...(clientId !== undefined && { clientId }),
    ...(orgId !== undefined && { orgId }),
    ...(issuer !== undefined && { issuer }),
    ...(tokenId !== undefined && { tokenId }),
    scopes: [...scopes],
  };
}

function claimedBy({ claims, clientPath = ['client_id'] }: Unverified) {
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
