import { describe, expect, test } from 'vitest';
import { judge } from '../rfc/ask.js';
import { claimsOf, guardFor, keyFor } from '../rfc/mint.js';

// The curve of Ed25519 (RFC 8032 §5.1), so that the points need not be believed.
const p = 2n ** 255n - 19n;
const mod = (n: bigint) => ((n % p) + p) % p;
function power(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, mod(base)];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}
const inverse = (n: bigint) => power(n, p - 2n);
const d = mod(-121_665n * inverse(121_666n));
type Point = readonly [x: bigint, y: bigint];
function add([x1, y1]: Point, [x2, y2]: Point): Point {
  const k = mod(d * mod(x1 * x2) * mod(y1 * y2));
  const x = mod((x1 * y2 + x2 * y1) * inverse(1n + k));
  return [x, mod((y1 * y2 + x1 * x2) * inverse(1n - k))];
}
function pointAt(y: bigint): Point | undefined {
  const square = mod((y * y - 1n) * inverse(d * y * y + 1n));
  const root = power(square, (p + 3n) / 8n);
  for (const x of [root, mod(root * power(2n, (p - 1n) / 4n))]) {
    if (mod(x * x) === square) return [x, y];
  }
  return undefined;
}
const times8 = (point: Point) => [0, 1, 2].reduce((one) => add(one, one), point);

function encodePoint(y: bigint, sign: 0n | 1n): string {
  const hex = (y | (sign << 255n)).toString(16).padStart(64, '0');
  return Buffer.from(hex, 'hex').reverse().toString('base64url');
}

/** Every y of a small order, found by walking: eight times any point of the curve's torsion is 0. */
const order = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;
function timesOrder(point: Point): Point {
  let [sum, twice]: [Point, Point] = [[0n, 1n], point];
  for (let rest = order; rest > 0n; rest >>= 1n) {
    if (rest & 1n) sum = add(sum, twice);
    twice = add(twice, twice);
  }
  return sum;
}
const found = new Set<bigint>();
for (let y = 2n; found.size < 5 && y < 200n; y += 1n) {
  const point = pointAt(y);
  if (!point) continue;
  let one = timesOrder(point);
  for (let i = 0; i < 8; i += 1) {
    found.add(one[1]);
    one = add(one, timesOrder(point));
  }
}

const key = await keyFor('Ed25519');
const good = await keyFor('ES256');
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwkOf = (x: string) => ({ kty: 'OKP', crv: 'Ed25519', kid: 'weak', x });

/** A token that anyone can sign for the identity: R is the identity too, and S is 0. */
const forged = `${encode({ alg: 'EdDSA', typ: 'at+jwt', kid: 'weak' })}.${encode(claimsOf())}.${Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]).toString('base64url')}`;

describe('Ed25519 keys of small order', () => {
  const canonical = [...found].flatMap((y) => [encodePoint(y, 0n), encodePoint(y, 1n)]);
  const others = Array.from({ length: 19 }, (_, i) => p + BigInt(i)).flatMap((y) => [
    encodePoint(y, 0n),
    encodePoint(y, 1n),
  ]);

  test('are eight points with five y coordinates', () => {
    expect(found.size).toBe(5);
    for (const y of found) {
      const point = pointAt(y);
      expect(point && times8(point)).toEqual([0n, 1n]);
    }
  });

  test.each(canonical)('%s is refused', async (x) => {
    expect(await judge(guardFor([jwkOf(x), good.jwk]), forged)).toBe('ERR_TOKEN_KEY_UNKNOWN');
    expect(await judge(guardFor([jwkOf(x)]), forged)).toBe('ERR_JWKS_RESPONSE');
  });

  test.each(others)('%s, which is no canonical encoding, is refused', async (x) => {
    expect(await judge(guardFor([jwkOf(x), good.jwk]), forged)).toBe('ERR_TOKEN_KEY_UNKNOWN');
  });

  test.each(['=', '==', '\n', ' ', '%'])('nor does %j behind it hide one', async (end) => {
    const x = encodePoint(1n, 0n) + end;
    expect(await judge(guardFor([jwkOf(x), good.jwk]), forged)).toBe('ERR_TOKEN_KEY_UNKNOWN');
  });

  test('and keys of full order are taken, whatever they are', async () => {
    const { jwk } = key;
    const guard = guardFor([jwk, good.jwk]);
    expect(
      await judge(guard, forged.replace(/^[^.]*/, encode({ alg: 'Ed25519', kid: jwk.kid }))),
    ).toBe('ERR_TOKEN_SIGNATURE');
  });
});
