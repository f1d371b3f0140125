const publicMessage = Symbol.for('sallyport.store');

/**
 * Creates the error for stored data that is invalid. The message must not contain anything of a key:
 * the guard's events contain the messages of these errors, but only the class and code of others.
 */
export const broken = (code: string, message: string): TypeError & { readonly code: string } =>
  Object.assign(new TypeError(message), { code, [publicMessage]: message });

/** Returns whether an error was created by {@link broken}. */
export const isBroken = (error: unknown): boolean =>
  error instanceof TypeError && publicMessage in error;
