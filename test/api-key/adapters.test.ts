import { connect } from 'node:http2';
import fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { fastifyGuard } from '../../src/fastify.js';
import { createGuard, principalOf } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing.js';
import { doors } from '../adapters/open.js';
import { now } from '../rfc/mint.js';
import { createStore } from './scene.js';
import { send } from './wire.js';

const issuer = await createTestIssuer({ now });
const token = await issuer.token({ orgId: 'org_1' });
const store = createStore();
const guard = createGuard({
  ...issuer.options,
  apiKeys: {
    from: [{ header: 'x-api-key' }, { scheme: 'ApiKey' }, { dangerouslyInQuery: 'api_key' }],
    lookup: store.lookup,
  },
});

const bearer = ['Authorization', `Bearer ${token}`];
const key = ['X-API-Key', 'sk_1'];
const malformed = 'ERR_API_KEY_MALFORMED';

/** Header lines and a target, as they go over the wire, and the code of the refusal. */
const refused: Record<string, readonly [readonly string[], string, string]> = {
  'a repeated key': [[...key, ...key], '/', 'ERR_API_KEY_REPEATED'],
  'a repeated key in another case': [[...key, 'x-API-kEY', 'sk_2'], '/', 'ERR_API_KEY_REPEATED'],
  'an empty one behind it': [[...key, 'X-API-Key', ''], '/', 'ERR_API_KEY_REPEATED'],
  'an empty one in front of it': [['X-API-Key', '', ...key], '/', 'ERR_API_KEY_REPEATED'],
  'an empty key': [['X-API-Key', ''], '/', malformed],
  'nothing but SP': [['X-API-Key', '   '], '/', malformed],
  'obs-text': [['X-API-Key', 'sk_\u00e9'], '/', malformed],
  'a tab inside': [['X-API-Key', 'sk\t1'], '/', malformed],
  'two schemes': [['Authorization', 'ApiKey sk_1', ...bearer], '/', 'ERR_HEADER_REPEATED'],
  'a scheme and a header': [
    ['Authorization', 'ApiKey sk_2', ...key],
    '/',
    'ERR_CREDENTIAL_AMBIGUOUS',
  ],
  'a token and a key': [[...bearer, ...key], '/', 'ERR_CREDENTIAL_AMBIGUOUS'],
  'a token and a parameter': [bearer, '/?api_key=sk_1', 'ERR_CREDENTIAL_AMBIGUOUS'],
  'a parameter with brackets': [[], '/?api_key%5B%5D=sk_1', malformed],
  'an absolute target': [key, 'http://api.test/?api_key=sk_2', 'ERR_CREDENTIAL_AMBIGUOUS'],
  'access_token in the query': [key, '/?access_token=a', 'ERR_TOKEN_IN_QUERY'],
};

const passing: Record<string, readonly [readonly string[], string]> = {
  'a header in lower case': [['x-api-key', 'sk_1'], '/'],
  'a header in upper case': [['X-API-KEY', 'sk_1'], '/'],
  'white space around a key': [['X-API-Key', ' \tsk_1\t '], '/'],
  'a scheme in any case': [['aUTHORIZATION', 'aPIkEY sk_1'], '/'],
  'a parameter': [[], '/?a=b&api_key=sk_1'],
  'an escaped parameter': [[], '/?api%5Fkey=%73k_1'],
  'a parameter of an absolute target': [[], 'http://api.test/?api_key=sk_1'],
};

describe.each(Object.entries(doors))('%s', (_, open) => {
  let door: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    door = await open(guard);
  });
  afterAll(() => door.close());

  test.each(Object.entries(refused))('%s: 400', async (_, [headers, path, code]) => {
    const before = store.asked.length;
    expect(await send(door.origin, headers, { path })).toMatchObject({ status: 400, code });
    expect(store.asked).toHaveLength(before);
  });

  test.each(Object.entries(passing))('%s: 200', async (_, [headers, path]) => {
    const answer = await send(door.origin, headers, { path });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      200,
      { subject: null, clientId: 'client_1', orgId: 'org_1', scopes: ['a'] },
    ]);
  });

  test('every method is asked for a key', async () => {
    for (const method of ['GET', 'POST', 'OPTIONS']) {
      const lines = ['Content-Length', '0', 'X-API-Key'];
      expect((await send(door.origin, [...lines, 'sk_1'], { method })).status).toBe(200);
      expect((await send(door.origin, [...lines, 'sk_0'], { method })).status).toBe(401);
    }
  });

  test('2048 characters may be a key, and one more is none', async () => {
    const before = store.asked.length;
    const longest = `sk_${'a'.repeat(2_045)}`;
    const answers = [];
    for (const text of [longest, `${longest}a`]) {
      answers.push(await send(door.origin, ['X-API-Key', text]));
    }
    expect(answers.map(({ code }) => code)).toEqual(['ERR_API_KEY_INVALID', 'ERR_API_KEY_INVALID']);
    expect(answers[0]?.body).toBe(answers[1]?.body);
    expect(store.asked.slice(before).filter((text) => text !== longest)).toEqual([]);
  });
});

describe('HTTP/2', () => {
  async function openHttp2() {
    const app = fastify({ http2: true });
    await app.register(fastifyGuard, { guard });
    app.get('/', { onRequest: app.requireToken() }, async (request) => principalOf(request).kind);
    const session = connect(await app.listen({ port: 0, host: '127.0.0.1' }));
    onTestFinished(async () => {
      session.destroy();
      await app.close();
    });
    return (headers: Record<string, string | string[]>) =>
      new Promise<string>((resolve, reject) => {
        const stream = session.request({ ':path': '/', ...headers });
        let text = '';
        stream.setEncoding('utf8');
        stream.on('response', ({ ':status': status }) => {
          text += `${status} `;
        });
        stream.on('data', (chunk: string) => {
          text += chunk;
        });
        stream.on('error', reject);
        stream.on('end', () => resolve(/"code":"\w+"/.exec(text)?.[0] ?? text));
        stream.end();
      });
  }

  test('takes a key as HTTP/1.1 does', async () => {
    const ask = await openHttp2();
    expect(await ask({ 'x-api-key': 'sk_1' })).toBe('200 api-key');
    expect(await ask({ authorization: 'APIKEY sk_1' })).toBe('200 api-key');
    expect(await ask({ ':path': '/?api_key=sk_1' })).toBe('200 api-key');
    expect(await ask({ 'x-api-key': 'sk_0' })).toContain('ERR_API_KEY_INVALID');
    expect(await ask({ 'x-api-key': '' })).toContain('ERR_API_KEY_MALFORMED');
  });

  test('a repeated key is 400, in two fields and in one', async () => {
    const ask = await openHttp2();
    expect(await ask({ 'x-api-key': ['sk_1', 'sk_1'] })).toContain('ERR_API_KEY_REPEATED');
    expect(await ask({ 'x-api-key': 'sk_1, sk_1' })).toContain('ERR_API_KEY_REPEATED');
    expect(await ask({ 'x-api-key': ['sk_1', ''] })).toContain('ERR_API_KEY_REPEATED');
    expect(await ask({ 'x-api-key': 'sk_1', authorization: `Bearer ${token}` })).toContain(
      'ERR_CREDENTIAL_AMBIGUOUS',
    );
  });
});
