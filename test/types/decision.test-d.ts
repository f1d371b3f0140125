import {
  AuthError,
  type AuthErrorCode,
  type Denial,
  type Guard,
  type GuardRequest,
  type Principal,
  UpstreamError,
  type UpstreamErrorCode,
} from '../../src/index.js';

// Never run: `tsc` compiles it, and a mistake that begins to compile is an unused directive.

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function must<_Truth extends true>(): void;
declare const guard: Guard;
declare const request: GuardRequest;

// Mistake: the answer is not looked at, and everybody passes.
const decision = await guard(request);
// @ts-expect-error: nobody knows yet who it is
decision.principal;
// @ts-expect-error: nobody knows yet whether it is a denial
decision.denial;
// @ts-expect-error: a promise has no answer
guard(request).allowed;
// @ts-expect-error: an answer is not changed
decision.allowed = true;

// Mistake: what belongs to a refusal is read from a pass, or the other way round.
if (decision.allowed) {
  must<Equal<typeof decision.principal, Principal | undefined>>();
  must<Equal<typeof decision.headers, Readonly<Record<string, string>>>>();
  // @ts-expect-error: where no credential is needed there may be nobody
  decision.principal.subject;
  // @ts-expect-error: no refusal
  decision.denial;
} else {
  must<Equal<typeof decision.denial, Denial>>();
  must<Equal<typeof decision.error, AuthError | UpstreamError>>();
  // @ts-expect-error: nobody
  decision.principal;
}

// Mistake: an outage is taken for a bad credential.
if (!decision.allowed) {
  const { error } = decision;
  if (error instanceof UpstreamError) {
    must<Equal<typeof error.code, UpstreamErrorCode>>();
    must<Equal<typeof error.retryAfter, number>>();
  } else {
    must<Equal<typeof error, AuthError>>();
    must<Equal<typeof error.code, AuthErrorCode>>();
    // @ts-expect-error: only an outage says when to come again
    error.retryAfter;
  }
  // @ts-expect-error: no such code, so the comparison never holds
  error.code === 'ERR_TOKEN_EXPIRY';
}
// @ts-expect-error: a code of the other class
new AuthError('ERR_JWKS_TIMEOUT');
// @ts-expect-error: a code of the other class
new UpstreamError('ERR_TOKEN_EXPIRED', 'down');

// Mistake: a door of one's own hands on a framework's request.
// @ts-expect-error: header() is missing
guard(new Request('https://api.example.com'));
// @ts-expect-error: headers are asked for by name
guard({ method: 'GET', url: '/', headers: {} });
