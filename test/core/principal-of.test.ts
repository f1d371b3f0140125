import { expect, test } from 'vitest';
import { createGuard, principalOf } from '../../src/index.js';
import { createTestIssuer, testPrincipal } from '../../src/testing.js';

const principal = testPrincipal({ scopes: ['a', 'b'] });

test.each([
  ['a member principal', { principal }],
  ['a Hono context', { var: { principal } }],
  ['an inherited member', Object.create({ principal })],
])('is found in %s', (_, request) => {
  expect(principalOf(request)).toBe(principal);
});

test.each([
  ['a request that no guard has seen', {}],
  ['a request of a caller that nobody knows', { principal: undefined }],
  ['a request whose principal is null', { principal: null }],
  ['a Hono context that no guard has seen', { var: {} }],
  ['nothing', undefined],
])('%s is an Error that says what to do', (_, request) => {
  expect(() => principalOf(request as object)).toThrow(/nobody is known here.*requireToken\(\)/);
});

test.each([['joe'], [{ name: 'joe' }], [{ kind: 'token' }], [true]])(
  'what another middleware has put there is none: %o',
  (other) => {
    expect(() => principalOf({ principal: other })).toThrow(/not set by sallyport/);
  },
);

test('scopes print as a list in JSON, and are still a Set that cannot be changed', async () => {
  const issuer = await createTestIssuer();
  const token = await issuer.token({ scopes: ['a', 'b'] });
  const decision = await createGuard(issuer.options)({
    method: 'GET',
    url: '/',
    header: (name) => (name === 'authorization' ? `Bearer ${token}` : undefined),
  });
  if (!decision.allowed || !decision.principal) throw new Error('it is good');
  const { scopes } = decision.principal;
  expect(JSON.parse(JSON.stringify(decision.principal))).toMatchObject({ scopes: ['a', 'b'] });
  expect(scopes).toEqual(new Set(['a', 'b']));
  expect(Object.keys(scopes)).toEqual([]);
  expect(() => (scopes as Set<string>).add('c')).toThrow(TypeError);
  expect(JSON.parse(JSON.stringify(principal))).toMatchObject({ scopes: ['a', 'b'] });
});
