import { minute, readDate } from '../../core/base/dates.js';
import type { UsageInstance } from '../../core/usage/usage.js';
import { ConfigError } from '../../index.js';
import { clockError, tolerance } from './guards.js';
import { list, object, wrong } from './input-values.js';
import type { StoredUsage } from './usage-check.js';

/** A guard that fell silent without being closed, or that cannot be read, and what a person knows of it. */
export type GoneGuard = EndedGuard | ForeignEntry;

/** A guard of which a person knows that it ended. */
export interface EndedGuard {
  /** Its name, as `dataQuality.lost` or `dataQuality.unreadable` has it. */
  readonly instance: string;
  /** ISO 8601 with an offset: when it ended. What it did between its last word and then is unwatched. */
  readonly at: string;
}

/** What is in the store and cannot be read, and of which a person knows that no guard wrote it. */
export interface ForeignEntry {
  /** Its name, as `dataQuality.unreadable` has it. */
  readonly instance: string;
  readonly ours: false;
}

/**
 * Reads which guards have ended, by their instance, in milliseconds since 1970; 0 for one that was none.
 * @throws ConfigError for an instance that is not in the store, and for a time at which it was still
 *   there, or that is not over
 */
export function readGone(
  given: readonly GoneGuard[],
  { instances, unreadable = [] }: StoredUsage,
  now: number,
): Map<string, number> {
  const known = new Map(instances.map((one) => [one.instance, one]));
  const damaged = new Set(unreadable);
  const gone = new Map<string, number>();
  for (const [index, one] of list('report.gone', given).entries()) {
    const where = `report.gone[${index}]`;
    const given: { instance?: unknown; at?: unknown; ours?: unknown } = object(where, one);
    const { instance, at, ours } = given;
    if (typeof instance !== 'string' || !(known.has(instance) || damaged.has(instance))) {
      throw wrong(
        `${where}.instance`,
        'must be the name of a guard in this store: see dataQuality.lost and dataQuality.unreadable',
      );
    }
    const guard = known.get(instance);
    if (ours !== undefined) {
      if (ours !== false) throw wrong(`${where}.ours`, 'must be false, or omitted');
      if (at !== undefined) throw wrong(`${where}.at`, 'must be omitted if ours is false');
      if (guard)
        throw wrong(`${where}.ours`, 'must be omitted for a guard whose counts are in the report');
      gone.set(instance, 0);
      continue;
    }
    const time = readTime(`${where}.at`, at);
    if (time > now) throw wrong(`${where}.at`, 'must not be in the future');
    const told = guard && lastWord(guard, now);
    if (told !== undefined && time < told) {
      const last = new Date(told).toISOString();
      throw wrong(`${where}.at`, `must not be before the last flush of this guard, ${last}`);
    }
    gone.set(instance, time);
  }
  return gone;
}

/** When a guard told last, by the store's clock where that is known; undefined: at no known time. */
function lastWord(guard: UsageInstance, now: number): number | undefined {
  const { at, skew } = guard;
  const off = clockError(guard, { now });
  if (off === 0) return at;
  const told = at - off;
  return skew === undefined || told - now > tolerance * minute ? undefined : Math.min(now, told);
}

function readTime(where: string, at: unknown): number {
  try {
    return readDate(where, at);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw wrong(
      where,
      'must be an ISO 8601 date-time with an offset, such as "2027-06-30T00:00:00Z"',
    );
  }
}
