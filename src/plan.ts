import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { ConfigError, checkPlan, type PlanSource } from './index.js';
import { settingsReader } from './stores/settings.js';

export { checkPlan };

const settingsOf = settingsReader(
  (where, meant) =>
    new ConfigError(`${where} ${meant} (see "The plan" in docs/api-keys.md of sallyport)`),
);

/** How a plan file is polled. */
export interface PlanFileOptions {
  /** Seconds. @default 5 */
  readonly pollInterval?: number;
}

/**
 * A plan in a file, read anew every few seconds: what is saved is in force without a deploy. The
 * file is read once at the start too, so that a mistake in it shows there.
 * @throws ConfigError for a file that is no plan, with the line, and the error of the file system
 * for one that cannot be read
 */
export function planFile(path: string | URL, options: PlanFileOptions = {}): PlanSource {
  const { pollInterval = 5 } = settingsOf('planFile', options, ['pollInterval']);
  const initial = readFileSync(path, 'utf8');
  checkPlan(initial);
  return { initial, pollInterval, load: () => readFile(path, 'utf8') };
}
