import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve as serveFetch } from '@hono/node-server';
import express from 'express';
import express4 from 'express4';
import fastify from 'fastify';
import { Hono } from 'hono';
import { expressGuard } from '../../src/express.js';
import { fastifyGuard } from '../../src/fastify.js';
import { fetchGuard } from '../../src/fetch.js';
import { honoGuard } from '../../src/hono.js';
import type { Principal } from '../../src/index.js';
import { sendDenial, toGuardRequest } from '../../src/node.js';
import type { OpenDoor } from '../../src/testing.js';

/** What every handler of these tests answers. */
export const told = (principal: Principal | undefined) =>
  principal
    ? {
        subject: principal.subject ?? null,
        clientId: principal.clientId ?? null,
        orgId: principal.orgId ?? null,
        scopes: [...principal.scopes],
      }
    : null;

const maxHeaderSize = 65_536;

/** Listens on a free port of the loopback. */
export async function listen(server: Server): Promise<{ origin: string; close(): Promise<void> }> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/** Serves an app of any version of Express. */
export const listenTo = (app: unknown) =>
  listen(createServer({ maxHeaderSize }, app as RequestListener));

const onExpress =
  (make: typeof express): OpenDoor =>
  (guard, requirements) => {
    const app = make();
    app.use(expressGuard(guard)(requirements), (request, response) => {
      response.json(told(request.principal));
    });
    return listenTo(app);
  };

const onFastify: OpenDoor = async (guard, requirements) => {
  const app = fastify({ http: { maxHeaderSize } });
  await app.register(fastifyGuard, { guard });
  app.route({
    method: ['GET', 'POST', 'OPTIONS'],
    url: '/',
    onRequest: app.requireToken(requirements),
    handler: async (request) => JSON.stringify(told(request.principal)),
  });
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  return { origin, close: () => app.close() };
};

/** Serves a Fetch handler. */
export async function serveHandler(handler: (request: Request) => Response | Promise<Response>) {
  const server = await new Promise<Server>((done) => {
    const made = serveFetch(
      { fetch: handler, port: 0, hostname: '127.0.0.1', serverOptions: { maxHeaderSize } },
      () => done(made as Server),
    );
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise<void>((done) => server.close(() => done())),
  };
}

const onFetch: OpenDoor = async (guard, requirements) => {
  const check = fetchGuard(guard);
  return serveHandler(async (request) => {
    const pass = await check(request, requirements);
    if (pass instanceof Response) return pass;
    return Response.json(told(pass.principal), { headers: pass.headers });
  });
};

const onHono: OpenDoor = async (guard, requirements) => {
  const app = new Hono();
  app.all('*', honoGuard(guard)(requirements), (c) => c.json(told(c.var.principal)));
  return serveHandler(app.fetch);
};

const onNode: OpenDoor = (guard, requirements) =>
  listen(
    createServer({ maxHeaderSize }, async (request, response) => {
      try {
        const decision = await guard(toGuardRequest(request), requirements);
        if (!decision.allowed) return sendDenial(response, decision.denial);
        response.setHeaders(new Map(Object.entries(decision.headers)));
        response.end(JSON.stringify(told(decision.principal)));
      } catch {
        response.writeHead(500).end();
      }
    }),
  );

/** Every door there is. */
export const doors: Readonly<Record<string, OpenDoor>> = {
  'Express 4': onExpress(express4),
  'Express 5': onExpress(express),
  'Fastify 5': onFastify,
  Fetch: onFetch,
  Hono: onHono,
  'node:http': onNode,
};
