import { copyOf } from '../base/copy.js';
import { withDeadline } from '../base/deadline.js';
import type { KnownKey } from '../principal.js';

/** The owner of a key: `nobody` for an unknown key, `not known` if the lookup failed. */
export type KeyOwner = KnownKey | 'nobody' | 'not known';

/** Called with the owner of a key, and when the key came. */
type Told = (owner: KeyOwner, at: number | undefined) => void;

/** Looks up the owners of keys in rejected requests, in the background. */
export interface KeyOwners {
  /** Queues a lookup and calls back once; at once with `not known` if too many keys are waiting. */
  find(key: string, at: number | undefined, told: Told): void;
  /** Returns whether a lookup is not done yet. */
  waits(): boolean;
  /** Returns when the earliest waiting key came, in milliseconds since 1970. */
  waitsSince(): number | undefined;
  /** Moves the times of waiting keys by the milliseconds by which the clock was behind. */
  correct(by: number): void;
  /** Resolves once all lookups are done, or after a timeout; with `isLast`, the rest is given up. */
  settle(isLast: boolean): Promise<void>;
}

const mostUnderWay = 16;
/** Each is small: a key, the route and the user agent. */
const mostWaiting = 10_000;
const patience = { milliseconds: 2_000 };
/** Milliseconds for which keys wait for others, unless this many do. */
const rest = 1_000;
const mostAtRest = 250;

/** One key, and every request that waits for its owner. */
interface Asked {
  readonly key: string;
  waiting: Waiting[];
}

interface Waiting {
  at: number | undefined;
  readonly told: Told;
}

/**
 * @param ownerOf undefined for a key that nobody has; rejects where that cannot be told
 */
export function createKeyOwners(
  ownerOf: (key: string) => Promise<KnownKey | undefined>,
): KeyOwners {
  // Includes lookups that were given up, so that a hanging store gets no unlimited number of calls.
  const underWay = new Map<Asked, Promise<void>>();
  /** By key: several requests with one key take one lookup. */
  const asked = new Map<string, Asked>();
  let queue: Asked[] = [];
  let waiting = 0;
  let timer: NodeJS.Timeout | undefined;

  async function look(one: Asked): Promise<void> {
    const owner = await ownerOf(one.key).then(
      (known): KeyOwner => known ?? 'nobody',
      (): KeyOwner => 'not known',
    );
    underWay.delete(one);
    tell(one, owner);
    begin();
  }

  function begin(): void {
    while (underWay.size < mostUnderWay) {
      const one = queue.shift();
      if (!one) return;
      underWay.set(one, look(one));
    }
  }

  // A rejected request costs no lookup by itself: keys wait a moment, and are looked up together.
  function beginSoon(): void {
    if (queue.length > mostAtRest) begin();
    timer ??= setTimeout(() => {
      timer = undefined;
      begin();
    }, rest);
    timer.unref?.(); // Workers have numbers for timers
  }

  function tell(one: Asked, owner: KeyOwner): void {
    if (asked.get(one.key) === one) asked.delete(one.key);
    const all = one.waiting;
    one.waiting = [];
    waiting -= all.length;
    for (const { at, told } of all) {
      try {
        told(owner, at);
      } catch {
        // A request that cannot be counted has been decided all the same.
      }
    }
  }

  async function drain(signal: AbortSignal): Promise<void> {
    while (underWay.size > 0 && !signal.aborted) await Promise.all(underWay.values());
  }

  const everyOne = (): Waiting[] => [...asked.values()].flatMap((one) => one.waiting);

  return {
    find(text, at, told) {
      if (waiting >= mostWaiting) return told('not known', at);
      waiting += 1;
      const same = asked.get(text);
      if (same) {
        same.waiting.push({ at, told });
        return;
      }
      // A slice of a header would keep all of it.
      const one = { key: copyOf(text), waiting: [{ at, told }] };
      asked.set(one.key, one);
      queue.push(one);
      beginSoon();
    },
    waits: () => waiting > 0,
    waitsSince() {
      const times = everyOne().flatMap(({ at }) => at ?? []);
      return times.length === 0 ? undefined : times.reduce((one, other) => Math.min(one, other));
    },
    correct(by) {
      for (const one of everyOne()) if (one.at !== undefined) one.at += by;
    },
    async settle(isLast) {
      begin();
      if (underWay.size > 0) {
        // What takes longer is in the next batch.
        await withDeadline(patience, drain).catch(() => {});
      }
      if (!isLast) return;
      clearTimeout(timer);
      timer = undefined;
      queue = [];
      for (const one of [...asked.values()]) tell(one, 'not known');
    },
  };
}
