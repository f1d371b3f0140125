import { expect, onTestFinished, test } from 'vitest';
import { createGuard } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import {
  type Answer,
  createClock,
  hang,
  json,
  openScene,
  outcome,
  redirect,
  reset,
  type Scene,
  text,
} from './jwks-server.js';

/** The metadata of the scene's issuer, bent where the test says so. */
const metadata = ({ host, issuer }: Scene, members: object = {}): Answer =>
  json({ issuer: issuer.issuer, jwks_uri: `${host.origin}/jwks`, ...members });

const rfc8414 = '/.well-known/oauth-authorization-server';
const openid = '/.well-known/openid-configuration';

const forms: readonly (readonly [string, string, string])[] = [
  ['', rfc8414, openid],
  ['/', rfc8414, openid],
  ['/tenant', `${rfc8414}/tenant`, `/tenant${openid}`],
  ['/tenant/', `${rfc8414}/tenant`, `/tenant${openid}`],
  ['/a/b%20c', `${rfc8414}/a/b%20c`, `/a/b%20c${openid}`],
];

test.each(forms)('an issuer at "%s" is found by RFC 8414', async (discoverAt, first) => {
  const scene = await openScene({ discoverAt });
  scene.host.routes[first] = metadata(scene);
  expect(await scene.outcome()).toBe('allowed');
  expect(scene.host.received).toEqual([first, '/jwks']);
});

test.each(forms)('an issuer at "%s" is found by OpenID', async (discoverAt, first, second) => {
  const scene = await openScene({ discoverAt });
  scene.host.routes[second] = metadata(scene);
  expect(await scene.outcome()).toBe('allowed');
  expect(scene.host.received).toEqual([first, second, '/jwks']);
});

test.each<[string, Answer]>([
  ['404', text('', 404)],
  ['400', text('', 400)],
  ['401', text('', 401)],
  ['403', text('', 403)],
  ['405', text('', 405)],
  ['204', text('', 204)],
  ['HTML with 200', text('<!doctype html>')],
  ['an error with 200', json({ error: 'not_found' })],
  ['a redirect', redirect('/sign-in')],
  ['500', text('', 500)],
  ['502', text('', 502)],
  ['503', text('', 503)],
  ['429', text('', 429)],
  ['a reset', reset],
  [
    'a reset in the middle of the body',
    (response) => {
      response.writeHead(200).write('{"issuer":', () => response.destroy());
    },
  ],
  ['a hang', hang],
  ['a hang in the middle of the body', (response) => void response.writeHead(200).write('{')],
  ['a JWK Set', json({ keys: [] })],
  ['another issuer', json({ issuer: 'https://other.test', jwks_uri: 'https://other.test/jwks' })],
])('where the first form is %s, the second is asked', async (_, answer) => {
  const scene = await openScene({ discoverAt: '' });
  scene.host.routes[rfc8414] = answer;
  scene.host.routes[openid] = metadata(scene);
  expect(await scene.outcome()).toBe('allowed');
  expect(scene.host.received).toEqual([rfc8414, openid, '/jwks']);
});

test('where neither form is there, it is 503, and the message says what became of both', async () => {
  const { decide, host } = await openScene({ discoverAt: '' });
  host.routes[rfc8414] = text('<p>', 500);
  expect(await decide()).toMatchObject({
    error: {
      code: 'ERR_DISCOVERY_RESPONSE',
      message: `${host.origin}${rfc8414} returned 500; ${host.origin}${openid} returned 404`,
    },
    denial: { status: 503, headers: { 'Retry-After': '1' } },
  });
  expect(host.received).toEqual([rfc8414, openid]);
});

test('where one form hangs and the other is absent, the message says so', async () => {
  const { decide, host } = await openScene({ discoverAt: '', keys: { timeout: 0.4 } });
  host.routes[rfc8414] = hang;
  const [first, second] = [`${host.origin}${rfc8414}`, `${host.origin}${openid}`];
  expect(await decide()).toMatchObject({
    error: {
      code: 'ERR_JWKS_TIMEOUT',
      message: `no answer within 0.4 s from ${first} (${second} returned 404)`,
    },
  });
});

test.each<[string, (scene: Scene) => string, boolean]>([
  ['in a slash', ({ host }) => `${host.origin}/tenant/`, true],
  ['in case', ({ host }) => `${host.origin}/Tenant`, true],
  ['in its path', ({ host }) => `${host.origin}/other`, false],
  ['in everything', () => 'https://evil.test', false],
])('an issuer that differs %s is 503, with a hint if it helps', async (_, named, hinted) => {
  const scene = await openScene({ discoverAt: '/tenant' });
  const other = named(scene);
  scene.host.routes[`${rfc8414}/tenant`] = metadata(scene, { issuer: other });
  const decision = await scene.decide();
  if (decision.allowed) throw new Error('allowed');
  expect(decision.denial.status).toBe(503);
  expect(decision.error.code).toBe('ERR_DISCOVERY_ISSUER');
  expect(decision.error.message).toContain(`"${other}"`);
  expect(decision.error.message).toContain(`"${scene.issuer.issuer}"`);
  expect(decision.error.message.includes(`so write issuer: "${other}"`)).toBe(hinted);
  expect(JSON.stringify(decision.denial)).not.toContain(other);
  expect(scene.host.received).not.toContain('/jwks');
});

const locally: readonly (readonly [string, unknown])[] = [
  ['http on another host', 'http://keys.test/jwks'],
  ['http on a host that only looks like the loopback', 'http://127.0.0.1.evil.test/jwks'],
  ['no http at all', 'ftp://127.0.0.1/jwks'],
  ['data', 'data:application/json,{"keys":[]}'],
  ['a path', '/jwks'],
  ['no text', 42],
];

test('a discovered jwks_uri is named as it is fetched, so that no log line breaks', async () => {
  const scene = await openScene({ discoverAt: '' });
  const uri = `${scene.host.origin}/jw\r\nks`;
  scene.host.routes[rfc8414] = metadata(scene, { jwks_uri: uri });
  scene.serve(text('', 500));
  const decision = await scene.decide();
  expect(decision).toMatchObject({
    error: { message: `${scene.host.origin}/jwks returned 500`, code: 'ERR_JWKS_RESPONSE' },
  });
});

test('metadata without a jwks_uri count as absent: the other form is asked', async () => {
  const scene = await openScene({ discoverAt: '' });
  scene.host.routes[rfc8414] = metadata(scene, { jwks_uri: undefined });
  expect(await scene.outcome()).toBe('503 ERR_DISCOVERY_RESPONSE');
  expect(scene.host.received).toEqual([rfc8414, openid]);
  scene.host.routes[openid] = metadata(scene);
  scene.clock.advance(1);
  expect(await scene.outcome()).toBe('allowed');
});

test.each(locally)('a discovered jwks_uri that is %s is refused', async (_, jwksUri) => {
  const scene = await openScene({ discoverAt: '' });
  scene.host.routes[rfc8414] = metadata(scene, { jwks_uri: jwksUri });
  expect(await scene.outcome()).toBe('503 ERR_DISCOVERY_RESPONSE');
  expect(scene.fetched).toEqual([`${scene.host.origin}${rfc8414}`]);
});

test.each(['user@', 'user:secret@', ':secret@'])(
  'a discovered jwks_uri with %s is refused',
  async (user) => {
    const scene = await openScene({ discoverAt: '' });
    const uri = `${scene.host.origin}/jwks`.replace('://', `://${user}`);
    scene.host.routes[rfc8414] = metadata(scene, { jwks_uri: uri });
    expect(await scene.outcome()).toBe('503 ERR_DISCOVERY_RESPONSE');
    expect(scene.host.received).toEqual([rfc8414]);
  },
);

/** A guard of an issuer that is not on this machine, whose metadata name this place for its keys. */
async function openRemote(jwksUri: string) {
  const clock = createClock();
  const issuer = await createTestIssuer({ issuer: 'https://login.example.com', now: clock.now });
  const fetched: string[] = [];
  const guard = createGuard({
    ...issuer.options,
    fetch: async (url) => {
      fetched.push(String(url));
      const keys = String(url) === jwksUri;
      return Response.json(keys ? issuer.jwks : { issuer: issuer.issuer, jwks_uri: jwksUri });
    },
  });
  onTestFinished(() => guard.close());
  return { fetched, outcome: async () => outcome(guard, await issuer.token()) };
}

test.each([
  'http://127.0.0.1/jwks',
  'https://127.0.0.1/jwks',
  'https://127.1.2.3:8443/jwks',
  'https://0x7f.1/jwks',
  'https://localhost/jwks',
  'http://[::1]:3000/jwks',
  'https://[::1]/jwks',
  'https://0.0.0.0/jwks',
  'https://0/jwks',
  'https://[::]/jwks',
  'https://[::ffff:127.0.0.1]/jwks',
  'https://[::ffff:7f12:1]/jwks',
  'https://[::ffff:0.0.0.0]/jwks',
  'https://[::127.0.0.1]/jwks',
  'https://[::ffff:0:127.0.0.1]/jwks',
  'https://[64:ff9b::127.0.0.1]/jwks',
  'https://[2002:7f00:1::]/jwks',
  'https://localhost./jwks',
  'https://localhost../jwks',
  'https://LOCALHOST/jwks',
  'https://x.localhost/jwks',
  'https://a.b.localhost./jwks',
  'https://localhost.localdomain/jwks',
  'https://ip6-localhost/jwks',
  'https://2130706433/jwks',
  'https://0x7f000001/jwks',
  'https://017700000001/jwks',
  'https://127.1/jwks',
  'https://①②⑦.0.0.1/jwks',
  'https://127。0。0。1/jwks',
  'https://ｌｏｃａｌｈｏｓｔ/jwks',
  'http://login.example.com/jwks',
])('an issuer out there cannot send the guard to %s', async (jwksUri) => {
  const remote = await openRemote(jwksUri);
  expect(await remote.outcome()).toBe('503 ERR_DISCOVERY_RESPONSE');
  expect(remote.fetched).toEqual([`https://login.example.com${rfc8414}`]);
});

test.each([
  'https://keys.example.net/jwks',
  'https://localhost.example.net/jwks',
  'https://notlocalhost/jwks',
  'https://10.127.0.1/jwks',
  'https://[2001:db8::127.0.0.1]/jwks',
  'https://[2001:db8::7f00:1]/jwks',
  'https://[::ffff:10.0.0.1]/jwks',
])('an issuer out there may keep its keys at %s', async (jwksUri) => {
  const remote = await openRemote(new URL(jwksUri).href);
  expect(await remote.outcome()).toBe('allowed');
  expect(remote.fetched).toEqual([`https://login.example.com${rfc8414}`, new URL(jwksUri).href]);
});
