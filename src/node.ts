import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';
import { expressRequest } from './adapters/express-request.js';
import { toGuardRequest as fromNode } from './adapters/node-request.js';
import { responseParts, writeResponse } from './adapters/node-response.js';
import type { Denial, GuardRequest } from './index.js';

/**
 * Translates a request of `node:http` or `node:http2` for a guard: `await guard(toGuardRequest(request))`.
 * Also reads what Express and NestJS add to it (`originalUrl`, `params`, a parsed form).
 */
export const toGuardRequest = (request: IncomingMessage | Http2ServerRequest): GuardRequest =>
  fromNode(expressRequest(request));

/**
 * Sends the response for a denial, unless its headers have been sent. For an `upgrade` event, pass the
 * socket: the response is written to it, and the connection is closed.
 */
export function sendDenial(
  response: ServerResponse | Http2ServerResponse | Duplex,
  denial: Denial,
): void {
  if ('setHeader' in response) writeResponse(response, responseParts(denial));
  else writeToSocket(response, denial);
}

function writeToSocket(socket: Duplex, denial: Denial): void {
  const { status, headers, body } = responseParts(denial);
  // After 'upgrade', Node.js no longer listens for errors; a disconnect would crash the process.
  socket.on('error', () => socket.destroy());
  const length = Buffer.byteLength(body);
  const all = { ...headers, 'Content-Length': length, Connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
}
