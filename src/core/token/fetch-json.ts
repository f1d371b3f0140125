import { UpstreamError, type UpstreamErrorCode } from '../base/errors.js';
import { own } from '../base/json.js';
import { printable, quote } from '../base/quote.js';

const largestAnswer = 1_048_576;

/** What a server returned: its status, and its body if that was JSON. */
export interface Answer {
  readonly url: string;
  readonly status: number;
  readonly json: unknown;
  /** Where a redirect led, fit for a message. */
  readonly location?: string;
  /** What the body was if not JSON, fit for a message. */
  readonly other?: string;
}

/** How a document is fetched. */
export interface Fetching {
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal;
  readonly accept: string;
}

/**
 * Fetches a JSON document of at most 1 MiB; redirects are not followed. Once the signal is aborted, the
 * response is discarded, also if `fetch` ignores the signal.
 * @throws UpstreamError if there is no response, or one that is too large
 */
export async function fetchJson(url: string, fetching: Fetching): Promise<Answer> {
  const { fetch, signal, accept } = fetching;
  let response: Response;
  try {
    response = await fetch(url, { headers: { accept }, redirect: 'manual', signal });
  } catch (cause) {
    const message = `${placeOf(url)} could not be reached${reasonOf(cause)}`;
    throw new UpstreamError('ERR_JWKS_UNREACHABLE', message, { cause });
  }
  throwIfOver(signal);
  const { status } = response;
  if (status !== 200) {
    const location = response.headers.get('location');
    return { url, status, json: undefined, ...(location && { location: placeOf(location, url) }) };
  }
  const bytes = await read(url, response, signal);
  throwIfOver(signal);
  const json = parse(bytes);
  return { url, status, json, ...(json === undefined && { other: kindOf(bytes) }) };
}

/** Ends work that was given up meanwhile. */
export function throwIfOver(signal: AbortSignal): void {
  if (signal.aborted) throw new UpstreamError('ERR_JWKS_UNREACHABLE', 'the fetch was given up');
}

async function read(url: string, response: Response, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      // Leaving the loop cancels the body.
      if (size > largestAnswer || signal.aborted) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    const message = `${placeOf(url)} closed the connection before the end of the response${reasonOf(cause)}`;
    throw new UpstreamError('ERR_JWKS_UNREACHABLE', message, { cause });
  }
  if (size > largestAnswer) {
    throw new UpstreamError('ERR_JWKS_RESPONSE', `${placeOf(url)} returned more than 1 MiB`);
  }
  return Buffer.concat(chunks);
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function kindOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, 1_024)).toString('latin1').trimStart();
  if (text === '') return 'an empty body';
  return text.startsWith('<') ? 'HTML' : 'something other than JSON';
}

const advice: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its host name does not resolve',
  EAI_AGAIN: 'its host name could not be resolved for now',
  ECONNREFUSED: 'nothing listens there',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'Node does not know its CA: set NODE_EXTRA_CA_CERTS',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'Node does not know its CA: set NODE_EXTRA_CA_CERTS',
  SELF_SIGNED_CERT_IN_CHAIN: 'Node does not know its CA: set NODE_EXTRA_CA_CERTS',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'Node does not know its certificate: set NODE_EXTRA_CA_CERTS',
};

/** The code of a network failure, from wherever in the causes it stands, in brackets. */
function reasonOf(error: unknown): string {
  let cause = error;
  for (let depth = 0; depth < 8 && typeof cause === 'object' && cause !== null; depth += 1) {
    const code: unknown = Reflect.get(cause, 'code');
    if (typeof code === 'string' && /^[A-Z][A-Z\d_]{1,63}$/.test(code)) {
      const why = Object.hasOwn(advice, code) ? `: ${advice[code]}` : '';
      return ` (${code}${why})`;
    }
    const errors: unknown = Reflect.get(cause, 'errors');
    cause = Array.isArray(errors) ? errors[0] : Reflect.get(cause, 'cause');
  }
  return '';
}

/** Returns an address for a message: without credentials, query or fragment, which may be secret. */
export function placeOf(location: string, base?: string): string {
  if (!URL.canParse(location, base)) return 'an invalid address';
  const { protocol, host, pathname } = new URL(location, base);
  const place = /^https?:$/.test(protocol) ? `${protocol}//${host}${pathname}` : protocol;
  return printable(place) ?? '';
}

/** Returns the error for a response that is not the wanted document. */
export const unusable = (code: UpstreamErrorCode, answer: Answer, wanted: string): UpstreamError =>
  new UpstreamError(code, `${placeOf(answer.url)} ${outcomeOf(answer, wanted)}`);

function outcomeOf({ status, json, location, other }: Answer, wanted: string): string {
  if (location !== undefined) {
    return `returned ${status}, a redirect to ${location}; redirects are not followed: configure the address of the ${wanted} itself`;
  }
  if (status !== 200) return `returned ${status}`;
  if (other === 'HTML') {
    return `returned HTML, not a ${wanted}. If it is a website, set jwksUri or check issuer`;
  }
  if (other !== undefined) return `returned ${other}, not a ${wanted}`;
  const [jwksUri, keys] = [own(json, 'jwks_uri'), own(json, 'keys')];
  if (wanted === 'JWK Set' && typeof jwksUri === 'string') {
    return `returned a discovery document, not a JWK Set. Its jwks_uri is ${quote(placeOf(jwksUri))}: set jwksUri to that, or leave jwksUri out`;
  }
  if (wanted !== 'JWK Set' && Array.isArray(keys)) return `returned a JWK Set, not a ${wanted}`;
  return `returned JSON that is not a ${wanted}`;
}
