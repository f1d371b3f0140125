import { type AuthError, row, UpstreamError } from './errors.js';
import { neededScopes, type Requirements } from './requirements.js';

/** Why a request is turned away, for its client to read (RFC 9457 §3). */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** As in the challenge (RFC 6750 §3.1). */
  readonly error?: string;
  readonly error_description?: string;
  /** Stable; see docs/errors.md. */
  readonly code: string;
}

/** A refusal, ready to be written by a door: the same bytes from every one. */
export interface Denial {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ProblemDetails;
}

/** What is the same in every answer. */
export interface ChallengeSettings {
  readonly realm: string;
  readonly resourceMetadata: string | undefined;
  readonly problemTypes: string;
}

/** Puts an error into the answer that a client gets. */
export type Challenger = (error: AuthError | UpstreamError, requirements: Requirements) => Denial;

/** Knows every header and body of a refusal; nothing in them comes from the request. */
export function createChallenger(settings: ChallengeSettings): Challenger {
  const { realm, resourceMetadata, problemTypes } = settings;

  return function challenge(failure, requirements) {
    const { status, error, title, detail, told = failure.code } = row(failure.code);
    const headers: Record<string, string> = {
      'Content-Type': 'application/problem+json; charset=utf-8',
      'Cache-Control': 'no-store',
    };
    if (failure instanceof UpstreamError) headers['Retry-After'] = String(failure.retryAfter);
    // A 403 without an error is none that another token could mend: no challenge, so no loop.
    if (status !== 503 && (status !== 403 || error)) {
      headers['WWW-Authenticate'] = bearer({
        realm,
        error,
        error_description: error && detail,
        scope: neededScopes(requirements).join(' ') || undefined,
        resource_metadata: resourceMetadata,
      });
    }
    const type = problemTypes + told.replace(/^ERR_/, '').toLowerCase().replaceAll('_', '-');
    return {
      status,
      headers,
      body: {
        type,
        title,
        status,
        detail,
        ...(error && { error, error_description: detail }),
        code: told,
      },
    };
  };
}

// RFC 6750 §3: the scheme first, since some clients read only what the header begins with.
function bearer(parameters: Readonly<Record<string, string | undefined>>): string {
  const list = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}="${String(value).replace(/["\\]/g, '\\$&')}"`);
  return `Bearer ${list.join(', ')}`;
}
