import type { Algorithm, IssuerOptions } from '../index.js';
import { type Endpoints, endpointsOf, type Reply, type Served, serve } from './endpoints.js';
import { checkParts, isCallable, isFlag, isText, isTexts, type PartCheck } from './parts.js';
import { createTestKey, describe, signCompact, type TestKey, type TokenParts } from './token.js';

/** What a test issuer is made of. */
export interface TestIssuerOptions {
  /** @default 'https://issuer.test', or the loopback address once it listens */
  readonly issuer?: string;
  /** @default 'https://api.test' */
  readonly audience?: string | readonly string[];
  /** @default 'ES256' */
  readonly algorithm?: Algorithm;
  /** The clock, in milliseconds since 1970. @default Date.now */
  now?(): number;
}

/** What a guard needs to trust a test issuer: spread it into the guard's options. */
export interface TestGuardOptions extends IssuerOptions {
  readonly fetch?: typeof globalThis.fetch;
  now?(): number;
}

/** An authorization server for tests: real keys, real signatures, no network unless it listens. */
export interface TestIssuer {
  readonly issuer: string;
  readonly audience: string | readonly string[];
  /** `{ issuer, audience, fetch }`, with `now` if it was given; without `fetch` once it listens. */
  readonly options: TestGuardOptions;
  /** Requests received, answered or not. */
  readonly requests: { readonly discovery: number; readonly jwks: number; readonly token: number };
  /**
   * Where a client gets a token by client credentials (RFC 6749 §4.4): any `client_id` with any
   * `client_secret`, for the `scope` and the `org_id` it asks for.
   */
  readonly tokenEndpoint: string;
  /** The published key set. */
  readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] };
  /** Serves discovery, key set and token endpoint without a socket; to be given to a guard. */
  readonly fetch: typeof globalThis.fetch;
  /**
   * Mints an access token: good unless bent.
   * @throws ConfigError for a part that is not known or of the wrong kind, and for times in milliseconds
   */
  token(parts?: TokenParts): Promise<string>;
  /** Signs with a new key from now on. The old ones stay published unless they are withdrawn. */
  rotateKeys(options?: { readonly withdraw?: boolean }): Promise<void>;
  /** Breaks every connection. */
  goDown(): void;
  /** Takes requests and never answers. */
  hang(): void;
  /** Ends `goDown` and `hang`. */
  comeBack(): void;
  /** Serves the same on a free port of 127.0.0.1, and is from then on the issuer of that address. */
  listen(): Promise<TestIssuer>;
  /** Stops listening. */
  close(): Promise<void>;
}

const optionChecks = {
  issuer: isText,
  audience: isTexts,
  algorithm: [
    (value) => /^(?:[RPE]S(?:256|384|512)|EdDSA|Ed25519)$/.test(String(value)),
    'an asymmetric algorithm, such as "ES256"',
  ],
  now: isCallable,
} satisfies Record<keyof TestIssuerOptions, PartCheck>;

/**
 * Makes an authorization server for tests, in Vitest, Jest or node:test.
 * @throws ConfigError for an option that is not known, or of the wrong kind
 */
export async function createTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  checkParts('createTestIssuer', options, optionChecks);
  const { audience = 'https://api.test', algorithm = 'ES256', now } = options;
  let key = await createTestKey(algorithm);
  let stranger: Promise<TestKey> | undefined;
  let published = [key];
  let state: 'up' | 'down' | 'hanging' = 'up';
  let served: Served | undefined;
  const requests = { discovery: 0, jwks: 0, token: 0 };

  const name = () => options.issuer ?? served?.origin ?? 'https://issuer.test';
  // An issuer with a name of its own is not found under it, so its keys are.
  const base = () => served?.origin ?? name();
  const endpoints = (): Endpoints =>
    endpointsOf({ issuer: name(), base: base(), jwks: () => issuer.jwks, token });

  async function token(parts: TokenParts = {}): Promise<string> {
    const issuing = { issuer: name(), audience, key, now: now?.() ?? Date.now() };
    const { header, claims } = describe(parts, issuing);
    if (parts.wrongKey) stranger ??= createTestKey(algorithm);
    return signCompact(header, claims, (parts.wrongKey && (await stranger)) || key);
  }

  async function answer(
    method: string,
    url: URL,
    body: URLSearchParams,
  ): Promise<Reply | undefined> {
    const endpoint = endpoints().find(({ path }) => path === url.pathname);
    if (endpoint) requests[endpoint.counts] += 1;
    if (state === 'down') return undefined;
    if (state === 'hanging') return new Promise(() => {});
    return endpoint ? endpoint.reply(method, body) : { status: 404, body: { error: 'not_found' } };
  }

  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    if (url.origin !== new URL(base()).origin) {
      throw new TypeError(`fetch failed: the test issuer is not at ${url.origin}`);
    }
    const form = new URLSearchParams(request.method === 'POST' ? await request.text() : '');
    const given = await Promise.race([answer(request.method, url, form), aborted(request.signal)]);
    if (!given) throw new TypeError('fetch failed: the test issuer is down');
    return Response.json(given.body, { status: given.status });
  };

  const issuer: TestIssuer = {
    get issuer() {
      return name();
    },
    audience,
    get options() {
      return {
        issuer: name(),
        audience,
        ...(served ? options.issuer && { jwksUri: `${served.origin}/jwks` } : { fetch }),
        ...(now && { now }),
      };
    },
    requests,
    get tokenEndpoint() {
      return `${base().replace(/\/$/, '')}/token`;
    },
    get jwks() {
      return { keys: published.map(({ jwk }) => jwk) };
    },
    fetch,
    token,
    async rotateKeys(given = {}) {
      checkParts('rotateKeys', given, { withdraw: isFlag });
      const { withdraw = false } = given;
      key = await createTestKey(algorithm);
      published = withdraw ? [key] : [key, ...published];
    },
    goDown() {
      state = 'down';
    },
    hang() {
      state = 'hanging';
    },
    comeBack() {
      state = 'up';
    },
    async listen() {
      served ??= await serve(answer);
      return issuer;
    },
    async close() {
      await served?.close();
      served = undefined;
    },
  };
  return issuer;
}

/** What a guard needs to trust several test issuers: one `fetch` that knows them all. */
export function trustTestIssuers(...issuers: readonly TestIssuer[]) {
  const list = issuers.map(({ options: { fetch: _fetch, now: _now, ...options } }) => options);
  const now = issuers.map(({ options }) => options.now).find((clock) => clock !== undefined);
  const fetch: typeof globalThis.fetch = (input, init) => {
    const { origin } = new URL(input instanceof Request ? input.url : input);
    const issuer = issuers.find(
      ({ options }) => options.fetch && new URL(options.issuer).origin === origin,
    );
    return (issuer?.fetch ?? globalThis.fetch)(input, init);
  };
  return { issuers: list, fetch, ...(now && { now }) };
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.throwIfAborted();
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
