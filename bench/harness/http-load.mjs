import { once } from 'node:events';
import { connect } from 'node:net';

/**
 * Asks for /orders over kept connections, one request at a time on each, and reads every answer.
 * It is this small because a well-known load generator kept Fastify without auth busy for no more
 * than 60 to 80 % of the time: that server would have waited, and every guard looked free.
 */
const pools = new Map();
const sockets = [];
const ok = 'HTTP/1.1 200';

const tasks = {
  /** Keeps what is to be sent, under a name. */
  pool({ name, header, values, subjects }) {
    pools.set(name, { header, values, subjects });
  },

  /** Connects, so that this is not measured. */
  async open({ port, connections }) {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (let i = 0; i < connections; i++) {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      await once(socket, 'connect');
      sockets.push(socket);
    }
  },

  /** Goes through the pool, and round in it: `count` times, or for some milliseconds. */
  async run({ pool, port, from = 0, count = Number.POSITIVE_INFINITY, duration, subject }) {
    const { header, values, subjects } = pools.get(pool);
    const size = Math.min(count, values.length - from);
    const jobs = Array.from({ length: size }, (_, i) => ({
      request: requestOf(port, header, values[from + i]),
      body: JSON.stringify({ orders: [], for: subject ?? subjects[from + i] }),
    }));
    const begun = performance.now();
    const end = duration === undefined ? undefined : begun + duration;
    let sent = 0;
    let answered = 0;
    const next = () => {
      if (end === undefined ? sent === count : performance.now() >= end) return undefined;
      return jobs[sent++ % size];
    };
    const lanes = sockets.map((socket) =>
      converse(socket, next, () => {
        answered += 1;
      }),
    );
    await Promise.all(lanes);
    return { answered, seconds: (performance.now() - begun) / 1000 };
  },
};

process.once('disconnect', () => process.exit());
process.on('message', async ({ task, ...order }) => {
  process.send((await tasks[task](order)) ?? {});
});

const requestOf = (port, header, value) =>
  Buffer.from(
    `GET /orders HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: keep-alive\r\n` +
      `Accept: application/json\r\nUser-Agent: bench\r\n${header}: ${value}\r\n\r\n`,
    'latin1',
  );

function converse(socket, next, answered) {
  return new Promise((resolve, reject) => {
    let job;
    let held = '';
    const late = setTimeout(() => fail('nothing'), 20_000);
    const fail = (what) => reject(new Error(`the server answered ${what}; ${job?.body} was due`));
    const proceed = () => {
      job = next();
      if (job !== undefined) return socket.write(job.request);
      clearTimeout(late);
      socket.removeAllListeners('data');
      resolve();
    };
    socket.on('data', (chunk) => {
      const text = held + chunk.toString('latin1');
      held = '';
      if (!text.startsWith(ok)) return fail(text);
      if (!text.endsWith(job.body)) {
        // A body of another length than meant will never end as meant.
        if (text.includes('\r\n\r\n') && !text.endsWith('\r\n\r\n')) return fail(text);
        held = text;
        return;
      }
      answered();
      proceed();
    });
    socket.once('error', reject);
    socket.once('close', () => fail('by hanging up'));
    proceed();
  });
}
