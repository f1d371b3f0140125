import type { Denial } from '../index.js';

/** The Response that tells a client of a refusal; one to HEAD has no body (RFC 9110 §9.3.2). */
export function responseOf({ status, headers, body }: Denial, method: string): Response {
  return new Response(method === 'HEAD' ? null : JSON.stringify(body), { status, headers });
}
