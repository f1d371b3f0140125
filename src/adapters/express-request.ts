import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { expressTemplate, type NodeRequest } from './node-request.js';

/** The members that Express and NestJS add to Node's request. Node.js itself and Next.js have `url` only. */
interface ExpressRequest extends IncomingMessage {
  readonly originalUrl?: string;
  readonly baseUrl?: string;
  readonly route?: { readonly path: unknown };
  readonly params?: unknown;
  readonly body?: unknown;
}

/** Reads a request of Node.js, and what Express may have added to it. */
export function expressRequest(request: IncomingMessage | Http2ServerRequest): NodeRequest {
  const source = request as ExpressRequest;
  const { originalUrl, method, headers, rawHeaders, params, body } = source;
  const url = originalUrl ?? source.url;
  const route = () => expressTemplate(source.baseUrl ?? '', source.route?.path);
  return { source, url, method, headers, rawHeaders, params, body, route };
}
