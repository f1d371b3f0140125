import type { ErrorCode } from './base/errors.js';
import { type Claims, own } from './base/json.js';
import type { IssuerList } from './token/issuer-options.js';
import type { JwksEvent } from './token/jwks-events.js';
import { nearestOf } from './token/mismatch.js';

/** Says once what an operator without a listener would never learn. */
export interface Warner {
  /** A credential was accepted, so that expired tokens say nothing about the clock. */
  accepted(): void;
  /** Tells whether a refusal is worth a warning; `claims` are the token's, unverified. */
  wants(code: ErrorCode, claims: Claims | undefined): boolean;
  refused(code: ErrorCode, detail: string | undefined): void;
  /** In place of `onJwks`. */
  keys(event: JwksEvent): void;
}

/** What may be a mistake in the configuration, and what it is called; a stranger's garbage has none. */
const kinds: ReadonlyMap<ErrorCode, string> = new Map([
  ['ERR_TOKEN_ALGORITHM', 'SALLYPORT_ALGORITHM'],
  ['ERR_TOKEN_TYPE', 'SALLYPORT_TYPE'],
  ['ERR_TOKEN_NOT_ACCESS_TOKEN', 'SALLYPORT_KIND'],
  ['ERR_TOKEN_ISSUER', 'SALLYPORT_ISSUER'],
  ['ERR_TOKEN_TIME', 'SALLYPORT_TIME'],
  ['ERR_TOKEN_EXPIRED', 'SALLYPORT_CLOCK'],
  ['ERR_TOKEN_NOT_YET_VALID', 'SALLYPORT_CLOCK'],
  ['ERR_TOKEN_IAT_IN_FUTURE', 'SALLYPORT_CLOCK'],
  ['ERR_TOKEN_LIFETIME', 'SALLYPORT_LIFETIME'],
  ['ERR_TOKEN_AUDIENCE', 'SALLYPORT_AUDIENCE'],
  ['ERR_TOKEN_CLAIMS', 'SALLYPORT_CLAIMS'],
  ['ERR_TOKEN_KEY_UNKNOWN', 'SALLYPORT_KEY'],
  ['ERR_TOKEN_KEY_MISMATCH', 'SALLYPORT_KEY'],
  ['ERR_TOKEN_BOUND', 'SALLYPORT_BOUND'],
  ['ERR_SCOPE_MISSING', 'SALLYPORT_SCOPES'],
  ['ERR_ORG_MISSING', 'SALLYPORT_ORGANIZATION'],
  ['ERR_LOOKUP_FAILED', 'SALLYPORT_LOOKUP'],
  ['ERR_LOOKUP_TIMEOUT', 'SALLYPORT_LOOKUP'],
  ['ERR_LOOKUP_BUSY', 'SALLYPORT_LOOKUP'],
] as const);

/** Causes of failed fetches that are reported per guard; kinds of refusals are few by themselves. */
const mostKeyCauses = 10;
/** Expired tokens before any was accepted, after which the clock is worth a look. */
const manyExpired = 3;

/**
 * Warns by `process.emitWarning`: once for each kind of refusal, and once for each cause of a failed
 * fetch of keys, so that nobody can fill a log with it.
 */
export function createWarner(issuers: IssuerList): Warner {
  const said = new Set<string>();
  const keyCauses = new Set<string>();
  let anyAccepted = false;
  let expired = 0;

  /** Tells whether a refused token was plausibly meant for this guard. */
  function isOurs(code: ErrorCode, claims: Claims | undefined): boolean {
    if (code === 'ERR_TOKEN_ISSUER') return isNear(claims, issuers);
    if (!code.startsWith('ERR_TOKEN_')) return true;
    return issuers.some(({ issuer }) => issuer === own(claims, 'iss'));
  }

  return {
    accepted() {
      anyAccepted = true;
    },
    wants(code, claims) {
      const kind = kinds.get(code);
      if (kind === undefined || said.has(kind)) return false;
      if (code === 'ERR_TOKEN_EXPIRED') expired += 1;
      if (code === 'ERR_TOKEN_EXPIRED' && (anyAccepted || expired < manyExpired)) return false;
      return isOurs(code, claims);
    },
    refused(code, detail) {
      const kind = kinds.get(code);
      // That a scope was not granted is nobody's mistake; that its claim is not there may be one.
      if (kind === undefined || (detail === undefined && code === 'ERR_SCOPE_MISSING')) return;
      said.add(kind);
      const why = detail === undefined ? '' : `: ${detail}`;
      say(kind, `sallyport refused a request with ${code}${why}. ${further}`);
    },
    keys(event) {
      if (event.kind !== 'failed') return;
      const detail = event.detail.slice(0, 1_000).replace(/[^ -~]/g, ' ');
      const cause = `${event.issuer} ${detail}`;
      if (keyCauses.has(cause) || keyCauses.size >= mostKeyCauses) return;
      keyCauses.add(cause);
      const sentence = `sallyport could not fetch the keys of ${event.issuer}: ${detail}`;
      say('SALLYPORT_JWKS', `${sentence}. ${furtherOfKeys}`);
    },
  };
}

function say(code: string, sentence: string): void {
  try {
    globalThis.process?.emitWarning?.(sentence, { type: 'SallyportWarning', code });
  } catch {
    // What a host makes of a warning is not the request's concern.
  }
}

const further =
  'This kind is reported once: set onDecision to see every decision (docs/errors.md of sallyport)';
const furtherOfKeys =
  'This is reported once: set onJwks to see every fetch (docs/errors.md of sallyport)';

/** An issuer that is not configured: is it a spelling of one that is, or is the audience ours? */
function isNear(claims: Claims | undefined, issuers: IssuerList): boolean {
  const names = issuers.map(({ issuer }) => issuer);
  if (nearestOf([own(claims, 'iss')], names)) return true;
  const aud = own(claims, 'aud');
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return issuers.some(({ audience }) =>
    list.some((one) => typeof one === 'string' && audience.has(one)),
  );
}
