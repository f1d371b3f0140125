import { toGuardRequest } from './adapters/fetch-request.js';
import { responseOf } from './adapters/fetch-response.js';
import {
  checkRequirements,
  createGuard,
  type Guard,
  type GuardOptions,
  type Principal,
  type Requirements,
} from './index.js';

/** The result for an allowed request. */
export interface Pass<P extends Principal | undefined = Principal> {
  readonly principal: P;
  /** Headers to set on the response. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Checks a Fetch request. Resolves to a {@link Pass}, or to the `Response` to return if it is denied.
 * Rejects with a ConfigError if a requirement is invalid.
 */
export interface FetchCheck<P extends Principal | undefined = Principal> {
  (
    request: Request,
    requirements?: Requirements & { readonly optional?: never },
  ): Promise<Response | Pass<P>>;
  (
    request: Request,
    requirements: Requirements & { readonly optional: false },
  ): Promise<Response | Pass>;
  (request: Request, requirements?: Requirements): Promise<Response | Pass<Principal | undefined>>;
}

/**
 * Protects handlers of any runtime with `Request` and `Response`. If the guard or the call is
 * `optional`, the principal can be `undefined`.
 * @throws ConfigError if an option is invalid
 */
export function fetchGuard(
  source: (GuardOptions & { readonly optional?: false }) | (Guard & { readonly optional: false }),
): FetchCheck;
export function fetchGuard(source: GuardOptions | Guard): FetchCheck<Principal | undefined>;
export function fetchGuard(source: GuardOptions | Guard): FetchCheck<Principal | undefined> {
  const guard = typeof source === 'function' ? source : createGuard(source);

  return async function check(request: Request, requirements?: Requirements) {
    const decision = await guard(toGuardRequest(request), checkRequirements(requirements));
    if (!decision.allowed) return responseOf(decision.denial, request.method);
    const { principal, headers } = decision;
    return { principal: principal as Principal, headers };
  };
}
