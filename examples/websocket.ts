// #region quickstart
import { createServer } from 'node:http';
import { createGuard } from 'sallyport';
import { sendDenial, toGuardRequest } from 'sallyport/node';
import { WebSocketServer } from 'ws';

const guard = createGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
});

const server = createServer((_, response) => response.writeHead(426).end());
const sockets = new WebSocketServer({ noServer: true });

server.on('upgrade', async (request, socket, head) => {
  try {
    const decision = await guard(toGuardRequest(request), { scopes: ['orders:read'] });
    if (!decision.allowed) return sendDenial(socket, decision.denial);
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.send(JSON.stringify({ orders: [], for: decision.principal?.subject }));
    });
  } catch (error) {
    console.error(error); // a bug, which must not end the process
    socket.destroy();
  }
});

// #endregion

export { server };
