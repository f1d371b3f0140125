import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApiKey } from '../../src/api-keys.js';
import { createTestIssuer, type TestIssuer } from '../../src/testing.js';
import { installRuntimes, type Runtime, runtimes, startApi } from './runtimes/runtimes.js';
import { type Service, until } from './service.js';

// Which of them are there is known before the tests are listed, so that a missing one is a skipped test.
const installed = await installRuntimes(fileURLToPath(new URL('../..', import.meta.url)));
afterAll(() => installed.remove());

const scopes = ['orders:read'];
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

for (const runtime of Object.keys(runtimes) as Runtime[]) {
  const found = installed.binaries[runtime];
  if ('missing' in found) console.warn(`skipped: ${found.missing}`);

  describe.skipIf('missing' in found)(`the package in ${runtime}`, () => {
    const { key, digest } = createApiKey({ prefix: 'acme' });
    let [issuer, slow, down] = [] as TestIssuer[] as [TestIssuer, TestIssuer, TestIssuer];
    let api: Service;

    beforeAll(async () => {
      if ('missing' in found) return;
      [issuer, slow, down] = await Promise.all([listening(), listening(), listening()]);
      down.goDown();
      const origins = { ISSUER: issuer.issuer, SLOW: slow.issuer, DOWN: down.issuer };
      const settings = { ...origins, KEY_DIGEST: digest };
      api = await startApi(runtime, { ...found, folder: installed.folder }, settings);
    });
    afterAll(() => Promise.all([api?.kill(), issuer?.close(), slow?.close(), down?.close()]));

    const ask = async (path: string, headers: Record<string, string> = {}) => {
      const response = await fetch(`http://127.0.0.1:${api.port}${path}`, { headers });
      return { status: response.status, headers: response.headers, body: await response.text() };
    };
    const bearer = async (parts = {}) => ({
      authorization: `Bearer ${await issuer.token({ scopes, ...parts })}`,
    });

    test('the first requests share one fetch of the keys', async () => {
      const token = await bearer();
      const all = await Promise.all(Array.from({ length: 20 }, () => ask('/fetch', token)));
      expect(all.map(({ status }) => status)).toEqual(all.map(() => 200));
      expect(issuer.requests.jwks).toBe(1);
    });

    describe.each(['/core', '/fetch', '/hono'])('%s', (path) => {
      test('accepts a valid token', async () => {
        expect(await ask(path, await bearer())).toMatchObject({ status: 200, body: '"client_1"' });
      });

      test.each([
        ['of another key', { wrongKey: true }, 'ERR_TOKEN_SIGNATURE'],
        ['that has expired', { expiresIn: -300 }, 'ERR_TOKEN_EXPIRED'],
        ['for another API', { audience: 'https://other.test' }, 'ERR_TOKEN_AUDIENCE'],
      ])('rejects a token %s', async (_, parts, code) => {
        const { status, headers, body } = await ask(path, await bearer(parts));
        expect([status, JSON.parse(body).code]).toEqual([401, code]);
        expect(headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/);
      });

      test('rejects a request without a credential, and a token without the scope', async () => {
        expect((await ask(path)).status).toBe(401);
        expect((await ask(path, await bearer({ scopes: [] }))).status).toBe(403);
      });

      test('accepts an API key, and rejects one that is not known', async () => {
        const known = await ask(path, { 'x-api-key': key });
        expect(known).toMatchObject({ status: 200, body: '"client_1"' });
        const unknown = await ask(path, { 'x-api-key': `${key.slice(0, -6)}000000` });
        expect([unknown.status, JSON.parse(unknown.body).code]).toEqual([
          401,
          'ERR_API_KEY_INVALID',
        ]);
      });
    });

    test('an issuer that is down is 503, and not the fault of the client', async () => {
      const authorization = `Bearer ${await down.token()}`;
      const { status, headers, body } = await ask('/down', { authorization });
      expect([status, JSON.parse(body).code]).toEqual([503, 'ERR_TEMPORARILY_UNAVAILABLE']);
      expect(headers.get('retry-after')).toMatch(/^\d+$/);
      expect(headers.get('www-authenticate')).toBeNull();
    });

    // The request that began the fetch of the keys is gone, and in a Worker its timers are gone too.
    test('a client that leaves while the keys are fetched takes nobody with it', async () => {
      const authorization = `Bearer ${await slow.token()}`;
      const leaving = new AbortController();
      slow.hang();
      const left = fetch(`http://127.0.0.1:${api.port}/slow`, {
        headers: { authorization },
        signal: leaving.signal,
      }).catch((error) => error.name);
      await until(() => slow.requests.discovery === 1);
      leaving.abort();
      expect(await left).toBe('AbortError');
      slow.comeBack();
      const statuses: number[] = [];
      await until(async () => {
        statuses.push((await ask('/slow', { authorization })).status);
        return statuses.at(-1) === 200;
      });
      expect(statuses.slice(0, -1)).toEqual(statuses.slice(0, -1).map(() => 503));
    });

    test.each(algorithms)(
      'the test issuer signs there, and the guard verifies: %s',
      async (alg) => {
        expect(await ask(`/testing/${alg}`)).toMatchObject({ status: 200, body: '[200,401,401]' });
      },
    );
  });
}

async function listening(): Promise<TestIssuer> {
  return (await createTestIssuer()).listen();
}
