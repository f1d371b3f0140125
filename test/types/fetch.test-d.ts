import { fetchGuard } from '../../src/fetch.js';
import { createGuard, type Guard, type Principal } from '../../src/index.js';

// Never run: `tsc` compiles it, and a mistake that begins to compile is an unused directive.

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function must<_Truth extends true>(): void;
const options = { issuer: 'https://a.example', audience: 'a' };
const request = new Request('https://api.example.com/orders');
const check = fetchGuard(options);

// Mistake: the Response is not returned, and the refused request is served.
const pass = await check(request, { scopes: ['orders:read'] });
// @ts-expect-error: may be a Response
pass.principal;
// @ts-expect-error: a promise is no pass
check(request).principal;
if (pass instanceof Response) {
  must<Equal<typeof pass, Response>>();
} else {
  must<Equal<typeof pass.principal, Principal>>();
  must<Equal<typeof pass.principal.subject, string | undefined>>();
  must<Equal<typeof pass.headers, Readonly<Record<string, string>>>>();
  // @ts-expect-error: no status: it is a pass
  pass.status;
  // @ts-expect-error: read only
  pass.principal = { kind: 'token', scopes: new Set() };
}
const byGuard = await fetchGuard(createGuard(options))(request);
if (!(byGuard instanceof Response)) must<Equal<typeof byGuard.principal, Principal>>();

// Mistake: where nobody has to be known, the handler believes that somebody is.
const optional = fetchGuard({ ...options, optional: true });
const maybe = await optional(request);
if (!(maybe instanceof Response)) {
  must<Equal<typeof maybe.principal, Principal | undefined>>();
  // @ts-expect-error: there may be nobody
  maybe.principal.subject;
}
const listed = await fetchGuard({ issuers: [options], optional: true })(request);
if (!(listed instanceof Response)) {
  must<Equal<typeof listed.principal, Principal | undefined>>();
}
const here = await check(request, { optional: true });
if (!(here instanceof Response)) {
  must<Equal<typeof here.principal, Principal | undefined>>();
}
const never = await optional(request, { optional: false });
if (!(never instanceof Response)) must<Equal<typeof never.principal, Principal>>();
const scoped = await optional(request, { scopes: ['a'] });
if (!(scoped instanceof Response)) {
  must<Equal<typeof scoped.principal, Principal | undefined>>();
}
const optionalGuard = createGuard({ ...options, optional: true });
const byOptional = await fetchGuard(optionalGuard)(request);
if (!(byOptional instanceof Response)) {
  must<Equal<typeof byOptional.principal, Principal | undefined>>();
}
declare const someGuard: Guard;
const byAny = await fetchGuard(someGuard)(request);
if (!(byAny instanceof Response)) must<Equal<typeof byAny.principal, Principal | undefined>>();
const asked: { readonly optional: boolean } = { optional: true };
const unsure = await fetchGuard({ ...options, ...asked })(request);
if (!(unsure instanceof Response)) {
  must<Equal<typeof unsure.principal, Principal | undefined>>();
}
const unsureHere = await check(request, asked);
if (!(unsureHere instanceof Response)) {
  must<Equal<typeof unsureHere.principal, Principal | undefined>>();
}
const sure = await fetchGuard({ ...options, optional: false })(request, { optional: false });
if (!(sure instanceof Response)) must<Equal<typeof sure.principal, Principal>>();

// Mistake: something else than a request is checked.
// @ts-expect-error: a URL is no request
check('https://api.example.com/orders');
// @ts-expect-error: nor is what only looks like one
check({ url: '/orders', headers: {} });

// Mistake: options and requirements are wrong, and the overloads hide it.
// @ts-expect-error: no audience
fetchGuard({ issuer: 'https://a.example' });
// @ts-expect-error: no audience, optional or not
fetchGuard({ issuer: 'https://a.example', optional: true });
// @ts-expect-error: not an option
fetchGuard({ ...options, optional: true, audiences: ['a'] });
// @ts-expect-error: one text
check(request, { scopes: 'a,b' });
// @ts-expect-error: no such requirement
check(request, { optional: true, scope: ['a'] });
// @ts-expect-error: no value
check(request, { scopes: undefined });
// @ts-expect-error: not a boolean
check(request, { check: (principal) => principal.subject });
