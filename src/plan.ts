import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { checkPlan, type PlanSource } from './index.js';

export { checkPlan };

/**
 * A plan in a file, read anew every few seconds: what is saved is in force without a deploy. The
 * file is read once at the start too, so that a mistake in it shows there.
 * @throws ConfigError for a file that is no plan, with the line, and the error of the file system
 * for one that cannot be read
 */
export function planFile(
  path: string | URL,
  { every = 5 }: { /** Seconds. @default 5 */ readonly every?: number } = {},
): PlanSource {
  const initial = readFileSync(path, 'utf8');
  checkPlan(initial);
  return { initial, every, load: () => readFile(path, 'utf8') };
}
