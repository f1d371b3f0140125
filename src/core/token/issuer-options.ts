import {
  type Expected,
  type Items,
  invalid,
  isLoopback,
  isText,
  listOf,
  optional,
  secureUrl,
  settingsOf,
  someText,
  urlWithoutSecrets,
} from '../base/validate.js';
import type { ClaimMap, ClaimPaths } from '../principal.js';
import { type Algorithm, algorithms, isAlgorithm } from './algorithms.js';

/** One authorization server whose tokens are accepted. */
export interface IssuerOptions {
  /**
   * Must equal the token's `iss` exactly, also in a trailing slash (RFC 9068 §4). A URL is https, or
   * http on the loopback.
   */
  readonly issuer: string;
  /** The token's `aud` must contain at least one (RFC 7519 §4.1.3). Required. */
  readonly audience: string | readonly string[];
  /** URL of the JWK Set. @default discovered from the issuer (RFC 8414, OpenID Connect Discovery) */
  readonly jwksUri?: string;
  /** Symmetric algorithms and `none` are never accepted. @default all eleven of {@link Algorithm} */
  readonly algorithms?: readonly Algorithm[];
  /**
   * Accepted values of the JOSE header `typ`, compared without regard to case and without
   * "application/" (RFC 7515 §4.1.9); `undefined` accepts an absent one. `['at+jwt']` alone requires
   * the claims of RFC 9068 as well.
   * @default ['at+jwt', 'JWT', undefined]
   */
  readonly typ?: readonly (string | undefined)[];
  /** Which claims contain scopes, client id, subject and organization. */
  readonly claims?: ClaimMap;
}

/** One issuer, checked, with nothing left out. */
export interface IssuerSettings {
  readonly issuer: string;
  readonly audience: ReadonlySet<string>;
  readonly jwksUri: string | undefined;
  readonly algorithms: ReadonlySet<string>;
  readonly typ: ReadonlySet<string | undefined>;
  readonly claims: ClaimPaths;
}

/** The issuers of one guard, at least one. */
export type IssuerList = readonly [IssuerSettings, ...IssuerSettings[]];

/** The names of {@link IssuerOptions}. */
export const issuerNames = ['issuer', 'audience', 'jwksUri', 'algorithms', 'typ', 'claims'];

/**
 * Checks the options of each issuer; no issuer inherits from another.
 * @throws ConfigError for the first invalid option
 */
export function checkIssuers(where: string, list: unknown, several: boolean): IssuerList {
  const must = 'be an array of at least one issuer';
  if (!Array.isArray(list)) throw invalid(`${where}.issuers`, list, { must });
  const issuers = list.map((one, i) =>
    checkIssuer(several ? `${where}.issuers[${i}]` : where, one),
  );
  const [first, ...more] = issuers;
  if (!first) {
    const advice = 'Add an issuer: without one, no token would be accepted';
    throw invalid(`${where}.issuers`, list, { must, advice });
  }
  for (const { issuer } of more) {
    if (issuers.filter((other) => other.issuer === issuer).length > 1) {
      throw invalid(`${where}.issuers`, issuer, {
        must: 'name each issuer once',
        advice: 'Merge the two entries, with all audiences in one array',
      });
    }
  }
  return [first, ...more];
}

function checkIssuer(where: string, given: unknown): IssuerSettings {
  const own: Partial<IssuerOptions> = settingsOf(where, given, issuerNames);
  const { jwksUri, typ = ['at+jwt', 'JWT', undefined], claims = {} } = own;
  return {
    issuer: checkIssuerName(`${where}.issuer`, own.issuer, jwksUri !== undefined),
    audience: checkAudience(`${where}.audience`, own.audience),
    jwksUri: optional(`${where}.jwksUri`, jwksUri, checkJwksUri),
    algorithms: checkAlgorithms(`${where}.algorithms`, own.algorithms),
    typ: checkTypes(`${where}.typ`, typ),
    claims: checkClaims(`${where}.claims`, claims),
  };
}

const wellKnown = /\/\.well-known\/(openid-configuration|oauth-authorization-server)/;

// Some of these values would start, and then reject every token.
function checkIssuerName(where: string, given: unknown, hasJwksUri: boolean): string {
  const advice = 'Set it to the "iss" of your tokens, such as "https://login.example.com"';
  const issuer = someText(where, given, { advice });
  const wrong = (expected: Expected) => invalid(where, urlWithoutSecrets(issuer), expected);
  if (/[{}]/.test(issuer)) {
    throw wrong({
      must: 'be the "iss" of real tokens, without a placeholder in braces',
      advice: 'Add an entry to options.issuers for each tenant',
    });
  }
  if (wellKnown.test(issuer)) {
    const name = issuer.replace(wellKnown, '').replace(/[?#].*$/, '');
    throw wrong({
      must: 'be an issuer, not the address of a discovery document',
      advice: `Set it to the "issuer" in that document, probably "${urlWithoutSecrets(name)}"`,
    });
  }
  if (/^https?:/i.test(issuer)) secureUrl(where, issuer);
  else if (!hasJwksUri) {
    throw wrong({
      must: 'be a URL where jwksUri is not set',
      advice: 'Write the scheme, or set jwksUri to the address of the JWK Set',
    });
  }
  if (!hasJwksUri && issuer.includes('?')) {
    throw wrong({
      must: 'have no query where jwksUri is not set (RFC 8414 §2)',
      advice: 'Set jwksUri to the address of the JWK Set',
    });
  }
  return issuer;
}

function checkAudience(where: string, audience: unknown): ReadonlySet<string> {
  const must = 'be a non-empty string or an array of them';
  const advice =
    'Set it to the value that your tokens carry in "aud": without it, tokens issued for other APIs would be accepted';
  if (isText(audience)) return new Set([audience]);
  if (!Array.isArray(audience) || audience.length === 0) {
    throw invalid(where, audience, { must, advice });
  }
  return new Set(audience.map((one, i) => someText(`${where}[${i}]`, one, { advice })));
}

function checkJwksUri(where: string, jwksUri: string): string {
  const url = secureUrl(where, jwksUri);
  if (!/\/\.well-known\/(openid-configuration$|oauth-authorization-server)/.test(url)) return url;
  throw invalid(where, urlWithoutSecrets(jwksUri), {
    must: 'be the address of a JWK Set, not of a discovery document',
    advice: 'Leave jwksUri out to have it discovered from the issuer',
  });
}

function checkAlgorithms(where: string, given: unknown = Object.keys(algorithms)) {
  const list = Array.isArray(given) ? given : [given];
  for (const name of list) {
    if (typeof name === 'string' && /^(hs\d|none$)/i.test(name)) {
      throw invalid(where, name, {
        must: 'contain only asymmetric algorithms',
        advice:
          'Set the issuer to sign with one, such as RS256: with this one, anyone who can verify a token can forge one',
      });
    }
  }
  return new Set(listOf(where, given, algorithmItems));
}

const algorithmItems: Items<Algorithm> = {
  name: 'signature algorithm',
  passes: (item): item is Algorithm => typeof item === 'string' && isAlgorithm(item),
};

/** Returns the spelling in which values of `typ` are compared (RFC 7515 §4.1.9). */
export const plainType = (type: string): string => type.toLowerCase().replace(/^application\//, '');

function checkTypes(where: string, given: unknown): ReadonlySet<string | undefined> {
  const types = listOf(where, given, typeItems);
  return new Set(types.map((type) => type && plainType(type)));
}

const typeItems: Items<string | undefined> = {
  name: 'type',
  passes: (item): item is string | undefined => item === undefined || isText(item),
};

const standard = {
  scopes: 'scope',
  clientId: 'client_id',
  subject: 'sub',
  orgId: 'org_id',
} as const;

function checkClaims(where: string, given: ClaimMap): ClaimPaths {
  const own: ClaimMap = settingsOf(where, given, Object.keys(standard));
  const path = (name: keyof ClaimMap) => {
    const written = own[name] ?? standard[name];
    const keys = typeof written === 'string' ? [written] : written;
    return listOf(`${where}.${name}`, keys, { name: 'claim name', passes: isText });
  };
  return {
    scopes: path('scopes'),
    clientId: path('clientId'),
    subject: path('subject'),
    orgId: path('orgId'),
  };
}

/** Returns whether an issuer is a URL on this machine, where http cannot be intercepted. */
export const isLoopbackIssuer = (issuer: string): boolean =>
  URL.canParse(issuer) && isLoopback(new URL(issuer));
