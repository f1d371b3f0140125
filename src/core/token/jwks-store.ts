import { withDeadline } from '../base/deadline.js';
import { own } from '../base/json.js';
import type { EmitJwks } from './jwks-events.js';
import type { JwksStore, StoredJwks } from './jwks-options.js';

/** Key sets that processes share, for one issuer. */
export interface SharedJwks {
  /** What another process fetched lately: asked once, since after that this process fetches. */
  restore(): Promise<StoredJwks | undefined>;
  /** Stores a key set that was fetched and is used. */
  share(keys: readonly unknown[]): void;
}

interface Sharing {
  readonly issuer: string;
  /** Seconds that a fetch may take. */
  readonly timeout: number;
  readonly maxAge: number;
  readonly now: () => number;
  readonly emit: EmitJwks;
}

const mostKeys = 256;

/** Real keys are nested two deep, at `key_ops` and `x5c`. */
const deepest = 16;

/** Tells whether a value is the `keys` of a key set, and short enough. */
export const isKeyList = (list: unknown): list is readonly unknown[] =>
  Array.isArray(list) && list.length <= mostKeys;

/** Uses a store of key sets so that what is wrong with it costs a fetch, and nothing else. */
export function createSharedJwks(store: JwksStore | undefined, sharing: Sharing): SharedJwks {
  if (!store) return { restore: async () => undefined, share: () => {} };
  const { issuer, timeout, maxAge, now, emit } = sharing;
  const fail = (detail: string) => emit({ time: now(), kind: 'failed', detail });
  let isAsked = false;
  let isBusy = false;
  let waiting: StoredJwks | undefined;

  async function write(stored: StoredJwks): Promise<void> {
    isBusy = true;
    // Not begun before the one before it has ended: an older set must not come to lie over a newer.
    const ended = (async () => store?.set(issuer, stored))();
    const settle = () => {
      isBusy = false;
      const next = waiting;
      waiting = undefined;
      if (next) void write(next);
    };
    ended.then(settle, settle);
    try {
      await withDeadline({ milliseconds: timeout * 1000 }, () => ended);
    } catch {
      fail('jwks.store.set failed: no other process has them');
    }
  }

  return {
    async restore() {
      if (isAsked) return undefined;
      isAsked = true;
      try {
        const patience = { milliseconds: timeout * 250 };
        const stored: unknown = await withDeadline(patience, async () => store.get(issuer));
        if (stored === undefined || stored === null) return undefined;
        if (own(stored, 'issuer') !== issuer) {
          fail('jwks.store.get returned keys that do not name this issuer, so keys are fetched');
          return undefined;
        }
        const [keys, fetchedAt] = [own(own(stored, 'jwks'), 'keys'), own(stored, 'fetchedAt')];
        if (!isKeyList(keys) || typeof fetchedAt !== 'number') return undefined;
        const age = now() - fetchedAt;
        if (!(age >= 0 && age < maxAge * 1000)) return undefined;
        return { issuer, jwks: { keys: keys as readonly object[] }, fetchedAt };
      } catch {
        fail('jwks.store.get failed, so keys are fetched');
        return undefined;
      }
    },
    share(keys) {
      // What is too deep to be copied, or to be written as JSON by the store, is no key.
      const copied = structuredClone(keys.filter((key) => !isDeeper(key, deepest)));
      const stored = { issuer, jwks: { keys: copied as object[] }, fetchedAt: now() };
      if (isBusy) waiting = stored;
      else void write(stored);
    },
  };
}

/** Tells whether a JSON value is nested deeper than this, without recursion. */
function isDeeper(value: unknown, levels: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= levels; depth += 1) {
    level = level.flatMap((one) =>
      typeof one === 'object' && one !== null ? Object.values(one) : [],
    );
    if (level.length === 0) return false;
  }
  return true;
}
