import { AuthError } from '../errors.js';

/** By what times are judged. */
export interface Clock {
  /** Seconds. */
  readonly clockTolerance: number;
  /** Milliseconds. */
  now(): number;
}

/** When a token begins and ceases to be good, as it says itself. */
export interface Times {
  readonly exp: unknown;
  readonly nbf: unknown;
  readonly iat: unknown;
}

/** Beyond this, a time in seconds was surely meant in milliseconds. */
const latestTime = 1e11;

/**
 * Checks when a token is good (RFC 7519 §4.1.4 to §4.1.6). Each comparison is written so that NaN
 * refuses.
 * @throws AuthError for a token that has no plausible times, or for which it is too late or too early
 */
export function checkTimes({ exp, nbf, iat }: Times, { clockTolerance, now }: Clock): void {
  const time = now() / 1000;
  const expires = seconds(exp);
  const begins = nbf === undefined ? time : seconds(nbf);
  const issued = iat === undefined ? time : seconds(iat);
  if (!(time < expires + clockTolerance)) throw new AuthError('ERR_TOKEN_EXPIRED');
  if (!(begins <= time + clockTolerance)) throw new AuthError('ERR_TOKEN_NOT_YET_VALID');
  if (!(issued <= time + clockTolerance)) throw new AuthError('ERR_TOKEN_ISSUED_LATER');
}

function seconds(time: unknown): number {
  if (typeof time === 'number' && Math.abs(time) < latestTime) return time;
  throw new AuthError('ERR_TOKEN_TIME');
}
