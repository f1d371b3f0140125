import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TokenParts } from './token.js';

/** A JSON response. */
export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** An endpoint of a test issuer. */
export interface Endpoint {
  readonly path: string;
  readonly counts: 'discovery' | 'jwks' | 'token';
  reply(method: string, form: URLSearchParams): Reply | Promise<Reply>;
}

/** The endpoints of a test issuer. */
export type Endpoints = readonly Endpoint[];

/** The part of a test issuer that its endpoints use. */
interface Issuing {
  readonly issuer: string;
  /** The base URL of the endpoints. */
  readonly base: string;
  jwks(): unknown;
  token(parts: TokenParts): Promise<string>;
}

/** Returns both metadata endpoints, the JWKS, and a token endpoint for client credentials. */
export function endpointsOf({ issuer, base, jwks, token }: Issuing): Endpoints {
  const { origin, pathname } = new URL(base);
  const path = pathname.replace(/\/$/, '');
  const metadata: Reply = {
    status: 200,
    body: {
      issuer,
      jwks_uri: `${origin}${path}/jwks`,
      token_endpoint: `${origin}${path}/token`,
      grant_types_supported: ['client_credentials'],
      response_types_supported: [],
    },
  };
  return [
    {
      path: `/.well-known/oauth-authorization-server${path}`,
      counts: 'discovery',
      reply: () => metadata,
    },
    {
      path: `${path}/.well-known/openid-configuration`,
      counts: 'discovery',
      reply: () => metadata,
    },
    { path: `${path}/jwks`, counts: 'jwks', reply: () => ({ status: 200, body: jwks() }) },
    {
      path: `${path}/token`,
      counts: 'token',
      reply: (method, form) => clientCredentials(method, form, token),
    },
  ];
}

// RFC 6749 §4.4. Accepts any client, because the resource server is under test.
async function clientCredentials(
  method: string,
  form: URLSearchParams,
  token: Issuing['token'],
): Promise<Reply> {
  const clientId = form.get('client_id');
  if (method !== 'POST' || form.get('grant_type') !== 'client_credentials') {
    return { status: 400, body: { error: 'unsupported_grant_type' } };
  }
  if (!clientId || !form.get('client_secret')) {
    return { status: 401, body: { error: 'invalid_client' } };
  }
  const scopes = (form.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
  const orgId = form.get('org_id');
  const accessToken = await token({
    subject: clientId,
    clientId,
    scopes,
    ...(orgId && { orgId }),
  });
  return {
    status: 200,
    body: {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: 300,
      scope: scopes.join(' '),
    },
  };
}

/** A server on 127.0.0.1. */
export interface Served {
  readonly origin: string;
  close(): Promise<void>;
}

/** Serves replies on a free port of 127.0.0.1. Without a reply, the connection is destroyed. */
export async function serve(
  respond: (method: string, url: URL, form: URLSearchParams) => Promise<Reply | undefined>,
): Promise<Served> {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const reply = await respond(request.method ?? 'GET', url, await formOf(request));
    if (!reply) return void request.socket.destroy();
    response.writeHead(reply.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(reply.body));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > 65_536) break;
  }
  return new URLSearchParams(text);
}
