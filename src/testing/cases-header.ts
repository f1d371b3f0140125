import {
  authorization,
  bearer,
  type Case,
  inQuery,
  malformedHeader,
  missing,
  passes,
  repeatedHeader,
  rule,
} from './expected.js';

/** Cases about the credential in a request. */
export const headerCases: readonly Case[] = [
  rule('none', 'RFC 6750 §3.1: no credential MUST be 401 without an error', () => ({}), missing()),
  rule(
    'none-scope',
    'RFC 6750 §3: the challenge contains the required scopes',
    () => ({}),
    missing(', scope="a b c"'),
    { requirements: { scopes: ['a', 'b'], anyScope: ['c', 'd'] } },
  ),
  rule(
    'none-metadata',
    'RFC 9728 §5.1: the challenge contains the URL of the metadata',
    () => ({}),
    missing(', resource_metadata="https://api.test/.well-known/oauth-protected-resource"'),
    { options: { resourceMetadataUrl: 'https://api.test/.well-known/oauth-protected-resource' } },
  ),
  rule(
    'none-head',
    'RFC 9110 §9.3.2: HEAD MUST get the same status and headers as GET',
    () => ({ method: 'HEAD' }),
    missing(),
  ),
  rule(
    'none-options',
    'OPTIONS is guarded like any other method',
    () => ({ method: 'OPTIONS' }),
    missing(),
  ),
  rule('none-post', 'POST is guarded like any other method', () => ({ method: 'POST' }), missing()),
  rule(
    'scheme-basic',
    'RFC 6750 §3.1: an unsupported scheme is not a credential',
    authorization('Basic dXNlcjpwYXNz'),
    missing(),
  ),
  rule(
    'scheme-digest',
    'RFC 9110 §11.4: parameters after a comma belong to their scheme',
    authorization('Digest username="a, Bearer b", realm = "c", nonce=d'),
    missing(),
  ),
  rule(
    'proxy-authorization',
    'RFC 9110 §11.7.2: Proxy-Authorization is not a credential',
    async (issuer) => ({ headers: ['Proxy-Authorization', `Bearer ${await issuer.token()}`] }),
    missing(),
  ),
  rule(
    'cookie',
    'RFC 6750 §2: a cookie is not a credential',
    async (issuer) => ({ headers: ['Cookie', `access_token=${await issuer.token()}`] }),
    missing(),
  ),
  rule(
    'header-empty',
    'RFC 9110 §11.6.2: an empty Authorization MUST be 400',
    authorization(''),
    malformedHeader,
  ),
  rule(
    'header-scheme-only',
    'RFC 6750 §3.1: Bearer without a token is 401 without an error, so that the client requests a token',
    authorization('Bearer'),
    missing(),
  ),
  rule(
    'header-tab',
    'RFC 6750 §2.1: HTAB after the scheme MUST be 400',
    authorization('Bearer\tabc'),
    malformedHeader,
  ),
  rule(
    'header-two-words',
    'RFC 6750 §2.1: a second word MUST be 400',
    authorization('Bearer abc def'),
    malformedHeader,
  ),
  rule(
    'header-quote',
    'RFC 6750 §2.1: a quote in the token MUST be 400',
    authorization('Bearer "abc"'),
    malformedHeader,
  ),
  rule(
    'header-semicolon',
    'RFC 6750 §2.1: a semicolon in the token MUST be 400',
    authorization('Bearer abc;def'),
    malformedHeader,
  ),
  rule(
    'header-padding',
    'RFC 6750 §2.1: "=" inside the token MUST be 400',
    authorization('Bearer ab=cd'),
    malformedHeader,
  ),
  rule(
    'header-obs-text',
    'RFC 9110 §5.5: obs-text in the token MUST be 400',
    authorization('Bearer ab\u00e9'),
    malformedHeader,
  ),
  rule(
    'header-repeated',
    'RFC 9110 §5.3: a repeated Authorization MUST be 400',
    async (issuer) => {
      const value = `Bearer ${await issuer.token()}`;
      return { headers: ['Authorization', value, 'authorization', value] };
    },
    repeatedHeader,
  ),
  rule(
    'header-repeated-other',
    'RFC 9110 §5.3: two Authorization headers with different schemes MUST be 400',
    async (issuer) => ({
      headers: ['Authorization', 'Basic abc', 'Authorization', `Bearer ${await issuer.token()}`],
    }),
    repeatedHeader,
  ),
  rule(
    'header-comma',
    'RFC 9110 §11.6.2: a second credential after a comma MUST be 400',
    async (issuer) => bearer(`${await issuer.token()}, Bearer abc`),
    repeatedHeader,
  ),
  rule(
    'header-comma-first',
    'RFC 9110 §11.6.2: a Bearer after another scheme MUST be 400',
    async (issuer) => ({ headers: ['Authorization', `Basic abc, Bearer ${await issuer.token()}`] }),
    repeatedHeader,
  ),
  rule(
    'query',
    'RFC 6750 §2.3: a token in the query MUST be 400',
    async (issuer) => ({ path: `/?access_token=${await issuer.token()}` }),
    inQuery,
  ),
  rule(
    'query-and-header',
    'RFC 6750 §2: a token in two places MUST be 400',
    async (issuer) => ({ ...bearer(await issuer.token()), path: '/?a=b&access_token=c' }),
    inQuery,
  ),
  rule(
    'query-escaped',
    'RFC 3986 §2.1: a percent-encoded access_token counts as one',
    async (issuer) => ({ ...bearer(await issuer.token()), path: '/?access%5Ftoken%5B%5D=' }),
    inQuery,
  ),
  rule(
    'query-alike',
    'A query parameter with a similar name belongs to the application',
    async (issuer) => ({
      ...bearer(await issuer.token()),
      path: '/?access_tokens=1&q=access_token',
    }),
    passes(),
  ),
];
