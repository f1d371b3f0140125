import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, createServer as createHttp2 } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { connect as connectTcp } from 'node:net';
import express from 'express';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { createGuard, type Guard, type GuardRequest } from '../../src/index.js';
import { sendDenial, toGuardRequest } from '../../src/node.js';
import { createTestIssuer, type TestIssuer } from '../../src/testing.js';
import { listen, listenTo } from './open.js';

let issuer: TestIssuer;
let guard: Guard;

beforeEach(async () => {
  issuer = await createTestIssuer();
  guard = createGuard(issuer.options);
});

const bearer = async () => ({ authorization: `Bearer ${await issuer.token()}` });

test('what Express and NestJS add to a request is read', async () => {
  let seen: GuardRequest | undefined;
  const app = express().use(express.urlencoded());
  app.use(
    '/api',
    express.Router().post('/orgs/:org', (request, response) => {
      seen = toGuardRequest(request);
      response.end();
    }),
  );
  const { origin, close } = await listenTo(app);
  onTestFinished(close);
  const body = new URLSearchParams('access_token=a');
  await fetch(`${origin}/api/orgs/a%20b?q=1`, { method: 'POST', body });
  expect(seen).toMatchObject({ method: 'POST', url: '/api/orgs/a%20b?q=1', formToken: true });
  expect({ ...seen?.params }).toEqual({ org: 'a b' });
  expect(seen?.route).toBe('/api/orgs/:org');
});

test('HTTP/2 is guarded too', async () => {
  const server = createHttp2(async (request, response) => {
    const decision = await guard(toGuardRequest(request));
    if (decision.allowed) response.end('in');
    else sendDenial(response, decision.denial);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => {
    client.close();
    server.close();
  });
  const ask = async (headers: object) => {
    const stream = client.request({ ':path': '/', ...headers });
    const [answer] = await once(stream, 'response');
    stream.resume();
    return [answer[':status'], answer['content-type']];
  };
  expect(await ask(await bearer())).toEqual([200, undefined]);
  expect(await ask({})).toEqual([401, 'application/problem+json; charset=utf-8']);
});

test('a response that somebody else has begun is left alone', async () => {
  const { origin, close } = await listen(
    createServer(async (request, response) => {
      response.writeHead(504).end('late');
      const decision = await guard(toGuardRequest(request));
      if (!decision.allowed) sendDenial(response, decision.denial);
    }),
  );
  onTestFinished(close);
  const response = await fetch(origin);
  expect([response.status, await response.text()]).toEqual([504, 'late']);
});

test('an upgrade is refused with a whole response, and its connection closed', async () => {
  const server = createServer();
  server.on('upgrade', async (request, socket) => {
    const decision = await guard(toGuardRequest(request));
    if (!decision.allowed) return sendDenial(socket, decision.denial);
    socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: test\r\nConnection: Upgrade\r\n\r\n');
  });
  const { origin, close } = await listen(server);
  onTestFinished(close);
  const upgrade = { connection: 'Upgrade', upgrade: 'test' };

  const refused = httpRequest(origin, { headers: upgrade }).end();
  const [response] = (await once(refused, 'response')) as [IncomingMessage];
  const body = (await response.setEncoding('utf8').toArray()).join('');
  expect(response.statusCode).toBe(401);
  expect(response.headers).toMatchObject({
    'content-type': 'application/problem+json; charset=utf-8',
    'www-authenticate': 'Bearer realm="https://api.test"',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  });
  expect(JSON.parse(body)).toMatchObject({ code: 'ERR_CREDENTIAL_MISSING', status: 401 });

  const passed = httpRequest(origin, { headers: { ...upgrade, ...(await bearer()) } }).end();
  const [{ statusCode }, socket] = (await once(passed, 'upgrade')) as [IncomingMessage, Socket];
  socket.destroy();
  expect(statusCode).toBe(101);
});

test('a client that is gone before its upgrade is refused harms nobody', async () => {
  const server = createServer();
  const { origin, close } = await listen(server);
  onTestFinished(close);
  const asked = once(server, 'upgrade') as Promise<[IncomingMessage, Socket]>;
  const client = connectTcp(Number(new URL(origin).port), '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n');
  const [request, socket] = await asked;
  const decision = await guard(toGuardRequest(request));
  if (decision.allowed) throw new Error('it has no credential');
  client.destroy();
  const closed = new Promise((done) => socket.on('close', done));
  sendDenial(socket, decision.denial);
  await closed;
  sendDenial(socket, decision.denial);
  await new Promise(setImmediate);
});
