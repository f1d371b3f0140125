import { AuthError, ConfigError, UpstreamError } from './errors.js';

/** Returns whether an error is a decision about the request, and not a bug. */
export function isRefusal(error: unknown): error is AuthError | UpstreamError {
  try {
    return error instanceof AuthError || error instanceof UpstreamError;
  } catch {
    return false;
  }
}

/**
 * Returns what was thrown as an `Error`. Frameworks read some values as "no error" (`undefined`,
 * `null`) or as a command (Express: `'route'`), and would let the request pass.
 */
export function asError(thrown: unknown): Error {
  try {
    if (isError(thrown)) return thrown;
  } catch {
    // A Proxy, or a getter, can throw whatever it is asked.
  }
  const what = thrown === null ? 'null' : typeof thrown;
  // The value is not quoted: it may hold a credential.
  const message = `A function given to sallyport threw ${what}, which is not an Error: throw an Error`;
  return new TypeError(message, { cause: thrown });
}

// An Error of another realm, such as a Jest sandbox, has another constructor.
const isError = (value: unknown): value is Error =>
  value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';

/** Returns what an error says, in 300 printable characters. Our own sentences are left as they are. */
export function messageOf(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  try {
    const says = error instanceof Error ? error.message : 'what was thrown is no Error';
    return String(says)
      .replace(/[^ -~]/g, ' ')
      .slice(0, 300);
  } catch {
    return 'what was thrown has no message';
  }
}
