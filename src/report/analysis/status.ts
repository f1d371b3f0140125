import { day, minutesADay } from '../../core/base/dates.js';
import type { PlanEvaluation } from '../../core/plan/evaluate.js';
import { type Clock, recentDays } from './clock.js';
import type { ClientCounts } from './counts.js';
import type { ClientStatus } from './model.js';
import { type Watch, withinWatched } from './watch.js';

/** Tells whether a key of a client came in the last 14 watched days, accepted or not, or beside a token. */
export const isOnKeys = ({ lastKey }: ClientCounts, watch: Watch): boolean =>
  withinWatched(lastKey, recentDays, watch);

/** Tells whether a token of a client was let in in the last 14 watched days. */
export const isOnTokens = ({ token }: ClientCounts, watch: Watch): boolean =>
  withinWatched(token?.last, recentDays, watch);

/**
 * The last refused token of a client, in minutes since 1970, if every request of it was one since the
 * day on which it was last let in. Only refusals count of which it is certain that they are the client's.
 */
export function lockedOut({
  token,
  lastKeyLetIn,
  lastTokenRefused,
}: ClientCounts): number | undefined {
  if (lastTokenRefused === undefined) return undefined;
  const letIn = dayOf(Math.max(token?.last ?? -1, lastKeyLetIn ?? -1));
  return dayOf(lastTokenRefused) > letIn ? lastTokenRefused : undefined;
}

const dayOf = (minutes: number): number => Math.floor(minutes / minutesADay);

/** How short a notice is too short. */
export const noticeDays = 30;

interface Known {
  readonly watch: Watch;
  readonly clock: Clock;
  /** A key of it may have come that was not counted. */
  readonly isDoubted: boolean;
}

/** How far a client is. */
export function statusOf(
  counts: ClientCounts,
  { mode, sunsetAt = Infinity }: Pick<PlanEvaluation, 'mode' | 'sunsetAt'>,
  { watch, clock, isDoubted }: Known,
): ClientStatus {
  const { token, lastTokenRefused, lastKey = -1 } = counts;
  if (!isOnKeys(counts, watch)) {
    if (isDoubted) return 'unknown';
    return token && token.last > lastKey ? 'migrated' : 'inactive';
  }
  if (mode === 'extension' && sunsetAt > clock.now) return 'extended';
  const both = isOnTokens(counts, watch);
  if (sunsetAt - clock.now < noticeDays * day) return 'overdue';
  if (!both && withinWatched(lastTokenRefused, recentDays, watch)) return 'blocked';
  return both ? 'in progress' : 'on keys';
}

/** Who has to be called first. */
export const urgency: readonly ClientStatus[] = [
  ...(['overdue', 'blocked', 'on keys', 'in progress'] as const),
  ...(['unknown', 'extended', 'inactive', 'migrated'] as const),
];

export const urgencyOf = (status: ClientStatus): number => urgency.indexOf(status);
