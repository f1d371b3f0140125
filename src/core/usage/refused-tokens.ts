import { copyOf } from '../base/copy.js';
import type { AuthErrorCode } from '../base/errors.js';
import { createProofs } from './proofs.js';
import { dayOf, mergeRows, nameOf, type UsageClient, type UsageRow } from './usage.js';

/** A token that was refused, and what it says of itself, unverified. */
export interface RefusedToken {
  readonly text: string;
  readonly client: string;
  /** Of a trusted issuer; `''` where the token names another one. */
  readonly issuer: string;
  /** Seconds since 1970, as the token says. */
  readonly exp: unknown;
  readonly code: AuthErrorCode;
  /** Minutes since 1970. */
  readonly minute: number;
}

/** Counts refused tokens of clients that are known, whoever knows them. */
export interface RefusedTokens {
  add(token: RefusedToken): void;
  /** A client has come with a valid credential, or is in the store. */
  know(client: UsageClient): void;
  /** Whether tokens wait for the store to say whether it knows their clients. */
  waits(): boolean;
  /** The store's clients have been learned: who is not among them is nobody. True if one was counted. */
  conclude(): boolean;
  take(): UsageRow[];
  /** Examines what waits, at the minute that it is; with `isLast`, what is not examined by then is given up. */
  settle(minute: number | undefined, isLast: boolean): Promise<void>;
}

interface RefusalOptions {
  readonly isSigned: (token: string) => Promise<boolean>;
  /** Whether the plan names a client. */
  readonly isPlanned: (client: string) => boolean;
  /** The only issuer there is; undefined if there are several. */
  readonly soleIssuer: string | undefined;
}

const mostKnown = 100_000;
const mostWaiting = 10_000;
const longestName = 512;
/** Unverified counts of a day: a stranger can make one of each client whose id it knows. */
const mostClaims = 1_000;
/** An old token that got into other hands proves nothing of its client: minutes since it expired. */
const longestExpired = 1_440;

/** The detail of a token that may be its client's own, and was not examined for lack of time. */
export const unexamined = 'UNEXAMINED';
/** Rows of those have room of their own: without them a client would look as if nothing had come. */
const mostUnexamined = 10_000;

/** A refusal that says that the token cannot be proven, or that it is another's. */
const unprovable: ReadonlySet<AuthErrorCode> = new Set([
  ...(['ERR_TOKEN_SIGNATURE', 'ERR_TOKEN_KEY_UNKNOWN', 'ERR_TOKEN_KEY_MISMATCH'] as const),
  ...(['ERR_TOKEN_ALGORITHM', 'ERR_TOKEN_CRITICAL', 'ERR_TOKEN_ISSUER'] as const),
  ...(['ERR_TOKEN_MALFORMED', 'ERR_TOKEN_NOT_JWT', 'ERR_TOKEN_ENCRYPTED'] as const),
  ...(['ERR_TOKEN_TOO_LARGE', 'ERR_TOKEN_TIME'] as const),
]);

export function createRefusedTokens({
  isSigned,
  isPlanned,
  soleIssuer,
}: RefusalOptions): RefusedTokens {
  const proofs = createProofs(isSigned);
  const known = new Set<string>();
  const waiting = new Map<string, UsageRow>();
  let proven = new Map<string, UsageRow>();
  let claimed = new Map<string, UsageRow>();
  let claims = new Set<string>();
  let unclear = new Set<string>();
  let claimDay = '';

  function isKnown({ client, issuer }: UsageClient): boolean {
    if (known.has(knownAs(client, issuer === '' ? (soleIssuer ?? '') : issuer))) return true;
    // Where it was not told whose client it is, it may be this issuer's.
    return known.has(knownAs(client, '')) || isPlanned(client);
  }

  function settleAs(token: Omit<RefusedToken, 'text'>, isGood: boolean | undefined): void {
    const row = rowOf(isGood ? 'refused' : 'claimed', token, isGood === undefined);
    if (isKnown(token)) record(row);
    else if (waiting.size < mostWaiting || waiting.has(nameOf(row))) mergeRows(waiting, [row]);
  }

  function record(row: UsageRow): void {
    if (row.what === 'refused') mergeRows(proven, [row]);
    else if (hasRoom(row)) mergeRows(claimed, [row]);
  }

  function hasRoom(row: UsageRow): boolean {
    if (row.day > claimDay) {
      claimDay = row.day;
      claims = new Set();
      unclear = new Set();
    }
    const name = nameOf(row);
    const [names, most] =
      row.detail === unexamined ? [unclear, mostUnexamined] : [claims, mostClaims];
    if (!names.has(name) && names.size >= most) return false;
    names.add(name);
    return true;
  }

  /** Counts those that wait and are known by now; whether there were any. */
  function recordKnown(): boolean {
    let some = false;
    for (const [name, row] of waiting) {
      if (!isKnown(row)) continue;
      waiting.delete(name);
      record(row);
      some = true;
    }
    return some;
  }

  return {
    add({ text, ...token }) {
      if (token.client.length > longestName || token.issuer.length > longestName) return;
      if (!isProvable(token)) return settleAs(token, false);
      proofs.prove(text, {
        name: knownAs(token.client, token.issuer),
        isKnown: isKnown(token),
        minute: token.minute,
        told: (isGood) => settleAs(token, isGood),
      });
    },
    know({ client, issuer }) {
      if (client !== '' && known.size < mostKnown) known.add(knownAs(client, issuer));
    },
    waits() {
      recordKnown();
      return waiting.size > 0;
    },
    conclude() {
      const some = recordKnown();
      waiting.clear();
      return some;
    },
    take() {
      recordKnown();
      const rows = [...proven.values(), ...claimed.values()];
      proven = new Map();
      claimed = new Map();
      return rows;
    },
    settle: proofs.settle,
  };
}

const knownAs = (client: string, issuer: string): string => `${issuer}\n${client}`;

const isProvable = ({ code, exp, issuer, minute }: Omit<RefusedToken, 'text'>): boolean =>
  issuer !== '' &&
  !unprovable.has(code) &&
  typeof exp === 'number' &&
  exp / 60 > minute - longestExpired;

const rowOf = (
  what: 'refused' | 'claimed',
  { client, issuer, code, minute }: Omit<RefusedToken, 'text'>,
  isUnexamined: boolean,
): UsageRow => ({
  ...{ client: copyOf(client), issuer: copyOf(issuer), key: '', what },
  detail: isUnexamined ? unexamined : code,
  ...{ day: dayOf(minute), count: 1, first: minute, last: minute },
});
