import type { GuardRequest } from '../index.js';

/** Translates a Fetch `Request` into a {@link GuardRequest}. */
export function toGuardRequest(source: Request): GuardRequest {
  const { method, headers } = source;
  const { pathname, search, host } = new URL(source.url);
  return {
    source,
    method,
    url: pathname + search,
    // Many runtimes have the host only in the URL.
    header: (name) => headers.get(name) ?? (name === 'host' ? host : undefined),
  };
}
