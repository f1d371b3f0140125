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
import type { Asked, Case, Expected } from './expected.js';
import { createTestIssuer } from './issuer.js';

/**
 * Opens a door of one's own: a server on a free port of 127.0.0.1 that guards every path and method
 * with this guard and these requirements, takes 64 KiB of header, and answers an allowed request
 * with 200, the decision's headers and, as JSON, `{ subject, clientId, orgId, scopes }` of the
 * principal, or `null` for none.
 */
export type OpenDoor = (
  guard: Guard,
  requirements?: Requirements,
) => Promise<{ readonly origin: string; close(): Promise<void> }>;

/** What a door answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** One sentence of the contract. */
export interface GuardCase {
  /** Never changes its meaning. */
  readonly id: string;
  /** Begins with the clause it comes from. */
  readonly title: string;
  /** Asks a door, and rejects with an AssertionError if it answers anything else. */
  run(open: OpenDoor): Promise<Answer>;
}

/** Midnight of 1 January 2030: the contract has a clock of its own. */
const now = () => Date.UTC(2030, 0, 1);

/** The contract that every door keeps: run it against a door of your own. */
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
  // Listeners, or a guard would warn of what is tried on purpose.
  const quiet = { onDecision() {}, onJwks() {} };
  const guard = createGuard({ ...quiet, ...issuer.options, ...one.options } as GuardOptions);
  const door = await open(guard, one.requirements);
  try {
    const asked = await one.ask(issuer);
    const answer = await send(door.origin, asked);
    check(answer, one.answer, asked.method === 'HEAD');
    return answer;
  } finally {
    await door.close();
    await guard.close();
  }
}

function check(answer: Answer, expected: Expected, bodiless: boolean): void {
  assert.equal(answer.status, expected.status);
  if (expected.status === 200) {
    if (!bodiless) assert.deepEqual(JSON.parse(answer.body), expected.body);
    for (const name of noticed) assert.equal(answer.headers[name], expected.notices?.[name]);
    assert.equal(answer.headers['www-authenticate'], undefined);
    return;
  }
  const { status, title, detail, code, error, challenge, retryAfter, members } = expected;
  const realm = 'Bearer realm="https://api.test"';
  assert.deepEqual(answer.headers, {
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
  assert.equal(answer.body, bodiless ? '' : JSON.stringify(body));
}

const noticed = ['deprecation', 'sunset', 'link'] as const;
const compared = [
  ...['content-type', 'cache-control', 'www-authenticate', 'retry-after'],
  ...noticed,
] as const;

function send(origin: string, asked: Asked): Promise<Answer> {
  const { method = 'GET', path = '/', host = new URL(origin).host, headers = [] } = asked;
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
        const values = compared.map((name) => [name, response.headers[name]]);
        resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(values), body });
      });
    });
    request.end();
  });
}
