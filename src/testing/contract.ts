import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { createGuard, type Guard, type GuardOptions, type Requirements } from '../index.js';
import { bearerKeyCases } from './cases-bearer-keys.js';
import { claimsCases } from './cases-claims.js';
import { headerCases } from './cases-header.js';
import { keyCases } from './cases-keys.js';
import { planCases } from './cases-plan.js';
import { routeCases } from './cases-route.js';
import { tokenCases } from './cases-token.js';
import type { Case, Expected, TestRequest } from './expected.js';
import { createTestIssuer } from './issuer.js';

/**
 * Starts a server with the adapter under test, on a free port of 127.0.0.1. The server guards every
 * path and method with this guard and these requirements, and accepts 64 KiB of headers. To an allowed
 * request it responds with 200, the decision's headers and, as JSON, the principal's `{ subject,
 * clientId, orgId, scopes }`, or `null` if there is no principal.
 */
export type OpenDoor = (
  guard: Guard,
  requirements?: Requirements,
) => Promise<{ readonly origin: string; close(): Promise<void> }>;

/** The response of an adapter. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** One case of the conformance suite. */
export interface GuardCase {
  /** A permanent id, whose meaning never changes. */
  readonly id: string;
  /** What is required, with the RFC clause if there is one. */
  readonly title: string;
  /** Sends the request to an adapter. Rejects with an AssertionError if the response is another one. */
  run(open: OpenDoor): Promise<Answer>;
}

/** The clock of the suite: midnight of 1 January 2030. */
const now = () => Date.UTC(2030, 0, 1);

/** The conformance suite that every adapter passes. Run it against your own adapter. */
export const conformanceCases: readonly GuardCase[] = [
  ...headerCases,
  ...tokenCases,
  ...claimsCases,
  ...routeCases,
  ...keyCases,
  ...bearerKeyCases,
  ...planCases,
].map((one) => ({
  id: one.id,
  title: one.title,
  run: (open) => run(one, open),
}));

async function run(one: Case, open: OpenDoor): Promise<Answer> {
  const issuer = await createTestIssuer({ now });
  one.before?.(issuer);
  // Without listeners, the guard would emit process warnings for the intended rejections.
  const listeners = { onDecision() {}, onJwks() {} };
  const guard = createGuard({ ...listeners, ...issuer.options, ...one.options } as GuardOptions);
  const server = await open(guard, one.requirements);
  try {
    const request = await one.request(issuer);
    const response = await send(server.origin, request);
    check(response, one.expected, request.method === 'HEAD');
    return response;
  } finally {
    await server.close();
    await guard.close();
  }
}

function check(response: Answer, expected: Expected, isHead: boolean): void {
  assert.equal(response.status, expected.status);
  if (expected.status === 200) {
    if (!isHead) assert.deepEqual(JSON.parse(response.body), expected.body);
    for (const name of noticeHeaders) {
      assert.equal(response.headers[name], expected.notices?.[name]);
    }
    assert.equal(response.headers['www-authenticate'], undefined);
    return;
  }
  const { status, title, detail, code, error, challenge, retryAfter, members } = expected;
  const realm = 'Bearer realm="https://api.test"';
  assert.deepEqual(response.headers, {
    'content-type': 'application/problem+json; charset=utf-8',
    'cache-control': 'no-store',
    'www-authenticate': challenge === undefined ? undefined : `${realm}${challenge}`,
    'retry-after': retryAfter,
    deprecation: expected.deprecation,
    sunset: expected.sunset,
    link: expected.link,
  });
  const slug = code.replace('ERR_', '').replaceAll('_', '-').toLowerCase();
  const body = {
    type: `urn:sallyport:problem:${slug}`,
    title,
    status,
    detail,
    ...(error && { error, error_description: detail }),
    code,
    ...members,
  };
  assert.equal(response.body, isHead ? '' : JSON.stringify(body));
}

const noticeHeaders = ['deprecation', 'sunset', 'link'] as const;
const comparedHeaders = [
  'content-type',
  'cache-control',
  'www-authenticate',
  'retry-after',
  ...noticeHeaders,
] as const;

function send(origin: string, test: TestRequest): Promise<Answer> {
  const { method = 'GET', path = '/', host = new URL(origin).host, headers = [] } = test;
  return new Promise((resolve, reject) => {
    const all = ['host', host, 'connection', 'close', ...headers];
    const request = httpRequest(origin + path, { method, headers: all as never });
    request.on('error', reject);
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const values = comparedHeaders.map((name) => [name, response.headers[name]]);
        resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(values), body });
      });
    });
    request.end();
  });
}
