import { isLoopback, listOf, mistake, secureUrl, settingsOf, someText } from '../base/validate.js';
import type { ClaimMap, ClaimPaths } from '../principal.js';
import { type Algorithm, algorithms, isAlgorithm } from './algorithms.js';

/** One authorization server whose tokens are accepted. */
export interface IssuerOptions {
  /** Compared with the token's `iss` byte for byte (RFC 9068 §4). https, or http on the loopback. */
  readonly issuer: string;
  /** At least one has to be in the token's `aud`. There is no way to leave it out. */
  readonly audience: string | readonly string[];
  /** Where the keys are. @default discovered from the issuer (RFC 8414, OpenID Connect Discovery) */
  readonly jwksUri?: string;
  /** @default all eleven of {@link Algorithm}; asymmetric only, ever */
  readonly algorithms?: readonly Algorithm[];
  /**
   * Accepted JOSE `typ`, in any case, "application/" dropped; `undefined` is an absent one. Only
   * `['at+jwt']` asks for RFC 9068 in full, with its required claims.
   * @default ['at+jwt', 'JWT', undefined]
   */
  readonly typ?: readonly (string | undefined)[];
  /** Where the tokens keep scopes, client, subject and organization. */
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

/** The issuers of one guard: never none. */
export type IssuerList = readonly [IssuerSettings, ...IssuerSettings[]];

/** The names of {@link IssuerOptions}. */
export const issuerNames = ['issuer', 'audience', 'jwksUri', 'algorithms', 'typ', 'claims'];

/**
 * Checks each issuer once; between them nothing is inherited.
 * @throws ConfigError for the first mistake
 */
export function checkIssuers(where: string, list: unknown, several: boolean): IssuerList {
  if (!Array.isArray(list)) throw mistake(`${where}.issuers`, list, 'is no list of issuers');
  const issuers = list.map((one, i) =>
    checkIssuer(several ? `${where}.issuers[${i}]` : where, one),
  );
  const [first, ...more] = issuers;
  if (!first) throw mistake(`${where}.issuers`, list, 'is empty: nobody could get in');
  for (const { issuer } of more) {
    if (issuers.filter((other) => other.issuer === issuer).length > 1) {
      throw mistake(`${where}.issuers`, issuer, 'stands twice: give it once, with all audiences');
    }
  }
  return [first, ...more];
}

function checkIssuer(where: string, given: unknown): IssuerSettings {
  const own: Partial<IssuerOptions> = settingsOf(where, given, issuerNames);
  const { audience, jwksUri, typ = ['at+jwt', 'JWT', undefined], claims = {} } = own;
  const issuer = someText(`${where}.issuer`, own.issuer, 'is no issuer: write https://…');
  checkIssuerName(`${where}.issuer`, issuer);
  if (/^https?:/i.test(issuer)) secureUrl(`${where}.issuer`, issuer);
  else if (jwksUri === undefined) {
    throw mistake(`${where}.issuer`, issuer, 'is no URL, so its keys need a jwksUri');
  }
  if (jwksUri === undefined && issuer.includes('?')) {
    throw mistake(
      `${where}.issuer`,
      issuer,
      'has a query, so it cannot be discovered: RFC 8414 §2',
    );
  }
  if (audience === undefined) {
    throw mistake(
      `${where}.audience`,
      audience,
      'is missing: name this API as its tokens do in aud, or tokens for others would get in',
    );
  }
  const audiences = typeof audience === 'string' ? [audience] : audience;
  return {
    issuer,
    audience: new Set(listOf(`${where}.audience`, audiences, 'audience', (one) => one !== '')),
    jwksUri: jwksUri === undefined ? undefined : checkJwksUri(`${where}.jwksUri`, jwksUri),
    algorithms: checkAlgorithms(`${where}.algorithms`, own.algorithms),
    typ: checkTypes(`${where}.typ`, typ),
    claims: checkClaims(`${where}.claims`, claims),
  };
}

const wellKnown = /\/\.well-known\/(openid-configuration|oauth-authorization-server)/;

// What would start, and then reject every token.
function checkIssuerName(where: string, issuer: string): void {
  if (/[{}]/.test(issuer)) {
    throw mistake(
      where,
      issuer,
      'must be the "iss" of real tokens, and has a placeholder in braces: write one issuer per tenant',
    );
  }
  if (!wellKnown.test(issuer)) return;
  const name = issuer.replace(wellKnown, '').replace(/[?#].*$/, '');
  throw mistake(
    where,
    issuer,
    `is the address of a discovery document: write the "issuer" that it names, probably "${name}"`,
  );
}

function checkJwksUri(where: string, jwksUri: string): string {
  const url = secureUrl(where, jwksUri);
  if (!/\/\.well-known\/(openid-configuration$|oauth-authorization-server)/.test(url)) return url;
  throw mistake(
    where,
    jwksUri,
    'is the address of a discovery document, not of a JWK Set: leave jwksUri out, and it is discovered',
  );
}

function checkAlgorithms(where: string, given: unknown = Object.keys(algorithms)) {
  const list = Array.isArray(given) ? given : [given];
  for (const name of list) {
    if (typeof name === 'string' && /^(hs\d|none$)/i.test(name)) {
      throw mistake(where, name, 'is refused: with it, whoever can verify a token can forge one');
    }
  }
  return new Set(listOf(where, given, 'algorithm', isAlgorithm));
}

/** The one spelling of a JOSE `typ` (RFC 7515 §4.1.9). */
export const plainType = (type: string): string => type.toLowerCase().replace(/^application\//, '');

function checkTypes(where: string, given: unknown): ReadonlySet<string | undefined> {
  if (!Array.isArray(given)) throw mistake(where, given, 'is no list of types');
  const named = given.filter((type) => type !== undefined);
  if (named.length > 0 || given.length === 0) listOf(where, named, 'type', (type) => type !== '');
  return new Set(given.map((type: string | undefined) => type && plainType(type)));
}

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
    return listOf(`${where}.${name}`, keys, 'claim name', (key) => key !== '');
  };
  return {
    scopes: path('scopes'),
    clientId: path('clientId'),
    subject: path('subject'),
    orgId: path('orgId'),
  };
}

/** Tells whether an issuer is a URL on this machine, where plain http is nobody's risk. */
export const isLoopbackIssuer = (issuer: string): boolean =>
  URL.canParse(issuer) && isLoopback(new URL(issuer));
