import { createGuard, type GuardOptions } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';

// Never run: `tsc` compiles it, and a mistake that begins to compile is an unused directive.

const issuer = 'https://login.example.com';
const audience = 'https://api.example.com';
const one = { issuer, audience };

// What is meant compiles.
createGuard(one);
createGuard({ issuers: [one, { issuer: 'https://other.example.com', audience: ['a', 'b'] }] });
createGuard({
  ...one,
  jwksUri: 'https://login.example.com/jwks',
  algorithms: ['ES256', 'EdDSA'],
  typ: ['at+jwt', undefined],
  claims: { scopes: 'scp', orgId: ['realm', 'org'] },
  clockTolerance: 2.5,
  jwks: { maxAge: 60, staleIfError: 600, cooldown: 10, timeout: 1 },
  optional: true,
  maxTokenLifetime: 3_600,
  tokenCache: { max: 100, ttl: 0.5 },
  impliedScopes: { 'orders:write': ['orders:read'] },
  onDecision: (event) => void event.outcome,
});
createGuard({ ...one, tokenCache: false });
createGuard((await createTestIssuer()).options);
createGuard({ ...(await createTestIssuer()).options, optional: true });

// Mistake: an audience is forgotten, and tokens for every other API get in.
// @ts-expect-error: audience is missing
createGuard({ issuer });
// @ts-expect-error: it cannot be switched off either
createGuard({ issuer, audience: undefined });
// @ts-expect-error: nor so
createGuard({ issuer, audience: null });
// @ts-expect-error: nor so
createGuard({ issuer, audience: false });
// @ts-expect-error: nor so, and a pattern is no audience
createGuard({ issuer, audience: /.*/ });
// @ts-expect-error: every issuer needs its own
createGuard({ issuers: [one, { issuer: 'https://other.example.com' }] });

// Mistake: nobody is trusted, so nobody notices that nothing is configured.
// @ts-expect-error: no issuer
createGuard({});
// @ts-expect-error: no options
createGuard();
// @ts-expect-error: no issuer
createGuard({ audience });
// @ts-expect-error: the issuer alone is no options
createGuard(issuer);

// Mistake: one issuer's setting is written beside a list, where it would hold for none of them.
// @ts-expect-error: an issuer is no list
createGuard({ issuer: [issuer], audience });
// @ts-expect-error: a list is no issuer
createGuard({ issuers: one });
// @ts-expect-error: one or the other
createGuard({ ...one, issuers: [one] });
// @ts-expect-error: each has its own audience
createGuard({ issuers: [one], audience });
// @ts-expect-error: each has its own algorithms
createGuard({ issuers: [one], algorithms: ['ES256'] });

// Mistake: a shared secret, or no signature at all, is let in.
// @ts-expect-error: symmetric
createGuard({ ...one, algorithms: ['HS256'] });
// @ts-expect-error: no signature
createGuard({ ...one, algorithms: ['none'] });
// @ts-expect-error: one letter in the wrong case
createGuard({ ...one, algorithms: ['es256'] });
// @ts-expect-error: not one text
createGuard({ ...one, algorithms: 'RS256' });

// Mistake: a setting is misspelt, or comes from another library, and is ignored.
// @ts-expect-error: not an option
createGuard({ ...one, audiences: [audience] });
// @ts-expect-error: not an option
createGuard({ ...one, tokenSigningAlg: 'ES256' });
// @ts-expect-error: not an option, inside
createGuard({ ...one, jwks: { maxage: 60 } });
// @ts-expect-error: not an option, inside
createGuard({ ...one, claims: { scope: 'scp' } });
// @ts-expect-error: not an option, inside
createGuard({ ...one, tokenCache: { staleIfError: 60 } });
// @ts-expect-error: it is on unless it is off
createGuard({ ...one, tokenCache: true });
// @ts-expect-error: not an option of a listed issuer
createGuard({ issuers: [{ ...one, clockTolerance: 5 }] });

// Mistake: an environment variable is not set, and the default is taken without a word.
// @ts-expect-error: a name that is present has a value
createGuard({ ...one, realm: undefined });
// @ts-expect-error: process.env has maybe nothing
createGuard({ issuer, audience: process.env.AUDIENCE });
// @ts-expect-error: a name that is present has a value
createGuard({ ...one, jwks: { timeout: undefined } });

// Mistake: a unit is written as in another library.
// @ts-expect-error: seconds are a number
createGuard({ ...one, clockTolerance: '5s' });
// @ts-expect-error: seconds are a number
createGuard({ ...one, jwks: { maxAge: '10m' } });

// Mistake: options are changed after the guard has checked them, and nothing happens.
declare const options: GuardOptions;
// @ts-expect-error: read only
options.optional = true;
// @ts-expect-error: read only
options.jwks.timeout = 1;
