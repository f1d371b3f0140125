import { onTestFinished } from 'vitest';
import {
  createGuard,
  type Guard,
  type GuardOptions,
  type IssuerOptions,
  type Principal,
  type Requirements,
  type SharedOptions,
} from '../../src/index.js';
import { createTestKey, type TestKey } from '../../src/testing/token.js';
import { bearing, verdict } from '../rfc/ask.js';
import { audience, issuer, jwksUri, mint, named, seconds } from '../rfc/mint.js';
import { type Clock, createClock } from './jwks-server.js';

/** The network as a guard sees it: one key set, and how it is answered for. */
export interface Network {
  /** What is published. */
  keys: readonly unknown[];
  /** In place of an answer with these keys. */
  answer: ((signal: AbortSignal) => Response | Promise<Response>) | undefined;
  /** How often it was asked. */
  asked: number;
  readonly fetch: typeof globalThis.fetch;
}

export function createNetwork(...keys: readonly TestKey[]): Network {
  const network: Network = {
    keys: keys.map(({ jwk }) => jwk),
    answer: undefined,
    asked: 0,
    async fetch(_, init) {
      network.asked += 1;
      return network.answer?.(init?.signal as AbortSignal) ?? published(network);
    },
  };
  return network;
}

/** The key set, as it is now. */
export const published = ({ keys }: Network): Response => Response.json({ keys });

/** An outage. */
export const down = () => Promise.reject(new TypeError('fetch failed'));

/** An answer that is kept back until it is released, and is then what is published. */
export function keepBack(network: Network) {
  let release = () => {};
  const released = new Promise<void>((done) => {
    release = done;
  });
  network.answer = async () => {
    await released;
    return published(network);
  };
  return release;
}

/** A key of its own; nothing is cheaper to sign with. */
export const freshKey = async (kid: string): Promise<TestKey> =>
  named(await createTestKey('EdDSA'), kid);

export type SceneOptions = Partial<IssuerOptions> & SharedOptions;

/** A guard, the clock it goes by, and the one key that is published to begin with. */
export interface Scene {
  readonly clock: Clock;
  readonly network: Network;
  readonly key: TestKey;
  readonly guard: Guard;
  /** Another guard of the same issuer. */
  open(more?: SceneOptions): Guard;
  /** A token that lives for months, and is another for other claims. */
  token(claims?: object): string;
  /** Who a token of a request that has to pass speaks for. */
  principal(token: string, requirements?: Requirements): Promise<Principal>;
  /** `allowed`, or the code of the refusal. */
  verdict(token: string, requirements?: Requirements): Promise<string>;
}

export async function openScene(options: SceneOptions = {}): Promise<Scene> {
  const clock = createClock();
  const key = await freshKey('first');
  const network = createNetwork(key);
  const open = (more: SceneOptions = {}) => {
    const common = { issuer, audience, jwksUri, now: clock.now, fetch: network.fetch };
    // No test that does not say so is about a deadline, on a busy machine either.
    const keys = { timeout: 60, ...options.jwks, ...more.jwks };
    const guard = createGuard({ ...common, ...options, ...more, jwks: keys } as GuardOptions);
    onTestFinished(() => guard.close());
    return guard;
  };
  const guard = open();
  return {
    clock,
    network,
    key,
    guard,
    open,
    token: (claims) => longLived(key, claims),
    principal: (token, requirements) => principalOf(guard, token, requirements),
    verdict: async (token, requirements) => verdict(await guard(bearing(token), requirements)),
  };
}

/** A token that lives for months. */
export const longLived = (key: TestKey, claims: object = {}): string =>
  mint(key, { claims: { exp: seconds + 1e7, ...claims } });

/** Who a token speaks for. One that was remembered speaks for the very same object as before. */
export async function principalOf(
  guard: Guard,
  token: string,
  requirements?: Requirements,
): Promise<Principal> {
  const decision = await guard(bearing(token), requirements);
  if (!decision.allowed || !decision.principal) throw new Error(`refused: ${verdict(decision)}`);
  return decision.principal;
}

/** Lets everything run that can without another thread, a body that is read included. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((done) => setImmediate(done));
}

/** Does the same many times at once. */
export const atOnce = <T>(times: number, work: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: times }, (_, i) => work(i)));
