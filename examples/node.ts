// #region quickstart
import { createServer } from 'node:http';
import { createGuard } from 'sallyport';
import { sendDenial, toGuardRequest } from 'sallyport/node';

const guard = createGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
});

const server = createServer(async (request, response) => {
  try {
    const decision = await guard(toGuardRequest(request), { scopes: ['orders:read'] });
    if (!decision.allowed) return sendDenial(response, decision.denial);
    for (const [name, value] of Object.entries(decision.headers)) response.setHeader(name, value);
    response.end(JSON.stringify({ orders: [], for: decision.principal?.subject }));
  } catch (error) {
    console.error(error); // a bug; it must not crash the process
    response.writeHead(500).end();
  }
});

// If the request is allowed, a WebSocket library takes over.
server.on('upgrade', async (request, socket, head) => {
  try {
    const decision = await guard(toGuardRequest(request), { scopes: ['orders:read'] });
    if (decision.allowed) accept(request, socket, head);
    else sendDenial(socket, decision.denial);
  } catch (error) {
    console.error(error);
    socket.destroy();
  }
});

// #endregion

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** Stands for `webSocketServer.handleUpgrade` of ws. */
function accept(_request: IncomingMessage, socket: Duplex, _head: Buffer): void {
  socket.end(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  );
}

export { server };
