import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ConfigError } from '../index.js';
import { migrationReport } from './analysis/build.js';
import type { GoneGuard } from './analysis/gone.js';
import type { ListedClient, ListedKey } from './analysis/input.js';
import type { MigrationReport } from './analysis/model.js';
import {
  checkPlanCommand,
  notKnown,
  type Outcome,
  quoted,
  type Surroundings,
  version,
} from './check-plan.js';
import { renderHtml } from './page/page.js';
import { renderMarkdown } from './text/markdown.js';
import { renderText } from './text/text.js';
import { refOf, shown } from './text/words.js';
import { hideSecrets, usageAt } from './usage-location.js';

export const usage = `sallyport report --usage <place> [options]
sallyport check-plan <file> [--issuer <issuer>]...
sallyport --version

check-plan validates a migration plan. It reads standard input if <file> is "-".

  --issuer <issuer>   an issuer of the guard; may be repeated. Without it, a plan may name any issuer

Exit codes of check-plan: 0 the plan is valid; 1 it is invalid: all mistakes are listed with their
lines; 2 invalid arguments.

report shows who still uses API keys, and whose keys are safe to disable.

  --usage <place>     where the counts are stored: an NDJSON file, a directory of such files,
                      redis://… or postgres://… The environment variable SALLYPORT_USAGE can replace
                      this option, and keeps passwords out of the process list
  --plan <file>       the migration plan, as JSON
  --clients <file>    the clients that you know: a JSON array of { "client", "owner", "issuer" }
  --keys <file>       the keys that you know: a JSON array of { "id", "clientId", "createdBy", "issuer" }
  --exclude <id>      a client to leave out, such as your own tools; may be repeated. With clients of
                      several issuers: <id>@<issuer>
  --gone <guard>@<time>
                      a guard that was not closed, or whose counts cannot be read, ended at this time
                      (ISO 8601); may be repeated. The report names such guards, and the earliest time
                      to use. <name>@not-ours: no guard wrote this entry that cannot be read
  --cohort <name>     limits the report to this cohort of the plan
  --format <format>   text, json, html or markdown. Default: text
  --out <file>        writes the report to this file instead of standard output
  --prefix <name>     the prefix in Redis, or the table in PostgreSQL, if it is not the default
  --now <time>        the time of the report (ISO 8601). Default: now
  --fail-if-on-keys   exits with 1 if a client is not safe to cut, or if that is not known, and says why

Exit codes of report: 0 the report was generated; 1 with --fail-if-on-keys: a client is not safe to cut,
or that is not known; 2 invalid arguments; 3 the counts cannot be read, or the report cannot be written.
`;

const options = {
  usage: { type: 'string' },
  plan: { type: 'string' },
  clients: { type: 'string' },
  keys: { type: 'string' },
  exclude: { type: 'string', multiple: true },
  gone: { type: 'string', multiple: true },
  cohort: { type: 'string' },
  format: { type: 'string', default: 'text' },
  out: { type: 'string' },
  prefix: { type: 'string' },
  now: { type: 'string' },
  'fail-if-on-keys': { type: 'boolean', default: false },
  issuer: { type: 'string', multiple: true },
  version: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const formats: Readonly<Record<string, (report: MigrationReport, width: number) => string>> = {
  text: (report, width) => renderText(report, { width }),
  json: (report) => `${JSON.stringify(report, null, 2)}\n`,
  html: renderHtml,
  markdown: renderMarkdown,
};

/** Runs `sallyport …`. It does not throw: errors are part of the outcome. */
export async function run(args: readonly string[], around: Surroundings): Promise<Outcome> {
  try {
    return await dispatch(args, around);
  } catch (error) {
    const says = error instanceof Error ? error.message : String(error);
    return { code: isMistake(error) ? 2 : 3, out: '', err: `sallyport: ${hideSecrets(says)}\n` };
  }
}

const commands = ['report', 'check-plan'];

async function dispatch(args: readonly string[], around: Surroundings): Promise<Outcome> {
  const { values, positionals } = readArgs(args);
  const [command, ...rest] = positionals;
  if (values.help) return { code: 0, out: usage, err: '' };
  if (values.version) return { code: 0, out: `${await version()}\n`, err: '' };
  if (command === undefined) return { code: 2, out: '', err: usage };
  if (command === 'check-plan') return checkPlanCommand(rest, values.issuer, around);
  if (command !== 'report') throw notKnown('command', command, commands);
  if (rest.length > 0)
    throw new ConfigError(`report accepts only options; got ${quoted(rest[0])}. See --help`);
  return report(values, around);
}

async function report(values: Values, { env, width }: Surroundings): Promise<Outcome> {
  const place = values.usage ?? env.SALLYPORT_USAGE;
  if (!place)
    throw new ConfigError(
      '--usage is required: set it to the place where the counts are stored. See --help',
    );
  const render = Object.hasOwn(formats, values.format) ? formats[values.format] : undefined;
  if (!render) {
    throw new ConfigError(
      `--format must be text, json, html or markdown; got ${quoted(values.format)}`,
    );
  }
  const now = values.now === undefined ? Date.now() : Date.parse(values.now);
  if (!Number.isFinite(now)) {
    const got = quoted(values.now);
    throw new ConfigError(`--now must be a time such as 2027-06-30T00:00:00Z; got ${got}`);
  }
  const [plan, clients, keys] = await Promise.all([
    textOf('--plan', values.plan),
    listOf<ListedClient>('--clients', values.clients),
    listOf<ListedKey>('--keys', values.keys),
  ]);
  const made = migrationReport({
    usage: await usageAt(place, values.prefix),
    now,
    ...(plan !== undefined && { plan }),
    ...(clients && { clients }),
    ...(keys && { keys }),
    ...(values.exclude && { exclude: values.exclude.map(excludedIn) }),
    ...(values.gone && { gone: values.gone.map(goneIn) }),
    ...(values.cohort !== undefined && { cohort: values.cohort }),
  });
  const text = render(made, width);
  if (values.out !== undefined) await writeFile(values.out, text);
  const fails = values['fail-if-on-keys'] && !made.safeToCut;
  return {
    code: fails ? 1 : 0,
    out: values.out === undefined ? text : '',
    err: fails ? `sallyport: API keys cannot be switched off: ${reasonOf(made)}\n` : '',
  };
}

/** Returns why keys cannot be switched off: which clients use them, or what is not known and what to do. */
function reasonOf({ clients, leftOut, notKnown = [] }: MigrationReport): string {
  const onKeys = clients.filter(({ safeToCut: { safe, known } }) => !safe && known !== false);
  if (onKeys.length > 0) {
    // Clients that were left out are less urgent, but not always safe.
    const more = leftOut?.clients ?? 0;
    return `not safe to cut: ${named(onKeys.map(refOf))}${more > 0 ? `; ${more} clients are not listed` : ''}`;
  }
  return [
    'it is not known yet whether they are safe to cut',
    ...notKnown.map((one) => `  ${shown(one)}`),
  ].join('\n');
}

/** Parses `<id>@<issuer>`: an issuer is a URL, and an id may contain an @. */
function excludedIn(text: string): string | { client: string; issuer: string } {
  const [, client, issuer] = /^(.+)@(https?:\/\/.+)$/s.exec(text) ?? [];
  return client !== undefined && issuer !== undefined ? { client, issuer } : text;
}

function goneIn(text: string): GoneGuard {
  const [, instance, at] = /^(.+)@([^@]+)$/s.exec(text) ?? [];
  if (instance !== undefined && at === 'not-ours') return { instance, ours: false };
  if (instance !== undefined && at !== undefined) return { instance, at };
  const got = quoted(text);
  throw new ConfigError(
    `--gone must be <guard>@<time>, such as one@2027-06-30T00:00:00Z; got ${got}`,
  );
}

function readArgs(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    const says = error instanceof Error ? error.message : '';
    if (!says.startsWith('Unknown option')) throw error;
    const name = /^Unknown option '(--?[\w-]{1,40})'/.exec(says)?.[1];
    // A URL in place of an option is "unknown" too, and may contain a password.
    if (name === undefined) throw new ConfigError('unknown option. See --help');
    throw notKnown(
      'option',
      name,
      Object.keys(options).map((one) => `--${one}`),
    );
  }
}

type Values = ReturnType<typeof readArgs>['values'];

/** Returns at most ten names, each safe to print on a terminal. */
const named = (clients: readonly string[]): string => {
  const first = clients.slice(0, 10).map(shown);
  return [...first, ...(clients.length > 10 ? [`${clients.length - 10} more`] : [])].join(', ');
};

async function textOf(option: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  return readFile(path, 'utf8').catch((error) => {
    throw new ConfigError(`${option}: ${error.message}`);
  });
}

async function listOf<T>(option: string, path: string | undefined): Promise<T[] | undefined> {
  const text = await textOf(option, path);
  if (text === undefined) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list)) return list;
  } catch {
    // The error below says what the file must contain.
  }
  throw new ConfigError(`${option} must be a file that contains a JSON array. See --help`);
}

const isMistake = (error: unknown): boolean =>
  error instanceof ConfigError ||
  String(Object(error).code).startsWith('ERR_PARSE_ARGS') ||
  error instanceof SyntaxError;
