import { withDeadline } from '../base/deadline.js';
import type { KnownKey } from '../principal.js';

/** Whose a key is: `nobody` has it, or it could not be looked up. */
export type KeyOwner = KnownKey | 'nobody' | 'not known';

/** Looks up whose the keys of refused requests are, behind the requests. */
export interface KeyOwners {
  /** Tells once, later; that it is not known, if there is no room to wait. */
  find(key: string, told: (owner: KeyOwner) => void): void;
  /** Settles once all are told, or it takes too long; with `isLast`, the others are given up. */
  settle(isLast: boolean): Promise<void>;
}

/** A key that is remembered takes no lookup, but waits its turn as the others do. */
const mostUnderWay = 16;
const mostWaiting = 500;
/** As many wait for the next flush; more are looked up at once. */
const mostUntilFlush = 250;
const patience = { milliseconds: 2_000 };

interface Asked {
  readonly key: string;
  /** Undefined once it was told. */
  told: ((owner: KeyOwner) => void) | undefined;
}

/**
 * @param ownerOf undefined for a key that nobody has; rejects where that cannot be told
 */
export function createKeyOwners(
  ownerOf: (key: string) => Promise<KnownKey | undefined>,
): KeyOwners {
  // What was given up is under way until it ends: else a store that hangs would be asked without a bound.
  const underWay = new Map<Asked, Promise<void>>();
  const waiting: Asked[] = [];

  async function look(asked: Asked): Promise<void> {
    const owner = await ownerOf(asked.key).then(
      (known): KeyOwner => known ?? 'nobody',
      (): KeyOwner => 'not known',
    );
    underWay.delete(asked);
    tell(asked, owner);
    begin();
  }

  function begin(): void {
    while (underWay.size < mostUnderWay) {
      const asked = waiting.shift();
      if (!asked) return;
      underWay.set(asked, look(asked));
    }
  }

  async function drain(signal: AbortSignal): Promise<void> {
    while (underWay.size > 0 && !signal.aborted) await Promise.all(underWay.values());
  }

  return {
    find(key, told) {
      if (waiting.length >= mostWaiting) return told('not known');
      waiting.push({ key, told });
      if (waiting.length > mostUntilFlush) begin();
    },
    async settle(isLast) {
      begin();
      if (underWay.size > 0) {
        // What takes longer is in the next batch.
        await withDeadline(patience, drain).catch(() => {});
      }
      if (!isLast) return;
      for (const asked of [...underWay.keys(), ...waiting.splice(0)]) tell(asked, 'not known');
    },
  };
}

function tell(asked: Asked, owner: KeyOwner): void {
  const { told } = asked;
  asked.told = undefined;
  try {
    told?.(owner);
  } catch {
    // A request that cannot be counted has been decided all the same.
  }
}
