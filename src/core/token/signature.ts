import { constants, type KeyObject, verify } from 'node:crypto';
import type { Algorithm } from './algorithms.js';
import type { VerificationKey } from './jwk.js';
import type { Jws } from './jws.js';

/**
 * Tells whether a key signed this, with this algorithm: the one place that checks a signature. The
 * work is done on another thread.
 */
export function verifySignature(
  { text, signature }: Pick<Jws, 'text' | 'signature'>,
  key: VerificationKey,
  algorithm: Algorithm,
): Promise<boolean> {
  if (!key.fits(algorithm) || signature.length !== key.signatureLength(algorithm)) {
    return Promise.resolve(false);
  }
  // RFC 7515 §5.2: what was signed is the text up to the last dot, and that is ASCII.
  const signed = Buffer.from(text.slice(0, text.lastIndexOf('.')), 'latin1');
  const { hash, saltLength } = schemes[algorithm];
  const written = algorithm.startsWith('ES') ? toDer(signature) : signature;
  return new Promise((resolve, reject) => {
    verify(hash, signed, paddedKey(key.publicKey, saltLength), written, (error, good) => {
      if (error) reject(error);
      else resolve(good);
    });
  });
}

interface Scheme {
  readonly hash: string | null;
  /** Of RSASSA-PSS: as long as the hash (RFC 7518 §3.5). */
  readonly saltLength?: number;
}

const schemes: Readonly<Record<Algorithm, Scheme>> = {
  RS256: { hash: 'sha256' },
  RS384: { hash: 'sha384' },
  RS512: { hash: 'sha512' },
  PS256: { hash: 'sha256', saltLength: 32 },
  PS384: { hash: 'sha384', saltLength: 48 },
  PS512: { hash: 'sha512', saltLength: 64 },
  ES256: { hash: 'sha256' },
  ES384: { hash: 'sha384' },
  ES512: { hash: 'sha512' },
  EdDSA: { hash: null },
  Ed25519: { hash: null },
};

// The bare key wherever that will do: from Node 24 on an object around it is read again, and dearly,
// each time.
function paddedKey(publicKey: KeyObject, saltLength: number | undefined) {
  if (saltLength === undefined) return publicKey;
  const padded = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  if (!isWorker) return { key: publicKey, ...padded };
  return { key: publicKey.export({ type: 'spki', format: 'pem' }), ...padded };
}

// Workers reject a KeyObject with parameters beside it; elsewhere a PEM would have to be parsed each time.
const { navigator } = globalThis as { navigator?: { userAgent?: string } };
const isWorker = navigator?.userAgent === 'Cloudflare-Workers';

/** ECDSA's two numbers, which a JWS has side by side (RFC 7518 §3.4), as OpenSSL wants them. */
function toDer(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2;
  const [r, s] = [toInteger(signature.subarray(0, half)), toInteger(signature.subarray(half))];
  const length = r.length + s.length;
  const head = length < 128 ? [0x30, length] : [0x30, 0x81, length];
  const der = new Uint8Array(head.length + length);
  der.set(head);
  der.set(r, head.length);
  der.set(s, head.length + r.length);
  return der;
}

// X.690 §8.3: as few bytes as will do, and a zero before a first bit that would be the sign.
function toInteger(number: Uint8Array): Uint8Array {
  let start = 0;
  while (start < number.length - 1 && number[start] === 0) start += 1;
  const digits = number.subarray(start);
  const zero = (digits[0] as number) >= 0x80 ? 1 : 0;
  const integer = new Uint8Array(2 + zero + digits.length);
  integer.set([0x02, zero + digits.length]);
  integer.set(digits, 2 + zero);
  return integer;
}
