import { type ApiKeyOptions, type ApiKeySettings, checkApiKeys } from './api-key/options.js';
import { ignoreRejection } from './api-key/record.js';
import {
  callable,
  flag,
  optional as ifGiven,
  invalid,
  listOf,
  scopeItems,
  seconds,
  secureUrl,
  settingsOf,
  someText,
  urlWithoutSecrets,
} from './base/validate.js';
import type { DecisionEvent } from './events.js';
import type { FormatDenial } from './format-denial.js';
import { checkTokenCache, type TokenCacheOptions } from './token/cache-options.js';
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

/** The options that apply to all issuers. */
export interface SharedOptions {
  /** Seconds by which clocks may differ; `iat` may be 60 s in the future in any case. @default 5 */
  readonly clockTolerance?: number;
  /** Caching of the issuers' JWK Sets. */
  readonly jwks?: JwksOptions;
  /** Most seconds from `iat` to `exp`; a token without `iat` is rejected. @default no limit */
  readonly maxTokenLifetime?: number;
  /** The cache of verified tokens; `false` disables it. @default 10000 tokens, for 300 seconds */
  readonly tokenCache?: TokenCacheOptions | false;
  /** API keys to accept alongside tokens. @default tokens only */
  readonly apiKeys?: ApiKeyOptions;
  /** Allows requests without a credential; an invalid one is still rejected. @default false */
  readonly optional?: boolean;
  /** The narrower scopes that a broader one includes, transitively. @default none */
  readonly impliedScopes?: Readonly<Record<string, readonly string[]>>;
  /** The `realm` of the challenge (RFC 9110 §11.5). @default the first audience */
  readonly realm?: string;
  /** The URL of this server's metadata, for the challenge (RFC 9728 §5.1). @default none */
  readonly resourceMetadataUrl?: string;
  /** The base of every problem `type` (RFC 9457 §3.1.1). @default 'urn:sallyport:problem:' */
  readonly problemTypeBase?: string;
  /**
   * Returns the body of a refusal in the format of the API's own errors: an object, which is sent as
   * JSON. Status and headers stay; `{ contentType: 'application/json', body }` says that the body
   * is not a problem document. What it throws reaches the framework's error handler.
   * @default the problem document (RFC 9457)
   */
  readonly formatDenial?: FormatDenial;
  /**
   * Called with every decision; it cannot change one. Without it, each kind of refusal that may be caused
   * by these options is one process warning.
   */
  onDecision?(event: DecisionEvent): void;
  /**
   * Called after every fetch of a JWK Set; it cannot change the result. Without it, each cause of a failed
   * fetch is one process warning.
   */
  onJwks?(event: JwksEvent): void;
  /** Makes all requests to the issuers. @default the global `fetch` */
  readonly fetch?: typeof globalThis.fetch;
  /** Returns the time in milliseconds since 1970. @default Date.now */
  now?(): number;
}

/** One issuer, or a fixed list of them; no issuer inherits from another. */
export type GuardOptions = (
  | (IssuerOptions & { readonly issuers?: never })
  | ({ readonly issuers: readonly IssuerOptions[] } & {
      readonly [K in keyof IssuerOptions]?: never;
    })
) &
  SharedOptions;

/** All options, checked, with all defaults filled in. One issuer is a list of one. */
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
  /** The user's listener, or the warner's. */
  readonly onJwks: (event: JwksEvent) => void;
  readonly fetch: typeof globalThis.fetch;
  readonly now: () => number;
  /** Returns milliseconds from any start, to measure durations; reads `now` if that was given. */
  readonly stopwatch: () => number;
  /** Emits the process warnings for what has no listener. */
  readonly warner: Warner;
}

const sharedNames: readonly (keyof SharedOptions)[] = [
  'clockTolerance',
  'jwks',
  'maxTokenLifetime',
  'tokenCache',
  'apiKeys',
  'optional',
  'impliedScopes',
  'realm',
  'resourceMetadataUrl',
  'problemTypeBase',
  'formatDenial',
  'onDecision',
  'onJwks',
  'fetch',
  'now',
];

/**
 * Checks every option once and fills in every default.
 * @throws ConfigError for the first invalid option: what it must be, what was found, what to do
 */
export function checkOptions(options: GuardOptions): Settings {
  const where = 'options';
  const own = sortOut(where, options);
  const several = 'issuers' in own;
  const list = several ? own.issuers : [pick(own, issuerNames)];
  const issuers = checkIssuers(where, list, several);
  const {
    clockTolerance = 5,
    jwks = {},
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
    // Looked up at each call, so that a test can replace the global function.
    fetch = (...args) => globalThis.fetch(...args),
    // Likewise, for fake timers.
    now = () => Date.now(),
  } = own as SharedOptions;
  const warner = createWarner(issuers);
  const at = (name: keyof SharedOptions) => `${where}.${name}`;
  return {
    issuers,
    clockTolerance: seconds(at('clockTolerance'), clockTolerance, { min: 0, max: 300 }),
    jwks: checkJwks(at('jwks'), jwks, issuers.length > 1),
    maxTokenLifetime: ifGiven(at('maxTokenLifetime'), maxTokenLifetime, (place, value) =>
      seconds(place, value, { min: 1, max: 31_536_000 }),
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
    // A decision takes microseconds: too short for Date.now.
    stopwatch: own.now === undefined || now === Date.now ? () => performance.now() : clock(now),
    warner,
  };
}

function sortOut(where: string, options: unknown): Readonly<Record<string, unknown>> {
  const given = Object.entries(Object(options) as object);
  const several = given.some(([name]) => name === 'issuers');
  for (const [name, value] of given) {
    if (!several || !issuerNames.includes(name)) continue;
    throw invalid(`${where}.${name}`, urlWithoutSecrets(value), {
      must: 'be absent beside options.issuers',
      advice: 'Move it into each entry of options.issuers',
    });
  }
  return settingsOf(where, options, [...(several ? ['issuers'] : issuerNames), ...sharedNames]);
}

// A clock that returns anything but a number is a bug, and must not look like an expired token.
function clock(now: () => number): () => number {
  return () => {
    const time = now();
    if (Number.isFinite(time)) return time;
    ignoreRejection(time);
    const got = typeof time === 'number' ? time : `a ${typeof time}`;
    throw new TypeError(`options.now must return a number of milliseconds since 1970; got ${got}`);
  };
}

const pick = (from: object, names: readonly string[]): object =>
  Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));

function checkImplied(where: string, given: object): Settings['impliedScopes'] {
  const implied = new Map<string, readonly string[]>();
  for (const [broad, narrow] of Object.entries(
    settingsOf(where, given, Object.keys(given ?? {})),
  )) {
    listOf(where, [broad], scopeItems);
    implied.set(broad, listOf(`${where}["${broad}"]`, narrow, scopeItems));
  }
  return implied;
}

function checkRealm(where: string, given: unknown): string {
  const realm = someText(where, given);
  if (/^[ -~]+$/.test(realm)) return realm;
  throw invalid(where, JSON.stringify(realm).slice(1, -1), {
    must: 'contain only printable ASCII characters',
    advice: 'Leave it out to use the first audience',
  });
}

function checkProblemTypes(where: string, given: unknown): string {
  const must = 'be an absolute URI that ends with ":", "/", "#" or "="';
  const advice =
    'Write a base to which a problem is appended, such as "https://example.com/problems/"';
  const base = someText(where, given, { must, advice });
  if (!URL.canParse(base) || !/^[!-~]+[:/#=]$/.test(base)) {
    throw invalid(where, base, { must, advice });
  }
  return base;
}
