import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ConfigError, type Usage } from '../index.js';
import { readUsage } from '../stores/usage-file-read.js';
import { postgresUsage } from '../stores/usage-postgres.js';
import { redisUsage } from '../stores/usage-redis.js';
import { migrationReport } from './build.js';
import { renderHtml } from './html.js';
import type { ListedClient, ListedKey } from './input.js';
import type { MigrationReport } from './model.js';
import { stillOnKeys } from './own.js';
import { renderText } from './text.js';
import { renderMarkdown } from './text-markdown.js';
import { shown } from './text-words.js';

/** What a command answers: 0 done, 1 clients are still on keys, 2 a mistake, 3 a failure. */
export interface Outcome {
  readonly code: 0 | 1 | 2 | 3;
  readonly out: string;
  readonly err: string;
}

export const usage = `sallyport report --usage <place> [options]

Who still uses API keys, and when they can be switched off.

  --usage <place>     where the counts are: a directory or file of NDJSON, redis://…, postgres://…
                      (or the environment variable SALLYPORT_USAGE, which no process list shows)
  --plan <file>       the migration plan, JSON
  --clients <file>    the clients you know: a JSON list of { "client", "owner" }
  --keys <file>       the keys you know: a JSON list of { "id", "clientId", "createdBy" }
  --exclude <id>      a client of your own that does not count; may be repeated
  --cohort <name>     this cohort of the plan alone
  --format <format>   text, json, html or markdown; default text
  --out <file>        write there instead of printing
  --prefix <name>     the prefix in Redis, or the table's name in PostgreSQL, if it is not the default
  --now <time>        ISO 8601: the time to report for
  --fail-if-on-keys   exit with 1 while a client's keys cannot be switched off

Exit codes: 0 done, 1 clients are still on keys, 2 a mistake in what was given, 3 a failure.
`;

const options = {
  usage: { type: 'string' },
  plan: { type: 'string' },
  clients: { type: 'string' },
  keys: { type: 'string' },
  exclude: { type: 'string', multiple: true },
  cohort: { type: 'string' },
  format: { type: 'string', default: 'text' },
  out: { type: 'string' },
  prefix: { type: 'string' },
  now: { type: 'string' },
  'fail-if-on-keys': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const formats: Readonly<Record<string, (report: MigrationReport, width: number) => string>> = {
  text: (report, width) => renderText(report, { width }),
  json: (report) => `${JSON.stringify(report, null, 2)}\n`,
  html: renderHtml,
  markdown: renderMarkdown,
};

/** What the command is run with. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Columns of the terminal. */
  readonly width: number;
}

/** Runs `sallyport …`; whatever goes wrong is in its outcome. */
export async function run(args: readonly string[], around: Surroundings): Promise<Outcome> {
  try {
    return await report(args, around);
  } catch (error) {
    const says = error instanceof Error ? error.message : String(error);
    return {
      code: isMistake(error) ? 2 : 3,
      out: '',
      err: `sallyport: ${withoutPassword(says)}\n`,
    };
  }
}

async function report(args: readonly string[], { env, width }: Surroundings): Promise<Outcome> {
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const [command, ...rest] = positionals;
  if (values.help) return { code: 0, out: usage, err: '' };
  if (command !== 'report' || rest.length > 0) return { code: 2, out: '', err: usage };
  const place = values.usage ?? env.SALLYPORT_USAGE;
  if (!place) throw new ConfigError('--usage is missing: where are the counts? See --help');
  const render = Object.hasOwn(formats, values.format) ? formats[values.format] : undefined;
  if (!render) throw new ConfigError('--format is none of text, json, html, markdown');
  const now = values.now === undefined ? Date.now() : Date.parse(values.now);
  if (!Number.isFinite(now)) throw new ConfigError('--now is no time: write 2027-06-30T00:00:00Z');
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
    ...(values.exclude && { exclude: values.exclude }),
    ...(values.cohort !== undefined && { cohort: values.cohort }),
  });
  const text = render(made, width);
  if (values.out !== undefined) await writeFile(values.out, text);
  const onKeys = stillOnKeys(made);
  const fails = values['fail-if-on-keys'] && (onKeys.length > 0 || !made.safeToCut);
  const why = onKeys.length > 0 ? `not safe to cut: ${named(onKeys)}` : 'not enough is known yet';
  return {
    code: fails ? 1 : 0,
    out: values.out === undefined ? text : '',
    err: fails ? `sallyport: keys cannot be switched off, ${why}\n` : '',
  };
}

/** Ten of them at most; of each what a terminal can show. */
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
    // It is said below what it should be.
  }
  throw new ConfigError(`${option} holds no JSON list: see --help`);
}

async function usageAt(place: string, prefix: string | undefined): Promise<Usage> {
  const scheme = /^(rediss?|postgres(?:ql)?):\/\//i.exec(place)?.[1]?.toLowerCase();
  // What has a scheme, or a name before an @, may hold a password: no error may quote it.
  if (scheme === undefined && /^[a-z][\w+.-]+:|^[^/\\]*:[^/\\]*@/i.test(place)) {
    throw new ConfigError('--usage is no path, and no redis:// or postgres:// address');
  }
  if (scheme === undefined) return readUsage(place);
  return scheme.startsWith('redis') ? readRedis(place, prefix) : readPostgres(place, prefix);
}

/** Milliseconds that a server may take to say anything. */
const longestSilence = 10_000;

// The clients are the application's: whichever it has is taken.
async function readRedis(url: string, prefix: string | undefined): Promise<Usage> {
  const named = prefix === undefined ? {} : { prefix };
  const { createClient } = await clientOf<typeof import('redis')>('redis', 'npm install redis');
  const client = createClient({
    url,
    socket: { reconnectStrategy: false, socketTimeout: longestSilence },
  });
  client.on('error', () => {});
  await client.connect();
  try {
    return await redisUsage(client, named).read();
  } finally {
    client.destroy();
  }
}

async function readPostgres(url: string, prefix: string | undefined): Promise<Usage> {
  const named = prefix === undefined ? {} : { table: prefix };
  const { default: pg } = await clientOf<typeof import('pg')>('pg', 'npm install pg');
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: 10_000,
    query_timeout: 60_000,
  });
  try {
    return await postgresUsage(pool, named).read();
  } finally {
    await pool.end();
  }
}

async function clientOf<T>(name: string, how: string): Promise<T> {
  return import(name).catch(() => {
    throw new ConfigError(`the package "${name}" is not installed here: ${how}`);
  });
}

const isMistake = (error: unknown): boolean =>
  error instanceof ConfigError ||
  String(Object(error).code).startsWith('ERR_PARSE_ARGS') ||
  error instanceof SyntaxError;

// A driver may quote the address it was given.
const withoutPassword = (text: string): string =>
  text.replace(/(:\/\/[^/\s:@]*):[^/\s@]*@/g, '$1:***@');
