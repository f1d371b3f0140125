import type { Principal } from '../../src/index.js';
import {
  type conformanceCases,
  createTestIssuer,
  type GuardCase,
  testPrincipal,
} from '../../src/testing.js';

// Never run: `tsc` compiles it, and a mistake that begins to compile is an unused directive.

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function must<_Truth extends true>(): void;
const issuer = await createTestIssuer();

// What is meant compiles.
await createTestIssuer({ audience: ['a', 'b'], algorithm: 'PS384', now: () => 0 });
await issuer.token({ scopes: ['a'], orgId: 'org_1', expiresIn: -1, claims: { sub: undefined } });
await issuer.token({ header: { typ: undefined }, wrongKey: true });
testPrincipal({ scopes: ['a'], orgId: 'org_1' });
testPrincipal({ scopes: new Set(['a']) });

// Mistake: a part is misspelt, and the test passes for another reason than it says.
// @ts-expect-error: scopes
issuer.token({ scope: ['a'] });
// @ts-expect-error: expiresIn
issuer.token({ expiresAt: 1 });
// @ts-expect-error: a list
issuer.token({ scopes: 'a b' });
// @ts-expect-error: a number of seconds
issuer.token({ expiresIn: '5m' });
// @ts-expect-error: subject
testPrincipal({ sub: 'user_1' });
// @ts-expect-error: a text is a list of its letters
testPrincipal({ scopes: 'orders:read' });

// Mistake: the issuer is given a secret.
// @ts-expect-error: symmetric
createTestIssuer({ algorithm: 'HS256' });

// Mistake: a test forgets to wait, and sends "[object Promise]" as its token.
// @ts-expect-error: a promise is no text
const header: string = issuer.token();
must<Equal<Awaited<ReturnType<typeof issuer.token>>, string>>();
must<Equal<typeof header, string>>();

// Mistake: a test bends the issuer in a place where that changes nothing.
// @ts-expect-error: read only
issuer.issuer = 'https://other.example';
// @ts-expect-error: counted, not set
issuer.requests.jwks = 0;
must<Equal<ReturnType<typeof testPrincipal>, Principal>>();
must<Equal<typeof conformanceCases, readonly GuardCase[]>>();
