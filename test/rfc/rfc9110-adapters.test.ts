import express from 'express';
import fastify from 'fastify';
import { describe, expect, test } from 'vitest';
import { expressGuard } from '../../src/express.js';
import { fastifyGuard } from '../../src/fastify.js';
import { listenTo } from '../adapters/open.js';
import { bearerParameters } from './challenge-grammar.js';
import { audience, guardFor, keyFor, mint } from './mint.js';

const key = await keyFor('ES256');
const guard = guardFor([key.jwk]);
const exposed = 'WWW-Authenticate, DPoP-Nonce';

/** Apps that let pages of other origins read the challenge. */
const apps = {
  async 'Express 5'() {
    const app = express();
    app.use((_request, response, next) => {
      response.setHeader('Access-Control-Expose-Headers', exposed);
      next();
    });
    app.use(expressGuard(guard)(), (_request, response) => void response.send('fine'));
    return listenTo(app);
  },
  async 'Fastify 5'() {
    const app = fastify();
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('Access-Control-Expose-Headers', exposed);
    });
    await app.register(fastifyGuard, { guard });
    app.get('/', { onRequest: app.requireToken() }, async () => 'fine');
    const origin = await app.listen({ port: 0, host: '127.0.0.1' });
    return { origin, close: () => app.close() };
  },
};

describe.each(Object.entries(apps))('%s', (_, open) => {
  test('Fetch §3.3.3 [B20]: the app can let browsers read the challenge', async () => {
    const { origin, close } = await open();
    try {
      const { status, headers } = await fetch(origin);
      expect([status, headers.get('access-control-expose-headers')]).toEqual([401, exposed]);
      const field = headers.get('www-authenticate') ?? undefined;
      expect(bearerParameters(field)).toEqual({ realm: audience });
    } finally {
      await close();
    }
  });

  test('RFC 9110 §9.3.2 [B19]: HEAD MUST get the headers of GET, and no content', async () => {
    const { origin, close } = await open();
    try {
      const told = async (method: string, token: string) => {
        const response = await fetch(origin, {
          method,
          headers: { authorization: `Bearer ${token}` },
        });
        const field = response.headers.get('www-authenticate');
        return { status: response.status, field, text: await response.text() };
      };
      const { text, ...got } = await told('GET', 'opaque');
      expect(text).toContain('ERR_TOKEN_NOT_JWT');
      expect(await told('HEAD', 'opaque')).toEqual({ ...got, text: '' });
      expect((await told('HEAD', mint(key))).status).toBe(200);
    } finally {
      await close();
    }
  });
});
