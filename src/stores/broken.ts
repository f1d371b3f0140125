/**
 * The error for what is stored and cannot be meant. A guard hands on the code of what a look-up
 * throws, and never the message, which of another's error may hold the key.
 */
export const broken = (code: string, message: string): TypeError & { readonly code: string } =>
  Object.assign(new TypeError(message), { code });
