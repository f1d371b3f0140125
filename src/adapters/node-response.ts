import type { Denial } from '../index.js';

/**
 * Returns a decision's headers for a response that may already have headers: links are added to its
 * `Link` header, each once (RFC 8288 §3); any other header replaces the existing one.
 */
export function mergeLinks(
  headers: Readonly<Record<string, string>>,
  existing: (name: string) => unknown,
): Readonly<Record<string, string>> {
  const { Link } = headers;
  const others = Link === undefined ? undefined : existing('link');
  if (Link === undefined || others === undefined) return headers;
  const links = [others].flat().join(', ');
  const missing = Link.split(/, (?=<)/).filter((one) => !links.includes(one));
  return { ...headers, Link: [links, ...missing].join(', ') };
}

/** The part of a Node.js response that sets headers. */
export interface NodeResponse {
  readonly headersSent: boolean;
  getHeader(name: string): unknown;
  setHeader(name: string, value: string): unknown;
}

/** The part of a Node.js response that sends a response. */
export interface WritableResponse extends NodeResponse {
  statusCode: number;
  end(body: string): unknown;
}

/** Sets a decision's headers on a Node.js response, unless its headers have been sent. */
export function setHeaders(
  response: NodeResponse,
  headers: Readonly<Record<string, string>>,
): void {
  if (response.headersSent) return;
  const all = mergeLinks(headers, (name) => response.getHeader(name));
  for (const [name, value] of Object.entries(all)) response.setHeader(name, value);
}

/** The parts of a response to send. */
export interface ResponseParts {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends a response, unless other code, such as a timeout handler, has already sent one. */
export function writeResponse(
  response: WritableResponse,
  { status, headers, body }: ResponseParts,
): void {
  if (response.headersSent) return;
  response.statusCode = status;
  setHeaders(response, headers);
  response.end(body);
}

/** Returns the response for a denial. */
export const responseParts = ({ status, headers, body }: Denial): ResponseParts => ({
  status,
  headers,
  body: JSON.stringify(body),
});
