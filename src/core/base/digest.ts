import { createHash, hash, randomBytes } from 'node:crypto';

/** The SHA-256 of a text's UTF-8, in lower-case hex. */
export const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The SHA-256 of a text's UTF-8, to know it by and not to keep it. */
export const digestOf = (text: string): string => hash('sha256', text, 'base64url');

/**
 * Makes a digest under a secret of its own: it tells nothing to whoever does not have that. It is for
 * finding a text again in this process and must not leave it: a stranger who could choose digests would
 * need HMAC, which takes four times as long.
 */
export function createKeyedDigest(): (text: string) => string {
  let secret: string | undefined;
  return (text) => {
    // 64 characters: one block of SHA-256, so that what follows begins from a state nobody knows. Made on
    // first use, since a Worker must not generate random values in its global scope.
    secret ??= randomBytes(32).toString('hex');
    return digestOf(secret + text);
  };
}
