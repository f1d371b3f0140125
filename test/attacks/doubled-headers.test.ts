import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { doors } from '../adapters/open.js';
import { guardFor, keyFor, mint } from '../rfc/mint.js';

const key = await keyFor('ES256');
const good = mint(key);

interface Raw {
  readonly lines?: readonly string[];
  readonly start?: string;
  readonly body?: string;
}

/** Sends these very lines, in Latin-1, and answers what comes back until the server hangs up. */
function exchange(origin: string, { lines = [], start = 'GET / HTTP/1.1', body = '' }: Raw) {
  const { hostname, port } = new URL(origin);
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), hostname);
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve({ status: Number(text.split(' ')[1]), text }));
    const head = [start, 'Host: api.test', 'Connection: close', ...lines, '', body];
    socket.write(head.join('\r\n'), 'latin1');
  });
}

const bearer = `Authorization: Bearer ${good}`;
const repeated: Record<string, readonly string[]> = {
  'the same twice': [bearer, bearer],
  'in another case': [bearer, `aUTHORIZATION: bearer ${good}`],
  'a good one before a bad one': [bearer, 'Authorization: Bearer abc'],
  'a bad one before a good one': ['Authorization: Bearer abc', bearer],
  'another scheme before it': ['Authorization: Basic dXNlcjpwYXNz', bearer],
  'another scheme after it': [bearer, 'Authorization: Basic dXNlcjpwYXNz'],
  'other headers between them': [bearer, 'Accept: */*', 'X: Bearer', bearer],
  'three of them': [bearer, bearer, bearer],
  'parameters before it': ['Authorization: Digest a="b", c=d', bearer],
  'two in one line': [`${bearer}, Bearer ${good}`],
};
const malformed: Record<string, readonly string[]> = {
  'an empty one after it': [bearer, 'Authorization:'],
  'an empty one before it': ['Authorization:   ', bearer],
  'commas after it': [bearer, 'Authorization: ,,'],
  'parameters after it': [bearer, 'Authorization: a=b'],
  'a quote after it': [bearer, 'Authorization: "'],
  'a quote before it that never ends': ['Authorization: Digest a="b', bearer],
  'obs-text in it': [`${bearer}\u00e9`],
  'a tab in front of it': [`Authorization: Bearer\t${good}`],
};
const elsewhere: Record<string, readonly string[]> = {
  'an underscore': [`Authorization_: Bearer ${good}`, `HTTP_AUTHORIZATION: Bearer ${good}`],
  'a proxy': [`Proxy-Authorization: Bearer ${good}`, `X-Forwarded-Authorization: Bearer ${good}`],
  'names of other servers': [
    `X-Forwarded-Access-Token: ${good}`,
    `X-Original-Authorization: Bearer ${good}`,
    `X-Access-Token: ${good}`,
    `Access-Token: ${good}`,
    `Token: ${good}`,
    `X-Authorization: Bearer ${good}`,
  ],
  cookies: [`Cookie: access_token=${good}; Authorization=Bearer ${good}`],
};
// What Node's parser refuses by itself never reaches a guard.
const unparsable: Record<string, readonly string[]> = {
  'a space before the colon': [`Authorization : Bearer ${good}`],
  'NUL in the value': [`${bearer}\0`],
  'CR in the value': [`Authorization: Bearer\r${good}`],
  'no colon': [`Authorization Bearer ${good}`],
};

describe.each(Object.entries(doors))('%s', (_, open) => {
  let door: Awaited<ReturnType<typeof open>>;
  const send = (raw: Raw) => exchange(door.origin, raw);
  beforeAll(async () => {
    door = await open(guardFor([key.jwk]));
  });
  afterAll(() => door.close());

  const codeOf = (text: string) => /"code":"(\w+)"/.exec(text)?.[1];
  const expectRefused = ({ text }: { text: string }) => {
    expect(text).not.toContain('user_1');
    expect(text).not.toContain(good);
    expect(text.split('HTTP/1.1').length).toBe(2);
  };

  test('one Authorization passes', async () => {
    const { status, text } = await send({ lines: [bearer] });
    expect([status, text.includes('user_1')]).toEqual([200, true]);
  });

  test.each(Object.entries(repeated))('repeated, %s: 400', async (_, lines) => {
    const answer = await send({ lines });
    expect([answer.status, codeOf(answer.text)]).toEqual([400, 'ERR_HEADER_REPEATED']);
    expectRefused(answer);
  });

  test.each(Object.entries(malformed))('malformed, %s: 400', async (_, lines) => {
    const answer = await send({ lines });
    expect([answer.status, codeOf(answer.text)]).toEqual([400, 'ERR_HEADER_MALFORMED']);
    expectRefused(answer);
  });

  test.each(Object.entries(elsewhere))('elsewhere, %s: 401', async (_, lines) => {
    const answer = await send({ lines });
    expect([answer.status, codeOf(answer.text)]).toEqual([401, 'ERR_CREDENTIAL_MISSING']);
    expectRefused(answer);
  });

  test.each(Object.entries(unparsable))('no HTTP, %s: 400', async (_, lines) => {
    const answer = await send({ lines });
    expect(answer.status).toBe(400);
    expectRefused(answer);
  });

  test('a trailer is no header: 401', async () => {
    const answer = await send({
      start: 'POST / HTTP/1.1',
      lines: ['Transfer-Encoding: chunked', 'Trailer: Authorization'],
      body: `1\r\na\r\n0\r\n${bearer}\r\n\r\n`,
    });
    expect([answer.status, codeOf(answer.text)]).toEqual([401, 'ERR_CREDENTIAL_MISSING']);
    expectRefused(answer);
  });

  test('the query of an absolute target is a query: 400', async () => {
    const start = `GET http://api.test/?access_token=${good} HTTP/1.1`;
    const answer = await send({ start, lines: [bearer] });
    expect([answer.status, codeOf(answer.text)]).toEqual([400, 'ERR_TOKEN_IN_QUERY']);
    expectRefused(answer);
  });
});
