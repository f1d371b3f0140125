import type { ApiKeySource } from '../index.js';
import { mistake, otherType, typeName } from './settings.js';

/** Replaces a credential in a log. */
export const redacted = '[redacted]';

/** Options for pino, and for Fastify's `logger`, that keep credentials out of a log. */
export interface LogRedaction {
  readonly redact: { readonly paths: string[]; readonly censor: string };
  readonly serializers: {
    readonly req: (request: LoggedRequest) => Record<string, unknown>;
    readonly query: (query: unknown) => unknown;
  };
  readonly hooks: {
    readonly logMethod: (
      this: unknown,
      args: Parameters<LogMethod>,
      method: LogMethod,
      level: number,
    ) => void;
  };
}

type LogMethod = (...args: [unknown, ...unknown[]]) => void;

/** The members of a logged request that are read: of Node.js, Express, Fastify or pino. */
export interface LoggedRequest {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly url?: unknown;
  readonly originalUrl?: unknown;
  readonly host?: unknown;
  readonly ip?: unknown;
  readonly remoteAddress?: unknown;
  readonly remotePort?: unknown;
  readonly socket?: { readonly remoteAddress?: unknown; readonly remotePort?: unknown } | null;
}

/**
 * Returns paths for pino's `redact`: every header and query parameter that can contain a credential,
 * both the standard ones and those of `apiKeys.from`, in `req`, `request`, `headers` and `res`. Paths
 * do not reach into strings: for URLs, use {@link redactUrl}.
 * @throws ConfigError if `from` is not an array of key sources
 */
export function redactPaths(from: readonly ApiKeySource[] = []): string[] {
  const { headers, parameters } = placesOf(from);
  const carriers = ['authorization', 'proxy-authorization', 'cookie', ...headers];
  // A browser sends the URL of the page, which may contain a key, in Referer.
  if (parameters.size > 1) carriers.push('referer', 'referrer');
  const responseHeaders = parameters.size > 1 ? ['set-cookie', 'location'] : ['set-cookie'];
  return [
    ...['req.headers', 'request.headers', 'headers'].flatMap((at) => under(at, carriers)),
    // Entire objects: pino has no path for api_key[], which query parsers accept too.
    ...['req.query', 'request.query', 'req.rawHeaders', 'request.rawHeaders'],
    ...under('query', [...parameters]),
    ...['res.headers', 'response.headers'].flatMap((at) => under(at, responseHeaders)),
    // The raw request, with its headers, that Node.js could not parse.
    'err.rawPacket',
  ];
}

/**
 * Returns a URL, or a string that contains URLs, without the values of `access_token` and of the
 * query parameters in `from`.
 * @throws ConfigError if `from` is not an array of key sources
 */
export function redactUrl(url: string, from: readonly ApiKeySource[] = []): string {
  return redactQuery(url, placesOf(from).secret);
}

/**
 * Returns options for pino, or for Fastify's `logger`, that keep keys and tokens out of the log:
 * `Fastify({ logger: redactedLogger(from) })`. Requests are logged without headers, and URLs and
 * messages as {@link redactUrl} returns them.
 * @throws ConfigError if `from` is not an array of key sources
 */
export function redactedLogger(from: readonly ApiKeySource[] = []): LogRedaction {
  const { secret } = placesOf(from);
  const clean = (value: unknown) =>
    typeof value === 'string' ? redactQuery(value, secret) : value;

  return {
    redact: { paths: redactPaths(from), censor: redacted },
    serializers: {
      req: ({ id, method, url, originalUrl, host, ip, remoteAddress, remotePort, socket }) => ({
        id,
        method,
        url: clean(originalUrl ?? url),
        host,
        remoteAddress: ip ?? remoteAddress ?? socket?.remoteAddress,
        remotePort: remotePort ?? socket?.remotePort,
      }),
      query(query) {
        // A parameter is found by the character before it, which the first one lacks.
        if (typeof query === 'string') return redactQuery(`&${query}`, secret).slice(1);
        if (typeof query !== 'object' || query === null) return query;
        const entries = Object.entries(query).map(([name, value]) => [
          name,
          secret.has(plainName(name)) ? redacted : value,
        ]);
        return Object.fromEntries(entries);
      },
    },
    hooks: {
      // Fastify logs the URL of a route that is not found in the message.
      logMethod(args, method) {
        method.apply(this, args.map(clean) as typeof args);
      },
    },
  };
}

interface Places {
  readonly headers: readonly string[];
  readonly parameters: ReadonlySet<string>;
  /** The parameters in lower case. */
  readonly secret: ReadonlySet<string>;
}

function placesOf(from: readonly ApiKeySource[]): Places {
  if (!Array.isArray(from)) {
    throw mistake('from', `must be an array; got ${typeName(from)}: pass apiKeys.from`);
  }
  const headers: string[] = [];
  const parameters = new Set(['access_token']);
  for (const [i, source] of (from as readonly ApiKeySource[]).entries()) {
    const { header, dangerouslyInQuery, scheme, bearer } = Object(source) as ApiKeySource;
    if (header !== undefined) headers.push(String(header).toLowerCase());
    else if (dangerouslyInQuery !== undefined) parameters.add(String(dangerouslyInQuery));
    else if (scheme === undefined && bearer === undefined) {
      const wanted = 'must be an object with header, scheme, bearer or dangerouslyInQuery';
      throw mistake(`from[${i}]`, `${wanted}; got ${otherType(source)}`);
    }
  }
  const secret = new Set([...parameters].map((name) => name.toLowerCase()));
  return { headers, parameters, secret };
}

/** Returns the paths of these members, or that of their parent if pino cannot address one of them. */
function under(at: string, names: readonly string[]): string[] {
  if (names.some((name) => /[[\]"'`,\\*]|\.\./.test(name))) return [at];
  return names.map((name) => (/^[a-z]\w*$/i.test(name) ? `${at}.${name}` : `${at}["${name}"]`));
}

/** A parameter name, from the first delimiter after which it may begin. */
const parameter = /[?&;#]([^&=\s]+)=/g;
/** Characters that delimit names for some query parsers, and are part of a name for others. */
const delimiter = /[?;#]/g;
const maxDelimiters = 16;

/** Returns whether a parameter has a secret name, for any query parser. */
function isSecret(written: string, secret: ReadonlySet<string>): boolean {
  if (secret.has(plainName(written))) return true;
  const delimiters = [...written.matchAll(delimiter)].slice(-maxDelimiters);
  return delimiters.some(({ index }) => secret.has(plainName(written.slice(index + 1))));
}

function redactQuery(text: string, secret: ReadonlySet<string>): string {
  const parts: string[] = [];
  let from = 0;
  for (const found of text.matchAll(parameter)) {
    const start = found.index + found[0].length;
    if (found.index < from || !isSecret(found[1] ?? '', secret)) continue;
    // The guard reads a fragment as part of the value, so it is redacted too.
    const end = /[&\s]|$/g;
    end.lastIndex = start;
    parts.push(text.slice(from, start), redacted);
    from = end.exec(text)?.index ?? text.length;
  }
  return parts.length > 0 ? parts.join('') + text.slice(from) : text;
}

// Query parsers also read key[] and [key] as this name, and percent-encoded letters.
function plainName(written: string): string {
  const [name = ''] = new URLSearchParams(`${written}=`).keys();
  return (/^\[?([^[\]]+)(?:[[\]]|$)/.exec(name)?.[1] ?? name).toLowerCase();
}
