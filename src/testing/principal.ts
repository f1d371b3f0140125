import type { Principal } from '../index.js';

/** A principal for the unit test of a handler, without a guard. */
export function testPrincipal(
  parts: Omit<Partial<Principal>, 'scopes'> & {
    readonly scopes?: readonly string[] | ReadonlySet<string>;
  } = {},
): Principal {
  return {
    kind: 'token',
    subject: 'user_1',
    clientId: 'client_1',
    ...parts,
    scopes: new Set(parts.scopes),
  };
}
