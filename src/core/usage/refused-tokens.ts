import { copyOf } from '../base/copy.js';
import { minute as minuteLength } from '../base/dates.js';
import type { AuthErrorCode } from '../base/errors.js';
import { unexamined } from './overflow.js';
import { createProofs } from './proofs.js';
import { redateRows } from './redate.js';
import { createRefusalRooms, withoutClient } from './refusal-rooms.js';
import { dayOf, type UsageClient, type UsageRow } from './usage.js';

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
  /** When the earliest token came that waits to be examined, in milliseconds since 1970. */
  examinesSince(): number | undefined;
  /** The store's clients have been learned: who is not among them is nobody. */
  conclude(): void;
  /** The store's clients cannot be learned any more: whoever waits may be any of them. */
  giveUp(): void;
  /** Whether there is something to take. */
  hasRows(): boolean;
  take(): UsageRow[];
  /** The clock was behind by so many milliseconds: what waits is moved. */
  correct(by: number): void;
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
const longestName = 512;
/** Rows that wait until the store has told its clients. */
const roomToWait = { proven: 10_000, unexamined: 10_000, claimed: 1_000 };
/**
 * Rows of a day. A stranger can claim to be each client whose id it knows; without the rows
 * of what was not examined, a client would look as if nothing had come.
 */
const roomForKnown = { proven: 20_000, unexamined: 10_000, claimed: 1_000 };
/** An old token that got into other hands proves nothing of its client: minutes since it expired. */
const longestExpired = 1_440;

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
  const waiting = createRefusalRooms(roomToWait);
  const counted = createRefusalRooms(roomForKnown, { aDay: true });
  /** When tokens came that wait to be examined, by the clock as it had been corrected before. */
  const examining = new Set<{ readonly at: number; readonly before: number }>();
  /** Milliseconds by which the clock was found to be behind. */
  let corrected = 0;

  function isKnown({ client, issuer }: UsageClient): boolean {
    if (known.has(knownAs(client, issuer === '' ? (soleIssuer ?? '') : issuer))) return true;
    // Where it was not told whose client it is, it may be this issuer's.
    return known.has(knownAs(client, '')) || isPlanned(client);
  }

  function settleAs(token: Omit<RefusedToken, 'text'>, isGood: boolean | undefined): void {
    const row = rowOf(isGood ? 'refused' : 'claimed', token, isGood === undefined);
    (isKnown(token) ? counted : waiting).add(row);
  }

  function countKnown(): void {
    for (const row of waiting.take(isKnown)) counted.add(row);
    // Of those there was no room for, nobody knows whose they are.
    for (const row of waiting.takeOver()) if (row.what === 'other') counted.add(row);
  }

  function giveUp(): void {
    countKnown();
    for (const row of waiting.take(() => true).map(withoutClient)) {
      if (row.what === 'other') counted.add(row);
    }
  }

  return {
    add({ text, ...token }) {
      if (token.client.length > longestName || token.issuer.length > longestName) return;
      if (!isProvable(token)) return settleAs(token, false);
      const before = corrected;
      const waits = { at: token.minute * minuteLength, before };
      examining.add(waits);
      proofs.prove(text, {
        name: knownAs(token.client, token.issuer),
        isKnown: isKnown(token),
        minute: token.minute,
        told(isGood) {
          examining.delete(waits);
          const moved = Math.round((corrected - before) / minuteLength);
          settleAs({ ...token, minute: token.minute + moved }, isGood);
        },
      });
    },
    know({ client, issuer }) {
      if (client !== '' && known.size < mostKnown) known.add(knownAs(client, issuer));
    },
    waits() {
      countKnown();
      return waiting.size() > 0;
    },
    conclude() {
      // Of so many clients, there was no room to know all.
      if (known.size >= mostKnown) return giveUp();
      countKnown();
      waiting.take(() => true);
    },
    giveUp,
    hasRows: () => counted.size() > 0,
    take() {
      countKnown();
      return [...counted.take(() => true), ...counted.takeOver()];
    },
    correct(by) {
      corrected += by;
      waiting.move((rows) => redateRows(rows, by));
    },
    examinesSince() {
      const times = [...examining].map(({ at, before }) => at + corrected - before);
      return times.length === 0 ? undefined : times.reduce((one, other) => Math.min(one, other));
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
