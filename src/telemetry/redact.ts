import type { ApiKeySource } from '../index.js';
import { mistake } from './settings.js';

/** What stands where a credential stood. */
export const redacted = '[redacted]';

/** Options of pino, and of Fastify's `logger`, that keep credentials out of a log. */
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

/** What is read of a request that is logged: Node's, Express's, Fastify's or pino's own. */
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
 * The paths, for pino's `redact`, of every header and query parameter that can hold a credential:
 * the standard ones, and those of `apiKeys.from`. Of what is logged as `req`, `request` or as
 * `headers` alone, and of `res`. They name members of a log: a URL is a text, and needs `redactUrl`.
 * @throws ConfigError for what is no list of key sources
 */
export function redactPaths(from: readonly ApiKeySource[] = []): string[] {
  const { headers, parameters } = placesOf(from);
  const carriers = ['authorization', 'proxy-authorization', 'cookie', ...headers];
  // A page that had a key in its URL sends that on.
  if (parameters.size > 1) carriers.push('referer', 'referrer');
  const answers = parameters.size > 1 ? ['set-cookie', 'location'] : ['set-cookie'];
  return [
    ...['req.headers', 'request.headers', 'headers'].flatMap((at) => under(at, carriers)),
    // Whole: pino has no path for api_key[], which query parsers take too.
    ...['req.query', 'request.query', 'req.rawHeaders', 'request.rawHeaders'],
    ...under('query', [...parameters]),
    ...['res.headers', 'response.headers'].flatMap((at) => under(at, answers)),
    // What Node could not read of a request, with all its headers.
    'err.rawPacket',
  ];
}

/**
 * A URL, or any text with URLs in it, without what its query gives as a key or an `access_token`.
 * @throws ConfigError for what is no list of key sources
 */
export function redactUrl(url: string, from: readonly ApiKeySource[] = []): string {
  return without(url, placesOf(from).secret);
}

/**
 * What keeps keys and tokens out of a log of pino's, or Fastify's: `logger: redactedLogger(from)`.
 * Requests are logged without headers and query; messages, without what `redactUrl` takes out.
 * @throws ConfigError for what is no list of key sources
 */
export function redactedLogger(from: readonly ApiKeySource[] = []): LogRedaction {
  const { secret } = placesOf(from);
  const clean = (value: unknown) => (typeof value === 'string' ? without(value, secret) : value);

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
        // Its first name has nothing before it.
        if (typeof query === 'string') return without(`&${query}`, secret).slice(1);
        if (typeof query !== 'object' || query === null) return query;
        const told = Object.entries(query).map(([name, value]) => [
          name,
          secret.has(plainName(name)) ? redacted : value,
        ]);
        return Object.fromEntries(told);
      },
    },
    hooks: {
      // Fastify writes the URL of a route that is not found into the message.
      logMethod(args, method) {
        method.apply(this, args.map(clean) as typeof args);
      },
    },
  };
}

interface Places {
  readonly headers: readonly string[];
  readonly parameters: ReadonlySet<string>;
  /** The same in lower case. */
  readonly secret: ReadonlySet<string>;
}

function placesOf(from: readonly ApiKeySource[]): Places {
  if (!Array.isArray(from)) throw mistake('the key sources', 'are no list: give apiKeys.from');
  const headers: string[] = [];
  const parameters = new Set(['access_token']);
  for (const source of from as readonly ApiKeySource[]) {
    const { header, dangerouslyInQuery, scheme, bearer } = Object(source) as ApiKeySource;
    if (header !== undefined) headers.push(String(header).toLowerCase());
    else if (dangerouslyInQuery !== undefined) parameters.add(String(dangerouslyInQuery));
    else if (scheme === undefined && bearer === undefined) {
      throw mistake('a key source', 'is none of header, scheme, bearer and dangerouslyInQuery');
    }
  }
  const secret = new Set([...parameters].map((name) => name.toLowerCase()));
  return { headers, parameters, secret };
}

/** The paths of these members; or of all, where pino has no path for one of them. */
function under(at: string, names: readonly string[]): string[] {
  if (names.some((name) => /[[\]"'`,\\*]|\.\./.test(name))) return [at];
  return names.map((name) => (/^[a-z]\w*$/i.test(name) ? `${at}.${name}` : `${at}["${name}"]`));
}

/** A parameter, from the first sign after which its name may begin. */
const parameter = /[?&;#]([^&=\s]+)=/g;
/** Signs after which a name begins for some parsers of queries, and which are part of it for others. */
const sign = /[?;#]/g;
const mostSigns = 16;

/** Returns whether a text that ends in a name ends in one of these. */
function endsSecretly(written: string, secret: ReadonlySet<string>): boolean {
  if (secret.has(plainName(written))) return true;
  const signs = [...written.matchAll(sign)].slice(-mostSigns);
  return signs.some(({ index }) => secret.has(plainName(written.slice(index + 1))));
}

function without(text: string, secret: ReadonlySet<string>): string {
  const parts: string[] = [];
  let from = 0;
  for (const found of text.matchAll(parameter)) {
    const start = found.index + found[0].length;
    if (found.index < from || !endsSecretly(found[1] ?? '', secret)) continue;
    // A fragment too is of the value, as the guard reads it.
    const end = /[&\s]|$/g;
    end.lastIndex = start;
    parts.push(text.slice(from, start), redacted);
    from = end.exec(text)?.index ?? text.length;
  }
  return parts.length > 0 ? parts.join('') + text.slice(from) : text;
}

// Query parsers also read key[] and [key] as that name, and any of its letters escaped.
function plainName(written: string): string {
  const [name = ''] = new URLSearchParams(`${written}=`).keys();
  return (/^\[?([^[\]]+)(?:[[\]]|$)/.exec(name)?.[1] ?? name).toLowerCase();
}
