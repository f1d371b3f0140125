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
export const toGuardRequest = (request: NodeRequest): GuardRequest => new NodeGuardRequest(request);

// A class, since getters of an object literal are made anew for each: that took longer than all the rest.
class NodeGuardRequest implements GuardRequest {
  readonly source: object;
  readonly method: string;
  readonly url: string;
  readonly formToken: boolean;
  readonly header: (name: string) => string | undefined;
  readonly #given: NodeRequest;

  constructor(given: NodeRequest) {
    const { source, method = 'GET', url, rawHeaders, body } = given;
    this.source = source;
    this.method = method;
    this.url = url;
    // RFC 9113 §8.3.1: what HTTP/1.1 calls Host is :authority in HTTP/2.
    this.header = (name) =>
      headerOf(rawHeaders, name) ??
      (name === 'host' ? headerOf(rawHeaders, ':authority') : undefined);
    this.formToken = hasFormToken(body, this.header);
    this.#given = given;
  }

  get params(): Readonly<Record<string, string>> {
    return plainParams(this.#given.params);
  }

  get route(): string | undefined {
    return this.#given.route?.();
  }
}

function headerOf(rawHeaders: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const written = rawHeaders[i];
    if (written?.length !== name.length || written.toLowerCase() !== name) continue;
    const value = rawHeaders[i + 1] ?? '';
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
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
