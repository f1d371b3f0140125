// Ed25519 (RFC 8032 §5.1): a key of small order verifies signatures that anyone can make. There are
// eight such points, with five y coordinates; the sign of x tells the others apart.
const p = 2n ** 255n - 19n;
const ofOrderEight = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
const smallOrder = new Set([0n, 1n, p - 1n, ofOrderEight, p - ofOrderEight]);

/**
 * Tells whether the `x` of an Ed25519 JWK (the encoded point) is of small order, or is not the one
 * encoding of its point (RFC 8032 §5.1.3).
 */
export function isSmallOrder(x: string): boolean {
  const bytes = Buffer.from(x, 'base64url').reverse();
  if (bytes.length !== 32) return true;
  const y = BigInt(`0x${bytes.toString('hex')}`) & (2n ** 255n - 1n);
  return y >= p || smallOrder.has(y);
}
