import {
  createGuard,
  checkRequirements as meant,
  type Principal,
  type Requirements,
} from '../../src/index.js';

// Never run: `tsc` compiles it, and a mistake that begins to compile is an unused directive.

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function must<_Truth extends true>(): void;

// What is meant compiles.
meant();
meant({});
meant({ scopes: ['orders:read'], anyScope: ['a', 'b'], orgId: 'org_1', optional: false });
meant({ orgId: (request) => request.params?.orgId });
meant({ check: (principal) => principal.scopes.has('a') });
meant({ check: async (principal, { url }) => principal.subject === url });
meant({ scopes: ['a', 'b'] as const });
meant({ mode: 'token-only' });

// Mistake: scopes are one text, and a scope that nobody has (or everybody) is asked for.
// @ts-expect-error: commas
meant({ scopes: 'a,b' });
// @ts-expect-error: spaces
meant({ scopes: 'a b' });
// @ts-expect-error: commas
meant({ anyScope: 'a,b' });
// @ts-expect-error: the requirements have names
meant(['a']);
// @ts-expect-error: the requirements have names
meant('a');

// Mistake: a requirement is misspelt, and is not required.
// @ts-expect-error: scopes
meant({ scope: ['a'] });
// @ts-expect-error: orgId
meant({ orgID: 'org_1' });
// @ts-expect-error: orgId
meant({ organization: 'org_1' });
// @ts-expect-error: beside a good one too
meant({ scopes: ['a'], roles: ['admin'] });
// @ts-expect-error: to the guard itself too
createGuard({ issuer: 'https://a.example', audience: 'a' })({} as never, { scope: ['a'] });

// Mistake: a route is given a mode that only one client can have, or none that there is.
// @ts-expect-error: a client's alone
meant({ mode: 'extension' });
// @ts-expect-error: token-only
meant({ mode: 'tokens-only' });
// @ts-expect-error: one
meant({ mode: ['dual', 'deprecated'] });

// Mistake: a value is undefined at run time, and the requirement is gone.
// @ts-expect-error: scopes
meant({ scopes: undefined });
// @ts-expect-error: anyScope
meant({ anyScope: undefined });
// @ts-expect-error: orgId
meant({ orgId: undefined });
// @ts-expect-error: check
meant({ check: undefined });
// @ts-expect-error: optional
meant({ optional: undefined });
// @ts-expect-error: mode
meant({ mode: undefined });
// @ts-expect-error: from a variable that may be empty too
meant({ scopes: [process.env.SCOPE] });

// Mistake: a check answers what is merely truthy, a user or a text.
// @ts-expect-error: not a boolean
meant({ check: (principal) => principal.subject });
// @ts-expect-error: not a boolean, later
meant({ check: async () => 'yes' });
// @ts-expect-error: forgets its answer
meant({ check: (principal) => void principal.scopes.has('a') });
// @ts-expect-error: a principal has no such member
meant({ check: (principal) => principal.roles.includes('admin') });

// Mistake: an organization is taken from where it may not be.
// @ts-expect-error: there may be no route parameters
meant({ orgId: (request) => request.params.orgId });
// @ts-expect-error: GuardRequest is no framework's request
meant({ orgId: (request) => request.query.orgId });
meant({ orgId: async () => 'org_1' });
// @ts-expect-error: an organization is named by its id
meant({ orgId: async () => 1 });

// Mistake: a handler gives a caller more than was granted.
declare const principal: Principal;
// @ts-expect-error: a set that cannot be added to
principal.scopes.add('admin');
// @ts-expect-error: nor emptied
principal.scopes.clear();
// @ts-expect-error: read only
principal.scopes = new Set(['admin']);
// @ts-expect-error: read only
principal.orgId = 'org_2';
// @ts-expect-error: nothing can be said of a claim before it is looked at
principal.claims?.roles.includes('admin');
// @ts-expect-error: read only
(principal.claims ?? {}).roles = ['admin'];
must<Equal<Principal['scopes'], ReadonlySet<string>>>();

// Mistake: requirements that routes share are changed after they were checked.
declare const shared: Requirements;
// @ts-expect-error: read only
shared.scopes?.push('a');
// @ts-expect-error: read only
shared.optional = true;
