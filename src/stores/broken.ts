const sentence = Symbol.for('sallyport.store');

/**
 * The error for what is stored and cannot be used. A guard hands on the message of these errors, which
 * hold nothing of a key; of any other that a lookup throws, only the class and the code.
 */
export const broken = (code: string, message: string): TypeError & { readonly code: string } =>
  Object.assign(new TypeError(message), { code, [sentence]: message });

/** Whether an error says that what is stored cannot be used. */
export const isBroken = (error: unknown): boolean =>
  error instanceof TypeError && sentence in error;
