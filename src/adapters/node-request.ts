import type { GuardRequest } from '../index.js';

/** The members that requests of Node.js frameworks have in common. */
export interface NodeRequest {
  /** The original request object. */
  readonly source: object;
  readonly method: string | undefined;
  readonly url: string | undefined;
  /** The headers, including changes by earlier middlewares. */
  readonly headers: NodeHeaders | undefined;
  /** Alternating names and values, as sent: `headers` of Node.js drops a second `Authorization`. */
  readonly rawHeaders: readonly string[] | undefined;
  readonly params: unknown;
  /** The body, if it has been parsed. */
  readonly body: unknown;
  /** Returns the route pattern; called only if an event or a count needs it. */
  route?(): string | undefined;
}

/** Headers by name, as `IncomingMessage.headers` has them. */
export type NodeHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Translates the request of a Node.js framework into a {@link GuardRequest}. */
export const toGuardRequest = (request: NodeRequest): GuardRequest => new NodeGuardRequest(request);

// A class, because creating the getters of an object literal for each request is slower.
class NodeGuardRequest implements GuardRequest {
  readonly source: object;
  readonly method: string;
  readonly url: string;
  readonly formToken: boolean;
  readonly header: (name: string) => string | undefined;
  readonly #given: NodeRequest;

  constructor(given: NodeRequest) {
    const { source, body } = given;
    const headers = given.headers ?? {};
    const rawHeaders = given.rawHeaders ?? [];
    this.source = source;
    this.method = given.method ?? 'GET';
    this.url = given.url ?? '/';
    const read = rawHeaders.length > 0 ? parsedHeader : anyHeader;
    // RFC 9113 §8.3.1: HTTP/2 has :authority instead of Host.
    this.header = (name) =>
      read(headers, name, rawHeaders) ??
      (name === 'host' ? read(headers, ':authority', rawHeaders) : undefined);
    this.formToken = hasFormToken(body, this.header);
    this.#given = given;
  }

  get params(): Readonly<Record<string, string | undefined>> {
    return plainParams(this.#given.params);
  }

  get route(): string | undefined {
    return this.#given.route?.();
  }
}

/**
 * Returns a header of a request that Node's HTTP parser has created. The value in `headers` applies,
 * which the application may have changed; if it is the one that was sent, all values that were sent
 * under this name are returned, separated by commas.
 */
function parsedHeader(
  headers: NodeHeaders,
  name: string,
  rawHeaders: readonly string[],
): string | undefined {
  const value = joined(Object.hasOwn(headers, name) ? headers[name] : undefined);
  if (value === undefined) return undefined;
  let first: string | undefined;
  let all: string | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const written = rawHeaders[i];
    if (written?.length !== name.length || written.toLowerCase() !== name) continue;
    const sent = rawHeaders[i + 1] ?? '';
    first ??= sent;
    all = all === undefined ? sent : `${all}, ${sent}`;
  }
  return value === first && all !== undefined ? all : value;
}

/** Returns a header of any other request, such as a serverless adapter's, whose names may have any case. */
function anyHeader(headers: NodeHeaders, name: string): string | undefined {
  const values = Object.entries(headers)
    .filter(([written]) => written.length === name.length && written.toLowerCase() === name)
    .map(([, value]) => joined(value))
    .filter((value) => value !== undefined);
  return values.length > 0 ? [...new Set(values)].join(', ') : undefined;
}

// Values of other types, which only the application can have set, are ignored.
function joined(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return Array.isArray(value) && value.length > 0 ? value.join(', ') : undefined;
}

/**
 * Returns the route pattern of an Express route, including the path at which its router is mounted.
 * Express exposes that path only as it was requested, so each segment may be a name or a key and
 * becomes `*`, except for `api` and versions. Set `routeTemplate` to report the full pattern.
 */
export function expressTemplate(baseUrl: string, path: unknown): string | undefined {
  if (typeof path !== 'string') return undefined;
  const base = baseUrl.replace(/[^/]+/g, (segment) =>
    /^(?:api|v\d{1,3})$/i.test(segment) ? segment : '*',
  );
  return base + (path === '/' && base !== '' ? '' : path);
}

// RFC 6750 §2.2 defines only form bodies; access_token in a JSON body belongs to the application.
function hasFormToken(body: unknown, header: GuardRequest['header']): boolean {
  return (
    typeof body === 'object' &&
    body !== null &&
    Object.hasOwn(body, 'access_token') &&
    /^application\/x-www-form-urlencoded\b/i.test(header('content-type') ?? '')
  );
}

// Express 5 splits the match of a wildcard into an array. Parameter handlers and schemas may have
// converted a parameter: numbers are converted back, and other types are omitted.
function plainParams(params: unknown): Readonly<Record<string, string | undefined>> {
  const plain: Record<string, string | undefined> = { __proto__: null } as never;
  if (typeof params !== 'object' || params === null) return plain;
  for (const [name, value] of Object.entries(params)) {
    if (typeof value === 'string') plain[name] = value;
    else if (Number.isFinite(value) || typeof value === 'bigint') plain[name] = String(value);
    else if (Array.isArray(value) && value.every((one) => typeof one === 'string')) {
      plain[name] = value.join('/');
    }
  }
  return plain;
}
