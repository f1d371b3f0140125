import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, expect, onTestFinished } from 'vitest';
import { createGuard, type Decision, type Guard, type JwksOptions } from '../../src/index.js';
import { createTestIssuer, type TestIssuer } from '../../src/testing.js';

/** What a path of the host does with a request. */
export type Answer = (response: ServerResponse) => void;

export const text =
  (body: string, status = 200): Answer =>
  (response) =>
    void response.writeHead(status, { 'content-type': 'text/html' }).end(body);

export const json = (body: unknown, status = 200): Answer => text(JSON.stringify(body), status);

export const redirect =
  (location: string): Answer =>
  (response) =>
    void response.writeHead(302, { location }).end();

export const reset: Answer = ({ req }) => void req.socket.resetAndDestroy();

export const hang: Answer = () => {};

/** An answer that the host keeps back until it is released. */
export function keepBack(answer: Answer) {
  let arrive = () => {};
  let release = () => {};
  const arrived = new Promise<void>((done) => {
    arrive = done;
  });
  const released = new Promise<void>((done) => {
    release = done;
  });
  return {
    arrived,
    release,
    answer: (response: ServerResponse) => {
      arrive();
      void released.then(() => answer(response));
    },
  };
}

/** The host of an issuer's metadata and keys, on a real socket. */
export interface Host {
  readonly origin: string;
  /** By path; any other is a 404. */
  readonly routes: Record<string, Answer>;
  /** The paths that requests arrived for. */
  readonly received: string[];
  /** Refuses connections. */
  stop(): Promise<void>;
  /** Listens again, where it did before. */
  start(): Promise<void>;
}

export async function openHost(): Promise<Host> {
  const routes: Record<string, Answer> = {};
  const received: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    received.push(path);
    // A kept connection that dies would be an outage that no test asked for.
    response.shouldKeepAlive = false;
    (routes[path] ?? text('', 404))(response);
  });
  const listen = (port: number) =>
    new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  async function stop() {
    const closed = new Promise((done) => server.close(done));
    server.closeAllConnections();
    await closed;
  }
  onTestFinished(stop);
  return {
    origin: `http://127.0.0.1:${port}`,
    routes,
    received,
    stop,
    start: () => listen(port),
  };
}

export interface Clock {
  /** Milliseconds since 1970. */
  time: number;
  now(): number;
  advance(seconds: number): void;
}

export function createClock(): Clock {
  const clock: Clock = {
    time: Date.UTC(2030, 0, 1),
    now: () => clock.time,
    advance: (seconds) => {
      clock.time += seconds * 1000;
    },
  };
  return clock;
}

/** The real network, and the URLs that were asked of it, counted before anything is on its way. */
export function countFetches() {
  const fetched: string[] = [];
  const fetch: typeof globalThis.fetch = (url, init) => {
    fetched.push(String(url));
    return globalThis.fetch(url, init);
  };
  return { fetch, fetched };
}

const longLived = { expiresIn: 1e7 };

/** What a guard makes of a token. */
export const decide = (guard: Guard, token: string): Promise<Decision> =>
  guard({
    method: 'GET',
    url: '/orders',
    header: (name) => (name.toLowerCase() === 'authorization' ? `Bearer ${token}` : undefined),
  });

/** The same in a word: "allowed", or status and code. */
export async function outcome(guard: Guard, token: string): Promise<string> {
  const decision = await decide(guard, token);
  return decision.allowed ? 'allowed' : `${decision.denial.status} ${decision.error.code}`;
}

/** A guard, the clock it goes by, the issuer it trusts, and the host of that issuer's keys. */
export interface Scene {
  readonly host: Host;
  readonly clock: Clock;
  readonly issuer: TestIssuer;
  readonly guard: Guard;
  readonly fetched: string[];
  /** Sets what the host does when it is asked for keys. */
  serve(answer: Answer): void;
  /** Serves the issuer's keys, as they are when asked for. */
  readonly published: Answer;
  /** A token that outlives every test. */
  token(): Promise<string>;
  /** What the guard makes of a token; of a fresh one unless told. */
  outcome(token?: string): Promise<string>;
  decide(): Promise<Decision>;
}

export interface SceneOptions {
  readonly keys?: JwksOptions;
  /** The guard has to find the keys by metadata, under this path of the host. */
  readonly discoverAt?: string;
}

export async function openScene({ keys = {}, discoverAt }: SceneOptions = {}): Promise<Scene> {
  const host = await openHost();
  const clock = createClock();
  const name = host.origin + (discoverAt ?? '');
  const issuer = await createTestIssuer({ issuer: name, now: clock.now });
  const { fetch, fetched } = countFetches();
  const jwksUri = `${host.origin}/jwks`;
  const guard = createGuard({
    issuer: name,
    audience: 'https://api.test',
    ...(discoverAt === undefined && { jwksUri }),
    jwks: keys,
    fetch,
    now: clock.now,
  });
  onTestFinished(() => guard.close());
  const published: Answer = (response) => json(issuer.jwks)(response);
  const token = () => issuer.token(longLived);
  host.routes['/jwks'] = published;
  return {
    host,
    clock,
    issuer,
    guard,
    fetched,
    published,
    token,
    serve: (answer) => {
      host.routes['/jwks'] = answer;
    },
    outcome: async (given) => outcome(guard, given ?? (await token())),
    decide: async () => decide(guard, await token()),
  };
}

// Every test of these files also shows that nothing rejects where nobody listens.
const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
async function noneUnhandled() {
  await new Promise((done) => setImmediate(done));
  expect(unhandled.splice(0)).toEqual([]);
}
afterEach(noneUnhandled);
afterAll(noneUnhandled);
