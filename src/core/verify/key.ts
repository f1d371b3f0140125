import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { type Algorithm, fitOf } from '../algorithms.js';
import { bare, type Claims, isObject } from './json.js';
import { isRoca } from './roca.js';

/** A public key of a key set, imported once and fit for signatures. */
export interface VerificationKey {
  readonly kid: string | undefined;
  readonly publicKey: KeyObject;
  /** Tells whether the key may serve this algorithm (RFC 8725 §3.1). */
  fits(algorithm: Algorithm): boolean;
  /** How many bytes a signature has, exactly. */
  signatureLength(algorithm: Algorithm): number;
}

/**
 * Imports one member of a key set (RFC 7517 §4); undefined for what is malformed, weak, secret, or
 * meant for something else, so that the rest of the set can be used (RFC 7517 §5).
 */
export function importKey(given: unknown): VerificationKey | undefined {
  if (!isObject(given)) return undefined;
  const jwk = bare(given);
  if (!isForVerifying(jwk)) return undefined;
  const { kid, alg, kty, crv } = jwk;
  const publicKey = publicKeyOf(jwk);
  if (!publicKey || !isStrong(publicKey) || (kty === 'RSA' && isRoca(jwk.n))) return undefined;
  const { modulusLength = 0 } = publicKey.asymmetricKeyDetails ?? {};
  return {
    kid: kid as string | undefined,
    publicKey,
    fits(algorithm) {
      const fit = fitOf(algorithm);
      return (
        fit.kty === kty &&
        (fit.crv === undefined || fit.crv === crv) &&
        (alg === undefined || alg === algorithm)
      );
    },
    signatureLength: (algorithm) =>
      fitOf(algorithm).signatureLength ?? Math.ceil(modulusLength / 8),
  };
}

function isForVerifying({ kid, alg, use, key_ops, d }: Claims): boolean {
  return (
    (kid === undefined || typeof kid === 'string') &&
    (alg === undefined || typeof alg === 'string') &&
    (use === undefined || use === 'sig') &&
    (key_ops === undefined || (Array.isArray(key_ops) && key_ops.includes('verify'))) &&
    // Whoever reads the key set could sign with it.
    d === undefined
  );
}

function publicKeyOf({ kty, n, e, crv, x, y }: Claims): KeyObject | undefined {
  const members = { RSA: { kty, n, e }, EC: { kty, crv, x, y }, OKP: { kty, crv, x } };
  if (typeof kty !== 'string' || !Object.hasOwn(members, kty)) return undefined;
  try {
    const key = members[kty as keyof typeof members] as JsonWebKey;
    return createPublicKey({ format: 'jwk', key });
  } catch {
    return undefined;
  }
}

// RFC 7518 §3.3 asks for 2048 bits; an exponent of 1 makes every text its own signature.
function isStrong({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): boolean {
  if (asymmetricKeyType !== 'rsa') return true;
  const { modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails;
  return modulusLength >= 2048 && publicExponent >= 3n && publicExponent % 2n === 1n;
}
