import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { checkPlan, type PlanSource } from './index.js';
import { mistakeSee, settingsReader } from './stores/settings.js';

export { checkPlan };

const settingsOf = settingsReader(mistakeSee('"The plan" in docs/api-keys.md of sallyport'));

/** Options of {@link planFile}. */
export interface PlanFileOptions {
  /** Seconds between two reads. @default 5 */
  readonly pollInterval?: number;
}

/**
 * Returns a plan source that reads a file every few seconds, so that changes take effect without a
 * deploy. The file is also read immediately, so that mistakes are found at startup.
 * @throws ConfigError if the file is not a valid plan, with the lines, and the error of the file system
 * if it cannot be read
 */
export function planFile(path: string | URL, options: PlanFileOptions = {}): PlanSource {
  const { pollInterval = 5 } = settingsOf('planFile', options, ['pollInterval']);
  const initial = readFileSync(path, 'utf8');
  checkPlan(initial);
  return { initial, pollInterval, load: () => readFile(path, 'utf8') };
}
