import type { Principal } from '../index.js';
import { checkParts, isObject, isString, isStrings, type PartCheck } from './parts.js';

type Parts = { readonly [K in keyof Principal]?: Principal[K] | undefined };

const optional = ({ passes, wanted }: PartCheck): PartCheck => ({
  passes: (value) => value === undefined || passes(value),
  wanted,
});
const optionalString = optional(isString);
const partChecks = {
  kind: {
    passes: (value) => value === 'token' || value === 'api-key',
    wanted: '"token" or "api-key"',
  },
  subject: optionalString,
  clientId: optionalString,
  orgId: optionalString,
  scopes: {
    passes: (value) => value instanceof Set || isStrings.passes(value),
    wanted: 'an array of strings or a Set',
  },
  issuer: optionalString,
  tokenId: optionalString,
  expiresAt: optional({ passes: Number.isFinite, wanted: 'a number of seconds since 1970' }),
  claims: optional(isObject),
  key: optional(isObject),
} satisfies Record<keyof Principal, PartCheck>;

/**
 * Returns a principal for unit-testing a handler without a guard. Defaults to a token's, with subject
 * `user_1` and client `client_1`. Members that are set to `undefined` are omitted.
 * @throws ConfigError if a member is unknown or its value is invalid
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
