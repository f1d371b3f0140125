import type { Algorithm, IssuerOptions } from '../index.js';
import { type Endpoints, endpointsOf, type Reply, type Served, serve } from './endpoints.js';
import {
  checkParts,
  isCallable,
  isFlag,
  isString,
  isStringOrStrings,
  type PartCheck,
} from './parts.js';
import { createTestKey, describe, signCompact, type TestKey, type TokenParts } from './token.js';

/** Options of {@link createTestIssuer}. */
export interface TestIssuerOptions {
  /** @default 'https://issuer.test', or its own address after `listen()` */
  readonly issuer?: string;
  /** @default 'https://api.test' */
  readonly audience?: string | readonly string[];
  /** @default 'ES256' */
  readonly algorithm?: Algorithm;
  /** The clock, in milliseconds since 1970. @default Date.now */
  now?(): number;
}

/** The options with which a guard trusts a test issuer. Spread them into the guard's options. */
export interface TestGuardOptions extends IssuerOptions {
  readonly fetch?: typeof globalThis.fetch;
  now?(): number;
}

/** An authorization server for tests, with real keys and signatures. Needs no network unless it listens. */
export interface TestIssuer {
  readonly issuer: string;
  readonly audience: string | readonly string[];
  /** `{ issuer, audience, fetch }`, and `now` if it was given; without `fetch` after `listen()`. */
  readonly options: TestGuardOptions;
  /** The number of requests received, including those without a response. */
  readonly requests: { readonly discovery: number; readonly jwks: number; readonly token: number };
  /**
   * The token endpoint for the client credentials grant (RFC 6749 §4.4). It accepts any `client_id`
   * and `client_secret`, and grants the requested `scope` and `org_id`.
   */
  readonly tokenEndpoint: string;
  /** The published JWK Set. */
  readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] };
  /** Serves discovery, JWKS and token endpoint without a network. Pass it to a guard as `fetch`. */
  readonly fetch: typeof globalThis.fetch;
  /**
   * Mints an access token, which is valid unless its parts change that.
   * @throws ConfigError if a part is unknown or invalid, or a time is in milliseconds
   */
  token(parts?: TokenParts): Promise<string>;
  /** Signs with a new key from now on. Old keys stay published, unless `withdraw` is `true`. */
  rotateKeys(options?: { readonly withdraw?: boolean }): Promise<void>;
  /** Simulates an outage: every request fails. */
  goDown(): void;
  /** Simulates an outage: no request gets a response. */
  hang(): void;
  /** Ends the simulated outage. */
  comeBack(): void;
  /** Listens on a free port of 127.0.0.1, whose URL becomes the issuer unless `issuer` is set. */
  listen(): Promise<TestIssuer>;
  /** Stops listening. */
  close(): Promise<void>;
}

const optionChecks = {
  issuer: isString,
  audience: isStringOrStrings,
  algorithm: {
    passes: (value) => /^(?:[RPE]S(?:256|384|512)|EdDSA|Ed25519)$/.test(String(value)),
    wanted: 'an asymmetric algorithm, such as "ES256"',
  },
  now: isCallable,
} satisfies Record<keyof TestIssuerOptions, PartCheck>;

/**
 * Creates an authorization server for tests with any test runner.
 * @throws ConfigError if an option is unknown or its value is invalid
 */
export async function createTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  checkParts('createTestIssuer', options, optionChecks);
  const { audience = 'https://api.test', algorithm = 'ES256', now } = options;
  let key = await createTestKey(algorithm);
  let unpublishedKey: Promise<TestKey> | undefined;
  let published = [key];
  let state: 'up' | 'down' | 'hanging' = 'up';
  let served: Served | undefined;
  const requests = { discovery: 0, jwks: 0, token: 0 };

  const name = () => options.issuer ?? served?.origin ?? 'https://issuer.test';
  // An issuer with a custom name is served at its own address all the same.
  const base = () => served?.origin ?? name();
  const endpoints = (): Endpoints =>
    endpointsOf({ issuer: name(), base: base(), jwks: () => issuer.jwks, token });

  async function token(parts: TokenParts = {}): Promise<string> {
    const issuing = { issuer: name(), audience, key, now: now?.() ?? Date.now() };
    const { header, claims } = describe(parts, issuing);
    if (parts.wrongKey) unpublishedKey ??= createTestKey(algorithm);
    return signCompact(header, claims, (parts.wrongKey && (await unpublishedKey)) || key);
  }

  async function respond(
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
    const reply = await Promise.race([respond(request.method, url, form), aborted(request.signal)]);
    if (!reply) throw new TypeError('fetch failed: the test issuer is down');
    return Response.json(reply.body, { status: reply.status });
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
      served ??= await serve(respond);
      return issuer;
    },
    async close() {
      await served?.close();
      served = undefined;
    },
  };
  return issuer;
}

/** Returns the options with which a guard trusts several test issuers, with one `fetch` for all. */
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
