import { existsSync, readFileSync } from 'node:fs';
import { isAlgorithm } from '../../src/core/token/algorithms.js';
import { importKey, type VerificationKey } from '../../src/core/token/jwk.js';
import { type Jws, parseJws } from '../../src/core/token/jws.js';
import { verifySignature } from '../../src/core/token/signature.js';
import { AuthError } from '../../src/index.js';

// The vectors are not ours to copy: they are read where they lie, beside the repository.
const folder = new URL('../../../shared/vectors/', import.meta.url);

/** Why no vector can be run here, or nothing. */
export const absence = existsSync(folder)
  ? undefined
  : 'there is no ../shared/vectors beside the repository';

export const read = (name: string) => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));

/** The keys of a JWK or of a set of them that can be used. */
export const importKeys = (published: object): VerificationKey[] =>
  ('keys' in published ? (published.keys as unknown[]) : [published])
    .map(importKey)
    .filter((key) => key !== undefined);

/** `valid`, or what it was that refused: all that a guard does before it looks at claims. */
export async function verify(text: string, published: object): Promise<string> {
  let jws: Jws;
  try {
    jws = parseJws(text);
  } catch (error) {
    if (error instanceof AuthError) return error.code;
    throw error;
  }
  const { alg, kid, isCritical } = jws.header;
  if (!isAlgorithm(alg)) return 'algorithm';
  if (isCritical) return 'extension';
  const named = importKeys(published).filter((key) => kid === undefined || key.kid === kid);
  const [key, ...others] = named.filter((one) => one.fits(alg));
  if (!key || others.length > 0) return 'key';
  return (await verifySignature(jws, key, alg)) ? 'valid' : 'signature';
}
