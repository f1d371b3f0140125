import type { GuardOptions, Requirements } from '../index.js';
import type { TestIssuer } from './issuer.js';
import type { TokenParts } from './token.js';

/** The definition of a case. */
export interface Case {
  readonly id: string;
  readonly title: string;
  readonly options?: Partial<GuardOptions>;
  readonly requirements?: Requirements;
  /** Prepares the issuer before the request. */
  before?(issuer: TestIssuer): void;
  request(issuer: TestIssuer): TestRequest | Promise<TestRequest>;
  readonly expected: Expected;
}

/** A request. `headers` alternates names and values, so that a name can be repeated. */
export interface TestRequest {
  readonly method?: string;
  readonly path?: string;
  /** @default the address of the server */
  readonly host?: string;
  readonly headers?: readonly string[];
}

/** The headers that announce the end of API keys. */
export interface Notices {
  readonly deprecation?: string;
  readonly sunset?: string;
  readonly link?: string;
}

/** The exact response that is expected. */
export type Expected = Allowed | Denied;

interface Allowed {
  readonly status: 200;
  readonly body: unknown;
  readonly notices?: Notices;
}

interface Denied extends Notices {
  readonly status: 400 | 401 | 403 | 410 | 503;
  readonly title: string;
  readonly detail: string;
  readonly code: string;
  readonly error?: string;
  /** The challenge after its realm; omitted if there must be none. */
  readonly challenge?: string | undefined;
  readonly retryAfter?: string;
  /** Additional members of the body. */
  readonly members?: object;
}

// Expected strings are written out here: taken from the code under test, they would prove nothing.

export const bearer = (token: string): TestRequest => ({
  headers: ['Authorization', `Bearer ${token}`],
});
export const authorization = (value: string) => (): TestRequest => ({
  headers: ['Authorization', value],
});
export const token =
  (parts?: TokenParts) =>
  async (issuer: TestIssuer): Promise<TestRequest> =>
    bearer(await issuer.token(parts));

export const passes = (more: object = {}): Allowed => ({
  status: 200,
  body: { subject: 'user_1', clientId: 'client_1', orgId: null, scopes: [], ...more },
});

export const missing = (more = ''): Denied => ({
  status: 401,
  title: 'Credentials required',
  detail: 'Send an access token in the Authorization header, with the Bearer scheme',
  code: 'ERR_CREDENTIAL_MISSING',
  challenge: more,
});

export const malformed = (code: string, detail: string): Denied => ({
  status: 400,
  title: 'Malformed request',
  detail,
  code,
  error: 'invalid_request',
  challenge: `, error="invalid_request", error_description="${detail}"`,
});
export const malformedHeader = malformed(
  'ERR_HEADER_MALFORMED',
  'The Authorization header is malformed',
);
export const repeatedHeader = malformed(
  'ERR_HEADER_REPEATED',
  'The Authorization header holds more than one credential',
);
export const inQuery = malformed(
  'ERR_TOKEN_IN_QUERY',
  'An access token must not be sent in the URL',
);

export const ambiguous = malformed(
  'ERR_CREDENTIAL_AMBIGUOUS',
  'The request presents more than one credential',
);

export const invalidKey: Denied = {
  status: 401,
  title: 'Invalid API key',
  detail: 'The API key is not valid',
  code: 'ERR_API_KEY_INVALID',
  challenge: '',
};
export const retired: Denied = {
  status: 401,
  title: 'API keys are no longer accepted',
  detail: 'API keys are no longer accepted here. Send an access token instead.',
  code: 'ERR_API_KEY_RETIRED',
  challenge: '',
};

export const invalid = (code: string, detail: string, more = ''): Denied => ({
  status: 401,
  title: 'Invalid access token',
  detail,
  code,
  error: 'invalid_token',
  challenge: `, error="invalid_token", error_description="${detail}"${more}`,
});
export const expired = invalid('ERR_TOKEN_EXPIRED', 'The access token expired');
export const malformedToken = invalid('ERR_TOKEN_MALFORMED', 'The access token is malformed');
export const opaque = invalid('ERR_TOKEN_NOT_JWT', 'The access token is not a JWT');
export const wrongAlgorithm = invalid(
  'ERR_TOKEN_ALGORITHM',
  'The algorithm of the access token is not accepted',
);
export const wrongType = invalid('ERR_TOKEN_TYPE', 'The type of the access token is not accepted');
export const wrongKind = invalid('ERR_TOKEN_NOT_ACCESS_TOKEN', 'The token is not an access token');
export const wrongIssuer = invalid(
  'ERR_TOKEN_ISSUER',
  'The issuer of the access token is not accepted',
);
export const wrongTime = invalid(
  'ERR_TOKEN_TIME',
  'The times in the access token are missing or implausible',
);
export const wrongAudience = invalid(
  'ERR_TOKEN_AUDIENCE',
  'The access token is meant for another audience',
);
export const wrongSignature = invalid(
  'ERR_TOKEN_SIGNATURE',
  'The signature of the access token is wrong',
);
export const extension = invalid('ERR_TOKEN_CRITICAL', 'The access token needs an extension');

export const insufficient = (scope: string, more = ''): Denied => ({
  status: 403,
  title: 'Insufficient scope',
  detail: 'The credential lacks a scope that this request needs',
  code: 'ERR_SCOPE_MISSING',
  error: 'insufficient_scope',
  challenge: `, error="insufficient_scope", error_description="The credential lacks a scope that this request needs", scope="${scope}"${more}`,
});
export const forbidden = (code: string, detail: string): Denied => ({
  status: 403,
  title: 'Forbidden',
  detail,
  code,
});
export const unavailable: Denied = {
  status: 503,
  title: 'Temporarily unable to verify',
  detail: 'The credential could not be verified right now. Keep it, and try again.',
  code: 'ERR_TEMPORARILY_UNAVAILABLE',
  retryAfter: '1',
};

export const aud = 'https://api.test';
export const orgHeader = {
  orgId: (request: { header(name: string): string | undefined }) => request.header('x-org'),
};

/** Returns a case: its request, the expected response, and in `more` what differs from the defaults. */
export const rule = (
  id: string,
  title: string,
  request: Case['request'],
  expected: Expected,
  more: Partial<Case> = {},
): Case => ({ id, title, request, expected, ...more });
