import type { Case } from './contract.js';
import {
  aud,
  expired,
  invalid,
  malformedToken,
  rule,
  token,
  wrongAudience,
  wrongIssuer,
  wrongKind,
  wrongSignature,
  wrongTime,
} from './expected.js';

/** Whether what a token says is good, and who signed it. */
export const claimsCases: readonly Case[] = [
  rule(
    'id-token',
    'RFC 8725 §3.12: an ID token MUST be 401',
    token({ claims: { at_hash: 'abc' } }),
    wrongKind,
  ),
  rule(
    'logout-token',
    'RFC 8725 §3.12: a logout token MUST be 401',
    token({ claims: { events: {} } }),
    wrongKind,
  ),
  rule(
    'token-use',
    'RFC 8725 §3.12: token_use other than access MUST be 401',
    token({ claims: { token_use: 'id' } }),
    wrongKind,
  ),
  rule(
    'iss',
    'RFC 9068 §4: another issuer MUST be 401',
    token({ claims: { iss: 'https://evil.test' } }),
    wrongIssuer,
  ),
  rule(
    'iss-slash',
    'RFC 9068 §4: an issuer with a slash more MUST be 401',
    token({ claims: { iss: 'https://issuer.test/' } }),
    wrongIssuer,
  ),
  rule(
    'exp',
    'RFC 7519 §4.1.4: on its exp a token MUST be refused, with the leeway',
    token({ expiresIn: -5 }),
    expired,
  ),
  rule(
    'exp-optional',
    'A bad token never passes, not even where none is needed',
    token({ expiresIn: -60 }),
    expired,
    { requirements: { optional: true } },
  ),
  rule(
    'exp-scope',
    'RFC 6750 §3: the challenge of a bad token names the scopes',
    token({ expiresIn: -60 }),
    invalid('ERR_TOKEN_EXPIRED', 'The access token expired', ', scope="a"'),
    { requirements: { scopes: ['a'] } },
  ),
  rule(
    'exp-missing',
    'RFC 9068 §2.2: a missing exp MUST be 401',
    token({ claims: { exp: undefined } }),
    wrongTime,
  ),
  rule(
    'exp-text',
    'RFC 7519 §2: an exp that is no number MUST be 401',
    token({ claims: { exp: '9999999999' } }),
    wrongTime,
  ),
  rule(
    'exp-milliseconds',
    'RFC 7519 §2: an exp in milliseconds MUST be 401',
    token({ claims: { exp: 1_893_456_300_000 }, allowMilliseconds: true }),
    wrongTime,
  ),
  rule(
    'nbf',
    'RFC 7519 §4.1.5: before its nbf a token MUST be refused',
    token({ claims: { nbf: 1_893_456_006 } }),
    invalid('ERR_TOKEN_NOT_YET_VALID', 'The access token is not valid yet'),
  ),
  rule(
    'iat',
    'RFC 7519 §4.1.6: a token of the future is refused',
    token({ claims: { iat: 1_893_456_006 } }),
    invalid('ERR_TOKEN_ISSUED_LATER', 'The access token was issued in the future'),
  ),
  rule(
    'aud',
    'RFC 9068 §4: another audience MUST be 401',
    token({ audience: 'https://api.test/' }),
    wrongAudience,
  ),
  rule(
    'aud-missing',
    'RFC 9068 §4: a missing audience MUST be 401',
    token({ claims: { aud: undefined } }),
    wrongAudience,
  ),
  rule(
    'aud-type',
    'RFC 7519 §4.1.3: an audience list of other than texts MUST be 401',
    token({ claims: { aud: [aud, 1] } }),
    wrongAudience,
  ),
  rule(
    'kid-unknown',
    'RFC 7515 §4.1.4: an unknown kid MUST be 401',
    token({ header: { kid: 'nobody' } }),
    invalid('ERR_TOKEN_KEY_UNKNOWN', 'The key of the access token is not known'),
  ),
  rule(
    'kid-type',
    'RFC 7515 §4.1.4: a kid that is no text MUST be 401',
    token({ header: { kid: ['a'] } }),
    malformedToken,
  ),
  rule(
    'signature',
    'RFC 7515 §5.2: a wrong signature MUST be 401',
    token({ wrongKey: true }),
    wrongSignature,
  ),
  rule(
    'cnf',
    'RFC 9449 §7.2: a bound token MUST NOT pass as a bearer token',
    token({ claims: { cnf: { jkt: 'abc' } } }),
    invalid(
      'ERR_TOKEN_BOUND',
      'The access token is bound to a key and cannot be used as a bearer token',
    ),
  ),
];
