import {
  callable,
  flag,
  isScope,
  knownNames,
  listOf,
  mistake,
  seconds,
  secureUrl,
  someText,
} from './config.js';
import type { DecisionEvent } from './events.js';
import {
  checkIssuers,
  type IssuerList,
  type IssuerOptions,
  type IssuerSettings,
  issuerNames,
} from './issuers.js';

/** How keys are kept. All in seconds; fractions are allowed. */
export interface KeyOptions {
  /** Younger keys are used without a question; from 80 % on they are fetched anew behind. @default 600 */
  readonly maxAge?: number;
  /** While nothing can be fetched, keys up to this age are used. @default 86400 */
  readonly maxStale?: number;
  /** Between two fetches for an unknown `kid`; also the longest back-off after a failure. @default 30 */
  readonly cooldown?: number;
  /** For one fetch, discovery and body included. @default 5 */
  readonly timeout?: number;
}

/** What all issuers share. */
export interface SharedOptions {
  /** Seconds by which clocks may differ. @default 5 */
  readonly clockTolerance?: number;
  readonly keys?: KeyOptions;
  /** No credential may pass; a bad one never does. @default false */
  readonly optional?: boolean;
  /** A broader scope suffices for narrower ones, transitively. */
  readonly impliedScopes?: Readonly<Record<string, readonly string[]>>;
  /** The `realm` of the challenge. @default the first audience */
  readonly realm?: string;
  /** The URL of this server's metadata, for the challenge (RFC 9728 §5.1). */
  readonly resourceMetadata?: string;
  /** The beginning of every problem `type` (RFC 9457 §3.1.1). @default 'urn:sallyport:problem:' */
  readonly problemTypes?: string;
  /** Told of every decision. Nothing it does can change one. */
  onDecision?(event: DecisionEvent): void;
  /** The network. @default the global `fetch` */
  readonly fetch?: typeof globalThis.fetch;
  /** The clock, in milliseconds since 1970. @default Date.now */
  now?(): number;
}

/** One issuer, or a fixed list of them; between them nothing is inherited. */
export type GuardOptions = (IssuerOptions | { readonly issuers: readonly IssuerOptions[] }) &
  SharedOptions;

/** All options, checked, with nothing left out and no modes: one issuer is a list of one. */
export interface Settings {
  readonly issuers: IssuerList;
  readonly clockTolerance: number;
  readonly keys: Required<KeyOptions>;
  readonly optional: boolean;
  readonly impliedScopes: ReadonlyMap<string, readonly string[]>;
  readonly realm: string;
  readonly resourceMetadata: string | undefined;
  readonly problemTypes: string;
  readonly onDecision: ((event: DecisionEvent) => void) | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly now: () => number;
}

const sharedNames = [
  ...['clockTolerance', 'keys', 'optional', 'impliedScopes', 'realm', 'resourceMetadata'],
  ...['problemTypes', 'onDecision', 'fetch', 'now'],
];
const toCome = ['apiKeys', 'verifiedTokens'];

/**
 * Checks every option once and fills in every default.
 * @throws ConfigError naming the option, what was written and what was meant
 */
export function checkOptions(options: GuardOptions): Settings {
  const where = 'options';
  for (const name of toCome) {
    if (typeof options === 'object' && options !== null && name in options) {
      throw mistake(`${where}.${name}`, name, 'is to come: this version does not have it yet');
    }
  }
  const several = typeof options === 'object' && options !== null && 'issuers' in options;
  knownNames(where, options, [...(several ? ['issuers'] : issuerNames), ...sharedNames]);
  const issuers = checkIssuers(where, several ? options.issuers : [pick(options, issuerNames)]);
  const shared = options as SharedOptions;
  return {
    issuers,
    clockTolerance: seconds(`${where}.clockTolerance`, shared.clockTolerance ?? 5, [0, 300]),
    keys: checkKeys(`${where}.keys`, shared.keys ?? {}),
    optional: flag(`${where}.optional`, shared.optional ?? false),
    impliedScopes: checkImplied(`${where}.impliedScopes`, shared.impliedScopes ?? {}),
    realm: checkRealm(`${where}.realm`, shared.realm, issuers[0]),
    resourceMetadata:
      shared.resourceMetadata === undefined
        ? undefined
        : secureUrl(`${where}.resourceMetadata`, shared.resourceMetadata),
    problemTypes: checkProblemTypes(`${where}.problemTypes`, shared.problemTypes),
    onDecision: shared.onDecision && callable(`${where}.onDecision`, shared.onDecision),
    // Looked up late, so that a test that replaces the global one is obeyed.
    fetch: callable(`${where}.fetch`, shared.fetch ?? ((...args) => globalThis.fetch(...args))),
    now: callable(`${where}.now`, shared.now ?? Date.now),
  };
}

const pick = (from: object, names: readonly string[]): object =>
  Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));

function checkKeys(where: string, given: KeyOptions): Required<KeyOptions> {
  knownNames(where, given, ['maxAge', 'maxStale', 'cooldown', 'timeout']);
  const { maxAge = 600, maxStale = 86_400, cooldown = 30, timeout = 5 } = given;
  return {
    maxAge: seconds(`${where}.maxAge`, maxAge, [0.001, 86_400]),
    maxStale: seconds(`${where}.maxStale`, maxStale, [0, 2_592_000]),
    cooldown: seconds(`${where}.cooldown`, cooldown, [0.001, 3_600]),
    timeout: seconds(`${where}.timeout`, timeout, [0.001, 60]),
  };
}

function checkImplied(where: string, given: object): Settings['impliedScopes'] {
  knownNames(where, given, Object.keys(given));
  const implied = new Map<string, readonly string[]>();
  for (const [broad, narrow] of Object.entries(given)) {
    listOf(where, [broad], 'scope', isScope);
    implied.set(broad, listOf(`${where}["${broad}"]`, narrow, 'scope', isScope));
  }
  return implied;
}

function checkRealm(where: string, given: unknown, { audience }: IssuerSettings): string {
  const [first = ''] = audience;
  const realm = someText(where, given ?? first, 'is no text');
  if (!/^[ -~]+$/.test(realm)) throw mistake(where, realm, 'has other than printable ASCII in it');
  return realm;
}

function checkProblemTypes(where: string, given: unknown = 'urn:sallyport:problem:'): string {
  const base = someText(where, given, 'is no URI');
  if (!URL.canParse(base) || !/^[!-~]+[:/#=]$/.test(base)) {
    throw mistake(where, base, 'is no absolute URI that ends in one of : / # =');
  }
  return base;
}
