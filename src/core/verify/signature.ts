import { compactVerify, errors } from 'jose';
import type { Algorithm } from '../algorithms.js';
import type { Jws } from './compact.js';
import type { VerificationKey } from './key.js';

/** Tells whether a key signed this, with this algorithm: the one place that checks a signature. */
export async function verifySignature(
  { text, signature }: Jws,
  key: VerificationKey,
  algorithm: Algorithm,
): Promise<boolean> {
  if (!key.fits(algorithm) || signature.length !== key.signatureLength(algorithm)) return false;
  try {
    await compactVerify(text, key.publicKey, { algorithms: [algorithm] });
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}
