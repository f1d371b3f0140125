import {
  type AuthError,
  type Retirement,
  retirementIn,
  row,
  statusOf,
  UpstreamError,
} from './base/errors.js';
import { bare } from './base/json.js';
import { linkTo, type MigrationHeaders, noHeaders } from './plan/headers.js';
import { neededScopes, type Requirements } from './requirements.js';

/** Why a request is turned away, for its client to read (RFC 9457 §3). */
export type ProblemDetails = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** As in the challenge (RFC 6750 §3.1). */
  readonly error?: string;
  readonly error_description?: string;
  /** Stable; see docs/errors.md. */
  readonly code: string;
  /** Of a key that is no longer accepted: the URL of the way out. */
  readonly guide?: string;
  /** Keys are refused for a while only, to show what their end will be like. */
  readonly brownout?: true;
};

/** A refusal, ready to be sent by an adapter: the same bytes from every one. */
export interface Denial<Body extends object = Readonly<Record<string, unknown>>> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** To be sent as JSON: {@link ProblemDetails}, unless `formatDenial` returned something else. */
  readonly body: Body;
}

/** What is the same in every answer. */
export interface ChallengeSettings {
  readonly realm: string;
  readonly resourceMetadataUrl: string | undefined;
  readonly problemTypeBase: string;
}

/** Puts an error into the answer that a client gets. */
export type Challenger = (
  error: AuthError | UpstreamError,
  requirements: Requirements,
  notices: MigrationHeaders,
) => Denial<ProblemDetails>;

/** Knows every header and body of a refusal; nothing in them comes from the request. */
export function createChallenger(settings: ChallengeSettings): Challenger {
  const { realm, resourceMetadataUrl, problemTypeBase } = settings;
  const known = new WeakMap<Requirements, Map<string, Denial<ProblemDetails>>>();

  const write: Challenger = (failure, requirements, notices) => {
    const {
      error,
      title,
      detail,
      publicCode = failure.code,
      noChallenge,
      brownout,
    } = row(failure.code);
    const status = statusOf(failure);
    const headers: Record<string, string> = {
      'Content-Type': 'application/problem+json; charset=utf-8',
      'Cache-Control': 'no-store',
      ...notices,
    };
    const { guide, retryAfter } = wayOutOf(failure);
    if (guide !== undefined) headers.Link = linkTo(guide, true);
    if (retryAfter !== undefined) headers['Retry-After'] = String(retryAfter);
    // 410 is for clients that loop on a challenge.
    if (!noChallenge && status !== 410) {
      headers['WWW-Authenticate'] = bearer({
        realm,
        error,
        error_description: error && detail,
        scope: neededScopes(requirements).join(' ') || undefined,
        resource_metadata: resourceMetadataUrl,
      });
    }
    const type =
      problemTypeBase + publicCode.replace(/^ERR_/, '').toLowerCase().replaceAll('_', '-');
    return {
      status,
      headers,
      body: {
        type,
        title,
        status,
        detail,
        ...(error && { error, error_description: detail }),
        code: publicCode,
        ...(guide !== undefined && { guide }),
        ...(brownout && { brownout }),
      },
    };
  };

  // Without a date in it, a refusal on a route is the same each time: it is written once.
  return function challenge(failure, requirements, notices) {
    const hasRetryAfter = failure instanceof UpstreamError;
    const isOfRetiredKey = retirementIn(failure) !== undefined;
    const hasDates = notices !== noHeaders;
    if (hasRetryAfter || isOfRetiredKey || hasDates) return write(failure, requirements, notices);
    const ofRoute = known.get(requirements) ?? new Map<string, Denial<ProblemDetails>>();
    known.set(requirements, ofRoute);
    const denial = ofRoute.get(failure.code) ?? frozen(write(failure, requirements, notices));
    ofRoute.set(failure.code, denial);
    return denial;
  };
}

const frozen = <Body extends object>({ status, headers, body }: Denial<Body>): Denial<Body> =>
  Object.freeze({ status, headers: Object.freeze(headers), body: Object.freeze(body) });

function wayOutOf(failure: AuthError | UpstreamError): Partial<Retirement> {
  if (failure instanceof UpstreamError) return bare({ retryAfter: failure.retryAfter });
  return bare(retirementIn(failure) ?? {});
}

// RFC 6750 §3: the scheme first, since some clients read only what the header begins with.
function bearer(parameters: Readonly<Record<string, string | undefined>>): string {
  const list = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}="${String(value).replace(/["\\]/g, '\\$&')}"`);
  return `Bearer ${list.join(', ')}`;
}
