import type { GuardRequest } from '../index.js';

/** What the Node frameworks' requests have in common. */
export interface NodeRequest {
  /** The request itself. */
  readonly source: object;
  readonly method: string | undefined;
  readonly url: string | undefined;
  /** As the application left them: what a middleware set or deleted counts. */
  readonly headers: NodeHeaders | undefined;
  /** Names and values in turn, as sent: Node's own `headers` hide a second `Authorization`. */
  readonly rawHeaders: readonly string[] | undefined;
  readonly params: unknown;
  /** The body, if it was parsed already. */
  readonly body: unknown;
  /** Returns the template of its route; called only if an event or a count needs it. */
  route?(): string | undefined;
}

/** Headers by name, as `IncomingMessage.headers` has them. */
export type NodeHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Translates a Node framework's request into a {@link GuardRequest}. */
export const toGuardRequest = (request: NodeRequest): GuardRequest => new NodeGuardRequest(request);

// A class: the getters of an object literal are created again for each request, which is slower.
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
    // RFC 9113 §8.3.1: what HTTP/1.1 calls Host is :authority in HTTP/2.
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
 * A header of a request that Node's HTTP parser made. What the application left in the request
 * counts; the raw list only tells that a header, unless the application replaced it, was sent twice.
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

/** A header of any other request: serverless adapters and tests spell the names as they like. */
function anyHeader(headers: NodeHeaders, name: string): string | undefined {
  const values = Object.entries(headers)
    .filter(([written]) => written.length === name.length && written.toLowerCase() === name)
    .map(([, value]) => joined(value))
    .filter((value) => value !== undefined);
  return values.length > 0 ? [...new Set(values)].join(', ') : undefined;
}

// A value of another type, which only an application can have set, is not a header.
function joined(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return Array.isArray(value) && value.length > 0 ? value.join(', ') : undefined;
}

/**
 * The template of an Express route, under the path that its router is mounted at. Express knows that
 * path only as it was called, and any word in it may be somebody's name or key: all but `api` and a
 * version becomes `*`. `routeTemplate` of the requirements names the route in full.
 */
export function expressTemplate(baseUrl: string, path: unknown): string | undefined {
  if (typeof path !== 'string') return undefined;
  const base = baseUrl.replace(/[^/]+/g, (segment) =>
    /^(?:api|v\d{1,3})$/i.test(segment) ? segment : '*',
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

// Express 5 splits what a wildcard matched into a list. What a param handler or a schema has made of
// a parameter is a string if it was a number, and absent if it is anything else.
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
