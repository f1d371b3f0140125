import { readFile } from 'node:fs/promises';
import { nearest } from '../core/base/nearest.js';
import { parsePlan } from '../core/plan/parse.js';
import type { MigrationPlan } from '../core/plan/plan.js';
import { planWarnings } from '../core/plan/warnings.js';
import { ConfigError } from '../index.js';
import { shown } from './text/words.js';
import { hideSecrets } from './usage-location.js';

/** The result of a command. Exit codes: 0 done; 1 not safe yet, or invalid; 2 invalid arguments; 3 a failure. */
export interface Outcome {
  readonly code: 0 | 1 | 2 | 3;
  readonly out: string;
  readonly err: string;
}

/** The environment of the command. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Columns of the terminal. */
  readonly width: number;
  /** Reads standard input to its end. */
  readonly stdin?: () => Promise<string>;
}

/** Runs `sallyport check-plan <file>`. */
export async function checkPlanCommand(
  files: readonly string[],
  issuers: readonly string[] | undefined,
  { stdin }: Surroundings,
): Promise<Outcome> {
  const [file, ...others] = files;
  if (file === undefined || others.length > 0) {
    const got = others.length > 0 ? `${files.length} files` : 'none';
    throw new ConfigError(
      `check-plan requires one file, or "-" for standard input; got ${got}. See --help`,
    );
  }
  const text = await (file === '-' && stdin ? stdin() : readFile(file, 'utf8')).catch((error) => {
    throw new ConfigError(`check-plan: ${error.message}`);
  });
  const name = file === '-' && stdin ? 'standard input' : file;
  try {
    const warnings = planWarnings(parsePlan('plan', text, issuers), Date.now());
    return {
      code: 0,
      out: `${shown(name)}: valid. ${summaryOf(JSON.parse(text))}\n`,
      err: warnings.map((line) => `warning: ${line}\n`).join(''),
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.message.split('\n').map((line) => hideSecrets(line));
    return { code: 1, out: '', err: `${shown(name)}: invalid\n${lines.join('\n')}\n` };
  }
}

function summaryOf({
  mode = 'dual',
  sunsetAt,
  clients = {},
  cohorts = {},
  brownouts = [],
}: MigrationPlan): string {
  return [
    `Mode ${mode}`,
    sunsetAt === undefined ? 'no sunset' : `sunset ${sunsetAt}`,
    count(Object.keys(clients).length, 'client'),
    count(Object.keys(cohorts).length, 'cohort'),
    count(brownouts.length, 'brownout'),
  ].join(', ');
}

const count = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? '' : 's'}`;

/** Returns the version of this package from `package.json`, which is one to three folders up. */
export async function version(): Promise<string> {
  for (const up of ['../', '../../', '../../../']) {
    const found = await readFile(new URL(`${up}package.json`, import.meta.url), 'utf8').catch(
      () => '{}',
    );
    const { name, version } = JSON.parse(found);
    if (name === 'sallyport') return version;
  }
  return 'unknown';
}

/** Creates the error for an unknown command or option. */
export function notKnown(what: string, name: string, names: readonly string[]): ConfigError {
  const near = nearest(name, names);
  const advice = near === undefined ? `use ${names.join(', ')}.` : `did you mean ${near}?`;
  return new ConfigError(`${quoted(name)} is not a known ${what}: ${advice} See --help`);
}

/** Returns a value in quotes, without credentials, and at most 80 characters of it. */
export function quoted(value: string | undefined): string {
  const text = hideSecrets(shown(value ?? ''));
  return `"${text.length > 80 ? `${text.slice(0, 80)}…` : text}"`;
}
