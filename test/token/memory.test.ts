import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { Guard } from '../../src/index.js';
import { bearing } from '../rfc/ask.js';
import { seconds } from '../rfc/mint.js';
import { inFull } from '../runs.js';
import { atOnce, openScene, principalOf } from './scene.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes in use, on the heap and beside it, once everything that can be freed is. */
async function bytesUsed(): Promise<number> {
  for (let i = 0; i < 4; i += 1) {
    await new Promise((done) => setImmediate(done));
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Has this many tokens verified, some hundreds at once; all of them have to pass. */
async function pass(
  guard: Guard,
  [from, to]: readonly [number, number],
  token: (i: number) => string,
) {
  for (let sent = from; sent < to; sent += 500) {
    const decisions = await atOnce(500, (i) => guard(bearing(token(sent + i))));
    if (!decisions.every(({ allowed }) => allowed)) throw new Error('one was refused');
  }
}

test.runIf(inFull)(
  '200 000 tokens through a guard that remembers 1000 leave memory flat',
  async () => {
    const { guard, token, network } = await openScene({ tokenCache: { max: 1_000 } });
    const numbered = (i: number) => token({ jti: `${i}` });
    await pass(guard, [0, 50_000], numbered);
    const before = await bytesUsed();
    await pass(guard, [50_000, 200_000], numbered);
    const grown = (await bytesUsed()) - before;
    expect(grown).toBeLessThan(2 * 2 ** 20);
    expect(network.asked).toBe(1);
    // The last thousand are remembered, or all this would say nothing.
    const last = await principalOf(guard, numbered(199_000));
    expect(await principalOf(guard, numbered(199_000))).toBe(last);
  },
  300_000,
);

const padded = (i: number) => String(i).padStart(8, '0');

/** Ten claims, as in a token of 900 characters that is signed with RS256. */
const ten = (i: number) => ({
  iat: seconds,
  sub: `auth0|65f1c0de${padded(i)}abcdef01`,
  client_id: `k3Jq0vN7Zt2LmXw9${padded(i)}RbYhPcGdSe`,
  azp: `k3Jq0vN7Zt2LmXw9${padded(i)}RbYhPcGdSe`,
  org_id: `org_9Xh2LqPz${padded(i)}`,
  scope: 'openid orders:read orders:write invoices:read customers:read',
  jti: `1f0c2b7a-55d1-4f0e-9c3b-${padded(i)}abcd`,
});

/** Some more, as there is room for in one of 900 characters that is signed with EdDSA. */
const more = (i: number) => ({
  ...ten(i),
  scope: 'openid profile email orders:read orders:write invoices:read customers:read',
  email: `someone.${padded(i)}@customers.example.com`,
  sid: `session-${padded(i)}-0123456789abcdef0123456789abcdef0123`,
  'https://example.com/roles': ['billing-admin', 'support', 'auditor-emea'],
});

/** Of the signature, header and payload, in base64url with two dots. */
const lengthOf = (token: string, signature: number) =>
  token.lastIndexOf('.') + 1 + Math.ceil((signature * 4) / 3);

test.runIf(inFull).each([
  ['ten claims, 900 characters with RS256', ten, 256],
  ['thirteen claims, 900 characters with EdDSA', more, 64],
])('a remembered token takes no more than 2 KiB: %s', { timeout: 60_000 }, async (...given) => {
  const [name, claims, signature] = given;
  const { guard, token, open } = await openScene();
  const good = (i: number) => token(claims(i));
  const length = lengthOf(good(0), signature);
  expect(length).toBeGreaterThanOrEqual(880);
  expect(length).toBeLessThanOrEqual(930);
  // What is only made once, by the first guard, is no part of it.
  await pass(guard, [10_000, 12_000], good);
  const before = await bytesUsed();
  const filled = open({ tokenCache: { max: 10_000 } });
  await pass(filled, [0, 10_000], good);
  const each = Math.round(((await bytesUsed()) - before) / 10_000);
  console.log(`${each} bytes: ${name}`);
  expect(each).toBeLessThanOrEqual(2_048);
  expect(each).toBeGreaterThan(256);
  const one = await principalOf(filled, good(0));
  expect(await principalOf(filled, good(0))).toBe(one);
});
