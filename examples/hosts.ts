import { once } from 'node:events';
import type { Server } from 'node:http';
import { WebSocket } from 'ws';
import { handler } from './aws-lambda.js';
import onYoga from './graphql-yoga.js';
import { listen } from './listen.js';
import { createApp } from './nestjs.js';
import { GET } from './nextjs.js';
import onTrpc from './trpc.js';
import { server as onWebSocket } from './websocket.js';

type Headers = Readonly<Record<string, string>>;
type Answer = readonly [status: number, body: string];

/** Asks with each of these credentials; of a refusal only the status is kept. */
async function tryAll(
  all: readonly Headers[],
  ask: (headers: Headers) => Promise<Answer>,
): Promise<string> {
  const answers: string[] = [];
  for (const headers of all) {
    const [status, body] = await ask(headers);
    answers.push(status < 300 ? `${status} ${body}` : String(status));
  }
  return answers.join(', ');
}

const byFetch =
  (fetch: (request: Request) => Promise<Response>, url: string) => async (headers: Headers) => {
    const response = await fetch(new Request(url, { headers }));
    return [response.status, await response.text()] as const;
  };

async function tryNest(credentials: readonly Headers[]): Promise<string> {
  const app = await createApp();
  await app.listen(0, '127.0.0.1');
  try {
    const url = `${await app.getUrl()}/orders`;
    return await tryAll(credentials, byFetch(fetch, url));
  } finally {
    await app.close();
  }
}

async function tryWebSocket(credentials: readonly Headers[]): Promise<string> {
  const { origin, close } = await listen(onWebSocket as Server);
  try {
    return await tryAll(credentials, (headers) => openSocket(`${origin}/orders`, headers));
  } finally {
    close();
  }
}

function openSocket(url: string, headers: Headers): Promise<Answer> {
  const client = new WebSocket(url, { headers });
  return new Promise((resolve, reject) => {
    client.once('error', reject);
    client.once('unexpected-response', (request, response) => {
      request.destroy();
      resolve([response.statusCode ?? 0, '']);
    });
    client.once('message', async (data) => {
      client.close();
      await once(client, 'close');
      resolve([200, String(data)]);
    });
  });
}

async function askLambda(headers: Headers): Promise<Answer> {
  const { statusCode, body } = await handler({
    rawPath: '/orders',
    rawQueryString: 'page=1',
    headers: { ...headers, 'x-forwarded-proto': 'https' },
    requestContext: { domainName: 'api.example.com', http: { method: 'GET' } },
  });
  return [statusCode, body];
}

const orders = '{"orders":[],"for":"user_1"}';
const graphql = `http://127.0.0.1/graphql?query=${encodeURIComponent('{ orders for }')}`;

/** Each with what it says to nobody, to a token without the scope, and to one that has it. */
export const hosts: readonly [
  name: string,
  expected: string,
  run: (credentials: readonly Headers[]) => Promise<string>,
][] = [
  ['nestjs.ts', `401, 403, 200 ${orders}`, tryNest],
  ['websocket.ts', `401, 403, 200 ${orders}`, tryWebSocket],
  [
    'graphql-yoga.ts',
    `401, 403, 200 {"data":${orders}}`,
    (all) => tryAll(all, byFetch(onYoga.fetch, graphql)),
  ],
  [
    'trpc.ts',
    `401, 403, 200 {"result":{"data":${orders}}}`,
    (all) => tryAll(all, byFetch(onTrpc.fetch, 'http://127.0.0.1/trpc/orders')),
  ],
  [
    'nextjs.ts',
    `401, 403, 200 ${orders}`,
    (all) => tryAll(all, byFetch(GET, 'https://api.example.com/orders')),
  ],
  ['aws-lambda.ts', `401, 403, 200 ${orders}`, (all) => tryAll(all, askLambda)],
];
