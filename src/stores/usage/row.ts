import { advanceInstance, withoutOld } from '../../core/usage/coverage.js';
import { leastKeep, mostKeep } from '../../core/usage/overflow.js';
import { ConfigError, type UsageBatch, type UsageInstance } from '../../index.js';
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

/** Beyond this, in milliseconds since 1970, it is too old to keep. A wrong clock forgets nothing. */
export const cutoffOf = (at: number, keep: number): number =>
  Math.min(at, Date.now()) - keep * 86_400_000;

/** How a store finds what it knows of an instance, and adds a batch to just that. */
export interface Adding {
  /** What is held of the instance; by the store's own clock, if it has one. */
  look(): Promise<{ readonly held: UsageInstance | undefined; readonly time?: number }>;
  /** Adds the batch, if what is held is still that; whether it was. */
  add(next: UsageInstance, held: UsageInstance | undefined): Promise<boolean>;
}

/** An instance has one writer; only an answer that was lost, or a store that was emptied, comes between. */
const mostLooks = 5;

/** Adds a batch once, however often it comes; whether it was added now. */
export async function addOnce(
  batch: UsageBatch,
  keep: number,
  { look, add }: Adding,
): Promise<boolean> {
  for (let looks = 0; looks < mostLooks; looks += 1) {
    const { held, time } = await look();
    const next = advanceInstance(held, batch, time);
    if (!next) return false;
    if (await add(withoutOld(next, cutoffOf(batch.at, keep)), held)) return true;
  }
  throw broken('ERR_USAGE_BUSY', 'batches of the same instance are being added by somebody else');
}
