import { day, week } from '../../core/base/dates.js';
import { type Clock, daysIn, recentDays, several } from './clock.js';
import type { Projection } from './model.js';
import type { Watch } from './watch.js';

/** What is known of clients that use keys. */
export interface Trend {
  /**
   * How many came with a key in each whole week of tracking, the last seven days first; undefined of a
   * week that was not watched.
   */
  readonly weeks: readonly (number | undefined)[];
  /** Nobody has come with a key for 14 watched days. */
  readonly nobody: boolean;
  /** Some client may have come with a key that was not counted. */
  readonly isDoubted: boolean;
}

const fewest = 4;

/** Notice that clients are to have: 30 days at the least, 60 to be on the safe side. */
const notice = { from: 30 * day, to: 60 * day };

/** A date beyond this many weeks is no forecast. */
const farthest = 104;

/** Fits a line to the clients with a key, week by week, and tells when it comes to none. */
export function projectionOf(
  { weeks, nobody, isDoubted }: Trend,
  { since, until, total, reporting }: Watch,
  { now }: Clock,
): Projection {
  if (since === undefined) return noTrend('Nothing has been counted yet.');
  if (nobody && isDoubted) {
    return noTrend(
      'No key was counted for 14 days, but some requests were not counted: see dataQuality.',
    );
  }
  if (nobody) {
    const watched = daysIn(total);
    if (now - until < day && watched >= recentDays) return { state: 'done' };
    return noTrend(
      watched < recentDays
        ? `It takes 14 days without a key; only ${several(watched, 'day')} ${watched === 1 ? 'was' : 'were'} watched.`
        : `${reporting === 0 ? 'No guard has' : 'Not every guard has'} flushed its counts for ${several(daysIn(now - until), 'day')}: a key may have been used since.`,
    );
  }
  const points = weeks.flatMap((clients, ago) =>
    clients === undefined ? [] : [{ x: -ago, y: clients }],
  );
  if (points.length < fewest) {
    return noTrend(
      `It takes ${fewest} whole weeks of tracking; there ${points.length === 1 ? 'is' : 'are'} ${points.length}.`,
    );
  }
  // What was before says nothing of now, if the last two weeks were not watched.
  if ((points[0]?.x ?? 0) < -1) return noTrend('The last two weeks were not watched.');
  const { level, slope, error } = lineThrough(points);
  if (slope + error >= 0) {
    return noTrend('The number of clients with a key does not clearly fall from week to week.');
  }
  // However few the line says there are now, those of the last week are still to move.
  const left = Math.max(level, points[0]?.y ?? 0);
  const soonest = left / (error - slope);
  const latest = left / -(slope + error);
  if (latest > farthest) return noTrend('At this pace, it takes more than two years.');
  return {
    state: 'range',
    from: new Date(now + Math.max(notice.from, soonest * week)).toISOString(),
    to: new Date(now + Math.max(notice.to, latest * week)).toISOString(),
  };
}

const noTrend = (why: string): Projection => ({ state: 'no trend', why });

/** Least squares: the clients now, how many more a week, and the standard error of that. */
function lineThrough(points: readonly { readonly x: number; readonly y: number }[]) {
  const count = points.length;
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / count;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / count;
  const spread = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread;
  const level = meanY - slope * meanX;
  const squares = points.reduce((sum, { x, y }) => sum + (y - level - slope * x) ** 2, 0);
  return { level, slope, error: Math.sqrt(squares / (count - 2) / spread) };
}
