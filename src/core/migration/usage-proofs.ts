import { withDeadline } from '../verify/deadline.js';
import { digestOf } from '../verify/digest.js';

/** Proves who refused tokens come from, behind the requests, as far as there is time for that. */
export interface Proofs {
  /**
   * Whether the issuer has signed this token: at once where it is known already, undefined where that
   * is not looked into.
   */
  prove(token: string, asked: ProofOf): boolean | Promise<boolean> | undefined;
  /** Settles once those under way have, or it takes too long. */
  settle(): Promise<void>;
}

interface ProofOf {
  /** Whose it claims to be; each has so many proofs. */
  readonly name: string;
  readonly isKnown: boolean;
  /** Minutes since 1970. */
  readonly minute: number;
}

const mostUnderWay = 8;
/** A minute: a stranger can make up tokens for any client. */
const mostAMinute = 120;
const mostForOne = 12;
/** Of those, for clients that nobody knows yet. */
const mostForUnknown = 30;
const mostProven = 1_000;
const patience = { milliseconds: 2_000 };

export function createProofs(isSigned: (token: string) => Promise<boolean>): Proofs {
  /** By digests of tokens. One that is not proven may be later, once its issuer's keys are there. */
  const proven = new Set<string>();
  const unproven = new Set<string>();
  const underWay = new Map<string, Promise<boolean>>();
  const spent = new Map<string, number>();
  let minute = Number.NaN;
  let all = 0;
  let unknown = 0;

  function turnMinute(to: number): void {
    if (to === minute) return;
    minute = to;
    all = 0;
    unknown = 0;
    spent.clear();
    unproven.clear();
  }

  function maySpend({ name, isKnown }: ProofOf): boolean {
    const own = spent.get(name) ?? 0;
    if (underWay.size >= mostUnderWay || all >= mostAMinute || own >= mostForOne) return false;
    if (!isKnown && unknown >= mostForUnknown) return false;
    all += 1;
    if (!isKnown) unknown += 1;
    spent.set(name, own + 1);
    return true;
  }

  async function look(token: string, digest: string): Promise<boolean> {
    const isGood = await isSigned(token).catch(() => false);
    underWay.delete(digest);
    if (!isGood) unproven.add(digest);
    else {
      proven.add(digest);
      const [oldest] = proven;
      if (proven.size > mostProven && oldest !== undefined) proven.delete(oldest);
    }
    return isGood;
  }

  return {
    prove(token, asked) {
      turnMinute(asked.minute);
      const digest = digestOf(token);
      if (proven.has(digest)) return true;
      if (unproven.has(digest)) return false;
      const begun = underWay.get(digest);
      if (begun) return begun;
      if (!maySpend(asked)) return undefined;
      const proof = look(token, digest);
      if (!proven.has(digest) && !unproven.has(digest)) underWay.set(digest, proof);
      return proof;
    },
    async settle() {
      if (underWay.size === 0) return;
      // Where keys have to be fetched first it may take longer: they are in the next batch then.
      await withDeadline(patience, () => Promise.all(underWay.values())).catch(() => {});
    },
  };
}
