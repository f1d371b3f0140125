import { minute, readDate } from '../../core/base/dates.js';
import type { Usage, UsageInstance } from '../../core/usage/usage.js';
import { ConfigError } from '../../index.js';
import { clockError, tolerance } from './guards.js';
import { list, object, wrong } from './input-values.js';

/** A guard that fell silent without being closed, and of which a person knows that it ended. */
export interface GoneGuard {
  /** Its name, as `dataQuality.lost` has it. */
  readonly instance: string;
  /** ISO 8601 with an offset: when it ended. What it did between its last word and then is unwatched. */
  readonly at: string;
}

/**
 * Reads which guards have ended, by their instance, in milliseconds since 1970.
 * @throws ConfigError for an instance that is not in the store, and for a time at which it was still
 *   there, or that is not over
 */
export function readGone(
  given: readonly GoneGuard[],
  { instances }: Usage,
  now: number,
): Map<string, number> {
  const known = new Map(instances.map((one) => [one.instance, one]));
  const gone = new Map<string, number>();
  for (const [index, one] of list('report.gone', given).entries()) {
    const where = `report.gone[${index}]`;
    const { instance, at } = object(where, one);
    const guard = typeof instance === 'string' ? known.get(instance) : undefined;
    if (!guard) {
      throw wrong(`${where}.instance`, 'is not a guard of this store: see dataQuality.lost');
    }
    const time = readTime(`${where}.at`, at);
    if (time > now) throw wrong(`${where}.at`, 'must not be in the future');
    const told = lastWord(guard, now);
    if (told !== undefined && time < told) {
      const last = new Date(told).toISOString();
      throw wrong(`${where}.at`, `must not be before its last word, ${last}`);
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
    throw wrong(where, 'must be ISO 8601 with an offset, such as "2027-06-30T00:00:00Z"');
  }
}
