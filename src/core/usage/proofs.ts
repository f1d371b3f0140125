import { withDeadline } from '../base/deadline.js';
import { digestOf } from '../base/digest.js';
import { createPool } from './pool.js';

/** Proves who refused tokens come from, behind the requests, as far as there is time for that. */
export interface Proofs {
  /** Looks whether the issuer has signed this token, and tells the outcome: at once where it is known. */
  prove(token: string, asked: ProofOf): void;
  /**
   * Settles once those that wait are examined as far as this minute allows, or it takes too long.
   * Who has waited for over a minute is given up; with `isLast`, all others too.
   */
  settle(minute: number | undefined, isLast: boolean): Promise<void>;
}

/** Whether a token was signed; undefined: it was not examined. */
type Told = (isGood: boolean | undefined) => void;

export interface ProofOf {
  /** Whose it claims to be; each has so many proofs. */
  readonly name: string;
  readonly isKnown: boolean;
  /** Minutes since 1970. */
  readonly minute: number;
  readonly told: Told;
}

interface Waiting extends ProofOf {
  readonly token: string;
  readonly digest: string;
}

const mostUnderWay = 8;
/** A minute, for those that come first; a stranger can make up tokens for any client. */
const mostAMinute = 120;
const mostForOne = 12;
/** Of those, for clients that nobody knows yet. */
const mostForUnknown = 30;
/** A minute, for those that were drawn out of all others: whoever comes first cannot take these. */
const mostDrawn = 120;
const mostProven = 1_000;
const mostUnproven = 2_000;
const patience = { milliseconds: 2_000 };

export function createProofs(isSigned: (token: string) => Promise<boolean>): Proofs {
  /** By digests of tokens. One that is not proven may be later, once its issuer's keys are there. */
  const proven = new Set<string>();
  const unproven = new Set<string>();
  const underWay = new Map<string, Promise<boolean | undefined>>();
  const spent = new Map<string, number>();
  const pool = createPool<Waiting>(({ told }) => told(undefined));
  let minute = Number.NaN;
  let first = 0;
  let unknown = 0;
  let drawn = 0;

  function turnMinute(to: number): void {
    if (to === minute) return;
    minute = to;
    first = 0;
    unknown = 0;
    drawn = 0;
    spent.clear();
    unproven.clear();
  }

  function maySpend({ name, isKnown }: ProofOf): boolean {
    const own = spent.get(name) ?? 0;
    if (underWay.size >= mostUnderWay || first >= mostAMinute || own >= mostForOne) return false;
    if (!isKnown && unknown >= mostForUnknown) return false;
    first += 1;
    if (!isKnown) unknown += 1;
    spent.set(name, own + 1);
    return true;
  }

  async function look(token: string, digest: string): Promise<boolean | undefined> {
    const isGood = await isSigned(token).catch(() => undefined);
    underWay.delete(digest);
    if (isGood) remember(proven, digest, mostProven);
    else if (isGood === false) remember(unproven, digest, mostUnproven);
    return isGood;
  }

  function begin({ token, digest, told }: Waiting): void {
    const proof = underWay.get(digest) ?? look(token, digest);
    underWay.set(digest, proof);
    void proof.then(told);
  }

  /** Tells what is known of a token, or will be soon; whether there was any. */
  function tellKnown({ digest, told }: Waiting): boolean {
    const begun = underWay.get(digest);
    if (proven.has(digest)) told(true);
    else if (unproven.has(digest)) told(false);
    else if (begun) void begun.then(told);
    else return false;
    return true;
  }

  /** Examines those that were drawn, until none waits or the minute's are spent. */
  async function drain(): Promise<void> {
    while (pool.size() > 0 && drawn < mostDrawn) {
      while (pool.size() > 0 && drawn < mostDrawn && underWay.size < mostUnderWay) {
        const one = pool.draw();
        if (!one || tellKnown(one)) continue;
        drawn += 1;
        begin(one);
      }
      if (underWay.size > 0) await Promise.race(underWay.values());
    }
    await Promise.all(underWay.values());
  }

  return {
    prove(token, asked) {
      turnMinute(asked.minute);
      const one = { ...asked, token, digest: digestOf(token) };
      if (tellKnown(one)) return;
      if (maySpend(one)) begin(one);
      else pool.add(one);
    },
    async settle(now, isLast) {
      if (now !== undefined) turnMinute(now);
      if (underWay.size > 0 || pool.size() > 0) {
        // Where keys have to be fetched first it may take longer: they are in the next batch then.
        await withDeadline(patience, drain).catch(() => {});
      }
      pool.giveUp((one) => isLast || Math.abs(one.minute - minute) > 1);
    },
  };
}

function remember(digests: Set<string>, digest: string, most: number): void {
  digests.add(digest);
  const [oldest] = digests;
  if (digests.size > most && oldest !== undefined) digests.delete(oldest);
}
