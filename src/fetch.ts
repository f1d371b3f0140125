import {
  checkRequirements,
  createGuard,
  type Guard,
  type GuardOptions,
  type GuardRequest,
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
    requirements?: Requirements & { readonly optional?: false },
  ): Promise<Response | Pass<P>>;
  (request: Request, requirements?: Requirements): Promise<Response | Pass<Principal | undefined>>;
}

/**
 * Protects any host that speaks Request and Response, such as Hono.
 * @throws ConfigError for options that cannot be meant
 */
export function fetchGuard(
  source: (GuardOptions & { readonly optional?: false }) | Guard,
): FetchCheck;
export function fetchGuard(source: GuardOptions | Guard): FetchCheck<Principal | undefined>;
export function fetchGuard(source: GuardOptions | Guard): FetchCheck {
  const guard = typeof source === 'function' ? source : createGuard(source);

  return async function check(request: Request, requirements?: Requirements) {
    const decision = await guard(toGuardRequest(request), checkRequirements(requirements));
    if (decision.allowed) {
      return { principal: decision.principal as Principal, headers: decision.headers };
    }
    const { status, headers, body } = decision.denial;
    const text = request.method === 'HEAD' ? null : JSON.stringify(body);
    return new Response(text, { status, headers });
  };
}

function toGuardRequest(source: Request): GuardRequest {
  const { method, headers } = source;
  const { pathname, search, host } = new URL(source.url);
  return {
    source,
    method,
    url: pathname + search,
    // Many hosts keep Host in the URL alone.
    header: (name) => headers.get(name) ?? (name === 'host' ? host : undefined),
  };
}
