import { day, minutesADay } from '../core/migration/dates.js';
import type { Stance } from '../core/migration/stance.js';
import { type Clock, recentDays } from './clock.js';
import type { ClientCounts } from './counts.js';
import type { ClientStatus } from './model.js';
import { type Watch, withinWatched } from './watch.js';

/** Tells whether a key of a client came in the last 14 watched days, accepted or not. */
export const isOnKeys = ({ lastKey }: ClientCounts, watch: Watch): boolean =>
  withinWatched(lastKey, recentDays, watch);

/** Tells whether a token of a client was let in in the last 14 watched days. */
export const isOnTokens = ({ token }: ClientCounts, watch: Watch): boolean =>
  withinWatched(token?.last, recentDays, watch);

/**
 * Tells whether every request of a client was a refused token since the day on which it was last let
 * in. Only refusals count of which it is certain that they are the client's.
 */
export function isLockedOut({ token, lastKeyLetIn, lastTokenRefused }: ClientCounts): boolean {
  if (lastTokenRefused === undefined) return false;
  return dayOf(lastTokenRefused) > dayOf(Math.max(token?.last ?? -1, lastKeyLetIn ?? -1));
}

const dayOf = (minutes: number): number => Math.floor(minutes / minutesADay);

/** How short a notice is too short. */
export const noticeDays = 30;

/** How far a client is. */
export function statusOf(
  counts: ClientCounts,
  { mode, sunsetAt = Infinity }: Pick<Stance, 'mode' | 'sunsetAt'>,
  { watch, clock }: { readonly watch: Watch; readonly clock: Clock },
): ClientStatus {
  const { token, lastKey = -1, lastTokenRefused } = counts;
  if (!isOnKeys(counts, watch)) return token && token.last > lastKey ? 'migrated' : 'quiet';
  if (mode === 'extension' && sunsetAt > clock.now) return 'exempt';
  const both = isOnTokens(counts, watch);
  if (sunsetAt - clock.now < noticeDays * day) return 'overdue';
  if (!both && withinWatched(lastTokenRefused, recentDays, watch)) return 'blocked';
  return both ? 'in progress' : 'on keys';
}

/** Who has to be called first. */
export const urgency: readonly ClientStatus[] = [
  ...(['overdue', 'blocked', 'on keys', 'in progress'] as const),
  ...(['exempt', 'quiet', 'migrated'] as const),
];

export const urgencyOf = (status: ClientStatus): number => urgency.indexOf(status);
