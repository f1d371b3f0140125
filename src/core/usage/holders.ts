import { createRowBuffer, type RowBuffer } from './row-buffer.js';
import type { UsageClient } from './usage.js';

/** Whose a count is. */
export interface Owner extends UsageClient {
  /** The id of the key; `''` for a token. */
  readonly key: string;
}

/** Where is counted what clients do: each client's tokens, and each key, apart. */
export interface Holders {
  /** Undefined if there is no more room. */
  of(owner: Owner): RowBuffer | undefined;
  all(): RowBuffer[];
  size(): number;
  clear(): void;
}

interface HoldersOptions {
  readonly max: number;
  /** Told of each client that is not held yet, whether there is room or not. */
  readonly met: (client: UsageClient) => void;
}

export function createHolders({ max, met }: HoldersOptions): Holders {
  /** By issuer, client and key. */
  const issuers = new Map<string, Map<string, Map<string, RowBuffer>>>();
  let held = 0;

  return {
    of({ issuer, client, key }) {
      const known = issuers.get(issuer)?.get(client)?.get(key);
      if (known) return known;
      met({ client, issuer });
      if (held >= max) return undefined;
      held += 1;
      const holder = createRowBuffer(issuer, client, key);
      const clients = issuers.get(issuer) ?? new Map<string, Map<string, RowBuffer>>();
      const keys = clients.get(holder.client) ?? new Map<string, RowBuffer>();
      issuers.set(holder.issuer, clients.set(holder.client, keys.set(holder.key, holder)));
      return holder;
    },
    all() {
      const all: RowBuffer[] = [];
      for (const clients of issuers.values()) {
        for (const keys of clients.values()) all.push(...keys.values());
      }
      return all;
    },
    size: () => held,
    clear() {
      issuers.clear();
      held = 0;
    },
  };
}
