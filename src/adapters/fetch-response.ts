import type { Denial } from '../index.js';

/** Returns the `Response` for a denial, without a body if the request is HEAD (RFC 9110 §9.3.2). */
export function responseOf({ status, headers, body }: Denial, method: string): Response {
  return new Response(method === 'HEAD' ? null : JSON.stringify(body), { status, headers });
}
