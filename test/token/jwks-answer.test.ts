import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { type Answer, json, openScene, redirect, type Scene, text } from './jwks-server.js';

const mebibyte = 1_048_576;

/** The issuer's keys, in JSON of exactly this many bytes. */
function padded({ issuer }: Scene, size: number): string {
  const body = JSON.stringify({ ...issuer.jwks, padding: '' });
  return body.replace('"padding":""', `"padding":"${'x'.repeat(size - body.length)}"`);
}

test('F13: good keys in 24 MB are refused, and the connection is dropped early', async () => {
  const scene = await openScene();
  const body = Buffer.from(padded(scene, 24 * mebibyte));
  const sent = new Promise<number>((done) => {
    scene.serve((response) => {
      let at = 0;
      const send = () => {
        while (at < body.length && !response.destroyed) {
          const piece = body.subarray(at, at + 65_536);
          at += piece.length;
          if (!response.write(piece)) return void response.once('drain', send);
        }
        response.end();
      };
      response.on('close', () => done(at));
      send();
    });
  });
  expect(await scene.decide()).toMatchObject({
    allowed: false,
    error: {
      code: 'ERR_JWKS_RESPONSE',
      message: `${scene.host.origin}/jwks returned more than 1 MiB`,
    },
    denial: { status: 503 },
  });
  // What is over 1 MiB lay in the buffers of both sides.
  expect(await sent).toBeLessThan(16 * mebibyte);
});

test('F13: 24 MB that come as a few compressed bytes are refused', async () => {
  const scene = await openScene();
  const body = gzipSync(padded(scene, 24 * mebibyte));
  expect(body.length).toBeLessThan(mebibyte / 8);
  scene.serve((response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(body));
  expect(await scene.outcome()).toBe('503 ERR_JWKS_RESPONSE');
});

test('F13: an answer of 1 MiB is taken, and one byte more is not', async () => {
  const scene = await openScene();
  scene.serve(text(padded(scene, mebibyte + 1)));
  expect(await scene.outcome()).toBe('503 ERR_JWKS_RESPONSE');
  scene.serve(text(padded(scene, mebibyte)));
  scene.clock.advance(1);
  expect(await scene.outcome()).toBe('allowed');
});

test('a set of 256 keys is taken, and one of 257 is not', async () => {
  const { serve, issuer, outcome, clock } = await openScene();
  const others = (count: number) => Array.from({ length: count }, (_, i) => ({ kid: `${i}` }));
  serve(json({ keys: [...others(256), ...issuer.jwks.keys] }));
  expect(await outcome()).toBe('503 ERR_JWKS_RESPONSE');
  serve(json({ keys: [...others(255), ...issuer.jwks.keys] }));
  clock.advance(1);
  expect(await outcome()).toBe('allowed');
});

test.each([301, 302, 303, 307, 308])(
  'F13: a redirect (%i) to good keys is not followed',
  async (status) => {
    const { serve, host, published, outcome } = await openScene();
    host.routes['/elsewhere'] = published;
    serve((response) => void response.writeHead(status, { location: '/elsewhere' }).end());
    expect(await outcome()).toBe('503 ERR_JWKS_RESPONSE');
    expect(host.received).toEqual(['/jwks']);
  },
);

test('F13: a redirect is no answer even if its body has good keys', async () => {
  const { serve, host, issuer, outcome } = await openScene();
  const withBody: Answer = (response) =>
    void response.writeHead(302, { location: '/jwks' }).end(JSON.stringify(issuer.jwks));
  serve(withBody);
  expect(await outcome()).toBe('503 ERR_JWKS_RESPONSE');
  expect(host.received).toEqual(['/jwks']);
});

const unusableSets: readonly (readonly [string, readonly unknown[]])[] = [
  ['an empty set', []],
  ['a set of junk', [null, 42, 'key', [], {}]],
  ['a set of symmetric keys', [{ kty: 'oct', kid: 'a', k: 'c2VjcmV0' }]],
  ['a set of keys for encryption', [{ kty: 'RSA', use: 'enc', n: 'AQAB', e: 'AQAB' }]],
  ['a set of keys of other algorithms', [{ kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) }]],
];

test.each(unusableSets)('F12: %s at first use is an outage: 503, never 401', async (_, keys) => {
  const { serve, published, outcome, issuer, clock } = await openScene();
  serve(json({ keys }));
  expect(await outcome()).toBe('503 ERR_JWKS_RESPONSE');
  const nameless = await issuer.token({ header: { kid: undefined } });
  expect(await outcome(nameless)).toBe('503 ERR_JWKS_RESPONSE');
  serve(published);
  clock.advance(1);
  expect(await outcome()).toBe('allowed');
});

test.each(unusableSets)(
  'F12: after %s held keys serve until twice maxAge, and no longer',
  async (...given) => {
    const [, keys] = given;
    const { serve, published, outcome, clock, issuer } = await openScene();
    expect(await outcome()).toBe('allowed');
    serve(json({ keys }));
    clock.advance(480);
    expect(await outcome()).toBe('allowed');
    const unknown = await issuer.token({ header: { kid: 'unknown' } });
    expect(await outcome(unknown)).toBe('503 ERR_JWKS_RESPONSE');
    clock.advance(719.999);
    expect(await outcome()).toBe('allowed');
    clock.advance(0.001);
    expect(await outcome()).toBe('503 ERR_JWKS_RESPONSE');
    serve(published);
    clock.advance(30);
    expect(await outcome()).toBe('allowed');
  },
);

test('F12: an outage after an empty set does not make it forgotten', async () => {
  const { serve, outcome, clock, issuer } = await openScene();
  expect(await outcome()).toBe('allowed');
  serve(json({ keys: [] }));
  clock.advance(600);
  const unknown = await issuer.token({ header: { kid: 'unknown' } });
  expect(await outcome(unknown)).toBe('503 ERR_JWKS_RESPONSE');
  expect(await outcome()).toBe('allowed');
  serve(text('', 500));
  clock.advance(600);
  expect(await outcome()).toBe('503 ERR_JWKS_RESPONSE');
  clock.advance(30);
  expect(await outcome()).toBe('503 ERR_JWKS_RESPONSE');
});

test('F12: an empty set does not lengthen a staleIfError that is shorter', async () => {
  const { serve, outcome, clock } = await openScene({ keys: { staleIfError: 0 } });
  expect(await outcome()).toBe('allowed');
  serve(json({ keys: [] }));
  clock.advance(600);
  expect(await outcome()).toBe('503 ERR_JWKS_RESPONSE');
});

test('the keys are asked for plainly: a GET for JSON, without a body or a credential', async () => {
  const { serve, published, outcome } = await openScene();
  const asked: unknown[] = [];
  serve((response) => {
    const { method, headers } = response.req;
    asked.push(method, headers.accept, headers.authorization, headers['content-length']);
    published(response);
  });
  expect(await outcome()).toBe('allowed');
  const accept = 'application/jwk-set+json, application/json, */*;q=0.1';
  expect(asked).toEqual(['GET', accept, undefined, undefined]);
});

test('a set that is served as no JSON by its header, but is, is taken', async () => {
  const { serve, issuer, outcome } = await openScene();
  serve(text(JSON.stringify(issuer.jwks)));
  expect(await outcome()).toBe('allowed');
});

test('a set that is not UTF-8 is refused', async () => {
  const { serve, issuer, outcome } = await openScene();
  const bytes = Buffer.from(JSON.stringify({ ...issuer.jwks, name: 'ÿ' }), 'latin1');
  serve((response) => void response.writeHead(200).end(bytes));
  expect(await outcome()).toBe('503 ERR_JWKS_RESPONSE');
});

test('F13: metadata in a redirect is not followed either', async () => {
  const { host, issuer, outcome } = await openScene({ discoverAt: '' });
  host.routes['/elsewhere'] = json({
    issuer: issuer.issuer,
    jwks_uri: `${host.origin}/jwks`,
  });
  for (const form of ['oauth-authorization-server', 'openid-configuration']) {
    host.routes[`/.well-known/${form}`] = redirect('/elsewhere');
  }
  expect(await outcome()).toBe('503 ERR_DISCOVERY_RESPONSE');
  expect(host.received).toEqual([
    '/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
  ]);
});
