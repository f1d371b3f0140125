import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { quote } from '../base/quote.js';
import { type Algorithm, algorithmNames, fitOf } from './algorithms.js';
import { identityOf, type Jwk, readJwk, type SkippedKey } from './jwk-members.js';
import { hasSmallFactor, isRoca } from './roca.js';
import { isSmallOrder } from './small-order.js';

/** A public key of a key set, imported once and fit for signatures. */
export interface VerificationKey {
  readonly kid: string | undefined;
  /** Thumbprints of its certificate, SHA-1 and SHA-256, if the key set tells them. */
  readonly x5t: string | undefined;
  readonly x5tS256: string | undefined;
  readonly publicKey: KeyObject;
  /** The same for two keys exactly if they verify the same signatures. */
  readonly material: string;
  /** What it is, for the operator. */
  readonly kind: string;
  /** Tells whether the key may serve this algorithm (RFC 8725 §3.1). */
  fits(algorithm: Algorithm): boolean;
  /** How many bytes a signature has, exactly. */
  signatureLength(algorithm: Algorithm): number;
}

/** What a key set comes to. */
export interface ImportedKeys {
  /** Each one once. */
  readonly keys: readonly VerificationKey[];
  readonly skipped: readonly SkippedKey[];
}

/**
 * Imports one member of a key set (RFC 7517 §4); undefined for what is malformed, weak, secret, or
 * meant for something else, so that the rest of the set can be used (RFC 7517 §5).
 */
export function importKey(given: unknown): VerificationKey | undefined {
  const jwk = readJwk(given);
  const key = 'why' in jwk ? jwk : keyOf(jwk);
  return 'why' in key ? undefined : key;
}

/** Tells whether a key can serve any accepted algorithm. */
export const servesAny = (key: VerificationKey): boolean => algorithmNames.some(key.fits);

/** Makes a function that imports the key sets of one issuer, one after the other. */
export function createImporter(issuer: string): (list: readonly unknown[]) => ImportedKeys {
  let before = new Map<string, VerificationKey>();
  return (list) => {
    const skipped: SkippedKey[] = [];
    const now = new Map<string, VerificationKey>();
    for (const given of list) {
      const jwk = readJwk(given, issuer);
      if ('why' in jwk) {
        skipped.push(jwk);
        continue;
      }
      // A key that is still listed stays the same object: by that a remembered token knows it.
      const identity = identityOf(jwk);
      const key = now.get(identity) ?? before.get(identity) ?? keyOf(jwk);
      if ('why' in key) skipped.push(key);
      else now.set(identity, key);
    }
    before = now;
    return { keys: [...now.values()], skipped };
  };
}

function keyOf(jwk: Jwk): VerificationKey | SkippedKey {
  const { kid, alg, kty, crv, x5t, x5tS256 } = jwk;
  const skip = (why: string): SkippedKey => ({ kid, kty, why });
  const publicKey = publicKeyOf(jwk);
  if (!publicKey) return skip(`it is not a valid ${kty} public key`);
  const exported = publicKey.export({ format: 'jwk' });
  const { modulusLength = 0 } = publicKey.asymmetricKeyDetails ?? {};
  const weakness = weaknessOf(publicKey, exported);
  if (weakness !== undefined) return skip(weakness);
  return {
    kid,
    x5t,
    x5tS256,
    publicKey,
    material: JSON.stringify(Object.entries(exported).sort()),
    kind: alg === undefined ? (crv ?? kty) : `${crv ?? kty}, alg ${quote(alg)}`,
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

function publicKeyOf({ material }: Jwk): KeyObject | undefined {
  try {
    return createPublicKey({ format: 'jwk', key: material });
  } catch {
    return undefined;
  }
}

// RFC 7518 §3.3 asks for 2048 bits, OpenSSL verifies with 16384 at most; an exponent of 1 makes every
// text its own signature.
function weaknessOf(key: KeyObject, { kty, crv, n, x }: JsonWebKey): string | undefined {
  if (kty === 'OKP') {
    const isWeak = crv === 'Ed25519' && isSmallOrder(x as string);
    return isWeak ? 'its Ed25519 point is of small order, so anyone can sign for it' : undefined;
  }
  if (kty !== 'RSA') return undefined;
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < 2048 || modulusLength > 16_384) return `RSA modulus of ${modulusLength} bits`;
  if (publicExponent < 3n || publicExponent % 2n === 0n) {
    return `RSA exponent that is even or below 3`;
  }
  if (hasSmallFactor(n)) return 'RSA modulus with a small factor';
  return isRoca(n) ? 'RSA modulus that can be factored (CVE-2017-15361)' : undefined;
}
