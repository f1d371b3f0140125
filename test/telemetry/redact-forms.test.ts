import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { redactedLogger, redactUrl } from '../../src/audit.js';
import type { ApiKeySource } from '../../src/index.js';

const key = 'sk_live_0123456789abcdef';
const from: readonly ApiKeySource[] = [{ header: 'X-Api-Key' }, { dangerouslyInQuery: 'api_key' }];

/** What pino writes of this, with all that keeps keys out. */
function written(log: (logger: pino.Logger) => void): string {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  log(pino(redactedLogger(from) as pino.LoggerOptions, stream));
  return chunks.join('');
}

test.each([
  ['https://x.test/orders?api_key=KEY&page=2', 'https://x.test/orders?api_key=[redacted]&page=2'],
  ['https://x.test:8443/#api_key=KEY', 'https://x.test:8443/#api_key=[redacted]'],
  ['/orders;api_key=KEY/1?page=2', '/orders;api_key=[redacted]'],
  ['/?%61%70i_key%5B%5D=KEY', '/?%61%70i_key%5B%5D=[redacted]'],
  ['/?api_key[a][b]=KEY', '/?api_key[a][b]=[redacted]'],
  ['/?ApI_kEy=KEY', '/?ApI_kEy=[redacted]'],
  ['/?api_key==KEY', '/?api_key=[redacted]'],
  ['/?api_key=KEY#api_key=KEY', '/?api_key=[redacted]'],
  ['/?api_key=KEY;api_key=KEY', '/?api_key=[redacted]'],
  ['/?api_key=KEY&api_key=KEY', '/?api_key=[redacted]&api_key=[redacted]'],
  ['/?next=/orders?api_key=KEY', '/?next=/orders?api_key=[redacted]'],
  ['/?page=1&&api_key=KEY', '/?page=1&&api_key=[redacted]'],
])('%s', (url, expected) => {
  expect(redactUrl(url.replaceAll('KEY', key), from)).toBe(expected);
});

test('the request as its client sent it, and where that is', () => {
  const { req } = redactedLogger(from).serializers;
  const socket = { remoteAddress: '192.0.2.1', remotePort: 50_000 };
  // A router has taken its own part off the URL.
  const url = { url: `/1?api_key=${key}`, originalUrl: `/orders/1?api_key=${key}` };
  expect(req({ id: 7, method: 'GET', ...url, socket })).toEqual({
    ...{ id: 7, method: 'GET', host: undefined },
    ...{ url: '/orders/1?api_key=[redacted]' },
    ...{ remoteAddress: '192.0.2.1', remotePort: 50_000 },
  });
  expect(req({ url: '/', ip: '192.0.2.2', socket })).toMatchObject({ remoteAddress: '192.0.2.2' });
  expect(req({ url: '/', socket: null })).toMatchObject({ url: '/' });
});

test('a request of Node itself', async () => {
  const told = new Promise<string>((resolve) => {
    const server = createServer((request, response) => {
      resolve(written((logger) => logger.info({ req: request }, `${request.url}`)));
      response.end();
    }).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      get({ port, path: `/orders?api_key=${key}`, headers: { 'X-API-KEY': key } }).on(
        'response',
        (answer) => answer.resume(),
      );
    });
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
  });
  const line = JSON.parse(await told);
  expect(line.req).toMatchObject({ url: '/orders?api_key=[redacted]', remoteAddress: '127.0.0.1' });
  expect(JSON.stringify(line)).not.toContain(key);
});

test.each<[string, (logger: pino.Logger) => void]>([
  ['a query with its question mark', (log) => log.info({ query: `?page=1&api_key=${key}` })],
  ['a query of lists', (log) => log.info({ query: { api_key: [key, key] } })],
  ['a query of objects', (log) => log.info({ query: { api_key: { a: { b: key } } } })],
  ['a query that only a bracket names', (log) => log.info({ query: { 'api_key[0]': key } })],
  ['a query in another case', (log) => log.info({ query: { API_KEY: key } })],
  ['a header that came twice', (log) => log.info({ headers: { 'x-api-key': [key, key] } })],
  ['a child of its own', (log) => log.child({ req: { url: `/?api_key=${key}` } }).info('hello')],
  ['a child’s headers', (log) => log.child({ headers: { 'x-api-key': key } }).info('hello')],
  ['the message', (log) => log.info({ page: 1 }, `GET /?api_key=${key}`)],
  ['a part of the message', (log) => log.info('%s took %d ms', `/?api_key=${key}`, 3)],
  ['a cookie that is set', (log) => log.info({ res: { headers: { 'set-cookie': [key] } } })],
  ['the same', (log) => log.info({ response: { headers: { 'set-cookie': key } } })],
])('no key is in the log: %s', (_, log) => {
  const text = written(log);
  expect(text).toMatch(/"level":30/);
  expect(text).not.toContain(key);
});

test('what is no credential stays', () => {
  const text = written((log) =>
    log.info({ query: { page: '2', api_keys: 'all' }, headers: { accept: '*/*' } }, '/?page=2'),
  );
  expect(JSON.parse(text)).toMatchObject({
    query: { page: '2', api_keys: 'all' },
    headers: { accept: '*/*' },
    msg: '/?page=2',
  });
});

test.each(['k;v', 'k#v', 'k?v', 'a;b#c?d'])(
  'a parameter called %s is redacted wherever it stands',
  (name) => {
    const from = [{ dangerouslyInQuery: name }];
    for (const written of [name, `${name}[]`, `[${name}]`, encodeURIComponent(name)]) {
      for (const before of ['/p?', '/p??', '/p?a=1&', '/p?x[]=1&&', '/p?#=&', '/p?c=d;']) {
        const url = `${before}${written}=${key}&page=2`;
        expect([url, redactUrl(url, from)]).toEqual([url, `${before}${written}=[redacted]&page=2`]);
      }
    }
  },
);
