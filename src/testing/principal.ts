import type { Principal } from '../index.js';
import { checkParts, isList, isObject, isText, type PartCheck } from './parts.js';

type Parts = { readonly [K in keyof Principal]?: Principal[K] | undefined };

const or = ([passes, must]: PartCheck, other: unknown): PartCheck => [
  (value) => value === other || passes(value),
  must,
];
const text = or(isText, undefined);
const partChecks = {
  kind: [(value) => value === 'token' || value === 'api-key', '"token" or "api-key"'],
  subject: text,
  clientId: text,
  orgId: text,
  scopes: [(value) => value instanceof Set || isList[0](value), 'a list of strings, or a Set'],
  issuer: text,
  tokenId: text,
  expiresAt: [(value) => value === undefined || Number.isFinite(value), 'a number of seconds'],
  claims: or(isObject, undefined),
  key: or(isObject, undefined),
} satisfies Record<keyof Principal, PartCheck>;

/**
 * Makes a principal for the unit test of a handler, without a guard: `user_1` at `client_1`, unless
 * its parts say otherwise. A part that is `undefined` is left out.
 * @throws ConfigError for a part that is not known, or of the wrong kind
 */
export function testPrincipal(
  parts: Omit<Parts, 'scopes'> & {
    readonly scopes?: readonly string[] | ReadonlySet<string>;
  } = {},
): Principal {
  checkParts('testPrincipal', parts, partChecks);
  const scopes: ReadonlySet<string> = new Set(parts.scopes);
  Object.defineProperty(scopes, 'toJSON', { value: () => [...scopes] });
  const all = { kind: 'token', subject: 'user_1', clientId: 'client_1', ...parts, scopes };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.freeze(Object.fromEntries(given)) as unknown as Principal;
}
