import { typeName } from '../base/quote.js';
import { refused } from './refused.js';

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
 * Seconds by which `iat` may be in the future in any case: an issuer's clock that runs ahead makes no
 * token worse, since `exp` and `nbf` say when it is good.
 */
const iatTolerance = 60;

/**
 * Checks when a token is good (RFC 7519 §4.1.4 to §4.1.6). Each comparison is written so that NaN
 * refuses.
 * @throws AuthError for a token that has no plausible times, or for which it is too late or too early
 */
export function checkTimes({ exp, nbf, iat }: Times, { clockTolerance, now }: Clock): void {
  const time = now() / 1000;
  const expires = seconds('exp', exp);
  const begins = nbf === undefined ? time : seconds('nbf', nbf);
  const issued = iat === undefined ? time : seconds('iat', iat);
  if (!(time < expires + clockTolerance)) {
    throw refused('ERR_TOKEN_EXPIRED', ago, time - expires, clockTolerance);
  }
  if (!(begins <= time + clockTolerance)) {
    throw refused('ERR_TOKEN_NOT_YET_VALID', ahead, 'nbf', begins - time, clockTolerance);
  }
  const early = Math.max(iatTolerance, clockTolerance);
  if (!(issued <= time + early)) {
    throw refused('ERR_TOKEN_IAT_IN_FUTURE', ahead, 'iat', issued - time, early);
  }
}

const ago = (by: number, accepted: number): string =>
  `exp was ${Math.floor(by)} s ago; clockTolerance is ${accepted} s`;

const ahead = (name: string, by: number, accepted: number): string =>
  `${name} is ${Math.ceil(by)} s ahead of this machine's clock; at most ${accepted} s are accepted: ` +
  'compare the clocks of this machine and the issuer';

function seconds(name: string, time: unknown): number {
  if (typeof time === 'number' && Math.abs(time) < latestTime) return time;
  throw refused('ERR_TOKEN_TIME', noTime, name, time);
}

function noTime(name: string, time: unknown): string {
  if (time === undefined) return `${name} is missing`;
  if (typeof time !== 'number') return `${name} must be a number of seconds; got ${typeName(time)}`;
  return `${name} must be in seconds since 1970; got ${time}, which may be milliseconds`;
}
