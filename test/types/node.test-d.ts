import { createServer } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import { createGuard, type GuardRequest } from '../../src/index.js';
import { sendDenial, toGuardRequest } from '../../src/node.js';

// Never run: `tsc` compiles it, and a mistake that begins to compile is an unused directive.

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function must<_Truth extends true>(): void;
const guard = createGuard({ issuer: 'https://a.example', audience: 'a' });

const server = createServer(async (request, response) => {
  const decision = await guard(toGuardRequest(request), { scopes: ['a'] });
  if (!decision.allowed) return sendDenial(response, decision.denial);
  // @ts-expect-error: no refusal
  sendDenial(response, decision);
  // @ts-expect-error: where no credential is needed there may be nobody
  response.end(decision.principal.subject);
});
server.on('upgrade', async (request, socket) => {
  const decision = await guard(toGuardRequest(request));
  if (!decision.allowed) sendDenial(socket, decision.denial);
});
createHttp2(async (request, response) => {
  const decision = await guard(toGuardRequest(request));
  if (!decision.allowed) sendDenial(response, decision.denial);
});
must<Equal<ReturnType<typeof toGuardRequest>, GuardRequest>>();

// Mistake: another kind of request is translated.
// @ts-expect-error: sallyport/fetch
toGuardRequest(new Request('https://api.example.com'));
// @ts-expect-error: no request
toGuardRequest({ method: 'GET', url: '/' });
