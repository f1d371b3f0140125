import { brand } from './brand.js';
import type { AuthErrorDetails, Retirement } from './error-details.js';
import { bare, own } from './json.js';

export type { AuthErrorDetails, Retirement };

/** What a refusal or an outage is called, and everything the client is told about it. */
interface Row {
  readonly status: 400 | 401 | 403 | 503;
  /** RFC 6750 §3.1; left out where a challenge must not carry one. */
  readonly error?: 'invalid_request' | 'invalid_token' | 'insufficient_scope';
  readonly title: string;
  /** No other credential would help: a challenge would only make the client loop. */
  readonly noChallenge?: true;
  /** Keys are refused for a while only, to show what their end will be like. */
  readonly brownout?: true;
  /** A constant, in the characters RFC 6750 §3 allows: never a value from the request. */
  readonly detail: string;
  /** The code the client is told instead, where ours says more than is its business. */
  readonly publicCode?: string;
}

const request = { status: 400, error: 'invalid_request', title: 'Malformed request' } as const;
const token = { status: 401, error: 'invalid_token', title: 'Invalid access token' } as const;
const key = {
  status: 401,
  title: 'Invalid API key',
  detail: 'The API key is not valid',
  publicCode: 'ERR_API_KEY_INVALID',
} as const;
const retired = {
  status: 401,
  title: 'API keys are no longer accepted',
  detail: 'API keys are no longer accepted here. Send an access token instead.',
  publicCode: 'ERR_API_KEY_RETIRED',
} as const;
const forbidden = { status: 403, noChallenge: true, title: 'Forbidden' } as const;
const outage = {
  status: 503,
  noChallenge: true,
  title: 'Temporarily unable to verify',
  detail: 'The credential could not be verified right now. Keep it, and try again.',
  publicCode: 'ERR_TEMPORARILY_UNAVAILABLE',
} as const;

/** One row per code: what an event calls it, and what the client sees. */
export const codes = {
  ERR_CREDENTIAL_MISSING: {
    status: 401,
    title: 'Credentials required',
    detail: 'Send an access token in the Authorization header, with the Bearer scheme',
  },
  ERR_HEADER_MALFORMED: { ...request, detail: 'The Authorization header is malformed' },
  ERR_HEADER_REPEATED: {
    ...request,
    detail: 'The Authorization header holds more than one credential',
  },
  ERR_TOKEN_IN_QUERY: { ...request, detail: 'An access token must not be sent in the URL' },
  ERR_TOKEN_IN_FORM: { ...request, detail: 'An access token must not be sent in the form body' },

  ERR_CREDENTIAL_AMBIGUOUS: {
    ...request,
    detail: 'The request presents more than one credential',
  },
  ERR_CREDENTIAL_MISMATCH: {
    ...request,
    detail: 'The request presents more than one credential',
    publicCode: 'ERR_CREDENTIAL_AMBIGUOUS',
  },
  ERR_API_KEY_MALFORMED: { ...request, detail: 'The API key is malformed' },
  ERR_API_KEY_REPEATED: { ...request, detail: 'The request holds more than one API key' },

  ERR_TOKEN_TOO_LARGE: { ...token, detail: 'The access token is too large' },
  ERR_TOKEN_NOT_JWT: { ...token, detail: 'The access token is not a JWT' },
  ERR_TOKEN_ENCRYPTED: { ...token, detail: 'The access token is encrypted' },
  ERR_TOKEN_MALFORMED: { ...token, detail: 'The access token is malformed' },
  ERR_TOKEN_ALGORITHM: { ...token, detail: 'The algorithm of the access token is not accepted' },
  ERR_TOKEN_CRITICAL: { ...token, detail: 'The access token needs an extension' },
  ERR_TOKEN_TYPE: { ...token, detail: 'The type of the access token is not accepted' },
  ERR_TOKEN_NOT_ACCESS_TOKEN: { ...token, detail: 'The token is not an access token' },
  ERR_TOKEN_ISSUER: { ...token, detail: 'The issuer of the access token is not accepted' },
  ERR_TOKEN_TIME: { ...token, detail: 'The times in the access token are missing or implausible' },
  ERR_TOKEN_EXPIRED: { ...token, detail: 'The access token expired' },
  ERR_TOKEN_NOT_YET_VALID: { ...token, detail: 'The access token is not valid yet' },
  ERR_TOKEN_IAT_IN_FUTURE: { ...token, detail: 'The access token was issued in the future' },
  ERR_TOKEN_LIFETIME: { ...token, detail: 'The access token lives too long' },
  ERR_TOKEN_AUDIENCE: { ...token, detail: 'The access token is meant for another audience' },
  ERR_TOKEN_CLAIMS: {
    ...token,
    detail: 'A claim of the access token is missing or of the wrong type',
  },
  ERR_TOKEN_KEY_UNKNOWN: { ...token, detail: 'The key of the access token is not known' },
  ERR_TOKEN_KEY_MISMATCH: { ...token, detail: 'The key of the access token has another algorithm' },
  ERR_TOKEN_SIGNATURE: { ...token, detail: 'The signature of the access token is wrong' },
  ERR_TOKEN_BOUND: {
    ...token,
    detail: 'The access token is bound to a key and cannot be used as a bearer token',
  },

  ERR_API_KEY_INVALID: { ...key },
  ERR_API_KEY_UNKNOWN: { ...key },
  ERR_API_KEY_DISABLED: { ...key },
  ERR_API_KEY_EXPIRED: { ...key },
  ERR_API_KEY_ENVIRONMENT: { ...key },
  ERR_API_KEY_RETIRED: { ...retired },
  ERR_API_KEY_MIGRATED: { ...retired },
  ERR_API_KEY_BROWNOUT: { ...retired, brownout: true },

  ERR_SCOPE_MISSING: {
    status: 403,
    error: 'insufficient_scope',
    title: 'Insufficient scope',
    detail: 'The credential lacks a scope that this request needs',
  },
  ERR_ORG_MISSING: { ...forbidden, detail: 'The credential belongs to no organization' },
  ERR_ORG_MISMATCH: { ...forbidden, detail: 'The credential belongs to another organization' },
  ERR_ORG_UNRESOLVED: { ...forbidden, detail: 'The request names no organization' },
  ERR_CHECK_FAILED: { ...forbidden, detail: 'The credential is not allowed to do this' },

  ERR_TEMPORARILY_UNAVAILABLE: { ...outage },
  ERR_JWKS_UNREACHABLE: { ...outage },
  ERR_JWKS_TIMEOUT: { ...outage },
  ERR_JWKS_RESPONSE: { ...outage },
  ERR_DISCOVERY_RESPONSE: { ...outage },
  ERR_DISCOVERY_ISSUER: { ...outage },
  ERR_LOOKUP_FAILED: { ...outage },
  ERR_LOOKUP_TIMEOUT: { ...outage },
  ERR_LOOKUP_BUSY: { ...outage },
  ERR_PLAN_UNAVAILABLE: { ...outage },
} as const satisfies Record<string, Row>;

/** Every code there is, as in `DecisionEvent.reason`. */
export type ErrorCode = keyof typeof codes;

/** The codes of an {@link UpstreamError}: a dependency could not be asked. */
export type UpstreamErrorCode = {
  [C in ErrorCode]: (typeof codes)[C]['status'] extends 503 ? C : never;
}[ErrorCode];

/** The codes of an {@link AuthError}: the client's credential was refused. */
export type AuthErrorCode = Exclude<ErrorCode, UpstreamErrorCode>;

const rows = new Map(
  Object.entries(codes).map(([code, one]) => [code, bare(one) as unknown as Row]),
);

/**
 * The one row that belongs to a code.
 * @throws TypeError for a code that this version does not have, such as one of another version
 */
export function row(code: ErrorCode): Row {
  const known = rows.get(code);
  if (known) return known;
  throw new TypeError(
    'an AuthError or UpstreamError must have a code of docs/errors.md; got another',
  );
}

/** The status that an error is sent with: by its code, since what an error says itself may be anything. */
export const statusOf = (error: AuthError | UpstreamError): number =>
  retirementIn(error)?.status === 410 ? 410 : row(error.code).status;

// Not a private member: with one, the types of the two builds of the package would differ.
const detailsOf = new WeakMap<AuthError, NonNullable<AuthErrorDetails['detail']>>();

/**
 * The client's credential was refused: 400, 401, 403 or 410. `instanceof` also knows the errors of
 * another copy of the package; of a subclass it knows only that subclass's own.
 */
export class AuthError extends Error {
  override readonly name = 'AuthError';
  /** Stable; the same as `DecisionEvent.reason`. */
  readonly code: AuthErrorCode;
  readonly status: number;
  /** The scopes that were asked for and not granted; of `ERR_SCOPE_MISSING` alone. */
  declare readonly missingScopes?: readonly string[];
  /** The way out; of a key that its plan no longer accepts. */
  declare readonly retirement?: Retirement;
  /** @throws TypeError for a code that is not in docs/errors.md */
  constructor(code: AuthErrorCode, details?: AuthErrorDetails) {
    // An expected refusal has no use for a stack, and one costs more than all else about it.
    // Where nothing may be written to Error, it has one all the same.
    const { detail, status } = row(code);
    const { stackTraceLimit } = Error;
    Reflect.set(Error, 'stackTraceLimit', 0);
    super(detail);
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
    this.code = code;
    this.status = status;
    if (!details) return;
    const given = bare(details) as AuthErrorDetails;
    const { missingScopes, retirement } = given;
    if (missingScopes) this.missingScopes = missingScopes;
    if (retirement) this.retirement = retirement;
    if (retirement) this.status = retirement.status;
    if (given.detail !== undefined) detailsOf.set(this, given.detail);
  }

  /**
   * What was required and what was found, for the operator: never sent to the client, and without
   * any token or key. Values from the request are unverified: 128 printable characters each.
   */
  get detail(): string | undefined {
    const given = detailsOf.get(this);
    if (typeof given !== 'function') return given;
    const detail = given();
    if (detail === undefined) detailsOf.delete(this);
    else detailsOf.set(this, detail);
    return detail;
  }
}
brand(AuthError, 'AuthError');

/** The way out that an error names, if it is of a key that is no longer accepted. */
export const retirementIn = (error: object): Retirement | undefined =>
  own(error, 'retirement') as Retirement | undefined;

/**
 * Something this guard depends on could not be asked, so nothing can be said about the
 * credential: 503. The message is for the operator and is not sent to the client.
 */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  /** Stable; the same as `DecisionEvent.reason`. */
  readonly code: UpstreamErrorCode;
  readonly status = 503;
  /** Seconds, whole, at least 1: when asking again may help. */
  readonly retryAfter: number;

  constructor(
    code: UpstreamErrorCode,
    message: string,
    options: { readonly retryAfter?: number; readonly cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : {});
    this.code = code;
    this.retryAfter = Math.max(1, Math.ceil(options.retryAfter ?? 1));
  }
}
brand(UpstreamError, 'UpstreamError');

/** Invalid options or requirements: the message says what is required, what was found and what to do. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'ERR_CONFIG';
}
brand(ConfigError, 'ConfigError');
