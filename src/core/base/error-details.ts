/** How a client is told that its API key is over: what the plan says, and nothing of the request. */
export interface Retirement {
  readonly status: 401 | 410;
  /** The URL of the way out. */
  readonly guide?: string;
  /** Of a brownout: seconds, whole, until keys are accepted again. */
  readonly retryAfter?: number;
}

/** What an `AuthError` can say beside its code. */
export interface AuthErrorDetails {
  readonly missingScopes?: readonly string[];
  readonly retirement?: Retirement;
  /** A sentence for the operator; a function is called only if somebody reads it. */
  readonly detail?: string | (() => string | undefined);
}
