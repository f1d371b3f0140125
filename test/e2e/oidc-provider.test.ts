import { generateKeyPairSync } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { expressGuard } from '../../src/express.js';
import { principalOf } from '../../src/index.js';

const audience = 'https://api.example.com';
const other = 'https://other.example.com';
const client = { id: 'orders-service', secret: 'known-to-this-test-alone' };
const credentials = Buffer.from(`${client.id}:${client.secret}`).toString('base64');
const open: Server[] = [];

async function listen(server: Server): Promise<string> {
  open.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const signingKey = () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: 'key-1', use: 'sig', alg: 'RS256' };
};

/** What an authorization server issues JWTs for, to whom, signed with which key. */
const configuration = () => ({
  jwks: { keys: [signingKey()] },
  scopes: ['orders:read', 'orders:write'],
  clients: [
    {
      client_id: client.id,
      client_secret: client.secret,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    },
  ],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context: unknown, resource: string) => ({
        scope: 'orders:read orders:write',
        audience: resource,
        accessTokenFormat: 'jwt',
      }),
    },
  },
});

let asked: string[];
let issuer: string;
let api: string;

beforeAll(async () => {
  // It warns of its runtime when imported, and of every default that is not meant for production.
  for (const level of ['info', 'warn'] as const) vi.spyOn(console, level).mockReturnValue();
  const { Provider } = await import('oidc-provider');
  let answer: RequestListener = () => {};
  asked = [];
  issuer = await listen(
    createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      answer(request, response);
    }),
  );
  // Its name has to be known before it is made.
  answer = new Provider(issuer, configuration()).callback();

  const requireToken = expressGuard({ issuer, audience });
  const app = express();
  app.get('/orders', requireToken({ scopes: ['orders:read'] }), (request, response) => {
    const principal = principalOf(request);
    const { kind, subject, clientId, scopes } = principal;
    response.json({ kind, subject, clientId, issuer: principal.issuer, scopes: [...scopes] });
  });
  api = await listen(createServer(app as RequestListener));
});

afterAll(() => {
  vi.restoreAllMocks();
  for (const server of open) {
    server.close();
    server.closeAllConnections();
  }
});

/** A token as a client gets one (RFC 6749 §4.4, RFC 8707 §2). */
async function tokenFor(scope: string, resource = audience): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${credentials}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope, resource }),
  });
  expect(response.status).toBe(200);
  const body = (await response.json()) as { access_token: string };
  return body.access_token;
}

const orders = (token?: string) =>
  fetch(`${api}/orders`, token ? { headers: { authorization: `Bearer ${token}` } } : {});

test('a token with the scope gets in, and the handler knows whose it is', async () => {
  const response = await orders(await tokenFor('orders:read'));
  expect(await response.json()).toEqual({
    kind: 'token',
    subject: client.id,
    clientId: client.id,
    issuer,
    scopes: ['orders:read'],
  });
  expect(response.status).toBe(200);
});

test('the token is a JWT of RFC 9068, signed by the key that discovery leads to', async () => {
  const [header = '', claims = ''] = (await tokenFor('orders:read')).split('.');
  const parse = (text: string) => JSON.parse(Buffer.from(text, 'base64url').toString());
  expect(parse(header)).toEqual({ alg: 'RS256', typ: 'at+jwt', kid: 'key-1' });
  expect(parse(claims)).toMatchObject({ iss: issuer, aud: audience, scope: 'orders:read' });
});

test('a token without the scope is 403, and is told which to ask for', async () => {
  const response = await orders(await tokenFor('orders:write'));
  expect(response.status).toBe(403);
  expect(response.headers.get('www-authenticate')).toMatch(
    /^Bearer .*error="insufficient_scope".*scope="orders:read"/,
  );
  expect(await response.json()).toMatchObject({ code: 'ERR_SCOPE_MISSING' });
});

test('no token is 401, with a challenge that names no error', async () => {
  const response = await orders();
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toBe(
    `Bearer realm="${audience}", scope="orders:read"`,
  );
  expect(await response.json()).toMatchObject({ code: 'ERR_CREDENTIAL_MISSING' });
});

test('a token for another API of the same issuer is 401', async () => {
  const response = await orders(await tokenFor('orders:read', other));
  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({ code: 'ERR_TOKEN_AUDIENCE' });
});

test('a token whose claims were changed is 401', async () => {
  const [header, , signature] = (await tokenFor('orders:read')).split('.');
  const [, claims] = (await tokenFor('orders:read orders:write')).split('.');
  const response = await orders(`${header}.${claims}.${signature}`);
  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({ code: 'ERR_TOKEN_SIGNATURE' });
});

test('however many requests there are, they take one discovery and one fetch of keys', async () => {
  const token = await tokenFor('orders:read');
  for (let i = 0; i < 3; i += 1) expect((await orders(token)).status).toBe(200);
  const once = ['GET /.well-known/oauth-authorization-server', 'GET /jwks'];
  // The forged token of the test before made the guard look once more, for a key that is new.
  expect(asked.filter((line) => line.startsWith('GET'))).toEqual([...once, ...once]);
});
