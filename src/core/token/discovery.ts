import { UpstreamError } from '../base/errors.js';
import { own } from '../base/json.js';
import { onlyDifference, quote } from '../base/quote.js';
import { type Answer, type Fetching, fetchJson, throwIfOver, unusable } from './fetch-json.js';
import { mayBeFetched } from './loopback.js';

/** What discovery needs. */
export interface Discovering extends Omit<Fetching, 'accept'> {
  /** Milliseconds after which the second form is asked beside the first. */
  readonly patience: number;
  /** Says what is waited for. */
  waitFor(what: string): void;
}

const metadata = 'metadata document';
const accept = 'application/json, */*;q=0.1';

/**
 * Finds an issuer's `jwks_uri` (RFC 8414, OpenID Connect Discovery). The second well-known form is
 * fetched as soon as the first has failed in whatever way, and beside it if it is slow.
 * @throws UpstreamError that says what became of both
 */
export async function discover(issuer: string, discovering: Discovering): Promise<string> {
  const { signal, patience, waitFor } = discovering;
  const [first, second] = wellKnown(issuer);
  const look = (url: string) => lookUp(url, issuer, discovering);
  const afterFailure = (url: string) => (error: unknown) => {
    waitFor(`${url} (${error instanceof UpstreamError ? error.message : 'the other form failed'})`);
  };

  waitFor(first);
  const early = look(first);
  const isDue = new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      waitFor(`${first} and ${second}`);
      resolve();
    }, patience);
    timer.unref?.();
    const stop = () => clearTimeout(timer);
    signal.addEventListener('abort', stop, { once: true });
    early.finally(stop).catch((error) => {
      afterFailure(second)(error);
      resolve();
    });
  });
  const late = isDue.then(() => look(second));
  late.catch(afterFailure(first));
  const found = await Promise.any([early, late]).catch(({ errors }: AggregateError) => {
    throw bothFailed(errors);
  });
  if (typeof found === 'string') return found;
  throw found;
}

/**
 * The `jwks_uri` that one document names; or, as a value, the error of a document of this issuer
 * that names a place which must not be fetched: the other form could not mend that.
 */
async function lookUp(
  url: string,
  issuer: string,
  { fetch, signal }: Discovering,
): Promise<string | UpstreamError> {
  throwIfOver(signal);
  const answer = await fetchJson(url, { fetch, signal, accept });
  const [named, jwksUri] = [own(answer.json, 'issuer'), own(answer.json, 'jwks_uri')];
  if (typeof named !== 'string') throw unusable('ERR_DISCOVERY_RESPONSE', answer, metadata);
  if (named !== issuer) {
    throw new UpstreamError('ERR_DISCOVERY_ISSUER', differs(answer, issuer, named));
  }
  const none = `${url} names no jwks_uri that is https`;
  // RFC 8414 §2 lets it be left out; the other form may have it.
  if (jwksUri === undefined) throw new UpstreamError('ERR_DISCOVERY_RESPONSE', none);
  if (typeof jwksUri === 'string' && mayBeFetched(jwksUri, issuer)) return new URL(jwksUri).href;
  return new UpstreamError('ERR_DISCOVERY_RESPONSE', `${none} and not on this machine`);
}

/** Where metadata may be: RFC 8414 §3.1 inserts, OpenID Connect Discovery §4 appends. */
function wellKnown(issuer: string): readonly [string, string] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ];
}

function bothFailed(errors: readonly unknown[]): unknown {
  const failures = errors.filter((error) => error instanceof UpstreamError);
  const [failure] = failures;
  // Anything else is a bug, and must not be taken for an outage.
  if (!failure || failures.length < errors.length) {
    return errors.find((error) => !(error instanceof UpstreamError));
  }
  // Metadata of another issuer say more of what is wrong than a form that is absent.
  const { code } = failures.find((one) => one.code === 'ERR_DISCOVERY_ISSUER') ?? failure;
  const message = failures.map((one) => one.message).join('; ');
  return new UpstreamError(code, message, { cause: failure });
}

function differs({ url }: Answer, issuer: string, named: string): string {
  const difference = onlyDifference(named, issuer);
  const hint =
    difference === undefined
      ? ''
      : `: they differ only by ${difference}, so write issuer: ${quote(named)}`;
  return `${url} is the metadata of ${quote(named)}, not of ${JSON.stringify(issuer)}${hint}`;
}
