import type { Denial } from '../index.js';

/**
 * A decision's headers for a response that has some already: a Link is added to the others
 * (RFC 8288 §3), once; anything else is ours alone.
 */
export function besideOthers(
  headers: Readonly<Record<string, string>>,
  already: (name: string) => unknown,
): Readonly<Record<string, string>> {
  const { Link } = headers;
  const others = Link === undefined ? undefined : already('link');
  if (Link === undefined || others === undefined) return headers;
  const links = [others].flat().join(', ');
  const missing = Link.split(/, (?=<)/).filter((one) => !links.includes(one));
  return { ...headers, Link: [links, ...missing].join(', ') };
}

/** The part of Node's response that carries headers. */
export interface NodeResponse {
  readonly headersSent: boolean;
  getHeader(name: string): unknown;
  setHeader(name: string, value: string): unknown;
}

/** As much of Node's response as answers a request. */
export interface AnswerableResponse extends NodeResponse {
  statusCode: number;
  end(body: string): unknown;
}

/** Sets a decision's headers on Node's own response, unless somebody else has begun to answer. */
export function setHeaders(
  response: NodeResponse,
  headers: Readonly<Record<string, string>>,
): void {
  if (response.headersSent) return;
  const all = besideOthers(headers, (name) => response.getHeader(name));
  for (const [name, value] of Object.entries(all)) response.setHeader(name, value);
}

/** What is written to whoever asked. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers a request, unless somebody else, a time-out perhaps, has done so meanwhile. */
export function writeAnswer(response: AnswerableResponse, { status, headers, body }: Answer): void {
  if (response.headersSent) return;
  response.statusCode = status;
  setHeaders(response, headers);
  response.end(body);
}

/** A refusal, written out. */
export const answerOf = ({ status, headers, body }: Denial): Answer => ({
  status,
  headers,
  body: JSON.stringify(body),
});
