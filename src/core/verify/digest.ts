import { createHash, createHmac, hash } from 'node:crypto';

/** The SHA-256 of a text's UTF-8, in lower-case hex. */
export const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The HMAC-SHA-256 of a text's UTF-8: it tells nothing to whoever does not have the secret. */
export const hmacSha256 = (secret: Uint8Array, text: string): string =>
  createHmac('sha256', secret).update(text).digest('base64url');

/** The SHA-256 of a text's UTF-8, to know it by and not to keep it. */
export const digestOf = (text: string): string => hash('sha256', text, 'base64url');
