import { createHash } from 'node:crypto';
import { advanceInstance, withoutOld } from '../../core/usage/coverage.js';
import { leastKeep, mostKeep } from '../../core/usage/overflow.js';
import { ConfigError, type Usage, type UsageBatch, type UsageInstance } from '../../index.js';
import { broken } from '../broken.js';
import { settingsReader } from '../settings.js';

/** The error for a setting of a store of counts. */
export const mistake = (where: string, meant: string): ConfigError =>
  new ConfigError(`${where} ${meant} (see "Where counts are kept" in docs/usage.md of sallyport)`);

/** Reads the settings of a store of counts. */
export const settingsOf = settingsReader(mistake);

/**
 * Days, as an option.
 * @throws ConfigError for fewer than a verdict of the report rests on
 */
export function keepOf(where: string, keep: unknown = 400): number {
  if (!Number.isInteger(keep) || Number(keep) < 1 || Number(keep) > mostKeep) {
    throw mistake(
      `${where}.keep`,
      `must be a whole number of days from ${leastKeep} to ${mostKeep}`,
    );
  }
  if (Number(keep) >= leastKeep) return Number(keep);
  throw mistake(
    `${where}.keep`,
    `must be at least ${leastKeep} days; got ${keep}. What comes once in three months must be seen three times to be known as quarterly; sooner forgotten, its client would be called safe to cut. Leave keep out for 400 days`,
  );
}

/**
 * Before this, in milliseconds since 1970, counts are too old to keep.
 * @param time the store's own clock, or what its files say together: never the clock of this process
 * alone. One host with a wrong clock would delete the counts of all others.
 */
export const cutoffOf = (time: number, keep: number): number => time - keep * 86_400_000;

const longestName = 200;

/** A name that is not too long to show. Two that differ only in what is cut off stay two. */
const shown = (name: string): string =>
  name.length <= longestName
    ? name
    : `${name.slice(0, longestName - 50)}…${createHash('sha256').update(name).digest('base64url')}`;

/**
 * What a store held that could not be read, as {@link Usage} says it. All of it, however much: a guard
 * whose name was left out could be declared gone by nobody, and would be missed by nobody.
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

/** The error for a record of an instance that is damaged: its guard goes on by another name. */
export const damaged = (where: string, instance: string): Error =>
  broken(
    'ERR_USAGE_INSTANCE',
    `${where}: the record of the instance ${JSON.stringify(instance.slice(0, longestName))} must be one that this store wrote; what is stored cannot be read. Restore it, or name its guard as gone in the report`,
  );

/** How a store finds what it knows of an instance, and adds a batch to just that. */
export interface Adding {
  /** What is held of the instance, and the time by the store's own clock, in milliseconds since 1970. */
  look(): Promise<{ readonly held: UsageInstance | undefined; readonly time: number }>;
  /** Adds the batch if what is held is still that; returns whether it was. */
  add(next: UsageInstance, held: UsageInstance | undefined): Promise<boolean>;
}

/** An instance has one writer; only an answer that was lost, or a store that was emptied, comes between. */
const mostLooks = 5;

/** Adds a batch once, however often it comes; returns the store's time if it was added now. */
export async function addOnce(
  batch: UsageBatch,
  keep: number,
  { look, add }: Adding,
): Promise<number | undefined> {
  for (let looks = 0; looks < mostLooks; looks += 1) {
    const { held, time } = await look();
    if (!(time > 0)) throw broken('ERR_USAGE_VALUE', 'the store of counts returned no time');
    const next = advanceInstance(held, batch, time);
    if (!next) return undefined;
    if (await add(withoutOld(next, cutoffOf(time, keep)), held)) return time;
  }
  throw broken('ERR_USAGE_BUSY', 'batches of the same instance are being added by somebody else');
}
