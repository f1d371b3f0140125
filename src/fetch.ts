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

/** A request that may pass. */
export interface Pass<P extends Principal | undefined = Principal> {
  readonly principal: P;
  /** To be set on the response. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Decides about a Fetch request: a Response to be returned, or a {@link Pass}. */
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
 * Protects any host that speaks Request and Response. Where the guard or the call is `optional`, the
 * principal may be `undefined`.
 * @throws ConfigError for options that cannot be meant
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
