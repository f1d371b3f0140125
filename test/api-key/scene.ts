import { onTestFinished } from 'vitest';
import {
  type ApiKeyLookup,
  type ApiKeyOptions,
  createGuard,
  type DecisionEvent,
  type Guard,
  type GuardRequest,
  type Requirements,
  type SharedOptions,
} from '../../src/index.js';
import { createTestIssuer, type TestIssuer } from '../../src/testing.js';
import { requestOf } from '../rfc/ask.js';
import { type Clock, createClock } from '../token/jwks-server.js';

/** An application's keys. Whatever `answer` answers or throws is the answer to the look-up. */
export interface Store {
  readonly records: Map<string, unknown>;
  /** The texts that were looked up, in turn. */
  readonly asked: string[];
  answer(value: string): unknown;
  readonly lookup: ApiKeyLookup;
}

export function createStore(records: Readonly<Record<string, unknown>> = known): Store {
  const store: Store = {
    records: new Map(Object.entries(records)),
    asked: [],
    answer: (value) => store.records.get(value),
    lookup: async ({ value }) => {
      store.asked.push(value);
      return store.answer(value) as ReturnType<ApiKeyLookup>;
    },
  };
  return store;
}

const known = {
  sk_1: { id: 'key_1', clientId: 'client_1', orgId: 'org_1', scopes: ['a'] },
  sk_2: { id: 'key_2', clientId: 'client_2' },
  sk_disabled: { id: 'key_disabled', clientId: 'client_1', disabled: true },
};

/** What an application's store does that cannot be asked. */
export const down = () => {
  throw new Error('the store is down');
};
export const hang = () => new Promise(() => {});

/** A guard that takes keys, and everything it stands on. */
export interface Scene {
  readonly clock: Clock;
  readonly store: Store;
  readonly issuer: TestIssuer;
  readonly guard: Guard;
  readonly events: DecisionEvent[];
  /** "allowed", or status and code, for a key in its header. */
  outcome(key: string, requirements?: Requirements): Promise<string>;
  /** The same for any request. */
  outcomeOf(request: GuardRequest, requirements?: Requirements): Promise<string>;
  /** A request with a good token. */
  bearing(parts?: Parameters<TestIssuer['token']>[0]): Promise<GuardRequest>;
}

export type SceneOptions = Omit<SharedOptions, 'apiKeys' | 'now' | 'onDecision'> & {
  readonly apiKeys?: Partial<ApiKeyOptions>;
};

export async function openScene({ apiKeys = {}, ...more }: SceneOptions = {}): Promise<Scene> {
  const clock = createClock();
  const store = createStore();
  const events: DecisionEvent[] = [];
  const issuer = await createTestIssuer({ now: clock.now });
  const guard = createGuard({
    ...issuer.options,
    ...more,
    now: clock.now,
    onDecision: (event) => void events.push(event),
    apiKeys: { from: [{ header: 'x-api-key' }], lookup: store.lookup, ...apiKeys },
  });
  onTestFinished(() => guard.close());
  const outcomeOf = (request: GuardRequest, requirements?: Requirements) =>
    inWords(guard(request, requirements));
  return {
    clock,
    store,
    issuer,
    guard,
    events,
    outcome: (key, requirements) => outcomeOf(keyed(key), requirements),
    outcomeOf,
    bearing: async (parts) =>
      requestOf({ authorization: `Bearer ${await issuer.token({ expiresIn: 1e7, ...parts })}` }),
  };
}

/** A request with this API key in its header. */
export const keyed = (key: string, more: Readonly<Record<string, string>> = {}): GuardRequest =>
  requestOf({ 'x-api-key': key, ...more });

/** A decision in a word or two. */
export async function inWords(deciding: ReturnType<Guard>): Promise<string> {
  const decision = await deciding;
  return decision.allowed ? 'allowed' : `${decision.denial.status} ${decision.error.code}`;
}

/** Does the same many times at once, and answers what came of it, each once. */
export async function atOnce<T>(times: number, work: (i: number) => Promise<T>): Promise<T[]> {
  return [...new Set(await Promise.all(Array.from({ length: times }, (_, i) => work(i))))];
}

export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

export function deferred<T = unknown>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((done, fail) => {
    resolve = done;
    reject = fail;
  });
  return { promise, resolve, reject };
}

/** Lets everything run that can. */
export const settle = () => new Promise((done) => setImmediate(done));
