import {
  AuthError,
  type AuthErrorCode,
  row,
  UpstreamError,
  type UpstreamErrorCode,
} from './base/errors.js';
import type { Denial } from './challenge.js';
import type { Decision } from './decision.js';

/**
 * A refusal for an application's own error handler. Code and message are those that the client may
 * know; `cause` is the error that the guard decided by, which says more, for the operator.
 */
export type DeniedError = (AuthError | UpstreamError) & {
  readonly status: number;
  /** The same as `status`: some frameworks read one, some the other. */
  readonly statusCode: number;
  /** Those of the refusal, without `Content-Type`: the body is the error handler's. */
  readonly headers: Readonly<Record<string, string>>;
  readonly denial: Denial;
  readonly cause: AuthError | UpstreamError;
};

/** Returns a refusal as an error to be thrown. It is this request's own, never shared. */
export function deniedError(decision: Extract<Decision, { readonly allowed: false }>): DeniedError {
  const { error: cause, denial } = decision;
  const { 'Content-Type': _, ...headers } = denial.headers;
  const { status } = denial;
  const more = { status, statusCode: status, headers };
  const error = Object.assign(publicCopy(cause), more);
  // Not to be printed, or serialized, beside the rest.
  Object.defineProperty(error, 'denial', { value: denial });
  return Object.defineProperty(error, 'cause', { value: cause }) as DeniedError;
}

function publicCopy(error: AuthError | UpstreamError): AuthError | UpstreamError {
  const { publicCode = error.code } = row(error.code);
  if (error instanceof UpstreamError) {
    const { retryAfter } = error;
    return new UpstreamError(publicCode as UpstreamErrorCode, row(publicCode as never).detail, {
      retryAfter,
    });
  }
  const { missingScopes, retirement } = error;
  return new AuthError(publicCode as AuthErrorCode, {
    ...(missingScopes && { missingScopes }),
    ...(retirement && { retirement }),
  });
}
