import type { GuardRequest, OneCredential } from '../extract.js';
import type { KnownKey } from '../principal.js';
import type { CountedAttempt } from './attempt.js';
import { createKeyOwners } from './key-owners.js';
import { type Traces, tracesOfAll } from './traces.js';

/** A key that came in a refused request, and whose it is. */
export interface RefusedKey extends Traces {
  readonly owner: KnownKey | 'not known';
}

/** Finds whose keys come in requests that are refused before that was asked. */
export interface RefusedKeys {
  /** Tells later of each key that somebody has, and once if it is not known of one or more. */
  find(attempt: CountedAttempt, told: (key: RefusedKey) => void): void;
  /** Settles once all are told, or it takes too long; with `isLast`, the others are given up. */
  settle(isLast: boolean): Promise<void>;
}

export function createRefusedKeys({
  credentialsIn,
  ownerOf,
}: {
  readonly credentialsIn: (request: GuardRequest) => readonly OneCredential[];
  readonly ownerOf: (key: string) => Promise<KnownKey | undefined>;
}): RefusedKeys {
  const owners = createKeyOwners(ownerOf);
  return {
    find(attempt, told) {
      const presented = credentialsIn(attempt.request);
      const keys = presented.flatMap((one) => (one.kind === 'api-key' ? [one] : []));
      if (keys.length === 0) return;
      const traces = tracesOfAll(attempt, presented);
      let isDoubtful = false;
      for (const { text, place } of keys) {
        owners.find(text, (owner) => {
          if (owner === 'nobody' || (owner === 'not known' && isDoubtful)) return;
          isDoubtful ||= owner === 'not known';
          told({ ...traces, owner, place });
        });
      }
    },
    settle: owners.settle,
  };
}
