import { type Claims, own } from '../base/json.js';
import { typeName } from '../base/quote.js';
import { refused } from './refused.js';

/** The clock that times are compared with. */
export interface Clock {
  /** Seconds. */
  readonly clockTolerance: number;
  /** Milliseconds. */
  now(): number;
}

/** From when until when a token is valid, and when it was issued: seconds since 1970. */
export interface Times {
  readonly exp: number;
  readonly nbf: number | undefined;
  readonly iat: number | undefined;
}

/** Beyond this, a time in seconds was surely meant in milliseconds. */
const latestTime = 1e11;

/**
 * Seconds by which `iat` may be in the future in any case: an issuer's clock that runs ahead makes no
 * token worse, since `exp` and `nbf` say when it is good.
 */
const iatTolerance = 60;

/**
 * Reads the times of a token (RFC 7519 §2, NumericDate).
 * @throws AuthError if `exp` is missing, or one of them is not a plausible number of seconds
 */
export function readTimes(claims: Claims): Times {
  const [nbf, iat] = [own(claims, 'nbf'), own(claims, 'iat')];
  return {
    exp: seconds('exp', own(claims, 'exp')),
    nbf: nbf === undefined ? undefined : seconds('nbf', nbf),
    iat: iat === undefined ? undefined : seconds('iat', iat),
  };
}

/**
 * Checks that a token is valid now (RFC 7519 §4.1.4 to §4.1.6). Each comparison is written so that
 * NaN refuses.
 * @throws AuthError if it has expired, is not valid yet, or was issued in the future
 */
export function checkTimes({ exp, nbf, iat }: Times, { clockTolerance, now }: Clock): void {
  const time = now() / 1000;
  const begins = nbf ?? time;
  const issued = iat ?? time;
  if (!(time < exp + clockTolerance)) {
    throw refused('ERR_TOKEN_EXPIRED', ago, time - exp, clockTolerance);
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
