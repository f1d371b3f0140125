import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A way to a server that can lose what is said on it. */
export interface Proxy {
  readonly port: number;
  /** Once so many more have come, no answer arrives: what is asked, still does. */
  swallow(after?: number): void;
  /** Breaks all connections; new ones work. */
  cut(): void;
  close(): Promise<void>;
}

export async function openProxy(to: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let left = Number.POSITIVE_INFINITY;
  const server = createServer((client) => {
    const behind = connect(to, '127.0.0.1');
    for (const [one, other] of [
      [client, behind],
      [behind, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    client.pipe(behind);
    behind.on('data', (data) => {
      left -= 1;
      if (left >= 0) client.write(data);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as { port: number }).port,
    swallow(after = 0) {
      left = after;
    },
    cut() {
      left = Number.POSITIVE_INFINITY;
      cut();
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}
