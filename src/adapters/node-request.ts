import type { GuardRequest } from '../index.js';

/** What the Node frameworks' requests have in common. */
export interface NodeRequest {
  /** The request itself. */
  readonly source: object;
  readonly method: string | undefined;
  readonly url: string;
  /** Names and values in turn: Node's own `headers` hide a second `Authorization`. */
  readonly rawHeaders: readonly string[];
  readonly params: unknown;
  /** The body, if it was parsed already. */
  readonly body: unknown;
  /** Its route's template; asked only by who wants to know. */
  route?(): string | undefined;
}

/** A Node framework's request in the guard's words. */
export function toGuardRequest({
  source,
  method,
  url,
  rawHeaders,
  params,
  body,
  route,
}: NodeRequest): GuardRequest {
  const values = (name: string): string | undefined => {
    const found: string[] = [];
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const written = rawHeaders[i];
      if (written?.length !== name.length || written.toLowerCase() !== name) continue;
      found.push(rawHeaders[i + 1] ?? '');
    }
    return found.length > 0 ? found.join(', ') : undefined;
  };
  // RFC 9113 §8.3.1: what HTTP/1.1 calls Host is :authority in HTTP/2.
  const header = (name: string) =>
    values(name) ?? (name === 'host' ? values(':authority') : undefined);
  return {
    source,
    method: method ?? 'GET',
    url,
    header,
    get params() {
      return plainParams(params);
    },
    formToken: hasFormToken(body, header),
    get route() {
      return route?.();
    },
  };
}

/**
 * The template of an Express route, under the path that its router is mounted at. Express knows that
 * path only as it was called, so what looks like an id in it becomes `*`.
 */
export function expressTemplate(baseUrl: string, path: unknown): string | undefined {
  if (typeof path !== 'string') return undefined;
  const base = baseUrl.replace(/[^/]+/g, (segment) =>
    /^(?:v\d{1,3}|[a-z._-]{1,32})$/i.test(segment) ? segment : '*',
  );
  return base + (path === '/' && base !== '' ? '' : path);
}

// RFC 6750 §2.2 knows one kind of body; a member of a JSON body is the application's own.
function hasFormToken(body: unknown, header: GuardRequest['header']): boolean {
  return (
    typeof body === 'object' &&
    body !== null &&
    Object.hasOwn(body, 'access_token') &&
    /^application\/x-www-form-urlencoded\b/i.test(header('content-type') ?? '')
  );
}

// Express 5 splits what a wildcard matched into a list.
function plainParams(params: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries((params ?? {}) as Record<string, string | readonly string[]>);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'string' ? value : value.join('/')]),
  );
}
