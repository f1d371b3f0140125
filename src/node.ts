import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';
import { expressRequest } from './adapters/express-request.js';
import { toGuardRequest as fromNode } from './adapters/node-request.js';
import { answerOf, writeAnswer } from './adapters/node-response.js';
import type { Denial, GuardRequest } from './index.js';

/**
 * Translates a request of `node:http` or `node:http2` into what a guard takes: `await guard(toGuardRequest(request))`.
 * What Express and NestJS add to one (`originalUrl`, `params`, a parsed form) is read too.
 */
export const toGuardRequest = (request: IncomingMessage | Http2ServerRequest): GuardRequest =>
  fromNode(expressRequest(request));

/**
 * Sends a refusal, unless somebody else has begun to respond. On the socket of an `upgrade` event,
 * which has no response, it writes one and closes the connection.
 */
export function sendDenial(
  response: ServerResponse | Http2ServerResponse | Duplex,
  denial: Denial,
): void {
  if ('setHeader' in response) writeAnswer(response, answerOf(denial));
  else writeToSocket(response, denial);
}

function writeToSocket(socket: Duplex, denial: Denial): void {
  const { status, headers, body } = answerOf(denial);
  // A client that is gone already is no reason to end the process, and Node listens no longer.
  socket.on('error', () => socket.destroy());
  const length = Buffer.byteLength(body);
  const all = { ...headers, 'Content-Length': length, Connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
}
