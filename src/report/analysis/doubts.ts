import { minute } from '../../core/base/dates.js';
import type { Usage } from '../../core/usage/usage.js';
import { type Clock, isoOf, recentDays } from './clock.js';
import type { Counts } from './count.js';
import type { ClientCounts } from './counts.js';
import type { GuardTime } from './guards.js';

/** Until when a key may have come that no count of its client shows. */
export interface Doubt {
  /** Milliseconds since 1970. */
  readonly until: number;
  /** Watched days after which it is over. @default those that the client has to be quiet */
  readonly days?: number;
  /** It does not end by waiting. */
  readonly lasts?: true;
  /** In a sentence. */
  readonly why: string;
}

/** What may have come and was not counted. */
export interface Doubts {
  /** Milliseconds since 1970: the last request, perhaps with a key, that was counted for no client. */
  readonly uncounted: number | undefined;
  /** Clients, by their id, that a guard does not count, and until when it did not. */
  readonly excluded: ReadonlyMap<string, number>;
  /** There are guards whose counts are in their own memory alone. */
  readonly temporary: boolean;
}

export function doubtsOf(
  { instances }: Usage,
  { counts, guards }: { readonly counts: Counts; readonly guards: readonly GuardTime[] },
  clock: Clock,
): Doubts {
  const excluded = new Map<string, number>();
  for (const [index, { excludes = [] }] of instances.entries()) {
    const until = endOf(guards[index], clock);
    for (const one of excludes) {
      const id = typeof one === 'string' ? one : one.client;
      excluded.set(id, Math.max(until, excluded.get(id) ?? 0));
    }
  }
  const { lastUncounted } = counts;
  const times = [
    ...(lastUncounted === undefined ? [] : [lastUncounted * minute]),
    ...droppedUntil(counts, guards, clock),
  ];
  return {
    uncounted: times.length === 0 ? undefined : Math.max(...times),
    excluded,
    temporary: instances.some(({ temporary }) => temporary),
  };
}

/** Until when a guard may have let in what it does not count. */
function endOf(guard: GuardTime | undefined, { now }: Clock): number {
  if (guard?.state === 'closed') return guard.lastTold ?? now;
  return guard?.goneAt ?? now;
}

// Of what has no row, nobody knows when it was: at the latest when its guard told last.
function droppedUntil(
  { uncounted }: Counts,
  guards: readonly GuardTime[],
  { now }: Clock,
): number[] {
  const short = guards.filter(({ dropped }) => dropped > 0);
  const all = short.reduce((sum, { dropped }) => sum + dropped, 0);
  if (all <= uncounted) return [];
  return [short.reduce((last, { lastTold = now }) => Math.max(last, lastTold), 0)];
}

/** What is not known of one client. */
export function doubtsAbout(
  client: string,
  { lastUnexamined }: ClientCounts,
  { uncounted, excluded }: Doubts,
): Doubt[] {
  const doubts: Doubt[] = [];
  if (uncounted !== undefined) {
    const why = `Until ${isoOf(Math.floor(uncounted / minute))} there were requests, perhaps with its key, that were counted for no client.`;
    doubts.push({ until: uncounted, why });
  }
  const until = excluded.get(client);
  if (until !== undefined) {
    const why =
      'A guard does not count it (`exclude`), so what it sent there is not known: leave it out of this report too, or let all guards count it.';
    doubts.push({ until, why, lasts: true });
  }
  if (lastUnexamined !== undefined) {
    const why = `Until ${isoOf(lastUnexamined)} so many refused tokens named it that not all were examined: an attack, or an overload. Its own may be among them.`;
    doubts.push({ until: lastUnexamined * minute, days: recentDays, why });
  }
  return doubts;
}
