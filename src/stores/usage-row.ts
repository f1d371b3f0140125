import { ConfigError } from '../index.js';
import { settingsReader } from './settings.js';

/** The error for a setting of a store of counts. */
export const mistake = (where: string, meant: string): ConfigError =>
  new ConfigError(`${where} ${meant} (see "Where counts are kept" in docs/usage.md of sallyport)`);

/** Reads the settings of a store of counts. */
export const settingsOf = settingsReader(mistake);

/** Days, as an option. */
export function keepOf(where: string, keep: unknown = 400): number {
  if (typeof keep === 'number' && Number.isInteger(keep) && keep >= 1 && keep <= 36_500)
    return keep;
  throw mistake(`${where}.keep`, 'is no whole number of days from 1 to 36500');
}

/** Beyond this, in milliseconds since 1970, it is too old to keep. A wrong clock forgets nothing. */
export const cutoffOf = (at: number, keep: number): number =>
  Math.min(at, Date.now()) - keep * 86_400_000;
