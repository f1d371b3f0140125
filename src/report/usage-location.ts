import { ConfigError, type Usage } from '../index.js';
import { readUsage } from '../stores/usage/file-read.js';
import { postgresUsageStore } from '../stores/usage/postgres.js';
import { redisUsageStore } from '../stores/usage/redis.js';

/**
 * Reads the counts at a place. No error of it quotes what may be a password.
 * @throws ConfigError for what is neither a path nor the address of a server
 */
export async function usageAt(place: string, prefix: string | undefined): Promise<Usage> {
  const scheme = /^(rediss?|postgres(?:ql)?):\/\//i.exec(place)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    if (mayHoldSecret(place)) {
      throw new ConfigError('--usage is no path, and no redis:// or postgres:// address');
    }
    return readUsage(place);
  }
  if (!isReadable(place)) {
    throw new ConfigError(
      '--usage is an address that cannot be read: write redis://user:password@host:port, with each of :, /, ?, #, @, % and blank in a password percent-encoded',
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

// A mistyped address is a path to us; a path with a colon and an @, or a password=, is none to anybody.
const mayHoldSecret = (place: string): boolean =>
  /^\s|^[a-z][\w+.-]+:|:.*@|:\/\/|\bpass(?:word|wd)?=/is.test(place) || hasControls(place);

const hasControls = (text: string): boolean => /\p{C}/u.test(text);

/** Tells whether an address has one meaning only, so that its password is where it seems to be. */
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

/** An error with the same meaning in which nothing secret of an address is left. */
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

/** A sentence without what looks like the credentials of an address. */
export const hideSecrets = (text: string): string =>
  text.replace(/(:\/\/)\S*@/g, '$1***@').replace(/\bpassword=\S*/gi, 'password=***');

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
    throw new ConfigError(`the package "${name}" is not installed here: ${how}`);
  });
}
