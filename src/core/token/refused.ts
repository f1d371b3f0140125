import { AuthError, type AuthErrorCode } from '../base/errors.js';

/**
 * A refusal whose detail is written only if somebody reads it, from these values alone. The closure is
 * made here, so that a check that passes allocates nothing, and keeps no more of the token than it names.
 */
export const refused = <Found extends readonly unknown[]>(
  code: AuthErrorCode,
  sentence: (...found: Found) => string,
  ...found: Found
): AuthError => new AuthError(code, { detail: () => sentence(...found) });
