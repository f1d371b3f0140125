import { createHash } from 'node:crypto';
import { advanceInstance, withoutOld } from '../../core/usage/coverage.js';
import { leastKeep, mostKeep } from '../../core/usage/overflow.js';
import type { Usage, UsageBatch, UsageInstance } from '../../index.js';
import { broken } from '../broken.js';
import { mistakeSee, otherType, settingsReader } from '../settings.js';

/** Creates the error for an invalid setting of a usage store. */
export const mistake = mistakeSee('"Where counts are stored" in docs/usage.md of sallyport');

/** Reads the settings of a usage store. */
export const settingsOf = settingsReader(mistake);

/**
 * Reads the option `keep`, in days.
 * @throws ConfigError for fewer days than the report needs
 */
export function keepOf(where: string, keep: unknown = 400): number {
  if (!Number.isInteger(keep) || Number(keep) < 1 || Number(keep) > mostKeep) {
    throw mistake(
      `${where}.keep`,
      `must be a whole number of days from ${leastKeep} to ${mostKeep}; got ${otherType(keep)}`,
    );
  }
  if (Number(keep) >= leastKeep) return Number(keep);
  throw mistake(
    `${where}.keep`,
    `must be at least ${leastKeep} days; got ${keep}. A quarterly job must be seen three times to be recognized; otherwise the report would call its client safe to cut. Omit keep for 400 days`,
  );
}

/**
 * Returns the time, in milliseconds since 1970, before which counts are deleted.
 * @param time the store's own clock, or what its files say together: never only the clock of this
 * process. One host with a wrong clock would delete the counts of all others.
 */
export const cutoffOf = (time: number, keep: number): number => time - keep * 86_400_000;

const longestName = 200;

/** Shortens a name for display. Two names that differ only in what is cut off stay different. */
const shown = (name: string): string =>
  name.length <= longestName
    ? name
    : `${name.slice(0, longestName - 50)}…${createHash('sha256').update(name).digest('base64url')}`;

/**
 * Returns what could not be read in a store, as members of {@link Usage}: all of it, because nobody could
 * declare a guard gone, or miss it, whose name was left out.
 */
export function unreadIn(
  skipped: number,
  names: Iterable<string>,
): Pick<Usage, 'skipped' | 'unreadable'> {
  // No guard has no name.
  const named = new Set(names);
  const foreign = skipped + (named.delete('') ? 1 : 0);
  const unreadable = [...named].sort().map(shown);
  return {
    ...(foreign > 0 && { skipped: foreign }),
    ...(unreadable.length > 0 && { unreadable }),
  };
}

/** Creates the error for a damaged record of an instance: its guard continues under another name. */
export const damaged = (where: string, instance: string): Error =>
  broken(
    'ERR_USAGE_INSTANCE',
    `${where}: the record of the instance ${JSON.stringify(instance.slice(0, longestName))} must be one that this store wrote, but cannot be read. Restore it, or list its guard in \`gone\` of the report`,
  );

/** How a store reads the record of an instance, and adds a batch if the record has not changed. */
export interface Adding {
  /** Resolves to the stored instance, and the store's own time in milliseconds since 1970. */
  look(): Promise<{ readonly held: UsageInstance | undefined; readonly time: number }>;
  /** Adds the batch if the stored instance is still `held`; resolves to whether it was. */
  add(next: UsageInstance, held: UsageInstance | undefined): Promise<boolean>;
}

/** An instance has one writer, so only a lost response or an emptied store causes another attempt. */
const mostLooks = 5;

/** Adds a batch once, however often it is sent; resolves to the store's time if it was added now. */
export async function addOnce(
  batch: UsageBatch,
  keep: number,
  { look, add }: Adding,
): Promise<number | undefined> {
  for (let looks = 0; looks < mostLooks; looks += 1) {
    const { held, time } = await look();
    if (!(time > 0))
      throw broken('ERR_USAGE_VALUE', 'the usage store must return its current time; got none');
    const next = advanceInstance(held, batch, time);
    if (!next) return undefined;
    if (await add(withoutOld(next, cutoffOf(time, keep)), held)) return time;
  }
  throw broken('ERR_USAGE_BUSY', 'another process is adding batches of the same instance');
}
