import { minute as minuteLength } from '../base/dates.js';
import type { GuardRequest, OneCredential } from '../extract.js';
import type { KnownKey } from '../principal.js';
import type { CountedAttempt } from './attempt.js';
import { createKeyOwners, type KeyOwners } from './key-owners.js';
import { type Traces, tracesOfAll } from './traces.js';

/** A key that came in a refused request, and whose it is. */
export interface RefusedKey extends Traces {
  readonly owner: KnownKey | 'not known';
  /** Minutes since 1970, by the clock as it was corrected since; undefined if it cannot be told. */
  readonly minute: number | undefined;
}

/** Finds whose keys come in requests that are refused before that was asked. */
export interface RefusedKeys extends Omit<KeyOwners, 'find'> {
  /**
   * Tells later of each key that somebody has, and once if it is not known of one or more.
   * @param at when they came, in milliseconds since 1970
   */
  find(attempt: CountedAttempt, at: number | undefined, told: (key: RefusedKey) => void): void;
}

/** A longer one is nobody's: no guard looks it up. */
const longestKey = 2_048;

export function createRefusedKeys({
  credentialsIn,
  ownerOf,
}: {
  readonly credentialsIn: (request: GuardRequest) => readonly OneCredential[];
  readonly ownerOf: (key: string) => Promise<KnownKey | undefined>;
}): RefusedKeys {
  const owners = createKeyOwners(ownerOf);
  return {
    ...owners,
    find(attempt, at, told) {
      const presented = credentialsIn(attempt.request);
      const keys = presented.flatMap((one) => (one.kind === 'api-key' ? [one] : []));
      const short = keys.filter(({ text }) => text.length <= longestKey);
      if (short.length === 0) return;
      const traces = tracesOfAll(attempt, presented);
      let isDoubtful = false;
      for (const { text, place } of short) {
        owners.find(text, at, (owner, cameAt) => {
          if (owner === 'nobody' || (owner === 'not known' && isDoubtful)) return;
          isDoubtful ||= owner === 'not known';
          const minute = cameAt === undefined ? undefined : Math.floor(cameAt / minuteLength);
          told({ ...traces, owner, place, minute });
        });
      }
    },
  };
}
