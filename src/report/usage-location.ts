import { ConfigError, type Usage } from '../index.js';
import { readUsage } from '../stores/usage/file-read.js';
import { postgresUsageStore } from '../stores/usage/postgres.js';
import { redisUsageStore } from '../stores/usage/redis.js';

/**
 * Reads the counts at a place. Its errors never contain what may be a password.
 * @throws ConfigError if the place is neither a path nor a valid redis:// or postgres:// URL
 */
export async function usageAt(place: string, prefix: string | undefined): Promise<Usage> {
  const scheme = /^(rediss?|postgres(?:ql)?):\/\//i.exec(place)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    if (mayHoldSecret(place)) {
      throw new ConfigError('--usage must be a path, or a redis:// or postgres:// URL. See --help');
    }
    return readUsage(place);
  }
  if (!isReadable(place)) {
    throw new ConfigError(
      '--usage must be a valid URL, such as redis://user:password@host:port: percent-encode each :, /, ?, #, @, % and space in the password',
    );
  }
  try {
    return await (scheme.startsWith('redis')
      ? readRedis(place, prefix)
      : readPostgres(place, prefix));
  } catch (error) {
    throw withoutSecretsOf(place, error);
  }
}

// A mistyped URL would be read as a path. No path contains a colon and an @, or a password=.
const mayHoldSecret = (place: string): boolean =>
  /^\s|^[a-z][\w+.-]+:|:.*@|:\/\/|\bpass(?:word|wd)?=/is.test(place) || hasControls(place);

const hasControls = (text: string): boolean => /\p{C}/u.test(text);

/** Returns whether a URL is unambiguous, so that its password can be found and hidden. */
function isReadable(place: string): boolean {
  const rest = place.slice(place.indexOf('://') + 3);
  const [authority = ''] = rest.split(/[/?#]/);
  // An @ after the authority, or a second one in it, was meant for the password.
  if (/[\s\\]/.test(place) || hasControls(place)) return false;
  if (rest.slice(authority.length).split('?')[0]?.includes('@')) return false;
  if (authority.split('@').length > 2) return false;
  try {
    const { username, password } = new URL(place);
    decodeURIComponent(username);
    decodeURIComponent(password);
    return true;
  } catch {
    return false;
  }
}

/** Returns the error without the secrets of a URL. */
function withoutSecretsOf(place: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { username, password, searchParams } = new URL(place);
  const secrets = [password, username, ...searchParams.values()]
    .flatMap((one) => [one, decodeURIComponent(one)])
    .filter((one) => one !== '' && one !== 'true' && one !== 'false');
  const says = error.message || String(Object(error).code ?? error.name);
  const clean = secrets.reduce((text, secret) => text.replaceAll(secret, '***'), says);
  return error instanceof ConfigError ? new ConfigError(clean) : new Error(clean);
}

/** Returns a text without what looks like credentials in a URL. */
export const hideSecrets = (text: string): string =>
  text.replace(/(:\/\/)\S*@/g, '$1***@').replace(/\bpassword=\S*/gi, 'password=***');

/** Milliseconds after which a server that sends nothing counts as unavailable. */
const longestSilence = 10_000;

// The database clients are those that the application has installed.
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
    return await redisUsageStore(client, named).read();
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
    return await postgresUsageStore(pool, named).read();
  } finally {
    await pool.end();
  }
}

async function clientOf<T>(name: string, how: string): Promise<T> {
  return import(name).catch(() => {
    throw new ConfigError(
      `--usage requires the package "${name}", which is not installed. Run ${how}`,
    );
  });
}
