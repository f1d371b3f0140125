import { withDeadline } from '../base/deadline.js';
import type { KnownKey } from '../principal.js';

/** The owner of a key: `nobody` for an unknown key, `not known` if the lookup failed. */
export type KeyOwner = KnownKey | 'nobody' | 'not known';

/** Looks up the owners of keys in rejected requests, in the background. */
export interface KeyOwners {
  /** Calls back once; with `not known` if too many keys are waiting. */
  find(key: string, told: (owner: KeyOwner) => void): void;
  /** Resolves once all lookups are done, or after a timeout; with `isLast`, the rest is given up. */
  settle(isLast: boolean): Promise<void>;
}

/** Concurrent lookups. */
const mostUnderWay = 16;
const mostWaiting = 500;
/** Up to this many keys wait for the next flush; more are looked up at once. */
const mostUntilFlush = 250;
const patience = { milliseconds: 2_000 };

interface Asked {
  readonly key: string;
  /** Undefined once it was called. */
  told: ((owner: KeyOwner) => void) | undefined;
}

/**
 * @param ownerOf Resolves to undefined for an unknown key, and rejects if the lookup fails.
 */
export function createKeyOwners(
  ownerOf: (key: string) => Promise<KnownKey | undefined>,
): KeyOwners {
  // Includes lookups that were given up, so that a hanging store gets no unlimited number of calls.
  const underWay = new Map<Asked, Promise<void>>();
  const waiting: Asked[] = [];

  async function look(asked: Asked): Promise<void> {
    const owner = await ownerOf(asked.key).then(
      (known): KeyOwner => known ?? 'nobody',
      (): KeyOwner => 'not known',
    );
    underWay.delete(asked);
    notify(asked, owner);
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
        // Slower lookups are counted with the next batch.
        await withDeadline(patience, drain).catch(() => {});
      }
      if (!isLast) return;
      for (const asked of [...underWay.keys(), ...waiting.splice(0)]) notify(asked, 'not known');
    },
  };
}

function notify(asked: Asked, owner: KeyOwner): void {
  const { told } = asked;
  asked.told = undefined;
  try {
    told?.(owner);
  } catch {
    // A counting error must not affect the request, which has been decided already.
  }
}
