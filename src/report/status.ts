import { day } from '../core/migration/dates.js';
import type { Stance } from '../core/migration/stance.js';
import { type Clock, recentDays, within } from './clock.js';
import type { ClientCounts } from './counts.js';
import type { ClientStatus } from './model.js';

/** Tells whether a key of a client came in the last 14 days, accepted or not. */
export const isOnKeys = ({ lastKey }: ClientCounts, clock: Clock): boolean =>
  within(lastKey, recentDays, clock);

/** Tells whether a token of a client was let in in the last 14 days. */
export const isOnTokens = ({ token }: ClientCounts, clock: Clock): boolean =>
  within(token?.last, recentDays, clock);

/** How short a notice is too short. */
export const noticeDays = 30;

/** How far a client is. */
export function statusOf(
  counts: ClientCounts,
  { mode, sunsetAt = Infinity }: Pick<Stance, 'mode' | 'sunsetAt'>,
  clock: Clock,
): ClientStatus {
  const { token, lastKey = -1, lastTokenRefused } = counts;
  if (!isOnKeys(counts, clock)) return token && token.last > lastKey ? 'migrated' : 'quiet';
  if (mode === 'extension' && sunsetAt > clock.now) return 'exempt';
  const both = isOnTokens(counts, clock);
  // First, since anybody can have a token refused that says it is this client's.
  if (sunsetAt - clock.now < noticeDays * day) return 'overdue';
  if (!both && within(lastTokenRefused, recentDays, clock)) return 'blocked';
  return both ? 'in progress' : 'on keys';
}

/** Who has to be called first. */
const urgency: readonly ClientStatus[] = [
  ...(['overdue', 'blocked', 'on keys', 'in progress'] as const),
  ...(['exempt', 'quiet', 'migrated'] as const),
];

export const urgencyOf = (status: ClientStatus): number => urgency.indexOf(status);
