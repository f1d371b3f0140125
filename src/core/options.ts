import { type ApiKeyOptions, type ApiKeySettings, checkApiKeys } from './api-key/options.js';
import { ignoreRejection } from './api-key/record.js';
import {
  callable,
  flag,
  optional as ifGiven,
  integer,
  isScope,
  listOf,
  mistake,
  seconds,
  secureUrl,
  settingsOf,
  someText,
} from './base/validate.js';
import type { DecisionEvent } from './events.js';
import type { FormatDenial } from './format-denial.js';
import {
  checkIssuers,
  type IssuerList,
  type IssuerOptions,
  issuerNames,
} from './token/issuer-options.js';
import type { JwksEvent } from './token/jwks-events.js';
import { checkJwks, type JwksOptions, type JwksSettings } from './token/jwks-options.js';
import { checkUsage } from './usage/options.js';
import { createWarner, type Warner } from './warnings.js';

/** How good tokens are remembered. */
export interface TokenCacheOptions {
  /** At most; the one that was not used for longest makes room. @default 10000 */
  readonly max?: number;
  /** Seconds, and never longer than the token lives and its key is listed. @default 300 */
  readonly ttl?: number;
}

/** What all issuers share. */
export interface SharedOptions {
  /** Seconds by which clocks may differ; `iat` may be 60 s ahead in any case. @default 5 */
  readonly clockTolerance?: number;
  readonly jwks?: JwksOptions;
  /** Seconds from `iat` to `exp`; a token that does not say is refused. @default any */
  readonly maxTokenLifetime?: number;
  /** Good tokens that are remembered, so that each is verified once. @default 10000, for 300 seconds */
  readonly tokenCache?: TokenCacheOptions | false;
  /** API keys, accepted beside tokens. @default tokens only */
  readonly apiKeys?: ApiKeyOptions;
  /** No credential may pass; a bad one never does. @default false */
  readonly optional?: boolean;
  /** A broader scope suffices for narrower ones, transitively. */
  readonly impliedScopes?: Readonly<Record<string, readonly string[]>>;
  /** The `realm` of the challenge. @default the first audience */
  readonly realm?: string;
  /** The URL of this server's metadata, for the challenge (RFC 9728 §5.1). */
  readonly resourceMetadataUrl?: string;
  /** The beginning of every problem `type` (RFC 9457 §3.1.1). @default 'urn:sallyport:problem:' */
  readonly problemTypeBase?: string;
  /**
   * Returns the body of a refusal in the form of the API's own errors: an object, which is sent as
   * JSON. Status and headers stay; `{ contentType: 'application/json', body }` says that the body
   * is no problem document. What it throws reaches the framework's error handler.
   * @default the problem document (RFC 9457)
   */
  readonly formatDenial?: FormatDenial;
  /**
   * Told of every decision. Nothing it does can change one. Without it, what may be a mistake in these
   * options is one warning of the process for each kind.
   */
  onDecision?(event: DecisionEvent): void;
  /**
   * Told of every fetch of keys and what it brought. Nothing it does matters. Without it, each cause of a
   * failed fetch is one warning of the process.
   */
  onJwks?(event: JwksEvent): void;
  /** The network. @default the global `fetch` */
  readonly fetch?: typeof globalThis.fetch;
  /** The clock, in milliseconds since 1970. @default Date.now */
  now?(): number;
}

/** One issuer, or a fixed list of them; between them nothing is inherited. */
export type GuardOptions = (
  | (IssuerOptions & { readonly issuers?: never })
  | ({ readonly issuers: readonly IssuerOptions[] } & {
      readonly [K in keyof IssuerOptions]?: never;
    })
) &
  SharedOptions;

/** All options, checked, with nothing left out and no modes: one issuer is a list of one. */
export interface Settings {
  readonly issuers: IssuerList;
  readonly clockTolerance: number;
  readonly jwks: JwksSettings;
  readonly maxTokenLifetime: number | undefined;
  readonly tokenCache: Required<TokenCacheOptions> | false;
  readonly apiKeys: ApiKeySettings | undefined;
  readonly optional: boolean;
  readonly impliedScopes: ReadonlyMap<string, readonly string[]>;
  readonly realm: string;
  readonly resourceMetadataUrl: string | undefined;
  readonly problemTypeBase: string;
  readonly formatDenial: FormatDenial | undefined;
  readonly onDecision: ((event: DecisionEvent) => void) | undefined;
  /** The one that was given, or the warner's. */
  readonly onJwks: (event: JwksEvent) => void;
  readonly fetch: typeof globalThis.fetch;
  readonly now: () => number;
  /** What is past between two readings, in milliseconds: the clock's, if one is given. */
  readonly stopwatch: () => number;
  /** What is said where nobody listens. */
  readonly warner: Warner;
}

const sharedNames = [
  ...['clockTolerance', 'jwks', 'optional', 'impliedScopes', 'realm', 'resourceMetadataUrl'],
  ...[
    'problemTypeBase',
    'formatDenial',
    'onDecision',
    'fetch',
    'now',
    'maxTokenLifetime',
    'apiKeys',
    'tokenCache',
    'onJwks',
  ],
];

/**
 * Checks every option once and fills in every default.
 * @throws ConfigError naming the option, what was written and what was meant
 */
export function checkOptions(options: GuardOptions): Settings {
  const where = 'options';
  const own = sortOut(where, options);
  const several = 'issuers' in own;
  const list = several ? own.issuers : [pick(own, issuerNames)];
  const issuers = checkIssuers(where, list, several);
  const {
    clockTolerance = 5,
    jwks: keys = {},
    maxTokenLifetime,
    tokenCache = {},
    apiKeys,
    optional = false,
    impliedScopes = {},
    realm = [...issuers[0].audience][0],
    resourceMetadataUrl,
    problemTypeBase = 'urn:sallyport:problem:',
    formatDenial,
    onDecision,
    onJwks,
    // Looked up late, so that a test that replaces the global one is obeyed.
    fetch = (...args) => globalThis.fetch(...args),
    // Likewise, for fake timers and for a spy on the global one.
    now = () => Date.now(),
  } = own as SharedOptions;
  const warner = createWarner(issuers);
  const at = (name: keyof SharedOptions) => `${where}.${name}`;
  return {
    issuers,
    clockTolerance: seconds(at('clockTolerance'), clockTolerance, [0, 300]),
    jwks: checkJwks(at('jwks'), keys, issuers.length > 1),
    maxTokenLifetime: ifGiven(at('maxTokenLifetime'), maxTokenLifetime, (place, value) =>
      seconds(place, value, [1, 31_536_000]),
    ),
    tokenCache: tokenCache === false ? false : checkTokenCache(at('tokenCache'), tokenCache),
    apiKeys: ifGiven(at('apiKeys'), apiKeys, (place, value) =>
      checkApiKeys(place, value, { issuers: issuers.map(({ issuer }) => issuer), checkUsage }),
    ),
    optional: flag(at('optional'), optional),
    impliedScopes: checkImplied(at('impliedScopes'), impliedScopes),
    realm: checkRealm(at('realm'), realm),
    resourceMetadataUrl: ifGiven(at('resourceMetadataUrl'), resourceMetadataUrl, secureUrl),
    problemTypeBase: checkProblemTypes(at('problemTypeBase'), problemTypeBase),
    formatDenial: ifGiven(at('formatDenial'), formatDenial, callable),
    onDecision: ifGiven(at('onDecision'), onDecision, callable),
    onJwks: ifGiven(at('onJwks'), onJwks, callable) ?? warner.keys,
    fetch: callable(at('fetch'), fetch),
    now: clock(callable(at('now'), now)),
    // Decisions take microseconds, of which Date.now knows nothing.
    stopwatch: own.now === undefined || now === Date.now ? () => performance.now() : clock(now),
    warner,
  };
}

function sortOut(where: string, options: unknown): Readonly<Record<string, unknown>> {
  const written = typeof options === 'object' && options !== null ? Object.keys(options) : [];
  const several = written.includes('issuers');
  for (const name of written) {
    if (several && issuerNames.includes(name)) {
      throw mistake(`${where}.${name}`, name, 'stands beside issuers: write it into each of them');
    }
  }
  return settingsOf(where, options, [...(several ? ['issuers'] : issuerNames), ...sharedNames]);
}

// A clock that answers anything else is a bug, and must not be taken for an expired token.
function clock(now: () => number): () => number {
  return () => {
    const time = now();
    if (Number.isFinite(time)) return time;
    ignoreRejection(time);
    const got = typeof time === 'number' ? time : `a ${typeof time}`;
    throw new TypeError(`now() answered ${got}, which is no time in milliseconds`);
  };
}

const pick = (from: object, names: readonly string[]): object =>
  Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));

function checkTokenCache(where: string, given: TokenCacheOptions): Required<TokenCacheOptions> {
  const own: TokenCacheOptions = settingsOf(where, given, ['max', 'ttl']);
  const { max = 10_000, ttl = 300 } = own;
  return {
    max: integer(`${where}.max`, max, [1, 1_000_000]),
    ttl: seconds(`${where}.ttl`, ttl, [0.001, 3_600]),
  };
}

function checkImplied(where: string, given: object): Settings['impliedScopes'] {
  const implied = new Map<string, readonly string[]>();
  for (const [broad, narrow] of Object.entries(
    settingsOf(where, given, Object.keys(given ?? {})),
  )) {
    listOf(where, [broad], 'scope', isScope);
    implied.set(broad, listOf(`${where}["${broad}"]`, narrow, 'scope', isScope));
  }
  return implied;
}

function checkRealm(where: string, given: unknown): string {
  const realm = someText(where, given, 'is no text');
  if (!/^[ -~]+$/.test(realm)) throw mistake(where, realm, 'has other than printable ASCII in it');
  return realm;
}

function checkProblemTypes(where: string, given: unknown): string {
  const base = someText(where, given, 'is no URI');
  if (!URL.canParse(base) || !/^[!-~]+[:/#=]$/.test(base)) {
    throw mistake(where, base, 'is no absolute URI that ends in one of : / # =');
  }
  return base;
}
