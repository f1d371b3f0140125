import type { Clock } from './clock.js';
import type { GuardTime } from './guards.js';
import type { NamedClient } from './input.js';
import { ClientMap, type ClientRef } from './refs.js';
import type { StoredUsage } from './usage-check.js';

/** Clients that guards do not count. */
export interface ExcludedByGuards {
  /** Until when a guard did not count a client, in milliseconds since 1970; undefined: all count it. */
  untilOf(client: ClientRef): number | undefined;
  /** How many of them a report does not leave out itself. */
  beside(own: readonly NamedClient[]): number;
}

/** A client as a guard names it: by its id, or with its issuer. */
type Named = string | { readonly client: string; readonly issuer?: string };

/**
 * Finds out whom guards do not count. An id without an issuer is that of every client of that id; a
 * client whose issuer is not known is perhaps the one that is named with its issuer.
 */
export function excludedByGuards(
  { instances }: StoredUsage,
  guards: readonly GuardTime[],
  clock: Clock,
): ExcludedByGuards {
  const ids = new Map<string, number>();
  const bare = new Map<string, number>();
  const named = new ClientMap<number>();
  for (const [index, instance] of instances.entries()) {
    const until = endOf(guards[index], clock);
    const excludes: readonly Named[] = instance.excludes ?? [];
    for (const one of excludes) {
      const { client, issuer = '' } = typeof one === 'string' ? { client: one } : one;
      const last = Math.max(until, ids.get(client) ?? 0);
      ids.set(client, last);
      if (issuer === '') bare.set(client, Math.max(until, bare.get(client) ?? 0));
      else named.set({ client, issuer }, Math.max(until, named.get({ client, issuer }) ?? 0));
    }
  }
  return {
    untilOf({ client, issuer }) {
      if (issuer === '') return ids.get(client);
      const times = [bare.get(client), named.get({ client, issuer })].filter(
        (time) => time !== undefined,
      );
      return times.length === 0 ? undefined : Math.max(...times);
    },
    beside(own) {
      const all = new Set(own.map(({ client }) => client));
      const whole = new Set(own.flatMap(({ client, issuer }) => (issuer ? [] : [client])));
      const isOwn = (ref: ClientRef) =>
        whole.has(ref.client) ||
        own.some(({ client, issuer }) => client === ref.client && issuer === ref.issuer);
      const others = [...named.entries()].filter(([ref]) => !isOwn(ref));
      return [...bare.keys()].filter((client) => !all.has(client)).length + others.length;
    },
  };
}

/** Until when a guard may have let in what it does not count. */
function endOf(guard: GuardTime | undefined, { now }: Clock): number {
  if (guard?.state === 'closed') return guard.lastTold ?? now;
  return guard?.goneAt ?? now;
}
